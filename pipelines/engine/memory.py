"""How much memory this process may still take."""

from pathlib import Path

_CONTROL_GROUP = Path("/sys/fs/cgroup")


def available_memory_bytes() -> int:
    """Free memory of the machine, or of the control group (container) this process is in when that is less."""
    import psutil  # slow to import; engines and pools ask, a small build starts neither

    free = int(psutil.virtual_memory().available)
    limit, current = _CONTROL_GROUP / "memory.max", _CONTROL_GROUP / "memory.current"
    if not (limit.exists() and current.exists()) or limit.read_text().strip() == "max":
        return free
    return min(free, max(0, int(limit.read_text()) - int(current.read_text())))
