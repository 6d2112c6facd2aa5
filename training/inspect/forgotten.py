"""What a training run serves, and has already been trained or validated on, of documents that were forgotten.

Every sequence of the run that holds a token of a tombstone is looked up in the plan and its history, for the training
and for the validation split. Where the history holds the tombstone, the sequence is read as the run reads it, and must
show separators with label -100 there.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gristmill.schemas.errors import RunError
from gristmill.schemas.shards.format import Tombstone
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan
from gristmill.training.data.stream.reader import IGNORED
from gristmill.training.run.folder import HISTORY, PLAN, TRAINING, VALIDATION, read_training
from gristmill.training.run.logs import ABANDONED, LOG, damaged_lines, read
from gristmill.training.run.progress import Progress, progress

SHOWN = 8  # steps of a document that are printed one by one


@dataclass
class ForgottenReport:
    """sequences: read and found to serve nothing forgotten. seen: doc_id -> trained steps that had held it before;
    undone: doc_id -> steps that had, and that the run took back: its weights do not have them. validated: doc_id -> steps
    after which a validation loss was computed over it, from which nothing is learned. notes: what the report rests on."""

    run: str
    trained_steps: int
    sequences: int = 0
    seen: dict[str, list[int]] = field(default_factory=dict)
    undone: dict[str, list[int]] = field(default_factory=dict)
    validated: dict[str, list[int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{self.run}: {self.trained_steps:,} steps trained; {self.sequences:,} sequences to come or served since "
        ]
        lines[0] += "a tombstone was recorded hold forgotten documents, and serve none of their tokens"
        described = (
            ("already trained on", self.seen),
            ("trained on, and rolled back,", self.undone),
            ("validated on, before it was forgotten,", self.validated),
        )
        for said, found in described:
            for doc_id, steps in sorted(found.items()):
                more = f" and {len(steps) - SHOWN:,} more" if len(steps) > SHOWN else ""
                lines.append(f"{said} {doc_id}: steps {', '.join(map(str, steps[:SHOWN]))}{more}")
        if not self.seen:
            lines.append("no step that made the model had seen a forgotten document")
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines + [f"problem: {problem}" for problem in self.problems])


def audit_forgotten(
    plan: Plan, history: StreamHistory, *, batch_sequences: int, trained_steps: int, planned_steps: int, run: str = ""
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


def audit_validation(
    report: ForgottenReport, plan: Plan, history: StreamHistory, evaluations: Sequence[tuple[int, int]], is_over: bool
) -> None:
    """Add to a report what the validation split serves of forgotten documents.

    evaluations: (step after which the validation loss was computed, over how many sequences). is_over: none will follow.
    """
    data, recorded = PlanDataset(plan, history), _recorded_from(history)
    validated: dict[str, set[int]] = defaultdict(set)
    last = max([plan.sequences, *(count for _, count in evaluations)])
    checked: set[int] = set()
    pending = 0
    for line, stone in enumerate(history.tombstones()):
        for served in _served(plan, history, stone, last):
            hidden_from = next((step for lines, step in recorded if lines > line), None)
            before = [
                step for step, count in evaluations if served < count and (hidden_from is None or step < hidden_from)
            ]
            validated[stone.doc_id].update(before)
            if hidden_from is not None:
                checked.add(served)
                if not _is_hidden(data, served, stone):
                    report.problems.append(f"validation sequence {served:,} serves tokens of {stone.doc_id}")
            elif not is_over:
                pending += 1
    if pending:
        report.problems.append(
            f"{pending:,} validation sequences hold documents forgotten since the run last started; "
            "they are hidden from when it is started again"
        )
    report.sequences += len(checked)
    report.validated = {doc_id: sorted(steps) for doc_id, steps in validated.items() if steps}


def _recorded_from(history: StreamHistory) -> list[tuple[int, int]]:
    """(lines of tombstones, the step from which on they are hidden) of every tombstone event."""
    events = [event for event in history.events if event.event == "tombstone"]
    return [(event.data["lines"], int(event.data.get("from_step", 1))) for event in events]


def _undone(plan: Plan, history: StreamHistory, batch: int) -> dict[str, list[int]]:
    """doc_id -> steps that held it when it was not hidden yet, and that the run took back."""
    undone: dict[str, set[int]] = defaultdict(set)
    stones = history.tombstones()
    for number, event in enumerate(history.events):
        if not event.starts_branch:
            continue
        before = StreamHistory(None, plan, history.events[:number])
        first, last = event.data["rolled_back_to"] * batch, event.data["step"] * batch
        for line, stone in enumerate(stones):
            for served in _served(plan, before, stone, last):
                if served >= first and before.tombstone_lines(served) <= line:
                    undone[stone.doc_id].add(served // batch + 1)
    return {doc_id: sorted(steps) for doc_id, steps in undone.items()}


def _served(plan: Plan, history: StreamHistory, stone: Tombstone, last: int) -> list[int]:
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
    for name in (TRAINING, PLAN, HISTORY):
        if not (folder / name).is_file():
            raise RunError(f"no {name}", where=str(folder), expected="the folder of a training run")
    training, come = read_training(folder), progress(folder)
    batch, steps = (training["recipe"].get(name) for name in ("batch_sequences", "steps"))
    if not isinstance(batch, int) or not isinstance(steps, int) or batch < 1:
        raise RunError(
            "the recipe has no batch_sequences or steps",
            where=str(folder / TRAINING),
            expected="the record of a training run",
            next_step="restore the file from a copy",
        )
    plan = Plan.load(folder, shards)
    report = audit_forgotten(
        plan,
        StreamHistory.open(folder / HISTORY, plan, begin=False),
        batch_sequences=batch,
        trained_steps=come.steps,
        planned_steps=steps,
        run=str(folder),
    )
    report.notes += _notes(folder, come)
    _audit_validation_of(report, folder, shards, training, come)
    return report


def _notes(folder: Path, come: Progress) -> Iterable[str]:
    """What the number of trained steps rests on, where the log does not tell it."""
    if come.log_is_short:
        state = f"ends at step {come.logged:,}" if (folder / LOG).exists() else "is missing"
        yield (
            f"{LOG} {state}; checkpoints and {TRAINING} tell of {come.steps:,} steps, and steps that were made after them "
            "and not saved are in no weights"
        )
    damaged = damaged_lines(folder / LOG)
    if damaged:
        yield f"{damaged:,} lines of {LOG} cannot be read"


def _audit_validation_of(
    report: ForgottenReport, folder: Path, shards: str | Path | None, training: dict[str, Any], come: Progress
) -> None:
    launches = [launch for launch in training["launches"] if launch.get("validation")]
    home = folder / VALIDATION
    if not launches and not home.exists():
        return
    if not (home / PLAN).is_file() or not (home / HISTORY).is_file():
        if any(stone.shard.startswith("validation/") for stone in Plan.load(folder, shards).shards.tombstones()):
            report.problems.append(
                f"no {VALIDATION}/{PLAN} or {HISTORY}: what the run validated on cannot be told; they are written when it "
                "is started again"
            )
        return
    plan = Plan.load(home, shards)
    history = StreamHistory.open(home / HISTORY, plan, begin=False)
    evaluations = _evaluations(folder, training, come.steps)
    audit_validation(report, plan, history, evaluations, is_over=come.steps >= training["recipe"]["steps"])


def _evaluations(folder: Path, training: dict[str, Any], steps: int) -> list[tuple[int, int]]:
    """(step, sequences) of every validation loss that was computed: by the launches, and by the logs."""
    launches = training["launches"]
    logged = {line["step"] for name in (LOG, ABANDONED) for line in read(folder / name) if "validation_loss" in line}
    found: set[tuple[int, int]] = set()
    ends = [launch["from_step"] - 1 for launch in launches[1:]] + [max([steps, *logged])]
    for launch, end in zip(launches, ends, strict=True):
        options = launch.get("validation")
        if options:
            first, every = launch["from_step"], options["every_steps"]
            evaluated = {*range(-(-first // every) * every, end + 1, every), *(s for s in logged if first <= s <= end)}
            found |= {(step, options["sequences"]) for step in evaluated}
    return sorted(found)
