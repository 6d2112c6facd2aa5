"""Compute budgets as text: each number, its unit, its formula and its source."""

from gristmill.training.compute_budget.budgets import GIVEN, ComputeBudget
from gristmill.training.compute_budget.numbers import human


def render(found: list[ComputeBudget]) -> str:
    """The budgets as text: each number, its unit, its formula and its source."""
    blocks = []
    for budget in found:
        rows = [
            (line.name, f"{human(line.value)} {line.unit}".strip(), line.formula, line.source) for line in budget.lines
        ]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        lines = [budget.title]
        for name, value, formula, source in rows:
            explained = GIVEN if formula == GIVEN else f"= {formula}  [{source}]"
            lines.append(f"  {name:<{widths[0]}}  {value:<{widths[1]}}  {explained}")
        blocks.append("\n".join([*lines, *(f"  note: {note}" for note in budget.notes)]))
    return "\n\n".join(blocks)
