"""What a person sees of a run: progress bars on a terminal, plain log lines elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

LOG_EVERY_SECONDS = 15.0
Advance = Callable[[int], None]


class Console:
    """Log lines and progress. quiet: nothing at all; a terminal gets bars with rate and time left."""

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.is_terminal = self.stream.isatty()
        self._rich = None
        if self.is_terminal and not quiet:
            from rich.console import Console as RichConsole

            self._rich = RichConsole(file=self.stream)

    def log(self, line: str) -> None:
        if self.quiet:
            return
        if self._rich:
            self._rich.print(line, markup=False, highlight=False)
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
