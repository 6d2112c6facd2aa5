"""What a training run shows, without knowing who shows it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Console(Protocol):
    """Log lines and a progress bar, as pipelines.console has them."""

    def log(self, line: str) -> None: ...

    def progress(self, label: str, total: int, unit: str) -> AbstractContextManager[Callable[[int], None]]: ...


class Silence:
    """Shows nothing."""

    def log(self, line: str) -> None:
        return

    def progress(self, label: str, total: int, unit: str) -> AbstractContextManager[Callable[[int], None]]:
        return nullcontext(lambda amount: None)
