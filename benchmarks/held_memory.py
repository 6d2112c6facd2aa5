"""The most memory that this process and those it started hold at once."""

import threading
import time
from types import TracebackType

import psutil

SECONDS_BETWEEN_LOOKS = 0.05
SHARE_OF_LOOKS = 0.02  # of the time at most: what is timed runs beside them


def held_bytes(process: psutil.Process) -> int:
    """Memory of a process and of those it started."""
    total = process.memory_info().rss
    for child in process.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.Error:  # it has ended
            continue
    return total


class MostHeld:
    """`with MostHeld() as memory`: then `memory.bytes` is the most that was held at once inside the block."""

    def __init__(self) -> None:
        self.bytes = 0
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "MostHeld":
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._watcher.join()
        self._look()

    def _look(self) -> None:
        self.bytes = max(self.bytes, held_bytes(psutil.Process()))

    def _watch(self) -> None:
        pause = SECONDS_BETWEEN_LOOKS
        while not self._over.wait(pause):
            started = time.thread_time()
            self._look()
            pause = max(SECONDS_BETWEEN_LOOKS, (time.thread_time() - started) / SHARE_OF_LOOKS)
