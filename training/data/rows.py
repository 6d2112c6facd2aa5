"""Rows by position: the order of a set of rows as a pure function, as the plan of token shards is one.

Position p is a place in epoch p // n of n rows; a keyed permutation of each epoch makes of the place a row. So every row
is served once an epoch, and what a step was served can be computed again from its number and the run's history.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.training.data.files import json_object, write_whole
from gristmill.training.data.history import History
from gristmill.training.data.permutation import Permutation

PLAN = "plan.json"


@dataclass(frozen=True)
class Rows:
    """Rows to train on.

    records: what each row holds, as JSON values; at least one. ids: one for each row. source: where they come from, for errors.
    origins: of each row, the source and URL of the document that it was; where there are none, all come from `source`.
    """

    records: Sequence[Mapping[str, Any]]
    ids: Sequence[str]
    source: str = ""
    origins: Sequence[tuple[str, str | None]] = ()

    def __post_init__(self) -> None:
        if not self.records:
            raise RecipeError("no rows", where=self.source, expected="at least one row to train on")
        if len(self.ids) != len(self.records):
            raise RecipeError(f"{len(self.ids)} ids", where=self.source, expected=f"one for each of {len(self)} rows")

    def __len__(self) -> int:
        return len(self.records)

    def origin(self, number: int) -> tuple[str, str | None]:
        """(source, URL) of a row."""
        return self.origins[number] if self.origins else (self.source, None)

    def chosen(self, numbers: Sequence[int]) -> "Rows":
        """Some of the rows."""
        origins = [self.origins[number] for number in numbers] if self.origins else ()
        return Rows([self.records[number] for number in numbers], [self.ids[n] for n in numbers], self.source, origins)

    @property
    def digest(self) -> str:
        """A hash of every row and its id, in their order."""
        return _digest(
            json.dumps([name, record], sort_keys=True) for name, record in zip(self.ids, self.records, strict=True)
        )


@dataclass(frozen=True)
class RowPlan:
    """The order of `rows` rows; plan_id: a hash of the rows and the seed, which alone seeds every order."""

    plan_id: str
    rows: int

    @classmethod
    def of(cls, rows: Rows, seed: int) -> "RowPlan":
        """The plan of these rows.

        >>> RowPlan.of(Rows([{"x": 1}, {"x": 2}], ["a", "b"]), seed=0).rows
        2
        """
        return cls(_digest([rows.digest, str(seed)])[:32], len(rows))

    @classmethod
    def load(cls, folder: Path) -> "RowPlan":
        """The plan that a run's folder was begun with; RunError where plan.json is missing or damaged."""
        try:
            found = json_object(folder / PLAN) or {}
            plan_id, rows = found.get("plan_id"), found.get("rows")
            if not isinstance(plan_id, str) or not isinstance(rows, int) or rows < 1:
                raise ValueError("no plan over rows")
        except (OSError, ValueError) as error:
            raise RunError(
                f"{PLAN} cannot be read ({error})", where=str(folder), next_step="restore the file from a copy"
            ) from error
        return cls(plan_id, rows)

    def save(self, folder: Path) -> None:
        """Write plan.json."""
        write_whole(folder / PLAN, json.dumps(asdict(self)) + "\n")

    def row(self, positions: np.ndarray) -> np.ndarray:
        """The row (int64, below `rows`) that stands at each position (int64)."""
        epochs, places = np.divmod(positions, self.rows)
        found = np.empty(len(positions), np.int64)
        order = np.argsort(epochs, kind="stable")
        for own in np.split(order, np.flatnonzero(np.diff(epochs[order])) + 1) if len(order) else ():
            found[own] = self._order(int(epochs[own[0]]))(places[own])
        return found

    def positions_of(self, rows: np.ndarray, first_epoch: int, last_epoch: int) -> np.ndarray:
        """The positions (int64, ascending) of some rows (int64, distinct) in the epochs from the first to before the last."""
        own = [
            np.sort(self._order(epoch).inverse(rows)) + epoch * self.rows for epoch in range(first_epoch, last_epoch)
        ]
        return np.concatenate(own) if own else np.zeros(0, np.int64)

    def _order(self, epoch: int) -> Permutation:
        return Permutation.named(self.rows, self.plan_id, "rows", epoch)


class RowStream:
    """What a plan of rows and a history serve, by served index."""

    def __init__(self, plan: RowPlan, history: History) -> None:
        self.plan, self.history = plan, history

    def positions(self, served: Sequence[int]) -> np.ndarray:
        """Plan positions (int64) of served rows."""
        return self.history.served_positions(np.asarray(served, np.int64))

    def rows(self, served: Sequence[int]) -> list[int]:
        """The number of each served row among the rows of the plan."""
        numbers: list[int] = self.plan.row(self.positions(served)).tolist()
        return numbers


class ServedRows(torch.utils.data.Dataset):
    """`count` served rows as the map-style dataset that a Trainer reads in order.

    prepared: one item for each row of the plan, in its order, as the Trainer's collator takes them.
    """

    def __init__(self, prepared: Any, stream: RowStream, count: int) -> None:
        self.prepared, self.stream, self.count = prepared, stream, count

    def __len__(self) -> int:
        return self.count

    def __getitems__(self, served: list[int]) -> list[Any]:
        """The items of a batch at once, as a torch DataLoader asks for them."""
        return [self.prepared[number] for number in self.stream.rows(served)]

    def __getitem__(self, served: int) -> Any:
        return self.__getitems__([served])[0]


def _digest(lines: Iterable[str]) -> str:
    hasher = hashlib.sha256()
    for line in lines:
        hasher.update(line.encode() + b"\n")
    return hasher.hexdigest()
