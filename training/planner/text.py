"""Plans as text: each number, its unit, its formula and its source."""

from gristmill.training.planner.numbers import human
from gristmill.training.planner.plans import GIVEN, Plan


def render(found: list[Plan]) -> str:
    """The plans as text: each number, its unit, its formula and its source."""
    blocks = []
    for plan in found:
        rows = [
            (line.name, f"{human(line.value)} {line.unit}".strip(), line.formula, line.source) for line in plan.lines
        ]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        lines = [plan.title]
        for name, value, formula, source in rows:
            explained = GIVEN if formula == GIVEN else f"= {formula}  [{source}]"
            lines.append(f"  {name:<{widths[0]}}  {value:<{widths[1]}}  {explained}")
        blocks.append("\n".join([*lines, *(f"  note: {note}" for note in plan.notes)]))
    return "\n\n".join(blocks)
