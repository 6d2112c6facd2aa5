"""What is done for each part of a corpus that is mixed: documents counted, copies near the border listed, the mix written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.draws import unit_draws
from gristmill.pipelines.run.map_parts import map_part
from gristmill.pipelines.run.units import UnitWriter
from gristmill.pipelines.write.mix.border import Drawn, ScaleRange, copies_entering, extra_copies
from gristmill.pipelines.write.mix.targets import CODES_PER_DOUBLING
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part
from gristmill.schemas.recipe.mix import Mix, Upweight
from gristmill.schemas.rows.kind import ROW_COLUMNS
from gristmill.schemas.rows.mixed import CLUSTER_SIZE, ENTERING_COPY, GROUP_WEIGHT, UNKNOWN_GROUP
from gristmill.schemas.rows.registry import DOCUMENT


@dataclass(frozen=True)
class MixTask:
    """One part of the corpus, its decisions, and the part with the signal that documents are upweighted by.

    max_copies: of one document. windows, by group: where copies are listed; drawn: with which the mix is written.
    """

    storage: Storage
    folder: str
    mix: Mix
    seed: int
    corpus: Part
    decisions: Part
    signal: Part | None
    max_copies: int = 0
    windows: Mapping[str, ScaleRange] = field(default_factory=dict)
    drawn: Drawn | None = None
    kind: str = DOCUMENT


def mixed_spec(kind: str) -> DatasetSpec:
    """The mix of rows of a kind: those that are no documents keep their pieces and fields."""
    if kind == DOCUMENT:
        return layout.MIXED
    return replace(layout.MIXED, schema=pa.schema([*layout.MIXED.schema, *ROW_COLUMNS]))


def count_part(task: MixTask) -> int:
    """Documents and tokens of one part by group and weight."""
    spec = layout.MIX_WEIGHTS.of(task.folder)
    columns = read_part(task.storage, task.corpus, ["source", "language", "tokens", CLUSTER_SIZE])
    tokens = columns.column("tokens")
    table = pa.table(
        {
            "group": groups_of(columns, task.mix),
            "code": pa.array(weight_codes(task, columns)),
            "tokens": tokens,
            "squares": pc.power(tokens.cast(pa.float64()), 2.0),
        }
    )
    figures = [([], "count_all"), ("tokens", "sum"), ("squares", "sum"), ("tokens", "max")]
    summed = table.group_by(["group", "code"]).aggregate(figures)
    order = ["group", "code", "count_all", "tokens_sum", "squares_sum", "tokens_max"]
    summed = (
        summed.select(order).rename_columns(GROUP_WEIGHT.names).sort_by([("group", "ascending"), ("code", "ascending")])
    )
    with UnitWriter(task.storage, spec, task.corpus.key) as unit:
        unit.write(summed)
    return task.corpus.rows


def groups_of(columns: pa.Table | pa.RecordBatch, mix: Mix) -> Any:
    """The group of every document: its source or language, or both as `source/language`."""
    if mix.language_temperature is not None:
        source, language = (columns.column(name).cast(pa.large_string()) for name in ("source", "language"))
        return pc.binary_join_element_wise(
            source, pc.fill_null(language, UNKNOWN_GROUP), pa.scalar("/", pa.large_string())
        )
    return pc.fill_null(columns.column(mix.by).cast(pa.large_string()), UNKNOWN_GROUP)


def weight_codes(task: MixTask, columns: pa.Table) -> np.ndarray:
    """The code of every document's weight, all of a part's documents in order; see mix.targets.weight_of."""
    upweight = task.mix.upweight
    if upweight is None:
        return np.zeros(columns.num_rows, np.int64)
    values = columns.column(CLUSTER_SIZE)
    if task.signal is not None:
        kept = read_part(task.storage, task.decisions, ["kept"]).column("kept")
        values = read_part(task.storage, task.signal, [upweight.by]).column(upweight.by).filter(kept)
    return codes_of(values.cast(pa.float64()).to_numpy(), upweight)


def codes_of(values: np.ndarray, upweight: Upweight) -> np.ndarray:
    """Codes of the weights of these values; NaN (null) weighs 1, what is not above 0 weighs `least`."""
    positive = values > 0
    # in logarithms, as a power may be out of a float's range
    logs = np.log2(values, where=positive, out=np.zeros(len(values))) * upweight.power
    low, high = np.log2(upweight.min_weight), np.log2(upweight.max_weight)
    logs = np.where(positive, np.clip(logs, low, high), low)
    logs[np.isnan(values)] = 0.0
    codes: np.ndarray = np.rint(logs * CODES_PER_DOUBLING).astype(np.int64)
    return codes


@dataclass(frozen=True)
class _Weighed:
    """The documents of a part: group names, the group of each, its weight, its draw, its tokens."""

    names: list[str]
    groups: np.ndarray
    weights: np.ndarray
    draws: np.ndarray
    tokens: np.ndarray

    def of_group(self, values: Mapping[str, float]) -> np.ndarray:
        """The value of each document's group; 0 where there is none."""
        table = np.array([values.get(name, 0.0) for name in self.names])
        return table[self.groups] if len(table) else np.zeros(0)

    def sums(self, tokens: np.ndarray) -> dict[str, int]:
        """Tokens by group, of a number for each document."""
        sums = np.zeros(len(self.names), np.int64)
        np.add.at(sums, self.groups, tokens)
        return dict(zip(self.names, sums.tolist(), strict=True))


