"""From a step of a training run to the documents it trained on, and from a document to the steps that had it.

Reads a training run's plan.json and history.jsonl, and of training.json the `launches`: from which step on how many
processes shared a global batch. Step s (from 1) consumed the served sequences [(s - 1) * B, s * B); micro batch m of
rank r held rows m * rows + j: sequences (s - 1) * B + (m * ranks + r) * rows + j.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc
from gristmill.schemas.errors import InputError, RunError
from gristmill.training.data.history import read_events
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
    documents: list[DocumentSpan]


class SeenBy(NamedTuple):
    """A step, and where in which of its rows tokens of a document stood."""

    step: int
    rank: int
    row: int
    served: int
    start: int
    end: int


class TrainingRun:
    """The order in which a training run on token shards read its documents: which step had which, and the reverse.

    folder: of the run. branch: the run as it was before it was rolled back for the (branch + 1)-th time; None: as it stands.
    steps: how many it has made, in that branch. Raises RunError for a folder without a plan, InputError for another branch.
    """

    def __init__(self, folder: str | Path, branch: int | None = None) -> None:
        self.folder = Path(folder)
        self.plan = Plan.load(folder)
        self.launches = self._launches()
        events = read_events(self.folder / HISTORY)
        ends = [number for number, event in enumerate(events) if event.starts_branch]
        self.steps = progress(self.folder).steps
        if branch is not None:
            if not 0 <= branch <= len(ends):
                raise InputError(f"branch {branch}", expected=f"0 to {len(ends)}: the run went back so often")
            if branch < len(ends):
                self.steps, events = events[ends[branch]].data.get("step", self.steps), events[: ends[branch]]
        self.data = PlanDataset(self.plan, StreamHistory(None, self.plan, events))

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
                    position = self.data.history.served_to_plan(served)
                    yield TracedRow(step, holder, row, served, position, self.data.documents(served))

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

    def sequences_of(self, steps: int) -> int:
        """How many sequences the first `steps` steps consumed."""
        return steps * self._launch(steps)["global_batch"] if steps else 0

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

    def _seen(self, served: int, start: int, end: int) -> SeenBy:
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
