"""The survivors of one part as the text the corpus is written as, before or after earlier cuts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.transforms.apply import apply_edits, compose
from gristmill.filters.transforms.edit_arrays import no_edits
from gristmill.filters.transforms.moved import moved
from gristmill.kernels.buffers import string_buffers
from gristmill.pipelines.decide.passed import passed_rules
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.text_versions import ORIGINALS, TextVersions
from gristmill.pipelines.run.dataset import iterate_part, read_part, split_by_bytes
from gristmill.schemas.errors import RunError
from gristmill.schemas.manifest import Part
from gristmill.schemas.recipe.cuts import Substrings
from gristmill.schemas.rows.cuts import CUT

CHUNK_BYTES = 8 << 20  # text handled at once, unless one document is larger
REASONS = {"contamination": "contamination", "lines": "duplicate_line", "substrings": "duplicate_substring"}
DATATROVE = "datatrove"
ON_ORIGINAL = (DATATROVE, "contamination")  # kinds of changes measured on the original text: made before its version is


@dataclass(frozen=True)
class Survivors:
    """The documents of one part that passed the rules. cuts: earlier cuts of them, kind -> part, in the order made."""

    storage: Storage
    number: int
    documents: Part
    decisions: Part
    versions: TextVersions
    cuts: Mapping[str, Part]


class SurvivorTexts(NamedTuple):
    """Some survivors: rows int64, growing; doc_ids, texts: large_string."""

    rows: np.ndarray
    doc_ids: pa.Array
    texts: pa.Array


class PartEdits(Protocol):
    """Changes of one kind in one part of the documents: EDITS by rows, and the rows dropped for them."""

    kind: str
    dropped: np.ndarray

    def edits(self, rows: np.ndarray) -> pa.Array: ...


class DatatroveEdits:
    """What datatrove's steps change in one part of the documents."""

    def __init__(self, storage: Storage, part: Part) -> None:
        self.kind, self.dropped = DATATROVE, np.zeros(0, np.int64)
        self._edits = read_part(storage, part, ["edits"]).column(0).combine_chunks()

    def edits(self, rows: np.ndarray) -> pa.Array:
        """EDITS of the documents at `rows`."""
        return self._edits.take(pa.array(rows))


def part_edits(storage: Storage, kind: str, part: Part) -> PartEdits:
    """The changes of one kind in one part."""
    return DatatroveEdits(storage, part) if kind == DATATROVE else PartCuts(storage, kind, part)


class PartCuts:
    """The cuts of one kind in one part of the documents."""

    def __init__(self, storage: Storage, kind: str, part: Part) -> None:
        table = read_part(storage, part, CUT.names).sort_by("row").combine_chunks()
        outcome = table.column("outcome")
        self.kind = kind
        self.dropped = table.column("row").to_numpy()[_mask(pc.equal(outcome, "dropped"))]
        self._cut = table.filter(pc.equal(outcome, "cut")).combine_chunks()
        self._rows = self._cut.column("row").to_numpy()

    def edits(self, rows: np.ndarray) -> pa.Array:
        """EDITS of the documents at `rows`; empty for those that are not cut."""
        from gristmill.filters.dedup.cuts import deletions

        at = np.searchsorted(self._rows, rows)
        at[at == len(self._rows)] = 0
        found = self._rows[at] == rows if len(self._rows) else np.zeros(len(rows), bool)
        chosen = self._cut.take(pa.array(at[found]))
        lists = [chosen.column(name).combine_chunks() for name in ("starts", "ends", "blanks")]
        counts = np.zeros(len(rows), np.int64)
        counts[found] = pc.list_value_length(lists[0]).to_numpy(zero_copy_only=False)
        starts, ends, blanks = (one.flatten().to_numpy(zero_copy_only=False) for one in lists)
        return deletions(counts, starts, ends, blanks.astype(bool), REASONS[self.kind])


def survivor_texts(of: Survivors, only: np.ndarray | None = None) -> Iterator[SurvivorTexts]:
    """The survivors' texts in chunks, in row order. only: rows to restrict them to.

    RunError when texts were removed from documents/.
    """
    wanted = passed_rules(read_part(of.storage, of.decisions, ["failed_rules"]))
    if only is not None:
        chosen = np.zeros(len(wanted), bool)
        chosen[only] = True
        wanted &= chosen
    cuts = [part_edits(of.storage, kind, part) for kind, part in of.cuts.items()]
    for cut in cuts:
        wanted[cut.dropped] = False
    first = 0
    for batch in iterate_part(of.storage, of.documents, ["doc_id", "text", "source"]) if wanted.any() else ():
        rows = first + np.flatnonzero(wanted[first : first + batch.num_rows])
        found = batch.take(pa.array(rows - first)).append_column("row", pa.array(rows))
        first += batch.num_rows
        if found.column("text").null_count:
            raise RunError(
                "documents/ no longer holds every kept text (keep_text was not `all`)",
                where=of.documents.path,
                expected="the text of every kept document",
                next_step="set keep_text: all and build again",
            )
        for piece in split_by_bytes(found, CHUNK_BYTES):
            rows = piece.column("row").to_numpy()
            yield SurvivorTexts(
                rows,
                piece.column("doc_id"),
                edited_texts(piece.column("text"), piece.column("source"), rows, of.versions, cuts)[0],
            )


def edited_texts(
    texts: pa.Array, sources: pa.Array, rows: np.ndarray, versions: TextVersions, cuts: Sequence[PartEdits]
) -> tuple[pa.Array, pa.Array]:
    """(texts of their versions with their cuts, edits that make them) of the original texts at `rows` of a part.

    Cuts are made in the order given, those on the original text before the version's own edits.
    """
    edits = no_edits(len(texts))
    for cut in cuts:
        if cut.kind in ON_ORIGINAL:
            texts, edits = followed_by(texts, edits, moved(cut.edits(rows), edits))
    if versions != ORIGINALS:
        edited, step = versions.apply(texts, sources)
        texts, edits = edited, compose(edits, step) if len(edits.values) else step
    for cut in cuts:
        if cut.kind not in ON_ORIGINAL:
            texts, edits = followed_by(texts, edits, cut.edits(rows))
    return texts, edits


def followed_by(texts: pa.Array, edits: pa.Array, step: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The texts after `step`, and the edits that make them of what `edits` began with."""
    if len(step.values) == 0:
        return texts, edits
    return apply_edits(texts, step), compose(edits, step)


def unit_buffers(texts: pa.Array, options: Substrings) -> tuple[np.ndarray, np.ndarray]:
    """(data uint8, offsets int64) of texts as windows are looked for in them: their bytes, or their token ids'."""
    from gristmill.filters.dedup.token_units import token_buffers

    if options.tokenizer is None:
        return string_buffers(texts)
    return token_buffers(texts, options.tokenizer)


def _mask(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    mask: np.ndarray = column.to_numpy(zero_copy_only=False)
    return mask.astype(bool)
