"""One run folder, one writer: a lock file with owner and age, refreshed while the run lives."""

import contextlib
import fcntl
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
            with contextlib.suppress(OSError):  # a full disk must not end the run from here
                storage.write_json(LOCK, {**mine, "refreshed": time.time()})

    thread = threading.Thread(target=refresh, name="gristmill-lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        storage.remove(LOCK)


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
    while not storage.put_if_absent(LOCK, mine):
        try:
            owner = storage.read_json(LOCK)
        except OSError:
            continue  # removed between the two calls
        except ValueError:
            owner = None  # cut short when the machine went down: locks are written as a whole
        if owner is not None and not _is_stale(owner):
            age = int(time.time() - float(owner.get("refreshed", 0)))
            raise RunError(
                f"another run is writing here (process {owner['pid']} on {owner['host']}, seen {age} s ago)",
                where=storage.url,
                expected="a folder with one writer",
                next_step=f"wait for it, choose another --out, or remove {LOCK} if you know that it is gone",
            )
        storage.remove(LOCK)
