"""The items of evaluation sets and their index: read once, written once, mapped into memory by every process.

Out: `contamination/items` and `contamination/index/`, one .npy file for each array.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.filters.decontamination.index import ARRAY_NAMES, Index, build_index, index_of, write_array
from gristmill.filters.decontamination.overlap import weigh
from gristmill.filters.dedup.content_key import chosen_normalisation
from gristmill.pipelines.decontamination.eval_sets import Items, read_sets, sets_fingerprint
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.stages import Stage
from gristmill.pipelines.run.units import UnitWriter
from gristmill.pipelines.sources.readers.split import Split
from gristmill.schemas import layout
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.decontamination import Decontaminate
from gristmill.schemas.rows.decontamination import EVAL_ITEM

EXCERPT_CHARACTERS = 300
MAPPED_BYTES = 1 << 20  # smaller arrays are read


def index_items(
    storage: Storage, options: Decontaminate, splits_of_sets: Mapping[str, list[Split]], console: Console
) -> DatasetManifest:
    """Bring the items and their index up to date."""
    config = {
        "measurement": options.measurement,
        "sets": [one.model_dump(mode="json", exclude={"path"}) for one in options.sets],
    }
    stage = Stage(storage, layout.EVALUATION_ITEMS, config, {"sets": sets_fingerprint(dict(splits_of_sets))})

    def work() -> dict[str, Any]:
        items = read_sets(options, dict(splits_of_sets))
        index = build_index(
            items.passages,
            items.passage_item,
            items.set_number,
            n=options.ngrams[0],
            min_words=options.min_words,
            max_items=options.max_items,
            normalisation=chosen_normalisation(options.normalise),
        )
        for name, array in index.arrays.items():
            with storage.open(f"{layout.EVALUATION_INDEX}/{name}.npy", "wb") as file:
                write_array(file, array)
        _write_items(storage, options, items, index)
        console.log(
            f"evaluation sets: {len(items.names):,} items, {len(index.hashes):,} different n-grams; "
            f"index of {index.nbytes / 1e6:.1f} MB"
        )
        return {"n": index.n, "index_bytes": index.nbytes}

    return stage.run(work, console.log)


def _write_items(storage: Storage, options: Decontaminate, items: Items, index: Index) -> None:
    weights = weigh(index, options.ngrams, np.zeros(len(index.hashes), np.int64), len(items.names))
    words = np.bincount(items.passage_item, weights=np.diff(index.passage_edges), minlength=len(items.names)).astype(
        np.int64
    )
    first = np.searchsorted(items.passage_item, np.arange(len(items.names)))
    has_text = np.isin(np.arange(len(items.names)), items.passage_item)
    texts = items.passages.take(pa.array(first, mask=~has_text)).fill_null("")
    lengths = pa.array(np.arange(len(items.names) + 1, dtype=np.int64) * len(options.ngrams))
    batch = pa.record_batch(
        [
            pa.array(np.arange(len(items.names))),
            pa.array([options.sets[number].name for number in items.set_number], pa.large_string()),
            pa.array(items.names, pa.large_string()),
            pa.array(words),
            pa.LargeListArray.from_arrays(lengths, pa.array(weights.counts.T.ravel())),
            pc.utf8_slice_codeunits(texts, 0, EXCERPT_CHARACTERS),
        ],
        schema=EVAL_ITEM,
    )
    with UnitWriter(storage, layout.EVALUATION_ITEMS, "items") as unit:
        unit.write(batch)


def load_index(storage: Storage, items: DatasetManifest) -> Index:
    """The index of a finished stage, loaded once by a process."""
    return _load(storage.url, items.stage_key, int(items.facts["n"]))


@lru_cache(maxsize=2)
def _load(url: str, stage_key: str, n: int) -> Index:
    storage = Storage(url)
    return index_of(n, {name: _array(storage, f"{layout.EVALUATION_INDEX}/{name}.npy") for name in ARRAY_NAMES})


def _array(storage: Storage, path: str) -> np.ndarray:
    """Mapped copy-on-write, so that kernels see one kind of array; read where it is small or not on this machine."""
    if storage.is_local and storage.size(path) >= MAPPED_BYTES:
        return np.asarray(np.load(storage.path(path), mmap_mode="c", allow_pickle=False))
    with storage.open(path) as file:
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
        return array
