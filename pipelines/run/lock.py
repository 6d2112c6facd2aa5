"""One run folder, one writer: a lock file with owner and age, refreshed while the run lives."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from gristmill.pipelines.engine.storage import Storage
from gristmill.schemas.errors import RunError

LOCK = "lock.json"
REFRESH_SECONDS = 10.0
STALE_SECONDS = 120.0


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""


def _process_started(pid: int) -> str | None:
    """The start time of a live process on this machine, None when there is none."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            return ""
        return ""


def _owner() -> dict[str, Any]:
    pid = os.getpid()
    return {
        "host": socket.gethostname(),
        "boot": _boot_id(),
        "pid": pid,
        "started": _process_started(pid),
        "refreshed": time.time(),
    }


def _is_stale(owner: dict[str, Any]) -> bool:
    """Dead on this machine, or not refreshed for two minutes by another one."""
    if owner.get("host") == socket.gethostname():
        if owner.get("boot") != _boot_id():
            return True
        return _process_started(int(owner["pid"])) != owner.get("started")
    return time.time() - float(owner.get("refreshed", 0)) > STALE_SECONDS


@contextlib.contextmanager
def run_lock(storage: Storage) -> Iterator[None]:
    """Hold the run folder; RunError naming the owner when another live process holds it."""
    mine = _owner()
    while not storage.put_if_absent(LOCK, mine):
        try:
            owner = storage.read_json(LOCK)
        except (OSError, ValueError):
            continue  # removed or being replaced between the two calls
        if not _is_stale(owner):
            age = int(time.time() - float(owner.get("refreshed", 0)))
            raise RunError(
                f"another run is writing here (process {owner['pid']} on {owner['host']}, seen {age} s ago)",
                where=storage.url,
                expected="a folder with one writer",
                next_step=f"wait for it, choose another --out, or remove {LOCK} if you know that it is gone",
            )
        storage.remove(LOCK)
    stop = threading.Event()

    def refresh() -> None:
        while not stop.wait(REFRESH_SECONDS):
            storage.write_json(LOCK, {**mine, "refreshed": time.time()})

    thread = threading.Thread(target=refresh, name="gristmill-lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        storage.remove(LOCK)
