"""What was skipped and why, in the stream's history; and the documents blamed, where a build can exclude them.

The history is a chain of hashes that only grows. A `skip` takes plan positions out of the served order; a `note`
changes nothing and records an update that was not applied or a change of data that was accepted. A run that is killed
and goes on repeats its steps; what it would record again is in the chain already and is not added twice.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gristmill.schemas.errors import RunError
from gristmill.training.data.files import json_lines
from gristmill.training.data.history import Event, History, read_events
from gristmill.training.kinds.registry import load_kind
from gristmill.training.run.folder import HISTORY, TrainingFolder, kind_of, read_training
from gristmill.training.run.start import find_start

BLAME = "blame.jsonl"
_NAMED = {"doc_id", "position", "step", "source", "url", "loss", "limit"}


class Ledger:
    """Writes to the history and the blame file of a run; only the main process writes."""

    def __init__(self, history: History, run: Path, main: bool = True) -> None:
        self.history, self.run, self.main = history, run, main

    @property
    def rollbacks(self) -> list[Event]:
        """The skips that a rollback made, oldest first."""
        return [event for event in self.history.events if event.is_rollback]

    @property
    def branch(self) -> int:
        """How often the run went back so far, for bad data or to be made longer."""
        return sum(event.starts_branch for event in self.history.events)

    def note(self, position: int, data: dict[str, Any]) -> None:
        """Record something that changes no order, once in each branch of the run."""
        branch = {"branch": self.branch, **data}
        known = any(
            event.event == "note" and event.position == position and event.data == branch
            for event in self.history.events
        )
        if self.main and not known:
            self.history.append("note", position, branch)

    def roll_back(self, step: int, batch: int, positions: Iterable[int], data: dict[str, Any]) -> None:
        """From `step` on, the plan positions are not served; the run goes on from there."""
        if self.main:
            ranges = as_ranges(positions)
            self.history.append("skip", step * batch, {"ranges": ranges, "rolled_back_to": step, **data})

    def blame(self, records: Iterable[dict[str, Any]]) -> None:
        """Add documents to the blame file, each document once for each place of the stream."""
        if not self.main:
            return
        path = self.run / BLAME
        known = {(record["doc_id"], record["position"]) for record in blamed(self.run)}
        torn = path.exists() and not path.read_bytes().endswith(b"\n")
        with open(path, "a", encoding="utf-8") as stream:
            stream.write("\n" if torn else "")
            for record in records:
                if (record["doc_id"], record["position"]) not in known:
                    stream.write(json.dumps(record) + "\n")


def as_ranges(positions: Iterable[int]) -> list[list[int]]:
    """Positions as half-open ranges.

    >>> as_ranges([7, 3, 4])
    [[3, 5], [7, 8]]
    """
    ranges: list[list[int]] = []
    for position in sorted(int(position) for position in positions):
        if ranges and ranges[-1][1] == position:
            ranges[-1][1] += 1
        else:
            ranges.append([position, position + 1])
    return ranges


def blamed(run: Path) -> list[dict[str, Any]]:
    """The documents blamed so far; lines that cannot be read are left out."""
    return [record for record in json_lines(run / BLAME) if record is not None and set(record) >= _NAMED]


def take_back(run: Path, number: int) -> None:
    """Take skip `number` (1-based line of the history) back: where the run goes on, its positions are served again."""
    kind = load_kind(kind_of(read_training(run)))  # an error where there is no run, before a folder is made for it
    folder = TrainingFolder(run)
    try:
        history: History = kind.reopen_history(run)
        events = history.events
        if number > len(events) or events[number - 1].event != "skip":
            raise RunError(
                f"event {number} is not a skip",
                where=str(run / HISTORY),
                expected="the number of a skip",
                next_step=f"gristmill ledger {run} lists them",
            )
        start = find_start(folder, history).checkpoint
        position = start.position if start else 0
        history.append("unskip", position, {"ranges": events[number - 1].data["ranges"], "of": number})
    finally:
        folder.close()


def described(run: Path) -> list[str]:
    """A line for each event: its number, the served sequence from which on it holds, what it did and why."""
    read_training(run)
    lines = []
    for number, event in enumerate(read_events(run / HISTORY), 1):
        what, why = describe(vars(event))
        lines.append(f"{number:4} sequence {event.position:,}: {what}{': ' + why if why else ''}")
    return lines


def describe(event: dict[str, Any]) -> tuple[str, str]:
    """What an event did, and why."""
    data = event["data"]
    count = sum(end - start for start, end in data.get("ranges", []))
    kind = str(data.get("kind", event["event"])).replace("_", " ")
    if "rolled_back_to" in data and event["event"] == "note":
        kind = f"{kind}: went back to step {data['rolled_back_to']}"
    elif "rolled_back_to" in data:
        kind = f"rolled back to step {data['rolled_back_to']}, {count} sequences skipped ({kind})"
    elif event["event"] == "forget":
        ids = len(data["doc_ids"])
        kind = f"{ids:,} rows forgotten" if ids else "rows forgotten before are left out further on"
    elif count:
        kind = f"{event['event']} of {count} sequences"
    return kind, str(data.get("reason", ""))
