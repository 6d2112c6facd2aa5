"""The step of preference sets: signals that only the whole set gives, and its biases in the report.

In: documents/ (the keys of prompts and answers, once), signals of pairs. Out: `pairs/keys`, `signals/pair_cycles`,
`signals/label_noise`, all aligned with documents/. Memory: 24 bytes a pair for cycles, 8 bytes a pair and feature for label
noise, on the machine that drives the run. What is found depends on contents, ids and seed, not on parts or their order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.pairs.likeness import normalised
from gristmill.filters.pairs.whole_set import CYCLES, LABEL_NOISE
from gristmill.filters.transforms.views import view_texts
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure.families import signals_spec, write_signals
from gristmill.pipelines.preferences.cycles import pairs_in_cycles
from gristmill.pipelines.preferences.features import feature_names, feature_rows
from gristmill.pipelines.preferences.label_noise import cross_validated, noise_figures
from gristmill.pipelines.preferences.set_figures import set_figures
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.draws import draws_of, id_keys
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.step import Step
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.preferences import LabelNoise
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.document import QUARANTINED_STATUS
from gristmill.schemas.rows.pair import KIND
from gristmill.schemas.rows.preferences import PAIR_KEY
from xxhash import xxh3_64_intdigest

SIDES = ("prompt", "chosen", "rejected")


class DescribePreferences(Step):
    """Cycles, label noise and biases of preference pairs."""

    name = "preferences"
    phase = "measure"

    def check(self, recipe: Recipe) -> None:
        if recipe.preferences is not None and recipe.rows != KIND.name:
            raise RecipeError(
                f"the rows of the recipe are of the kind {recipe.rows}", where="preferences", expected="`rows: pair`"
            )

    def datasets(self) -> Sequence[DatasetSpec]:
        return (layout.PAIR_KEYS,)

    def update(self, context: RunContext) -> None:
        wanted = context.recipe.preferences
        if wanted is None:
            return
        keys = self._keys(context)
        if wanted.cycles:
            context.signals[CYCLES.name, ORIGINAL] = self._cycles(context, keys)
        if wanted.label_noise is not None:
            context.signals[LABEL_NOISE.name, ORIGINAL] = self._label_noise(context, keys, wanted.label_noise)

    def report(self, run: Run) -> Mapping[str, Any] | None:
        return set_figures(run)

    def _keys(self, context: RunContext) -> DatasetManifest:
        stage = context.stage(layout.PAIR_KEYS, {"revision": 1}, {"documents": layout_fingerprint(context.documents)})

        def work() -> dict[str, Any]:
            context.need_texts("prompts and answers must be compared")
            context.map_documents(stage, keys_of_batch, ["doc_id", "text", "pieces", "status"], label="pairs")
            return {}

        return context.add(layout.PAIR_KEYS, stage.run(work, context.console.log))

    def _cycles(self, context: RunContext, keys: DatasetManifest) -> DatasetManifest:
        spec = signals_spec(CYCLES.name, ORIGINAL)
        inputs = {"documents": layout_fingerprint(context.documents), "pairs/keys": layout_fingerprint(keys)}
        stage = context.stage(spec, {"revision": 1}, inputs)

        def work() -> dict[str, Any]:
            columns = _read_keys(context.storage, keys.parts)
            known = columns.known
            cyclic, counts = pairs_in_cycles(*(side[known] for side in columns.sides))
            values = [
                _column(columns.rows, known, cyclic, pa.bool_()),
                _column(columns.rows, known, counts, pa.int64()),
            ]
            _write(context.storage, spec, context.documents.parts, columns.ids, values)
            prompts = columns.sides[0][known]
            return {"pairs": int(cyclic.sum()), "prompts": len(np.unique(prompts[cyclic]))}

        return stage.run(work, context.console.log)

    def _label_noise(self, context: RunContext, keys: DatasetManifest, options: LabelNoise) -> DatasetManifest:
        spec = signals_spec(LABEL_NOISE.name, ORIGINAL)
        names = feature_names(context.signals)
        used = {f"signals/{family}@{version}": context.signals[family, version] for family, version in names.families}
        inputs = {name: layout_fingerprint(manifest) for name, manifest in used.items()}
        inputs |= {"documents": layout_fingerprint(context.documents), "pairs/keys": layout_fingerprint(keys)}
        stage = context.stage(spec, {**options.model_dump(), "features": list(names.shown), "revision": 1}, inputs)

        def work() -> dict[str, Any]:
            columns = _read_keys(context.storage, keys.parts)
            features = feature_rows(context.storage, context.signals, names, len(keys.parts))
            ids = pa.concat_arrays(columns.ids) if columns.ids else pa.array([], pa.large_string())
            found = _probabilities(ids, columns.sides[0], columns.known, features, options)
            values = [_column(columns.rows, columns.known, found[columns.known], pa.float64())]
            _write(context.storage, spec, context.documents.parts, columns.ids, values)
            figures = noise_figures(found[columns.known])
            return {} if figures is None else {"accuracy": figures.accuracy, "wrong": figures.wrong}

        return stage.run(work, context.console.log)


def keys_of_batch(batch: pa.RecordBatch, arguments: Any) -> pa.RecordBatch:
    """PAIR_KEY rows: hashes of prompt and answers without case and white space; null where one is missing."""
    quarantined = [status == QUARANTINED_STATUS for status in batch.column("status").to_pylist()]
    columns = [batch.column("doc_id")]
    for side in SIDES:
        texts = view_texts(batch.column("text"), batch.column("pieces"), KIND.views[side]).to_pylist()
        hashes = [
            None if text is None or out else xxh3_64_intdigest(normalised(text).encode()) - (1 << 63)
            for text, out in zip(texts, quarantined, strict=True)
        ]
        columns.append(pa.array(hashes, pa.int64()))
    return pa.RecordBatch.from_arrays(columns, schema=PAIR_KEY)


class _Keys:
    """Every row's keys. ids: of each part. rows: how many. sides: int64 (rows,) each; known: bool, none is missing."""

    def __init__(self, tables: Sequence[pa.Table]) -> None:
        self.ids = [table.column("doc_id").combine_chunks() for table in tables]
        self.rows = sum(map(len, self.ids))
        columns = [pa.chunked_array([c for t in tables for c in t.column(side).chunks], pa.int64()) for side in SIDES]
        self.sides = [column.fill_null(0).to_numpy() for column in columns]
        self.known = np.logical_and.reduce([column.is_valid().to_numpy() for column in columns])


