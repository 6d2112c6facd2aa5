"""The step of choosing: what it checks, what it says of a row and of the run. The choice itself is part of the decision."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.compute as pc
from gristmill.pipelines.policy.compile import balance_signals, scoring_of
from gristmill.pipelines.run.by_part import parts_by_number
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.step import Place, Step
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.rows.embedding import CHOICE


class SelectRows(Step):
    """Semantic duplicates and the budget: made with the decision (`decide`), so that `reselect` makes them, too."""

    name = "select"
    phase = "decide"

    def check(self, recipe: Recipe) -> None:
        scoring_of(recipe)
        if recipe.embed is None:
            raise RecipeError(
                "rows are chosen by vectors, and none are made",
                where="select" if recipe.selection is not None else "dedup.semantic",
                expected="`embed:` in the recipe, such as `embed: {}`",
            )

    def datasets(self) -> Sequence[DatasetSpec]:
        return (layout.CHOICES,)

    def update(self, context: RunContext) -> None:
        """Nothing: the decision that was just made knows of it."""

    def explain(self, run: Run, place: Place) -> Sequence[str]:
        choices = run.find(layout.CHOICES)
        part = parts_by_number(choices).get(place.part)
        if part is None:
            return ()
        table = read_part(run.storage, part, CHOICE.names)
        rows = table.filter(pc.equal(table.column("row"), place.row)).to_pylist()
        if not rows:
            return ()
        row = rows[0]
        lines = [f"{row['outcome']}, number {row['rank']} in the order looked at"]
        if row["rank"] is None:
            lines = [f"{row['outcome']}: the view that is embedded has no text"]
        if row["nearest"] is not None:
            lines.append(f"too similar to {row['nearest']}: cosine {row['similarity']:.6f}")
        if row["topic"] is not None:
            lines.append(f"topic {row['topic']}")
        return lines

    def report(self, run: Run) -> Mapping[str, Any] | None:
        choices = run.find(layout.CHOICES)
        if choices is None:
            return None
        facts, select = choices.facts, run.recipe.selection
        found: dict[str, Any] = {"rows that pass the rules": choices.rows}
        if select is not None:
            found |= {"method": select.method, "budget": select.budget, "by": select.by or "drawn from the ids"}
        found |= {name.replace("_", " "): count for name, count in facts["outcomes"].items()}
        if "topics" in facts:
            before, after = facts["topics_covered"]
            found["topics with a row before"], found["topics with a row after"] = before, after
            found["topics"] = [_topic_row(topic) for topic in facts["topics"]]
        return found


class BalanceRows(Step):
    """Strata of like sizes: made with the decision (`decide`), so that `reselect` makes them, too."""

    name = "balance"
    phase = "decide"

    def check(self, recipe: Recipe) -> None:
        balance_signals(recipe)

    def datasets(self) -> Sequence[DatasetSpec]:
        return (layout.BALANCE, layout.UNBALANCED)

    def update(self, context: RunContext) -> None:
        """Nothing: the decision that was just made knows of it."""

    def report(self, run: Run) -> Mapping[str, Any] | None:
        return balance_figures(run)


def balance_figures(run: Run) -> dict[str, Any] | None:
    """What balance costs, entry by entry, and its strata before and after; None without any."""
    left_out = run.find(layout.BALANCE)
    if left_out is None or not run.recipe.policy.balance:
        return None
    found: dict[str, Any] = {}
    for number, facts in enumerate(left_out.facts["balance"], 1):
        costs = {name: facts[name] for name in ("before", "dropped", "without a value")}
        found |= {f"{number}. {facts['by']}: {name}": value for name, value in costs.items()}
        found[f"{number}. {facts['by']}"] = facts["strata"]
    return found


def _topic_row(topic: Mapping[str, Any]) -> dict[str, Any]:
    """A topic before and after, with bars of its size and of what is kept of it."""
    share = topic["after"] / topic["before"] if topic["before"] else 0.0
    return {
        "topic": topic["topic"],
        "rows before": topic["before"],
        "rows after": topic["after"],
        "kept": f"{share:.1%}",
        "picture": "█" * round(20 * share) + "░" * (20 - round(20 * share)),
        "such as": ", ".join(example[:12] for example in topic["examples"]),
    }
