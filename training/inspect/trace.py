"""From a step of a training run to the documents it trained on, and from a document to the steps that had it.

Reads a training run's plan.json and history.jsonl, for runs on rows also rows.parquet, and of training.json the
`launches`: from which step on how many processes shared a global batch. Step s (from 1) consumed the served sequences
[(s - 1) * B, s * B); micro batch m of rank r held rows m * rows + j: sequences (s - 1) * B + (m * ranks + r) * rows + j.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc
from gristmill.schemas.errors import InputError, RunError
from gristmill.training.data.files import json_object
from gristmill.training.data.history import Event, read_events
from gristmill.training.data.row_history import RowHistory
from gristmill.training.data.row_index import INDEX, RowIndex
from gristmill.training.data.rows import PLAN, RowPlan
from gristmill.training.data.stream.dataset import DocumentSpan, PlanDataset
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.plan import Plan
from gristmill.training.run.folder import HISTORY, TRAINING, read_training
from gristmill.training.run.progress import progress


class TracedRow(NamedTuple):
    """A sequence of a step: who held it, its place in the served order and in the plan, its documents."""

    step: int
    rank: int
    row: int
    served: int
    position: int
    documents: Sequence["DocumentSpan | TrainedRow"]


class TrainedRow(NamedTuple):
    """A row (a conversation, a pair, a prompt) that a sequence holds. start, end: its tokens; None where it is the sequence."""

    doc_id: str
    source: str
    url: str | None
    start: int | None
    end: int | None


class SeenBy(NamedTuple):
    """A step, and where in which of its rows tokens of a document stood; None for all of them."""

    step: int
    rank: int
    row: int
    served: int
    start: int | None
    end: int | None


class ServedRun:
    """The order of a training run, whatever its data is made of.

    branch: as it was before the run went back for the (branch + 1)-th time; none: as it stands. steps: how many it has made, in
    that branch.
    """

    def __init__(self, folder: str | Path, branch: int | None = None) -> None:
        self.folder = Path(folder)
        self.launches = self._launches()
        events = read_events(self.folder / HISTORY)
        ends = [number for number, event in enumerate(events) if event.starts_branch]
        self.steps = progress(self.folder).steps
        if branch is not None:
            if not 0 <= branch <= len(ends):
                raise InputError(f"branch {branch}", expected=f"0 to {len(ends)}: the run went back so often")
            if branch < len(ends):
                self.steps, events = events[ends[branch]].data.get("step", self.steps), events[: ends[branch]]
        self.open_data(events)

    def open_data(self, events: Sequence[Event]) -> None:
        """Open what is served under these events."""
        raise NotImplementedError

    def position_of(self, served: int) -> int:
        """The plan position of a served sequence."""
        raise NotImplementedError

    def documents_of(self, served: int) -> Sequence[DocumentSpan | TrainedRow]:
        """What a served sequence holds."""
        raise NotImplementedError

    def rows(self, step: int, rank: int | None = None) -> Iterator[TracedRow]:
        """The sequences of a step, in the order of ranks and rows. InputError for a step or rank that there was not."""
        if not 1 <= step <= self.steps:
            made = f"1 to {self.steps:,}, the steps made" if self.steps else "a run that has made a step"
            raise InputError(f"step {step:,}", where=str(self.folder), expected=made)
        launch = self._launch(step)
        if rank is not None and rank >= launch["ranks"]:
            raise InputError(
                f"rank {rank}", where=str(self.folder), expected=f"0 to {launch['ranks'] - 1}: who made step {step:,}"
            )
        return self._rows(step, launch, rank)

    def _rows(self, step: int, launch: dict[str, int], rank: int | None) -> Iterator[TracedRow]:
        first = (step - 1) * launch["global_batch"]
        for holder in range(launch["ranks"]):
            if rank in (None, holder):
                for row in range(launch["rows"] * launch["accumulation"]):
                    micro, inside = divmod(row, launch["rows"])
                    served = first + (micro * launch["ranks"] + holder) * launch["rows"] + inside
                    yield TracedRow(step, holder, row, served, self.position_of(served), self.documents_of(served))

    def sequences_of(self, steps: int) -> int:
        """How many sequences the first `steps` steps consumed."""
        return steps * self._launch(steps)["global_batch"] if steps else 0

    def _seen(self, served: int, start: int | None, end: int | None) -> SeenBy:
        batch = self.launches[0]["global_batch"]
        step, inside = served // batch + 1, served % batch
        launch = self._launch(step)
        micro, rest = divmod(inside, launch["ranks"] * launch["rows"])
        rank, row = divmod(rest, launch["rows"])
        return SeenBy(step, rank, micro * launch["rows"] + row, served, start, end)

    def _launch(self, step: int) -> dict[str, int]:
        return next(launch for launch in reversed(self.launches) if launch["from_step"] <= max(step, 1))

    def _launches(self) -> list[dict[str, Any]]:
        launches = sorted(read_training(self.folder)["launches"], key=lambda launch: launch["from_step"])
        if not launches or launches[0]["from_step"] > 1:
            raise RunError("no launches", where=str(self.folder / TRAINING), expected="a run that has started")
        return launches


class TrainingRun(ServedRun):
    """The order in which a training run on token shards read its documents: which step had which, and the reverse.

    folder: of the run. branch: the run as it was before it was rolled back for the (branch + 1)-th time; None: as it stands.
    steps: how many it has made, in that branch. Raises RunError for a folder without a plan, InputError for another branch.
    """

    def open_data(self, events: Sequence[Event]) -> None:
        self.plan = Plan.load(self.folder)
        self.data = PlanDataset(self.plan, StreamHistory(None, self.plan, events))

    def position_of(self, served: int) -> int:
        return self.data.history.served_to_plan(served)

    def documents_of(self, served: int) -> list[DocumentSpan]:
        return self.data.documents(served)

    def seen(self, shard: str, start: int, end: int, steps: int | None = None) -> list[SeenBy]:
        """Where the first `steps` steps (all that were made) served one of the tokens [start, end) of a shard, in order;
        forgotten or not."""
        last, history = self.sequences_of(self.steps if steps is None else steps), self.data.history
        found = []
        for source, place in self.plan.layout.places_of(shard, start, end):
            for position in self.plan.positions_of(source, place, history.phases, history.reach(last)):
                for served in history.served_of(position):
                    if served < last:
                        found += [self._seen(served, a, b) for a, b in self._columns(source, place, shard, start, end)]
        return sorted(found)

    def find(self, doc_id: str) -> list[tuple[str, int, int]]:
        """(shard, first token, end) of every copy of a document in the plan's shards."""
        found = self._copies(doc_id, sorted(self.plan.layout.shard_names))
        if not found:
            raise InputError(
                f"no document {doc_id!r}{self._elsewhere(doc_id)}",
                where=self.plan.shards.folder,
                expected="a doc_id of the shards that the run trains on",
            )
        return found

    def _copies(self, doc_id: str, shards: Sequence[str]) -> list[tuple[str, int, int]]:
        found = []
        for name in shards:
            for batch in self.plan.shards.document_batches(name, ["doc_id", "offset", "length"]):
                rows = batch.filter(pc.equal(batch["doc_id"], doc_id)).to_pylist()
                found += [(name, row["offset"], row["offset"] + row["length"]) for row in rows]
        return found

    def _elsewhere(self, doc_id: str) -> str:
        """Where else in the shards a document is that the run does not train on."""
        trained = set(self.plan.layout.shard_names)
        others = sorted(name for name in self.plan.shards.by_name if name not in trained)
        found = self._copies(doc_id, others)
        return f" to train on: it lies in {', '.join(sorted({name for name, _, _ in found}))}" if found else ""

    def _columns(self, source: int, place: int, shard: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where in a sequence tokens [start, end) of a shard stand."""
        column = 0
        for span in self.plan.layout.spans(source, place):
            a, b = max(start, span.start), min(end, span.start + span.length)
            if span.shard == shard and a < b:
                yield column + a - span.start, column + b - span.start
            column += span.length


class RowTrainingRun(ServedRun):
    """A run on rows: conversations, pairs, prompts. Where they were a run of gristmill, ids are those of its documents."""

    def open_data(self, events: Sequence[Event]) -> None:
        self.plan = RowPlan.load(self.folder)
        self.index = RowIndex.load(self.folder)
        if self.index.sequences != self.plan.rows:
            raise RunError(
                f"{INDEX} is of other rows than {PLAN}", where=str(self.folder), next_step="restore it from a copy"
            )
        self.history = RowHistory(None, self.plan, events)

    def position_of(self, served: int) -> int:
        return self.history.served_to_plan(served)

    def documents_of(self, served: int) -> list[TrainedRow]:
        """The rows of a sequence; those that were forgotten before it was served are left out, because it was blank there."""
        sequence = int(self.plan.row(self.history.positions(served, served + 1))[0])
        rows = [row for row in self.index.of_sequence(sequence) if not self._is_forgotten(row.doc_id, served)]
        return [TrainedRow(row.doc_id, row.source, row.url, row.start, row.end) for row in rows]

    def seen(self, doc_id: str, steps: int | None = None) -> list[SeenBy]:
        """Where the first `steps` steps (all that were made) served a row, in order. InputError for an id that is no row's."""
        row = self.index.named(doc_id)
        if row is None:
            raise InputError(
                f"no row {doc_id!r}", where=str(self.folder), expected="an id of the rows that the run trains on"
            )
        last = self.sequences_of(self.steps if steps is None else steps)
        sequences = self.plan.row(self.history.positions(0, last)) if last else np.zeros(0, np.int64)
        return [
            self._seen(served, row.start, row.end)
            for served in np.flatnonzero(sequences == row.sequence).tolist()
            if not self._is_forgotten(doc_id, served)
        ]

    def _is_forgotten(self, doc_id: str, served: int) -> bool:
        first = self.history.forgotten_from(doc_id)
        return first is not None and first <= served

    def forgotten_from(self, doc_id: str) -> int | None:
        """The step from which on a row is served no more; None for a row that was not forgotten."""
        first = self.history.forgotten_from(doc_id)
        return None if first is None else first // self.launches[0]["global_batch"] + 1


def open_training_run(folder: str | Path, branch: int | None = None) -> TrainingRun | RowTrainingRun:
    """The order of a training run, on shards or on rows. RunError for a folder that holds none."""
    try:
        plan = json_object(Path(folder) / PLAN)
    except ValueError:
        plan = None
    if plan is None:
        Plan.load(folder)  # says what is wrong
    return RowTrainingRun(folder, branch) if set(plan or ()) == {"plan_id", "rows"} else TrainingRun(folder, branch)
