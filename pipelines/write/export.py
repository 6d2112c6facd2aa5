"""Exporting: the corpus of a selection as files that trainers and `datasets.load_dataset` take as they are.

In: `<selection>corpus`, decisions/. Out: a folder of `train-00000-of-00003.parquet` (or `.jsonl`) and, where asked for,
`validation-...`, one pair of files for each part of the corpus. The columns of a row are its kind's: `messages` and `tools`;
`prompt`, `chosen`, `rejected` and their scores; `prompt`, `answer` and `checker`; `text` of documents.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from gristmill.console import Console
from gristmill.filters.dedup.components import connected_components
from gristmill.filters.dedup.content_key import chosen_normalisation
from gristmill.filters.dedup.normalise import normalised_content_hash
from gristmill.filters.transforms.versions import columns_of, version_texts
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import iterate_part, read_part
from gristmill.pipelines.run.draws import draws_of, id_keys
from gristmill.pipelines.run.run import Run, open_run
from gristmill.schemas import layout
from gristmill.schemas.errors import InputError, RecipeError
from gristmill.schemas.manifest import Part
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.kind import RowKind
from gristmill.schemas.rows.registry import row_kind

Format = Literal["parquet", "jsonl"]
TRAIN, VALIDATION = "train", "validation"
_IGNORED = ("case", "whitespace", "punctuation")  # differences between prompts that are the same for a split
_OF_DOCUMENTS = ("doc_id", "source", "text", "url", "timestamp", "language", "metadata")
_OF_ROWS = ("doc_id", "source", "text", "pieces", "fields")


@dataclass(frozen=True)
class ExportedRows:
    """What was written: rows of each split, and the folder."""

    folder: str
    rows: Mapping[str, int]

    def __str__(self) -> str:
        return ", ".join(f"{count:,} rows of {split}" for split, count in self.rows.items()) + f": {self.folder}"


def export_rows(
    run: Run | str | Path,
    out: str | Path,
    *,
    format: Format = "parquet",
    validation_fraction: float = 0.0,
    seed: int = 0,
    fields: bool = False,
    console: Console | None = None,
) -> ExportedRows:
    """Write the corpus of a run or selection (`RUN:name`) into the folder or URL `out`, which must be empty or not there.

    validation_fraction: of the rows, about, that become the split `validation`. Rows with the same prompt (but for case,
    spaces and punctuation), or of one cluster of duplicates, are never in two splits. The split is a function of content
    and seed. fields: also the column `fields`, as JSON, with everything that a record held beside the columns.
    A column of objects (`tools`, `checker`) is JSON in a string, which trl reads. RecipeError for options that cannot
    be; InputError where messages hold values of different types under one name, which Parquet cannot, but `jsonl` can.
    """
    if format not in ("parquet", "jsonl"):
        raise RecipeError(f"format {format!r}", expected="parquet or jsonl")
    if not 0 <= validation_fraction < 1:
        raise RecipeError(f"a validation fraction of {validation_fraction}", expected="at least 0 and below 1")
    chosen = run if isinstance(run, Run) else open_run(run)
    target = Storage(str(out))
    with explained(target.url):
        if target.list(""):
            raise InputError(
                "the folder is not empty", where=target.url, expected="a new folder, so that no old file is among them"
            )
        corpus = chosen.selected(layout.CORPUS)
        kind = row_kind(chosen.recipe.rows)
        held_out = _held_out(chosen, kind, validation_fraction, seed)
        schema = None if format == "jsonl" or kind.is_document else _schema(chosen, kind, fields)
        splits = [TRAIN, *([VALIDATION] if validation_fraction else [])]
        written = dict.fromkeys(splits, 0)
        first = 0
        with (console or Console()).progress("export", corpus.rows, "rows") as advance:
            for number, part in enumerate(corpus.parts):
                mask = held_out[first : first + part.rows]
                first += part.rows
                names = {split: f"{split}-{number:05d}-of-{len(corpus.parts):05d}.{format}" for split in splits}
                for split in splits:
                    wanted = mask if split == VALIDATION else ~mask
                    rows = _table_rows(chosen.storage, part, kind, fields, wanted)
                    written[split] += _write(target, names[split], rows, schema, format)
                advance(part.rows)
    return ExportedRows(target.url, written)


def _table_rows(
    storage: Storage, part: Part, kind: RowKind, fields: bool, wanted: np.ndarray
) -> Iterator[list[dict[str, Any]]]:
    """The wanted rows of a part of the corpus as they are exported, batch by batch."""
    columns = _OF_DOCUMENTS if kind.is_document else _OF_ROWS
    first = 0
    for batch in iterate_part(storage, part, list(columns)):
        chosen = batch.filter(pa.array(wanted[first : first + batch.num_rows]))
        first += batch.num_rows
        rows = chosen.to_pylist()
        yield rows if kind.is_document else [_exported(row, kind, fields) for row in rows]


def _exported(row: Mapping[str, Any], kind: RowKind, fields: bool) -> dict[str, Any]:
    """One row with the columns of its kind."""
    record = kind.decode(row["text"], row["pieces"], json.loads(row["fields"]))
    found: dict[str, Any] = {"doc_id": row["doc_id"], "source": row["source"]}
    for name in (*kind.message_lists, *kind.texts, *kind.exported):
        value = record.pop(name, None)
        found[name] = _plain(value) if name in kind.exported else value
    return {**found, "fields": _json(record)} if fields else found


def _plain(value: Any) -> Any:
    return _json(value) if isinstance(value, list | dict) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _schema(run: Run, kind: RowKind, fields: bool) -> pa.Schema:
    """The columns of all rows: what any of them holds, in a first pass."""
    found: pa.Schema | None = None
    every = run.selected(layout.CORPUS)
    try:
        for part in every.parts:
            for rows in _table_rows(run.storage, part, kind, fields, np.ones(part.rows, bool)):
                mine = pa.Table.from_pylist(rows).schema if rows else None
                if mine is not None:
                    both = [mine] if found is None else [found, mine]
                    found = pa.unify_schemas(both, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(
            f"a column cannot hold values of different types: {str(error)[:200]}",
            where=run.storage.url,
            expected="one type for each name in a message",
            next_step="export with `--format jsonl`",
        ) from error
    return found or pa.schema([])


def _write(
    target: Storage, name: str, batches: Iterator[list[dict[str, Any]]], schema: pa.Schema | None, format: Format
) -> int:
    """Write one file, none without rows; returns its rows."""
    filled = (rows for rows in batches if rows)
    first = next(filled, None)
    if first is None:
        return 0
    written = 0
    with target.open(name, "wb") as file:
        if format == "jsonl":
            for rows in chain([first], filled):
                file.writelines(_without_nulls(row).encode() + b"\n" for row in rows)
                written += len(rows)
            return written
        table = pa.Table.from_pylist(first, schema=schema)
        with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
            for rows in chain([first], filled):
                writer.write_table(pa.Table.from_pylist(rows, schema=table.schema))
                written += len(rows)
    return written


def _without_nulls(row: Mapping[str, Any]) -> str:
    return json.dumps({key: value for key, value in row.items() if value is not None}, ensure_ascii=False)


def _held_out(run: Run, kind: RowKind, fraction: float, seed: int) -> np.ndarray:
    """For each row of the corpus, in order, whether it belongs to the validation split."""
    corpus = run.selected(layout.CORPUS)
    if not fraction:
        return np.zeros(corpus.rows, bool)
    version = "prompt" if "prompt" in kind.views else ORIGINAL
    normalisation = chosen_normalisation(_IGNORED)
    keys: list[np.ndarray] = []
    for part in corpus.parts:
        for batch in iterate_part(run.storage, part, ["doc_id", *columns_of(version)]):
            texts = version_texts(batch, version, kind)
            hashes = normalised_content_hash(texts, normalisation)
            hashes = pc.if_else(texts.is_null(), batch.column("doc_id"), hashes)  # alone, where there is no prompt
            keys.append(id_keys(hashes))
    prompts = np.concatenate(keys) if keys else np.zeros(0, np.uint64)
    together = [_links(prompts), _links(_clusters(run))]
    left, right = (np.concatenate([pair[side] for pair in together]) for side in (0, 1))
    groups = connected_components(left, right, corpus.rows)
    lowest = prompts.copy()  # of a group: a function of its content, not of where its rows lie
    np.minimum.at(lowest, groups, prompts)
    return draws_of(lowest[groups], seed) < fraction


def _clusters(run: Run) -> np.ndarray:
    """A number above 0 for the cluster of duplicates of each row of the corpus, 0 for none."""
    found = [pa.chunked_array([], pa.large_string())]
    for part in run.decisions.parts:
        table = read_part(run.storage, part, ["kept", "cluster"])
        found.append(table.filter(table.column("kept")).column("cluster"))
    names = pa.chunked_array([chunk for column in found for chunk in column.chunks], pa.large_string()).combine_chunks()
    codes: np.ndarray = pc.fill_null(pc.add(names.dictionary_encode().indices, 1), 0).to_numpy(zero_copy_only=False)
    return codes


def _links(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges between neighbours of equal keys in sorted order; key 0 links nothing."""
    order = np.argsort(keys, kind="stable")
    same = (keys[order][1:] == keys[order][:-1]) & (keys[order][1:] != 0)
    return order[:-1][same], order[1:][same]
