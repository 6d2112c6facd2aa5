"""Matches of every document with every evaluation set, and how many different contents hold each n-gram.

In: documents/, the index. Out: `contamination/matches`, `contamination/grams` (n-gram, content), a unit for each part of
the documents, and `contamination/counts`. One pass over the text.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.decontamination.index import Index
from gristmill.filters.decontamination.match import Matches, find_matches
from gristmill.filters.dedup.content_key import chosen_normalisation
from gristmill.filters.transforms.versions import checked_version, columns_of, version_texts
from gristmill.kernels.compile import kernel
from gristmill.pipelines.decontamination.items import load_index
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import NumberedPart
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import iterate_part, read_part, split_by_bytes
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.decontamination import Decontaminate
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.decontamination import (
    GRAM_CONTENT,
    GRAM_COUNT,
    MATCH,
)
from gristmill.schemas.rows.kind import RowKind
from gristmill.schemas.rows.registry import row_kind

CHUNK_BYTES = 8 << 20  # text handled at once, unless one document is larger
IN_MEMORY_ROWS = 2_000_000  # pairs of n-gram and content that are counted without a shuffle


def match_documents(
    context: RunContext,
    options: Decontaminate,
    items: DatasetManifest,
) -> tuple[DatasetManifest, DatasetManifest]:
    """Bring matches and counts up to date."""
    inputs = {"documents": layout_fingerprint(context.documents), "items": items.stage_key}
    matches, grams = (
        context.stage(layout.MATCHES, {}, inputs),
        context.stage(layout.MATCHED_GRAMS, {}, inputs),
    )
    if grams.manifest is None:
        matches.manifest = None

    def work() -> dict[str, Any]:
        context.need_texts("documents must be compared with evaluation sets")
        grams.start()
        context.run_units(
            partial(match_part, context.storage, items, options, context.recipe.rows),
            context.numbered_documents(),
            *((layout.MATCHED_GRAMS, _key), (layout.MATCHES, _key)),
            label="compare with evaluation sets",
            amount=lambda documents: documents.part.text_bytes,
            of="bytes",
        )
        grams.finish({})
        return {}

    found = matches.run(work, context.console.log)
    assert grams.manifest is not None
    counted = grams.manifest
    counts = context.stage(layout.GRAM_COUNTS, {}, {"grams": counted.digest, "items": items.stage_key})
    return found, counts.run(lambda: _count(context, counted), context.console.log)


def compared_version(options: Decontaminate, kind: RowKind) -> str:
    """The text version that rows of this kind are compared by; RecipeError where they have no such."""
    return checked_version(options.view or ORIGINAL, kind, "decontaminate.view")


def _key(documents: NumberedPart) -> str:
    return documents.key


def match_part(
    storage: Storage, items: DatasetManifest, options: Decontaminate, rows_kind: str, documents: NumberedPart
) -> int:
    """Matches of one part, and which n-grams its contents hold."""
    index = load_index(storage, items)
    normalisation = chosen_normalisation(options.normalise)
    kind = row_kind(rows_kind)
    version = compared_version(options, kind)
    pairs: list[pa.Table] = []
    first = 0
    with (
        UnitWriter(storage, layout.MATCHES, documents.key) as unit,
        UnitWriter(storage, layout.MATCHED_GRAMS, documents.key) as grams,
    ):
        for batch in iterate_part(storage, documents.part, ["doc_id", "content_hash", *columns_of(version)]):
            places = pa.array(np.arange(first, first + batch.num_rows))
            first += batch.num_rows
            for piece in split_by_bytes(batch.append_column("row", places), CHUNK_BYTES):
                matches = find_matches(version_texts(piece, version, kind), index, normalisation)
                if len(matches.rows):
                    unit.write(_match_rows(piece, matches, documents.number))
                    pairs.append(_gram_rows(piece, matches, index))
        if pairs:
            unique = pa.concat_tables(pairs).group_by(GRAM_CONTENT.names).aggregate([])
            grams.write(unique.sort_by([(name, "ascending") for name in GRAM_CONTENT.names]))
    return documents.part.text_bytes


def _match_rows(batch: pa.RecordBatch, matches: Matches, number: int) -> pa.RecordBatch:
    rows = pa.array(matches.rows)
    columns = [batch.column("doc_id").take(rows), pa.array(np.full(len(rows), number, np.int64))]
    columns += [batch.column("row").take(rows), *(pa.array(column) for column in matches[1:])]
    return pa.record_batch(columns, schema=MATCH)


@kernel
def _grams_of(passages, places, words, grams, passage_edges, n, which, out):  # type: ignore[no-untyped-def]
    at = 0
    for m in range(len(passages)):
        first = passage_edges[passages[m]]
        size = min(n, passage_edges[passages[m] + 1] - first)
        for k in range(places[m], places[m] + words[m] - size + 1):
            which[at], out[at] = m, grams[first + k]
            at += 1
    return at


def _gram_rows(batch: pa.RecordBatch, matches: Matches, index: Index) -> pa.Table:
    """(n-gram, content) of every n-gram in the matches."""
    most = int(matches.words.sum())
    which, grams = np.empty(most, np.int64), np.empty(most, np.int64)
    count = _grams_of(
        matches.passages, matches.places, matches.words, index.grams, index.passage_edges, index.n, which, grams
    )
    contents = batch.column("content_hash").take(pa.array(matches.rows[which[:count]]))
    table = pa.table([pa.array(grams[:count]), contents.cast(pa.large_string())], schema=GRAM_CONTENT)
    return table.group_by(GRAM_CONTENT.names).aggregate([])


def _count(context: RunContext, grams: DatasetManifest) -> dict[str, Any]:
    """For each n-gram that occurs, the different contents that hold it; as many rows as the sets have n-grams at most."""
    with UnitWriter(context.storage, layout.GRAM_COUNTS, "counts") as unit:
        unit.write(count_contents(context.storage, context.engine, [part for part in grams.parts if part.rows]))
    return {}


def count_contents(
    storage: Storage, engine: Engine, parts: Sequence[Part], in_memory_rows: int = IN_MEMORY_ROWS
) -> pa.Table:
    """GRAM_COUNT rows in order of n-grams; in memory where there is little to count, else by a shuffle: the same rows."""
    if not parts:
        return GRAM_COUNT.empty_table()
    if sum(part.rows for part in parts) <= in_memory_rows:
        pairs = pa.concat_tables([read_part(storage, part, GRAM_CONTENT.names) for part in parts])
        counted = pairs.group_by(GRAM_CONTENT.names).aggregate([]).group_by("gram").aggregate([([], "count_all")])
    else:
        frame = engine.read([storage.address(part.path) for part in parts], GRAM_CONTENT.names)
        counted = frame.distinct().groupBy("gram").count().toArrow()
    counted = counted.select([0, 1]).rename_columns(GRAM_COUNT.names).cast(GRAM_COUNT)
    return counted.sort_by("gram").combine_chunks()


def content_counts(storage: Storage, counts: DatasetManifest, grams: int) -> np.ndarray:
    """For every n-gram of the index, the different contents that hold it."""
    found = np.zeros(grams, np.int64)
    for part in counts.parts:
        table = read_part(storage, part, GRAM_COUNT.names)
        found[table.column("gram").to_numpy()] = table.column("contents").to_numpy()
    return found