def _read_keys(storage: Storage, parts: Sequence[Part]) -> _Keys:
    return _Keys([read_part(storage, part, PAIR_KEY.names) for part in parts])


def _probabilities(
    ids: pa.Array, prompts: np.ndarray, known: np.ndarray, features: np.ndarray, options: LabelNoise
) -> np.ndarray:
    """float64 (rows,): the probability of each label. Rows are put in the order of their ids before anything is added up."""
    keys = id_keys(ids)
    order = np.argsort(keys, kind="stable")
    order = order[known[order]]
    folds = (draws_of(prompts[order].view(np.uint64), options.seed) * options.folds).astype(np.int64)
    fitted = np.ones(len(order), bool)
    if len(order) > options.max_pairs:
        draws = draws_of(keys[order], options.seed + 1)
        fitted = draws < np.partition(draws, options.max_pairs)[options.max_pairs]
    found = np.full(len(ids), np.nan)
    found[order] = cross_validated(features[order], folds, fitted)
    return found


def _column(rows: int, known: np.ndarray, values: np.ndarray, kind: pa.DataType) -> pa.Array:
    """A column of all rows from the values of those that are known, null for the others."""
    places = np.full(rows, -1, np.int64)
    places[known] = np.arange(len(values))
    return pa.array(values).cast(kind).take(pa.array(places, mask=places < 0))


def _write(
    storage: Storage, spec: DatasetSpec, documents: Sequence[Part], ids: Sequence[pa.Array], columns: Sequence[pa.Array]
) -> None:
    """A unit for every part of the documents."""
    first = 0
    for part, own in zip(documents, ids, strict=True):
        arrays = [column.slice(first, len(own)) for column in columns]
        first += len(own)
        write_signals(storage, spec, part.key, own, arrays)
