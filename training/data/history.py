"""What happened to a run's data: an append-only chain of events, each sealed with the hash of everything before it.

history.jsonl holds one event a line: {"event", "position", "data", "head"}; head = SHA-256 of the previous head and
this event. The first event names the plan. A checkpoint keeps the head, so a changed, removed or reordered line is
found, and so is a truncated chain.

`position` counts *served* sequences (or rows): an event decides what is served from there on and nothing before, so the
order that was already served can always be computed again. Kinds of events and their data:

- skip {"ranges": [[a, b), ...]}: plan positions a .. b-1 are not served from here on.
- unskip {"ranges": [[a, b), ...]}: skipped positions that were passed are served at once, the others in their turn.
- note {...}: no effect on the order; what a training run wants to remember.

What else can happen to a plan is told by the history of its own kind of data (`data.stream.history`).
"""

import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from gristmill.schemas.errors import RunError
from gristmill.training.data.order import FOREVER, Ranges, ServedOrder

HAPPENED = ("skip", "unskip", "note")  # what a chain does not begin with, of whatever kind of data it is


class Ordered(Protocol):
    """What a history is of: an order of data that is a pure function of position. plan_id: a hash of all it depends on."""

    @property
    def plan_id(self) -> str: ...


@dataclass(frozen=True)
class Event:
    """One line of the chain; head: its hash, which covers every line before it."""

    event: str
    position: int
    data: dict[str, Any]
    head: str

    @property
    def starts_branch(self) -> bool:
        """The run went back to step `rolled_back_to`: the steps from there to `step` are no part of it any more."""
        return "rolled_back_to" in self.data

    @property
    def is_rollback(self) -> bool:
        """It went back because of bad data, which is skipped."""
        return self.event == "skip" and self.starts_branch


class History:
    """The chain of a plan and the served order that follows from it.

    Subclasses add kinds of events; `kinds` names all that may be in the chain.
    """

    kinds: ClassVar[tuple[str, ...]] = ("plan", "skip", "unskip", "note")

    def __init__(self, path: Path | None, plan: Ordered, events: Sequence[Event]) -> None:
        self.path = path
        self._plan = plan
        self.events: list[Event] = []
        self._served = ServedOrder()
        for event in events:
            self._apply(event)

    @property
    def plan_id(self) -> str:
        """Of the plan that the chain belongs to."""
        return self._plan.plan_id

    @classmethod
    def open(
        cls, path: str | Path | None, plan: Any, *, begin: bool = True, facts: dict[str, Any] | None = None
    ) -> Self:
        """The verified chain of a file; a new one where there is none (or no path).

        plan: what the chain is of. begin: False makes a missing file an error. facts: what a new chain remembers with the
        events it begins with. RunError when the file is the history of another plan, or was changed.

        A last line without its line feed was interrupted while being written and is dropped.
        """
        file = None if path is None else Path(path)
        if file is None or not has_begun(file):
            if not begin:
                raise lost_history(Path(str(file)))
            first = cls(None, plan, [])
            first._begin(facts or {})
            if file is None:
                return first
            _create(file, first.events)
        events = read_chain(file.read_bytes(), str(file))
        recorded = events[0].data.get("plan_id")
        if recorded != plan.plan_id:
            raise RunError(f"history of plan {recorded}", where=str(file), expected=f"plan {plan.plan_id}")
        return cls(file, plan, events)

    @property
    def head(self) -> str:
        return self.events[-1].head

    def append(self, event: str, position: int, data: dict[str, Any]) -> str:
        """Add an event that holds from served sequence `position` on; it is on disk when this returns the new head."""
        head = seal(self.events[-1].head if self.events else "", event, position, data)
        made = Event(event, position, json.loads(json.dumps(data)), head)
        self._apply(made)
        if self.path is not None:
            line = json.dumps({"event": event, "position": position, "data": data, "head": head}, ensure_ascii=False)
            _write_line(self.path, line)
        return head

    def truncate(self, head: str) -> None:
        """Undo every event after `head`: the chain of the moment when `head` was its last."""
        heads = [event.head for event in self.events]
        if head not in heads:
            raise self._foreign(head)
        kept = self.events[: heads.index(head) + 1]
        if self.path is not None:
            _written(self.path, kept).replace(self.path)
        self.__init__(self.path, self._plan, kept)  # type: ignore[misc]

    def state(self, position: int) -> dict[str, Any]:
        """What a checkpoint keeps: served sequences, the plan and the chain that ordered them."""
        return {"plan_id": self.plan_id, "head": self.head, "position": position}

    def check(self, state: dict[str, Any]) -> int:
        """The served position of a state that this chain continues; RunError when it cannot be resumed exactly."""
        if state["plan_id"] != self.plan_id:
            raise RunError(f"state of plan {state['plan_id']}", expected=f"plan {self.plan_id}")
        heads = [event.head for event in self.events]
        if state["head"] not in heads:
            raise self._foreign(state["head"])
        for event in self.events[heads.index(state["head"]) + 1 :]:
            if event.event != "note" and event.position < state["position"]:
                raise RunError(
                    f"state at sequence {state['position']:,} is older than the {event.event} at {event.position:,}",
                    where=str(self.path),
                    next_step="resume from a checkpoint at or before that position",
                )
        return int(state["position"])

    def positions(self, first: int, last: int) -> np.ndarray:
        """Plan positions (int64) of the served sequences first .. last - 1."""
        return self.served_positions(np.arange(first, last, dtype=np.int64))

    def served_positions(self, served: np.ndarray) -> np.ndarray:
        """Plan positions of served sequences, in O(log events) each."""
        return self._served.positions(served)

    def served_to_plan(self, served: int) -> int:
        """The plan position of one served sequence."""
        return int(self.positions(served, served + 1)[0])

    def served_of(self, position: int) -> list[int]:
        """When a plan position was or will be served: none if it is skipped, several times if it was unskipped late."""
        return self._served.served_of(position)

    def reach(self, served: int) -> int:
        """One more than the highest plan position among the first `served` sequences."""
        return self._served.reach(served)

    def to_come(self, ranges: Ranges, served: int, last: int = FOREVER) -> list[tuple[int, int]]:
        """What of these plan positions (disjoint ranges in order) is served from `served` on, and before `last`."""
        return self._served.to_come(ranges, served, last)

    def frontier(self, served: int) -> int:
        """The first plan position that is still to come in its turn at a served sequence."""
        return self._served.frontier(served)

    def lowest_to_come(self, served: int) -> int:
        """The lowest plan position that is still to come, in its turn or late."""
        return self._served.lowest_to_come(served)

    def _begin(self, facts: dict[str, Any]) -> None:
        """Append the events that a new chain begins with."""
        self.append("plan", 0, {"plan_id": self.plan_id})

    def _apply(self, event: Event) -> None:
        if event.event not in self.kinds or event.position < 0:
            raise ValueError(f"event {event.event!r} at {event.position}; expected one of {self.kinds} at 0 or later")
        self._take_effect(event)
        self.events.append(event)

    def _take_effect(self, event: Event) -> None:
        """Change what follows from the chain as the event says."""
        if event.event == "skip":
            self._skip(event)
        elif event.event == "unskip":
            self._served = self._served.unskip(event.position, _ranges(event))

    def _skip(self, event: Event) -> None:
        """Serve the event's ranges no more from its position on."""
        self._served = self._served.skip(event.position, _ranges(event))

    def _foreign(self, head: str) -> RunError:
        return RunError(
            f"chain head {head[:16]}… is not in this history",
            where=str(self.path),
            expected="a state that this history recorded",
            next_step="the history was changed or truncated, or the checkpoint is another run's",
        )