def _weighed(task: MixTask) -> _Weighed:
    columns = read_part(task.storage, task.corpus, ["doc_id", "source", "language", "tokens", CLUSTER_SIZE])
    encoded = groups_of(columns, task.mix).combine_chunks().dictionary_encode()
    return _Weighed(
        encoded.dictionary.to_pylist(),
        encoded.indices.to_numpy(),
        2.0 ** (weight_codes(task, columns) / CODES_PER_DOUBLING),
        unit_draws(columns.column("doc_id"), task.seed),
        columns.column("tokens").to_numpy(),
    )


def list_border(task: MixTask) -> int:
    """The copies of one part that enter in the windows; facts: tokens of those that enter before, by group."""
    spec = layout.MIX_BORDER.of(task.folder)
    found = _weighed(task)
    low = found.of_group({name: window.low for name, window in task.windows.items()})
    high = found.of_group({name: window.high for name, window in task.windows.items()})
    before, document, scales = copies_entering(found.weights, found.draws, low, high, task.max_copies)
    names = pa.array(found.names, pa.large_string())
    batch = pa.record_batch(
        [names.take(pa.array(found.groups[document])), pa.array(scales), pa.array(found.tokens[document])],
        schema=ENTERING_COPY,
    )
    with UnitWriter(task.storage, spec, task.corpus.key) as unit:
        if batch.num_rows:
            unit.write(batch.sort_by([("group", "ascending"), ("scale", "ascending")]))
        unit.facts = {"below": found.sums(before * found.tokens)}
    return task.corpus.rows


def copies_of(rates: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """How often each document is used: the whole part of its rate, and once more where its draw is below the fraction."""
    whole = np.floor(rates)
    copies: np.ndarray = (whole + (draws < rates - whole)).astype(np.int64)
    return copies


def write_part(task: MixTask) -> int:
    """The documents of one part that are used, with their copies."""
    spec = mixed_spec(task.kind).of(task.folder)
    found = _weighed(task)
    assert task.drawn is not None
    copies = copies_of(np.minimum(found.of_group(task.drawn.scales) * found.weights, task.max_copies), found.draws)
    for name, extra in task.drawn.extra.items():
        mine = np.flatnonzero(found.groups == found.names.index(name)) if name in found.names else np.zeros(0, np.int64)
        copies[mine] += extra_copies(copies[mine], found.weights[mine], found.draws[mine], extra)
    drawn = found.sums(copies * found.tokens)

    def used(batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        mine = pa.array(copies[row : row + batch.num_rows])
        return batch.append_column("copies", mine).filter(pc.greater(mine, 0))

    map_part(task.storage, spec, task.corpus, used, facts={"drawn": drawn})
    return task.corpus.text_bytes
