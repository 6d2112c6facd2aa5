"""Measuring contamination: items and index, matches, counts, hits and signals; each redone only when it must be."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.filters.contamination.index import build_index
from gristmill.filters.contamination.match import find_matches
from gristmill.filters.contamination.overlap import held_by, weigh
from gristmill.filters.dedup.content_key import chosen_normalisation
from gristmill.pipelines.by_part import parts_by_number, read_rows
from gristmill.pipelines.decontaminate.hits import HITS, weigh_matches
from gristmill.pipelines.decontaminate.items import index_items
from gristmill.pipelines.decontaminate.matches import match_documents
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure import FamilyKey
from gristmill.pipelines.readers.split import Split
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.run import Run
from gristmill.schemas.decontamination import Decontaminate
from gristmill.schemas.manifest import DatasetManifest


def contamination(
    storage: Storage,
    engine: Engine,
    options: Decontaminate,
    planned: Mapping[str, list[Split]],
    documents: DatasetManifest,
    console: Console,
) -> dict[FamilyKey, DatasetManifest]:
    """Bring everything measured against evaluation sets up to date; returns the signals of every set."""
    items = index_items(storage, options, planned, console)
    matches, counts = match_documents(storage, engine, options, documents, items, console)
    return weigh_matches(storage, engine, options, documents, items, matches, counts, console)


def stored_hits(storage: Storage) -> DatasetManifest:
    """The hits of a finished run with evaluation sets."""
    manifest = read_manifest(storage, HITS.folder)
    assert manifest is not None
    return manifest


def document_hits(run: Run, number: int, row: int) -> tuple[dict[str, Any], ...]:
    """The HIT rows of the document at `row` of part `number`, the greatest overlap first."""
    if run.recipe.decontaminate is None:
        return ()
    rows = read_rows(run.storage, HITS, parts_by_number(stored_hits(run.storage)).get(number))
    found: list[dict[str, Any]] = rows.filter(pc.equal(rows.column("row"), row)).to_pylist()
    return tuple(sorted(found, key=lambda hit: (-hit["overlap"], -hit["longest"], hit["number"])))


def warm_contamination(texts: pa.Array) -> None:
    """Compile the kernels of the stages by running them on small texts."""
    options = chosen_normalisation(["case", "punctuation", "whitespace"])
    owner = np.arange(len(texts), dtype=np.int64)
    index = build_index(texts, owner, owner * 0, n=4, min_words=1, max_items=9, normalisation=options)
    found = find_matches(texts, index, options)
    groups = np.array([0, len(found.rows)], np.int64)
    held_by(groups, *found[1:4], index, weigh(index, (4, 6), np.zeros(len(index.hashes), np.int64), len(owner)))