def _ranges(event: Event) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in event.data["ranges"]]


def remove_unused(path: Path) -> None:
    """Remove a chain in which nothing has happened yet: it says no more than the recipe that it was begun with."""
    if path.exists():
        events = read_chain(path.read_bytes(), str(path))
        if not any(event.event in HAPPENED for event in events):
            path.unlink()


def has_begun(path: Path) -> bool:
    """Whether a file holds a history of at least one event; whether it is a whole one is another question."""
    return path.exists() and b"\n" in path.read_bytes()


def lost_history(path: Path) -> RunError:
    """The error for a run whose history is missing or empty."""
    return RunError(
        "the history is empty or damaged" if path.exists() else "there is no history",
        where=str(path),
        expected="the history of a run that has begun",
        next_step="restore the file from a copy; without it nobody can tell what the run was served",
    )


def read_events(path: Path) -> list[Event]:
    """The verified events of a run's history.jsonl; RunError where there is none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise RunError(f"no {path.name}", where=str(path.parent), expected="the folder of a training run") from error
    events = read_chain(content, str(path))
    if not events:
        raise RunError(f"{path.name} is empty or damaged", where=str(path.parent), next_step="restore it from a copy")
    return events


def read_chain(content: bytes, where: str) -> list[Event]:
    """The events of a history file; RunError at the first line whose hash does not follow from those before."""
    events: list[Event] = []
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            event = Event(**json.loads(line))
            sealed = seal(events[-1].head if events else "", event.event, event.position, event.data)
        except (ValueError, TypeError) as error:
            raise RunError(f"line {number} is no event", where=where, next_step="restore the file") from error
        if event.head != sealed:
            raise RunError(
                f"line {number} does not follow from the lines before it: the history was changed",
                where=where,
                next_step="restore the file from a copy; a run that it does not describe cannot be resumed",
            )
        events.append(event)
    return events


def seal(previous: str, event: str, position: int, data: dict[str, Any]) -> str:
    content = json.dumps([previous, event, position, data], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _write_line(path: Path, line: str) -> None:
    """Append a line and wait for the disk; a line that an interruption left unfinished is removed first."""
    with path.open("r+b") as file:
        content = file.read()
        file.seek(content.rfind(b"\n") + 1)
        file.truncate()
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _create(path: Path, events: Sequence[Event]) -> None:
    """Begin a file unless there is one: of several processes that do, the first wins, and all would write the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and b"\n" not in path.read_bytes():  # a first line that was interrupted
        path.unlink(missing_ok=True)
    written = _written(path, events)
    try:
        os.link(written, path)
    except FileExistsError:
        pass
    finally:
        written.unlink()


def _written(path: Path, events: Sequence[Event]) -> Path:
    """A complete file of events beside `path`."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    with temporary.open("wb") as file:
        file.write("".join(json.dumps(vars(event), ensure_ascii=False) + "\n" for event in events).encode())
        file.flush()
        os.fsync(file.fileno())
    return temporary
