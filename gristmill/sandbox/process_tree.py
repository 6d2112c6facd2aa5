"""What a process and all that it started use: their number, their memory, the files that they hold in memory."""

import os
from collections.abc import Iterator
from typing import NamedTuple

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_HAS_CHILDREN_FILES = os.path.exists(f"/proc/self/task/{os.getpid()}/children")


class Usage(NamedTuple):
    """How many processes, the memory of all together (shared pages counted for each), and files in what can be written to."""

    processes: int
    resident_bytes: int
    files: int


def descendants(pid: int, most: int) -> list[int]:
    """The processes that a process and its descendants started, without itself; at most `most` of them."""
    found: list[int] = []
    queue = [pid]
    while queue and len(found) <= most:
        for child in _children(queue.pop()):
            found.append(child)
            queue.append(child)
    return found


def _children(pid: int) -> Iterator[int]:
    if not _HAS_CHILDREN_FILES:
        import psutil

        try:
            yield from (child.pid for child in psutil.Process(pid).children())
        except psutil.Error:
            return
        return
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                yield from map(int, file.read().split())
        except OSError:
            continue


def usage(pid: int, most: int) -> Usage:
    """What the descendants of a process use now; at most `most` and one of them are looked at."""
    processes = descendants(pid, most)
    resident = 0
    for process in processes:
        try:
            with open(f"/proc/{process}/statm", "rb") as file:
                resident += int(file.read().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            continue
    return Usage(len(processes), resident, _files(processes))


def _files(processes: list[int]) -> int:
    """Files in the sandbox's own folders; 0 while bwrap still sees the machine's."""
    for process in reversed(processes):
        if not os.path.exists(f"/proc/{process}/root/program/launcher.py"):
            continue
        try:
            held = [os.statvfs(f"/proc/{process}/root/{folder}") for folder in ("tmp", "dev/shm")]
        except OSError:
            continue
        return sum(folder.f_files - folder.f_ffree for folder in held)
    return 0
