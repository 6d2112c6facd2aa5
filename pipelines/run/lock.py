"""One run folder, one writer: a lock file with owner and age, refreshed while the run lives.

Taking a lock is a put-if-absent, which local file systems and object stores do as one step. Taking over that of a dead
run is not one step: who does it holds a second file meanwhile, taken the same way, and looks at the lock again.
"""

import contextlib
import fcntl
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from gristmill.pipelines.engine.storage import Storage
from gristmill.schemas import layout
from gristmill.schemas.errors import RunError

_TAKEOVER = "lock.json.takeover"
REFRESH_SECONDS = 10.0
STALE_SECONDS = 120.0
_ENDED = ("Z", "X")  # states of a process that is over but not yet waited for


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
            fields = file.read().rpartition(")")[2].split()
            return None if fields[0] in _ENDED else fields[19]
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
        "token": uuid.uuid4().hex,  # of this taking: two of one process differ too
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
    with _one_at_a_time(storage):
        _take(storage, mine)
    stop = threading.Event()

    def refresh() -> None:
        while not stop.wait(REFRESH_SECONDS):
            with contextlib.suppress(OSError, ValueError):  # a full disk must not end the run from here
                if not _is_mine(_read(storage, layout.LOCK), mine):
                    return  # this machine slept so long that another run took over: its lock stays as it is
                storage.write_json(layout.LOCK, {**mine, "refreshed": time.time()})

    thread = threading.Thread(target=refresh, name="gristmill-lock", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            _release(storage, mine, stop, thread)
        raise
    held = _release(storage, mine, stop, thread)
    if held is not None and not _is_mine(held, mine):
        raise RunError(
            "another run took this folder over, as this one gave no sign of life for two minutes",
            where=storage.url,
            expected="a folder with one writer",
            next_step="when the other run is over, run the same command again: it checks what is there",
        )


def _release(
    storage: Storage, mine: dict[str, Any], stop: threading.Event, refresher: threading.Thread
) -> dict[str, Any] | None:
    """Stop refreshing and remove the lock if it is still this run's; returns what it said."""
    stop.set()
    refresher.join()
    held = _read(storage, layout.LOCK)
    if _is_mine(held, mine):
        storage.remove_file(layout.LOCK)
    return held


def _is_mine(held: dict[str, Any] | None, mine: dict[str, Any]) -> bool:
    return held is not None and held.get("token") == mine["token"]


@contextlib.contextmanager
def _one_at_a_time(storage: Storage) -> Iterator[None]:
    """Where files are local: nobody else looks at the lock meanwhile, so that a stale one is taken over once."""
    if not storage.is_local:
        yield
        return
    storage.make_folder("")
    folder = os.open(storage.root, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a network file system without locks on folders
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _take(storage: Storage, mine: dict[str, Any]) -> None:
    """Put the lock, or take over a dead run's; RunError when a live one holds it."""
    while not storage.put_if_absent(layout.LOCK, mine):
        held = _read(storage, layout.LOCK)
        if held is None:
            continue  # removed between the two calls
        if not _is_stale(held):
            _refuse(storage, held)
        if storage.put_if_absent(_TAKEOVER, mine):
            try:
                if _read(storage, layout.LOCK) == held:  # nobody has taken it over since
                    storage.remove_file(layout.LOCK)
            finally:
                storage.remove_file(_TAKEOVER)
            continue
        other = _read(storage, _TAKEOVER)
        if other is not None and not _is_stale(other):
            _refuse(storage, other)
        storage.remove_file(_TAKEOVER)  # its run ended within the few milliseconds that a takeover lasts


def _read(storage: Storage, path: str) -> dict[str, Any] | None:
    """What a lock says: None when there is none, nothing when it was cut short as the machine went down (locks are put
    as a whole)."""
    try:
        owner: dict[str, Any] | None = storage.read_json_if_there(path)
    except ValueError:
        return {}
    return owner


def _refuse(storage: Storage, owner: dict[str, Any]) -> None:
    age = int(time.time() - float(owner.get("refreshed", 0)))
    raise RunError(
        f"another run is writing here (process {owner['pid']} on {owner['host']}, seen {age} s ago)",
        where=storage.url,
        expected="a folder with one writer",
        next_step=f"wait for it, choose another --out, or remove {layout.LOCK} if you know that it is gone",
    )
