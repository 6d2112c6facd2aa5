"""The step of embeddings: a vector for each row, from hashed words, a static model or an encoder.

In: documents/. Out: `embeddings/vectors`, aligned with documents/. Cost of `hashed`: two passes over the text; the first
counts in how many rows each of 2^20 buckets occurs (whole numbers, so that any partitioning gives the same).
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.embedding.hashed import BUCKETS, document_counts, hashed_vectors, inverse_frequencies
from gristmill.filters.embedding.static import is_static, static_model, static_vectors
from gristmill.filters.transforms.registry import text_version_key
from gristmill.filters.transforms.versions import checked_version, columns_of, version_texts
from gristmill.pipelines.engine.pool import ERROR_COLUMN, shared_pool
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_each, read_part
from gristmill.pipelines.run.model_files import with_file_hashes
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.step import Finding, Step
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.errors import ModelError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.curate import HASHED, Embed
from gristmill.schemas.rows.embedding import EMBEDDING, FEATURE_COUNT
from gristmill.schemas.rows.kind import RowKind
from gristmill.schemas.rows.registry import row_kind

ENCODER = "gristmill.scorers.encoder:measure"  # run by worker processes, with torch
ENCODER_ROWS = 64


@dataclass(frozen=True)
class EmbedArguments:
    """What embedding a batch needs.

    version: the text that is read. counts: the merged counts of `hashed`; documents: how many rows were counted.
    """

    storage: Storage
    embed: Embed
    version: str
    kind: RowKind
    counts: Part | None = None
    documents: int = 0


class EmbedRows(Step):
    """A vector for each row."""

    name = "embed"
    phase = "measure"

    def check(self, recipe: Recipe) -> None:
        embed = recipe.embed
        if embed is None:
            return
        checked_version(embed.view, row_kind(recipe.rows), "embed.view")
        if embed.model != HASHED:
            check_model(embed.model)

    def kernels(self, context: RunContext) -> Sequence[str]:
        assert context.recipe.embed is not None
        return ("gristmill.pipelines.embed.step:warm",) if context.recipe.embed.model == HASHED else ()

    def datasets(self) -> Sequence[DatasetSpec]:
        return (layout.EMBEDDINGS, layout.FEATURE_COUNTS, layout.PART_FEATURE_COUNTS)

    def update(self, context: RunContext) -> None:
        embed = context.recipe.embed
        assert embed is not None
        kind = row_kind(context.recipe.rows)
        version = checked_version(embed.view, kind, "embed.view")
        config = {
            "view": text_version_key(version),
            **with_file_hashes({"model": embed.model}),
            "dimension": embed.dimension if embed.model == HASHED else None,
            "seed": embed.seed if embed.model == HASHED else None,
            "revision": 1,
        }
        inputs = {"documents": layout_fingerprint(context.documents)}
        stage = context.stage(layout.EMBEDDINGS, config, inputs, library_versions(embed))

        def work() -> dict[str, Any]:
            context.need_texts("vectors must be made")
            arguments = EmbedArguments(context.storage, embed, version, kind)
            if embed.model == HASHED:
                counts = self._counted(context, arguments, config, inputs)
                arguments = EmbedArguments(context.storage, embed, version, kind, counts, context.documents.rows)
            context.map_documents(stage, embed_batch, ["doc_id", *columns_of(version)], arguments, label="embed")
            return {}

        context.add(layout.EMBEDDINGS, stage.run(work, context.console.log))

    def _counted(
        self, context: RunContext, arguments: EmbedArguments, config: Mapping[str, Any], inputs: Mapping[str, str]
    ) -> Part:
        """The merged counts of features of all rows."""
        of_parts = context.stage(layout.PART_FEATURE_COUNTS, {"view": config["view"]}, inputs)
        if of_parts.manifest is None:
            of_parts.start()
            columns = ["doc_id", *columns_of(arguments.version)]
            context.map_documents(of_parts, count_batch, columns, arguments, label="count words")
            of_parts.finish({})
        assert of_parts.manifest is not None
        merged = context.stage(layout.FEATURE_COUNTS, {"view": config["view"]}, inputs)
        if merged.manifest is None:
            merged.start()
            counts = np.zeros(BUCKETS, np.int64)
            for table in read_each(context.storage, of_parts.manifest.parts, FEATURE_COUNT.names):
                np.add.at(counts, table.column("bucket").to_numpy(), table.column("documents").to_numpy())
            with UnitWriter(context.storage, merged.spec, "counts") as unit:
                unit.write(_count_rows(counts))
            merged.finish({})
        assert merged.manifest is not None
        return merged.manifest.parts[0]

    def report(self, run: Run) -> Mapping[str, Any] | None:
        manifest = run.find(layout.EMBEDDINGS)
        embed = run.recipe.embed
        if manifest is None or embed is None:
            return None
        return {"view": embed.view, "model": embed.model, "rows": manifest.rows}

    def examine(self) -> Iterator[Finding]:
        found = find_spec("faiss") is not None
        yield ("faiss: approximate neighbours" if found else "faiss is not installed: neighbours are exact only"), False


def library_versions(embed: Embed) -> dict[str, str]:
    """The libraries whose version can change a vector."""
    if embed.model == HASHED:
        return {"unicode": unicodedata.unidata_version}
    names = ("tokenizers",) if is_static(embed.model) else ("torch", "transformers", "tokenizers")
    return {name: version(name) for name in names}


def check_model(folder: str) -> None:
    """ModelError unless the folder holds a static embedding or an encoder that can be run here."""
    if not Path(folder).is_dir():
        raise ModelError(
            f"no model at {folder!r}",
            where="embed.model",
            expected=f"`{HASHED}`, the folder of a model2vec model or of a Hugging Face encoder",
        )
    if is_static(folder):
        static_model(folder)
        return
    if not (Path(folder) / "config.json").is_file() or not list(Path(folder).glob("*.safetensors")):
        raise ModelError(
            "neither a static embedding nor an encoder",
            where=folder,
            expected="model.safetensors, tokenizer.json and, for an encoder, config.json with an architecture",
        )
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise ModelError(
            "torch and transformers are not installed",
            where="embed.model",
            next_step='`pip install "gristmill[train]"`',
        )


def _count_rows(counts: np.ndarray) -> pa.RecordBatch:
    buckets = np.flatnonzero(counts)
    return pa.RecordBatch.from_arrays([pa.array(buckets), pa.array(counts[buckets])], schema=FEATURE_COUNT)


def count_batch(batch: pa.RecordBatch, arguments: EmbedArguments) -> pa.RecordBatch:
    """In how many rows of a batch each bucket occurs."""
    return _count_rows(document_counts(version_texts(batch, arguments.version, arguments.kind)))


def embed_batch(batch: pa.RecordBatch, arguments: EmbedArguments) -> pa.RecordBatch:
    """Vectors of a batch; null where the view has no text, or the model nothing to say of it."""
    embed = arguments.embed
    texts = version_texts(batch, arguments.version, arguments.kind)
    if embed.model == HASHED:
        assert arguments.counts is not None
        idf = _inverse_frequencies(
            arguments.storage, arguments.counts.path, arguments.counts.digest, arguments.documents
        )
        vectors = _as_lists(*hashed_vectors(texts, idf, embed.dimension, embed.seed))
    elif is_static(embed.model):
        vectors = _as_lists(*static_vectors(texts, embed.model))
    else:
        vectors = _encoded(texts, embed.model)
    return pa.RecordBatch.from_arrays([batch.column("doc_id"), vectors], schema=EMBEDDING)


@lru_cache(maxsize=2)
def _inverse_frequencies(storage: Storage, path: str, digest: str, documents: int) -> np.ndarray:
    table = read_part(storage, Part(key="counts", path=path, rows=0, bytes=0, digest=digest), FEATURE_COUNT.names)
    counts = np.zeros(BUCKETS, np.int64)
    counts[table.column("bucket").to_numpy()] = table.column("documents").to_numpy()
    return inverse_frequencies(counts, documents)


def _as_lists(vectors: np.ndarray, defined: np.ndarray) -> pa.Array:
    """large_list<float> (rows,), null where not defined."""
    rows, dimension = vectors.shape
    offsets = np.zeros(rows + 1, np.int64)
    np.cumsum(np.where(defined, dimension, 0), out=offsets[1:])
    mask = None if defined.all() else pa.array(~defined)
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(vectors[defined].reshape(-1)), mask=mask)


def _encoded(texts: pa.Array, folder: str) -> pa.Array:
    """Vectors by an encoder in worker processes; a text that it fails on has none, and the build goes on."""
    schema = pa.schema([EMBEDDING.field("vector")])
    batch = pa.record_batch({"text": texts})
    answers = [
        shared_pool().run(ENCODER, {"model": folder}, batch.slice(first, ENCODER_ROWS), schema)
        for first in range(0, batch.num_rows, ENCODER_ROWS)
    ]
    if not answers:
        return pa.array([], EMBEDDING.field("vector").type)
    assert ERROR_COLUMN in answers[0].schema.names
    return pa.concat_arrays([answer.column("vector") for answer in answers])


def warm(texts: pa.Array) -> None:
    """Compile what embedding by hashed words runs."""
    hashed_vectors(texts, inverse_frequencies(document_counts(texts), len(texts)), 16, 1)
