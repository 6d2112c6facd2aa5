"""`gristmill preferences`: what a set of preference pairs is biased by, before and after the policy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.pipelines.preferences.set_figures import set_figures
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.shown import Tabled
from gristmill.pipelines.select.step import balance_figures
from gristmill.schemas.errors import RunError


@dataclass(frozen=True)
class PreferenceFigures(Tabled):
    """figures: `figure`, and its value of `all` pairs and of the `kept` ones; intervals are of 95 %. costs: of balance."""

    run: str
    figures: list[dict[str, Any]]
    costs: dict[str, Any]

    def rows(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self.figures]

    def __str__(self) -> str:
        table = [
            ("", "all", "kept"),
            *((row["figure"], _shown(row["all"]), _shown(row["kept"])) for row in self.figures),
        ]
        widths = [max(len(row[column]) for row in table) for column in range(3)]
        lines = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in table]
        lines += [f"balance, {name}: {value:,}" for name, value in self.costs.items() if isinstance(value, int)]
        return "\n".join([self.run, *lines])


def preference_figures(run: Run | str | Path) -> PreferenceFigures:
    """Say what a set of preference pairs is biased by.

    run: a run of pairs, its folder, or `RUN:name`. Returns a table: each figure of all pairs and of those that are kept, with
    intervals of 95 %, and what balance costs. Raises RunError for a run in which nothing of pairs was measured.
    """
    chosen = run if isinstance(run, Run) else open_run(run)
    found = set_figures(chosen)
    if found is None:
        raise RunError(
            "no signal of preference pairs was measured",
            where=chosen.storage.url,
            expected="`rows: pair` with `preferences: {}`, or signals of pairs",
            next_step="add `preferences: {}` to the recipe and build again; only what is missing is measured",
        )
    where = chosen.storage.url if chosen.selection == "main" else f"{chosen.storage.url}:{chosen.selection}"
    return PreferenceFigures(where, found["the set"], balance_figures(chosen) or {})


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
