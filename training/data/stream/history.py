"""The history of a stream: besides what happens to any plan, other mixtures and text that was forgotten.

Kinds of events and their data, besides those of `data.history`:

- mixture {"weights": {source: weight} or null}: another mixture (null: by size) for the plan positions still to come.
- tombstone {"lines": n, "digest": ...}: the first n lines of tombstones.jsonl are served as separators from here on.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gristmill.schemas.errors import RunError
from gristmill.schemas.shards.format import Tombstone
from gristmill.training.data.history import Event, History
from gristmill.training.data.stream.plan import Phase, Plan


class StreamHistory(History):
    """The chain of a plan over shards: the served order, the phases of the mixture, the tombstones."""

    kinds = (*History.kinds, "mixture", "tombstone")

    def __init__(self, path: Path | None, plan: Plan, events: Sequence[Event]) -> None:
        self.plan = plan
        self.phases: list[Phase] = [plan.first_phase()]
        self._tombstones: list[Event] = []
        super().__init__(path, plan, events)

    def tombstone_lines(self, served: int) -> int:
        """How many lines of tombstones.jsonl hold for a served sequence."""
        if not self._tombstones:
            return 0
        return max((event.data["lines"] for event in self._tombstones if event.position <= served), default=0)

    def tombstones(self) -> list[Tombstone]:
        """The tombstones of the shards as they stand; RunError when recorded lines are gone or changed."""
        stones = self.plan.shards.tombstones()
        for event in self._tombstones:
            if event.data["digest"] != _digest(stones, event.data["lines"]):
                raise RunError(
                    f"the first {event.data['lines']} tombstones are not those recorded at {event.position:,}",
                    where=self.plan.shards.folder,
                    next_step="restore tombstones.jsonl; it is append-only",
                )
        return stones

    def record_tombstones(self, position: int, **facts: Any) -> bool:
        """From `position` on, serve every tombstone the shards have now. To be called at every start and rollback.

        facts: what else the event shall remember. True when there were new ones (or ones recorded for later positions).
        """
        stones = self.tombstones()
        if len(stones) == self.tombstone_lines(position):
            return False
        self.append("tombstone", position, {"lines": len(stones), "digest": _digest(stones, len(stones)), **facts})
        return True

    def _begin(self, facts: dict[str, Any]) -> None:
        super()._begin(facts)
        if self.plan.config.mixture is not None:
            self.append("mixture", 0, {"weights": self.plan.config.mixture})
        self.record_tombstones(0, **facts)

    def _take_effect(self, event: Event) -> None:
        super()._take_effect(event)
        if event.event == "mixture":
            weights = event.data["weights"]
            quotas = self.plan.natural() if weights is None else self.plan.weighted(weights)
            self.phases = self.plan.next_phase(self.phases, self._served.frontier(event.position), quotas)
        elif event.event == "tombstone":
            self._tombstones.append(event)


def _digest(stones: Sequence[Tombstone], lines: int) -> str:
    content = "\n".join(stone.model_dump_json() for stone in stones[:lines])
    return hashlib.sha256(content.encode()).hexdigest()
