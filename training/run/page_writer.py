"""When the page of a run is written anew, and what the log warns of, at a cost that is linear in the steps.

A page is made of the whole log. Written at every save it would cost the square of the steps, so it is written again once the
run has grown by a fiftieth: over a run of any length that reads its log some fifty times. What a person should know is looked
for at every save, in the last lines of the log.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gristmill.training.run import logs
from gristmill.training.run.page import write_page

GROWTH = 1.02


class PageWriter:
    """Keeps the page of a run's folder up to date.

    warnings: what lines of the log tell (`Kind.warnings`). tell: is given each of them once.
    """

    def __init__(
        self, folder: Path, warnings: Callable[[Sequence[Mapping[str, Any]]], list[str]], tell: Callable[[str], None]
    ) -> None:
        self.folder, self._warnings, self._tell = folder, warnings, tell
        self._told: list[str] = []
        self._written: int | None = None  # the step of the page that is there

    def saved(self, step: int) -> None:
        """A checkpoint of `step` was saved."""
        found = self._look()
        if self._written is None or not self._written <= step < self._written * GROWTH:
            self._write(step, found)

    def finished(self, step: int) -> None:
        """The run is at its end: the page has all of it."""
        self._write(step, self._look())

    def _look(self) -> list[str]:
        found = self._warnings(list(logs.last_lines(self.folder / logs.LOG)))
        for warning in found:
            if warning not in self._told:
                self._told.append(warning)
                self._tell(f"warning: {warning}")
        return found

    def _write(self, step: int, warnings: Sequence[str]) -> None:
        write_page(self.folder, warnings)
        self._written = step
