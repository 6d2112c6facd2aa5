"""What a person sees of a run: progress bars on a terminal and in a notebook, plain log lines elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

LOG_EVERY_SECONDS = 15.0
Advance = Callable[[int], None]


class Console:
    """Log lines and progress, on standard error.

    quiet: nothing at all. A terminal gets bars with rate and time left, and so does a notebook with ipywidgets; where
    neither is, a line says every 15 seconds how far it is. stream: where to, instead of standard error.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self._rich: RichConsole | None = None
        if quiet:
            return
        if self.stream.isatty():
            import rich.console

            self._rich = rich.console.Console(file=self.stream)
        elif stream is None:
            self._rich = _notebook()

    def log(self, line: str) -> None:
        if self.quiet:
            return
        if self._rich:
            self._rich.print(line, markup=False, highlight=False, soft_wrap=self._rich.is_jupyter)
        else:
            print(line, file=self.stream, flush=True)

    @contextlib.contextmanager
    def progress(self, label: str, total: int, unit: str) -> Iterator[Advance]:
        """A function to call with the amount done; unit is "bytes" or a plural noun."""
        if self.quiet or total <= 0:
            yield lambda _amount: None
        elif self._rich:
            with self._bar(label, total, unit) as advance:
                yield advance
        else:
            yield self._line_logger(label, total, unit)

    @contextlib.contextmanager
    def _bar(self, label: str, total: int, unit: str) -> Iterator[Advance]:
        from rich import progress as rich_progress

        amounts: list[rich_progress.ProgressColumn] = (
            [rich_progress.DownloadColumn(), rich_progress.TransferSpeedColumn()]
            if unit == "bytes"
            else [rich_progress.MofNCompleteColumn(), rich_progress.TextColumn(unit)]
        )
        columns = [
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(bar_width=None),
            rich_progress.TaskProgressColumn(),
            *amounts,
            rich_progress.TimeRemainingColumn(),
        ]
        with rich_progress.Progress(*columns, console=self._rich, transient=True) as bars:
            task = bars.add_task(label, total=total)
            yield lambda amount: bars.advance(task, amount)

    def _line_logger(self, label: str, total: int, unit: str) -> Advance:
        started = last = time.monotonic()
        done = 0

        def advance(amount: int) -> None:
            nonlocal done, last
            done += amount
            now = time.monotonic()
            if now - last < LOG_EVERY_SECONDS or not done:
                return
            last = now
            left = (now - started) * max(total - done, 0) / done
            rate = done / (now - started)
            shown = f"{rate / 1e6:.1f} MB/s" if unit == "bytes" else f"{rate:,.1f} {unit}/s"
            self.log(f"{label}: {min(100, 100 * done // total)} %, {shown}, {left:.0f} s left")

        return advance


def _notebook() -> "RichConsole | None":
    """rich's console where this runs in a notebook that shows widgets, without which rich has no bars there."""
    if "IPython" not in sys.modules or find_spec("ipywidgets") is None:
        return None
    import rich.console

    found = rich.console.Console()
    return found if found.is_jupyter else None
