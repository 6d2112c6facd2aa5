"""From a step of a training run to the documents it trained on, and from a document to the steps that had it.

Reads a training run's plan.json and history.jsonl, and of training.json the `launches`: from which step on how many
processes shared a global batch. Step s (from 1) consumed the served sequences [(s - 1) * B, s * B); micro batch m of
rank r held rows m * rows + j: sequences (s - 1) * B + (m * ranks + r) * rows + j.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc
from gristmill.schemas.errors import InputError, RunError
from gristmill.training.stream.dataset import DocumentSpan, PlanDataset
from gristmill.training.stream.history import Event, History, read_chain
from gristmill.training.stream.plan import Plan


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
    """A training run's order. branch: that of before the run's rollback number branch + 1; none: as it stands."""

    def __init__(self, folder: str | Path, branch: int | None = None) -> None:
        self.folder = Path(folder)
        self.plan = Plan.load(folder)
        self.launches = self._launches()
        content = _read(self.folder, "history.jsonl")
        events = _before_rollback(read_chain(content, str(self.folder / "history.jsonl")), branch)
        self.data = PlanDataset(self.plan, History(None, self.plan, events))

    def rows(self, step: int, rank: int | None = None) -> Iterator[TracedRow]:
        """The sequences of a step, in the order of ranks and rows."""
        launch = self._launch(step)
        first = (step - 1) * launch["global_batch"]
        for holder in range(launch["ranks"]):
            if rank in (None, holder):
                for row in range(launch["rows"] * launch["accumulation"]):
                    micro, inside = divmod(row, launch["rows"])
                    served = first + (micro * launch["ranks"] + holder) * launch["rows"] + inside
                    position = self.data.history.served_to_plan(served)
                    yield TracedRow(step, holder, row, served, position, self.data.documents(served))

    def seen(self, shard: str, start: int, end: int, steps: int) -> list[SeenBy]:
        """Where the first `steps` steps served one of the tokens [start, end) of a shard, in order; forgotten or not."""
        last, history = self.sequences_of(steps), self.data.history
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

    def steps_done(self) -> int:
        """The last step in the run's log."""
        lines = _read(self.folder, "log.jsonl").split(b"\n")[:-1]  # a line without its line feed was interrupted
        return max((json.loads(line)["step"] for line in lines), default=0)

    def find(self, doc_id: str) -> list[tuple[str, int, int]]:
        """(shard, first token, end) of every copy of a document in the plan's shards."""
        found = []
        for name in sorted(self.plan.layout.shard_names):
            for batch in self.plan.shards.document_batches(name, ["doc_id", "offset", "length"]):
                rows = batch.filter(pc.equal(batch["doc_id"], doc_id)).to_pylist()
                found += [(name, row["offset"], row["offset"] + row["length"]) for row in rows]
        if not found:
            raise InputError(
                f"no document {doc_id!r}", where=self.plan.shards.folder, expected="a doc_id of the shards"
            )
        return found

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
        if step < 1:
            raise InputError(f"step {step}", where=str(self.folder), expected="1 or more: steps are counted from 1")
        return next(launch for launch in reversed(self.launches) if launch["from_step"] <= max(step, 1))

    def _launches(self) -> list[dict[str, Any]]:
        record = json.loads(_read(self.folder, "training.json"))
        launches = sorted(record.get("launches", []), key=lambda launch: launch["from_step"])
        if not launches or launches[0]["from_step"] > 1:
            raise RunError("no launches", where=str(self.folder / "training.json"), expected="a run that has started")
        return launches


def _before_rollback(events: Sequence[Event], branch: int | None) -> Sequence[Event]:
    if branch is None:
        return events
    rollbacks = [i for i, event in enumerate(events) if event.is_rollback]
    if not 0 <= branch <= len(rollbacks):
        raise InputError(f"branch {branch}", expected=f"0 to {len(rollbacks)}: the run was rolled back so often")
    return events[: rollbacks[branch]] if branch < len(rollbacks) else events


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError as error:
        raise RunError(f"no {name}", where=str(folder), expected="the folder of a training run") from error
