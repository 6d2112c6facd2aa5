"""What a training run serves, and has already been trained on, of documents that were forgotten.

Every sequence of the run that holds a token of a tombstone is looked up in the plan and its history. Where the history
holds the tombstone, the sequence is read as training reads it, and must show separators with label -100 there.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from gristmill.schemas.errors import RunError
from gristmill.schemas.shard_format import Tombstone
from gristmill.training.stream.dataset import PlanDataset
from gristmill.training.stream.history import History
from gristmill.training.stream.plan import Plan
from gristmill.training.stream.reader import IGNORED

SHOWN = 8  # steps of a document that are printed one by one


@dataclass
class ForgottenReport:
    """sequences: read and found to serve nothing forgotten. seen: doc_id -> trained steps that had held it before;
    undone: doc_id -> steps that had, and that a rollback took back: the weights do not have them."""

    run: str
    trained_steps: int
    sequences: int = 0
    seen: dict[str, list[int]] = field(default_factory=dict)
    undone: dict[str, list[int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{self.run}: {self.trained_steps:,} steps trained; {self.sequences:,} sequences to come or served since "
        ]
        lines[0] += "a tombstone was recorded hold forgotten documents, and serve none of their tokens"
        for said, found in (("already trained on", self.seen), ("trained on, and rolled back,", self.undone)):
            for doc_id, steps in sorted(found.items()):
                more = f" and {len(steps) - SHOWN:,} more" if len(steps) > SHOWN else ""
                lines.append(f"{said} {doc_id}: steps {', '.join(map(str, steps[:SHOWN]))}{more}")
        if not self.seen:
            lines.append("no step that made the model had seen a forgotten document")
        return "\n".join(lines + [f"problem: {problem}" for problem in self.problems])


def audit_forgotten(
    plan: Plan, history: History, *, batch_sequences: int, trained_steps: int, planned_steps: int, run: str = ""
) -> ForgottenReport:
    """Check every sequence of the planned steps, and of one epoch at least, that holds a forgotten token."""
    report = ForgottenReport(run, trained_steps)
    data = PlanDataset(plan, history)
    trained, planned = trained_steps * batch_sequences, planned_steps * batch_sequences
    last = max(planned, plan.sequences)
    seen: dict[str, set[int]] = defaultdict(set)
    pending = 0
    checked: set[int] = set()
    for line, stone in enumerate(history.tombstones()):
        for served in _served(plan, history, stone, last):
            if history.tombstone_lines(served) > line:
                checked.add(served)
                if not _is_hidden(data, served, stone):
                    report.problems.append(f"sequence {served:,} serves tokens of {stone.doc_id}")
            elif served < trained:
                seen[stone.doc_id].add(served // batch_sequences + 1)
            elif served < planned:
                pending += 1
    if pending:
        report.problems.append(
            f"{pending:,} sequences to come hold documents forgotten since the run last started; "
            "they are hidden from when it is started again"
        )
    report.sequences = len(checked)
    report.seen = {doc_id: sorted(steps) for doc_id, steps in seen.items()}
    report.undone = _undone(plan, history, batch_sequences)
    return report


def _undone(plan: Plan, history: History, batch: int) -> dict[str, list[int]]:
    """doc_id -> steps that held it when it was not hidden yet, and that a rollback took back."""
    undone: dict[str, set[int]] = defaultdict(set)
    stones = history.tombstones()
    for number, event in enumerate(history.events):
        if not event.is_rollback:
            continue
        before = History(None, plan, history.events[:number])
        first, last = event.data["rolled_back_to"] * batch, event.data["step"] * batch
        for line, stone in enumerate(stones):
            for served in _served(plan, before, stone, last):
                if served >= first and before.tombstone_lines(served) <= line:
                    undone[stone.doc_id].add(served // batch + 1)
    return {doc_id: sorted(steps) for doc_id, steps in undone.items()}


def _served(plan: Plan, history: History, stone: Tombstone, last: int) -> list[int]:
    """Served sequences below `last` that hold a token of a tombstone."""
    skipped = sum(b - a for event in history.events if event.event == "skip" for a, b in event.data["ranges"])
    found: set[int] = set()
    for source, place in plan.layout.places_of(stone.shard, stone.start, stone.end):
        for position in plan.positions_of(source, place, history.phases, last + skipped):
            found.update(served for served in history.served_of(position) if served < last)
    return sorted(found)


def _is_hidden(data: PlanDataset, served: int, stone: Tombstone) -> bool:
    """Whether the sequence, as it is served, shows separators without labels where the document lies."""
    row = {name: values[0] for name, values in data.batch(served, served + 1).items()}
    hidden = np.zeros(len(row["labels"]), bool)
    column = 0
    for span in data.spans(served):
        first, last = max(stone.start, span.start), min(stone.end, span.start + span.length)
        if span.shard == stone.shard and first < last:
            hidden[column + first - span.start : column + last - span.start] = True
        column += span.length
    separator = data.plan.shards.manifest.tokenizer.separator_id
    return bool((row["input_ids"][hidden] == separator).all() and (row["labels"][hidden] == IGNORED).all())


def audit_run(run: str | Path, shards: str | Path | None = None) -> ForgottenReport:
    """The report of a training run's folder; shards: where they lie now, if they have moved."""
    folder = Path(run)
    for name in ("training.json", "plan.json", "history.jsonl"):
        if not (folder / name).is_file():
            raise RunError(f"no {name}", where=str(folder), expected="the folder of a training run")
    recipe = json.loads((folder / "training.json").read_text(encoding="utf-8"))["recipe"]
    plan = Plan.load(folder, shards)
    history = History.open(folder / "history.jsonl", plan)
    return audit_forgotten(
        plan,
        history,
        batch_sequences=recipe["batch_sequences"],
        trained_steps=_last_step(folder / "log.jsonl"),
        planned_steps=recipe["steps"],
        run=str(folder),
    )


def _last_step(log: Path) -> int:
    """The last step in a log of one JSON line a step; a line cut short by a kill does not count."""
    last = 0
    for line in log.read_text(encoding="utf-8").split("\n")[:-1] if log.exists() else []:
        try:
            last = max(last, int(json.loads(line).get("step", 0)))
        except ValueError:
            continue
    return last
