"""The plan: from a position to a source, an epoch and a sequence of tokens, as a pure function.

`plan_id` is a hash of the shards (as first written), the window, the packing and the seed, and alone seeds every order. A
mixture says which source a position belongs to and which number the sequence has there (`mixture`); that number is an epoch
of the source and a place in it; a keyed permutation per source and epoch makes of the place a window or a bin.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.shards.format import IDX, Shard, Split, identity_of
from gristmill.schemas.strict import Strict
from gristmill.training.data.files import write_whole
from gristmill.training.data.order import FOREVER
from gristmill.training.data.permutation import Permutation
from gristmill.training.data.stream.layout import Layout, PlanSource
from gristmill.training.data.stream.mixture import Quotas, quotas_of
from gristmill.training.data.stream.packing import PackedSource, packed_sources
from gristmill.training.data.stream.shards import ShardSet, Verify
from pydantic import Field

FORMAT = 1
BLOCK_DOCUMENTS = 131_072
PLAN = "plan.json"

ALL = slice(None)


class PlanConfig(Strict):
    """What a plan is made of, besides the shards.

    window: tokens in a sequence. packing: documents up to the window stay whole, and share sequences best-fit; without it
    each source's tokens are split every `window` tokens, across documents.
    mixture: weights of sources in tokens, from position 0 on; none: each by its size, so that one epoch is everything once.
    generation: how far shards added later are counted in; none: all there are when the plan is built.
    block_documents: documents packed together.
    """

    window: int = Field(ge=2)
    packing: bool = False
    seed: int = 0
    split: Split = "train"
    mixture: dict[str, float] | None = None
    generation: int | None = None
    block_documents: int = Field(default=BLOCK_DOCUMENTS, ge=1)


class Phase(NamedTuple):
    """From position `start` on, `quotas` hold; base: sequences of each source that were taken before."""

    start: int
    quotas: Quotas
    base: np.ndarray


class Plan:
    """A plan over shards. Everything but the shards' metadata, and the bin index on disk, is computed when asked for."""

    def __init__(self, shards: ShardSet, config: PlanConfig, plan_id: str, sources: Sequence[PlanSource]) -> None:
        self.shards, self.config, self.plan_id, self.sources = shards, config, plan_id, tuple(sources)
        self.layout = Layout(self.sources, config.window)
        self._sizes = np.array([source.sequences for source in sources], np.int64)
        self._orders: dict[tuple[int, int], Permutation] = {}

    @classmethod
    def build(cls, shards: ShardSet, config: PlanConfig, folder: str | Path | None = None) -> "Plan":
        """The plan of these shards; `folder` keeps plan.json and, for packing, the bin index (needed then).

        RunError when the folder holds another plan: a run goes on with `Plan.load`.
        """
        plan = cls.of(shards, config, folder)
        if folder is not None:
            path = Path(folder, PLAN)
            if path.exists():
                plan.must_be(_read_record(path)["plan_id"], folder)
            plan.save(folder)
        return plan

    @classmethod
    def of(cls, shards: ShardSet, config: PlanConfig, folder: str | Path | None = None) -> "Plan":
        """The plan of these shards, without writing plan.json; packing builds its bin index in `folder` (needed then)."""
        newest = max((shard.generation for shard in shards.manifest.shards), default=0)
        generation = newest if config.generation is None else config.generation
        if generation > newest:
            raise RecipeError(f"generation {generation}", where=shards.folder, expected=f"at most {newest}")
        config = config.model_copy(update={"generation": generation})
        chosen = shards.manifest.of_split(config.split, generation)
        if not any(shard.tokens for shard in chosen):
            raise RecipeError(f"no tokens in split {config.split}", where=shards.folder)
        plan = cls(shards, config, _plan_id(chosen, config), list(_sources(shards, chosen, config, folder)))
        if config.mixture is not None:
            plan.weighted(config.mixture)  # an error now, not at the first event
        return plan

    def save(self, folder: str | Path) -> None:
        """Write plan.json: what `Plan.load` makes the plan from again."""
        path = Path(folder, PLAN)
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "plan_id": self.plan_id,
            "shards": self.shards.folder,
            "cache": str(self.shards.cache) if self.shards.cache else None,
            "config": self.config.model_dump(),
            "sequences": {source.name: source.sequences for source in self.sources},
            "tokens": {source.name: source.tokens for source in self.sources},
        }
        write_whole(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")

    def must_be(self, plan_id: str, folder: str | Path) -> None:
        """RunError unless this is the plan that `folder` was begun with."""
        if self.plan_id != plan_id:
            raise RunError(
                f"the shards, window, packing and seed give plan {self.plan_id}",
                where=self.shards.folder,
                expected=f"{plan_id}, that of {folder}",
                next_step="point to the shards the run was started with, or start another run in another folder",
            )

    @classmethod
    def load(cls, folder: str | Path, shards: str | Path | None = None, verify: Verify = "lazy") -> "Plan":
        """The plan of a folder with plan.json; `shards` where they have moved. RunError when they are others."""
        record = _read_record(Path(folder, PLAN))
        opened = ShardSet.open(shards or record["shards"], verify, record["cache"])
        plan = cls.of(opened, PlanConfig(**record["config"]), folder)
        plan.must_be(record["plan_id"], folder)
        return plan

    @property
    def sequences(self) -> int:
        """Sequences of one epoch of every source."""
        return sum(source.sequences for source in self.sources)

    @property
    def tokens(self) -> int:
        return sum(source.tokens for source in self.sources)

    @property
    def packings(self) -> list[Path]:
        """The folders on disk that hold the bins of packed sources."""
        return [source.packed.path.parent for source in self.sources if source.packed is not None]

    def natural(self) -> Quotas:
        """Every source by its size: a block is one epoch of everything."""
        return Quotas([source.sequences for source in self.sources])

    def weighted(self, weights: Mapping[str, float]) -> Quotas:
        """A mixture weighted by tokens."""
        return quotas_of(
            weights,
            {source.name: source.sequences for source in self.sources},
            {source.name: source.tokens for source in self.sources},
        )

    def first_phase(self) -> Phase:
        return Phase(0, self.natural(), np.zeros(len(self.sources), np.int64))

    def next_phase(self, phases: Sequence[Phase], position: int, quotas: Quotas) -> list[Phase]:
        """`phases` with `quotas` from `position` on, without a repeated or a lost sequence."""
        kept = [phase for phase in phases if phase.start < position or phase.start == 0]
        last = kept[-1]
        changed = Phase(position, quotas, last.base + last.quotas.taken(position - last.start))
        return [*kept, changed] if position > 0 else [changed]

    def locate(self, positions: np.ndarray, phases: Sequence[Phase]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(source, epoch of the source, window or bin) of each position, int64."""
        sources, taken = np.empty(len(positions), np.int64), np.empty(len(positions), np.int64)
        ends = [phase.start for phase in phases[1:]] + [FOREVER]
        for phase, end in zip(phases, ends, strict=True):
            chosen = (positions >= phase.start) & (positions < end) if len(phases) > 1 else ALL
            sources[chosen], ranks = phase.quotas.spread(positions[chosen] - phase.start)
            taken[chosen] = ranks + phase.base[sources[chosen]]
        sizes = self._sizes[sources]
        epochs, places = taken // sizes, taken % sizes
        orders = set(zip(sources.tolist(), epochs.tolist(), strict=True))
        for source, epoch in orders:
            chosen = (sources == source) & (epochs == epoch) if len(orders) > 1 else ALL
            places[chosen] = self._order(source, epoch)(places[chosen])
        return sources, epochs, places

    def positions_of(self, source: int, place: int, phases: Sequence[Phase], end: int) -> list[int]:
        """Every position below `end` that serves this window or bin of a source: one in each epoch of the source."""
        found, size = [], self.sources[source].sequences
        ends = [phase.start for phase in phases[1:]] + [end]
        for phase, phase_end in zip(phases, ends, strict=True):
            first, last = int(phase.base[source]), int(phase.base[source])
            if min(phase_end, end) > phase.start:
                last += int(phase.quotas.taken(min(phase_end, end) - phase.start)[source])
            for epoch in range(first // size, -(-last // size)):
                taken = epoch * size + int(self._order(source, epoch).inverse(np.array([place]))[0])
                if first <= taken < last:
                    position = phase.quotas.position_of(source, taken - first)
                    assert position is not None  # a source without a quota takes nothing: first == last
                    found.append(phase.start + position)
        return found

    def epochs(self, phases: Sequence[Phase], positions: int) -> dict[str, float]:
        """How many epochs of each source the first `positions` plan positions serve."""
        phase = next(phase for phase in reversed(phases) if phase.start <= positions)
        taken = phase.base + phase.quotas.taken(positions - phase.start)
        return {source.name: float(count / source.sequences) for source, count in zip(self.sources, taken, strict=True)}

    def _order(self, source: int, epoch: int) -> Permutation:
        key = (source, epoch)
        if key not in self._orders:
            chosen = self.sources[source]
            self._orders[key] = Permutation.named(chosen.sequences, self.plan_id, chosen.name, epoch)
        return self._orders[key]


def _read_record(path: Path) -> dict[str, Any]:
    """plan.json; RunError when there is none, or when it cannot be read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        _refuse_rows(record, path)
        if not {"plan_id", "shards", "cache", "config"} <= set(record):
            raise ValueError("keys are missing")
    except FileNotFoundError as error:
        raise RunError(f"no {PLAN}", where=str(path.parent), expected="a training run folder") from error
    except (ValueError, TypeError) as error:
        raise RunError(
            f"{PLAN} cannot be read ({error})",
            where=str(path.parent),
            expected="the plan of a training run",
            next_step="remove the file; `gristmill train` with the run's recipe writes it again",
        ) from error
    return record


def _refuse_rows(record: dict[str, Any], path: Path) -> None:
    """RunError for the plan of a kind of training whose data is rows (`data.rows`)."""
    if "rows" in record and "shards" not in record:
        raise RunError(
            "the run trains on rows", where=str(path.parent), expected="a run on token shards, such as pre-training"
        )


def _plan_id(shards: Sequence[Shard], config: PlanConfig) -> str:
    """32 hex digits of the shards, their document boundaries, the window, the packing and the seed."""
    content = [
        FORMAT,
        identity_of(shards),
        [shard.files[IDX].checksum for shard in shards],
        [config.window, "packed" if config.packing else "windows", config.seed],
        config.block_documents if config.packing else None,
    ]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def _sources(
    shards: ShardSet, chosen: Sequence[Shard], config: PlanConfig, folder: str | Path | None
) -> Iterator[PlanSource]:
    """Sources that have tokens, by name; the shards of each in the manifest's order."""
    by_source: dict[str, list[Shard]] = {}
    for shard in chosen:
        if shard.tokens:
            by_source.setdefault(shard.source, []).append(shard)
    packed: dict[str, PackedSource] = {}
    if config.packing:
        if folder is None:
            raise RecipeError("packing without a folder", next_step="name a folder for the bin index")
        lengths = ((name, (shards.lengths(shard.name) for shard in by_source[name])) for name in sorted(by_source))
        key = _plan_id(chosen, config.model_copy(update={"seed": 0}))
        packed = packed_sources(Path(folder), key, lengths, config.window, config.block_documents)
    for name in sorted(by_source):
        edges = [0]
        for shard in by_source[name]:
            edges.append(edges[-1] + shard.tokens)
        sequences = packed[name].bins if packed else -(-edges[-1] // config.window)
        yield PlanSource(name, tuple(shard.name for shard in by_source[name]), edges, sequences, packed.get(name))
