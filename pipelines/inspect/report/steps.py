"""What steps say of a run in its report: a section for each step that says something, drawn from plain figures."""

import json
from collections.abc import Mapping
from typing import Any

from gristmill.pipelines.inspect.report.section import ReportSection
from gristmill.pipelines.inspect.report.tables import TableCell, count, table
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.shown import printable
from gristmill.pipelines.steps import steps_of
from gristmill.schemas.report import Summary

ROWS_SHOWN = 100


def step_figures(run: Run) -> dict[str, dict[str, Any]]:
    """Step -> its figures as JSON holds them; steps that say nothing are left out."""
    found = {}
    for step in steps_of(run.recipe):
        figures = step.report(run)
        if figures is not None:
            found[step.name] = json.loads(json.dumps(dict(figures)))
    return found


def step_sections(summary: Summary) -> list[ReportSection]:
    """A section for every step: figures with a name each in one table, and every list of rows in one of its own."""
    sections = []
    for number, (name, figures) in enumerate(summary.steps.items()):
        section = ReportSection(f"step-{number}", name, f"Step {name}")
        single = {key: value for key, value in figures.items() if not _is_table(value)}
        if single:
            rows = [[TableCell(printable(key), "name"), _cell(value)] for key, value in single.items()]
            section.content.append(table(["Figure", "#Value"], rows))
        for key, value in figures.items():
            if _is_table(value):
                _add_table(section, key, value)
        sections.append(section)
    return sections


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _add_table(section: ReportSection, name: str, rows: list[Mapping[str, Any]]) -> None:
    heads = list(dict.fromkeys(key for row in rows for key in row))
    section.head(printable(name))
    section.content.append(
        table(
            [printable(head) for head in heads], [[_cell(row.get(head)) for head in heads] for row in rows[:ROWS_SHOWN]]
        )
    )
    if len(rows) > ROWS_SHOWN:
        section.say(f"{count(len(rows) - ROWS_SHOWN)} more rows are in report.json.")


def _cell(value: Any) -> TableCell:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return TableCell("" if value is None else printable(str(value)), "words")
    return TableCell(count(value) if isinstance(value, int) else f"{value:.6g}", "number")
