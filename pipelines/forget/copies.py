"""Verified copies of documents, under every policy and scope: equal content, and similarity above the recipe's limit.

Buckets would find a similar pair with the recall of their curve only; here each signature of the run is compared with
those of the few documents asked for, so that nothing depends on that luck, and what comes close is verified.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.dedup.jaccard import jaccard
from gristmill.filters.dedup.shingles import shingle_hashes
from gristmill.filters.transforms.versions import columns_of, version_texts
from gristmill.pipelines.dedup.near.options import compared_version, shingling_of
from gristmill.pipelines.dedup.near.signatures import signature_matrix
from gristmill.pipelines.inspect.report.samples import rows_of_part
from gristmill.pipelines.policy.compile import content_key_of
from gristmill.pipelines.run.by_part import part_number
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run
from gristmill.schemas import layout
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.rows.registry import row_kind

_DEVIATIONS = 5  # of the estimate below the limit: a pair at the limit is missed once in three million


@dataclass(frozen=True)
class ForgottenDocument:
    """A document of the run. how: `asked`, `exact` or `near`; similarity: to the document asked for that is nearest."""

    doc_id: str
    part: int
    row: int
    content_hash: str | None
    how: str
    similarity: float = 1.0


def documents_named(run: Run, doc_ids: Sequence[str]) -> dict[str, ForgottenDocument]:
    """The documents with those ids; ids that are not there are left out."""
    found = {}
    wanted = pa.array(sorted(set(doc_ids)), pa.large_string())
    for number, part in enumerate(run.documents.parts):
        table = read_part(run.storage, part, ["doc_id", "content_hash"])
        for row in pc.indices_nonzero(pc.is_in(table.column("doc_id"), value_set=wanted)).to_pylist():
            doc_id, content = (table.column(name)[row].as_py() for name in ("doc_id", "content_hash"))
            found[doc_id] = ForgottenDocument(doc_id, number, row, content, "asked")
    return found


def verified_copies(run: Run, asked: Sequence[ForgottenDocument]) -> list[ForgottenDocument]:
    """Every other document that is an exact copy of one of those, or similar to it as the recipe's `near` says."""
    found = {(one.part, one.row): one for one in _exact_copies(run, asked)}
    for one in _near_copies(run, asked):
        found.setdefault((one.part, one.row), one)
    for one in asked:
        found.pop((one.part, one.row), None)
    return sorted(found.values(), key=lambda one: (one.part, one.row))


def _exact_copies(run: Run, asked: Sequence[ForgottenDocument]) -> Iterator[ForgottenDocument]:
    """Equal text, or equal after the normalisation that the run measured."""
    hashes = pa.array(sorted({one.content_hash for one in asked if one.content_hash}), pa.large_string())
    content_key = content_key_of(run.recipe)
    measured = run.signals.get(content_key) if content_key else None
    keys: set[str] = set()
    if measured is not None:
        for one in asked:
            key = read_part(run.storage, measured.parts[one.part], ["content_key"]).column(0)[one.row].as_py()
            keys |= {key} if key else set()
    for number, part in enumerate(run.documents.parts):
        table = read_part(run.storage, part, ["doc_id", "content_hash"])
        same = pc.is_in(table.column("content_hash"), value_set=hashes)
        if keys and measured is not None:
            theirs = read_part(run.storage, measured.parts[number], ["content_key"]).column(0)
            same = pc.or_(same, pc.is_in(theirs, value_set=pa.array(sorted(keys), theirs.type)))
        for row in pc.indices_nonzero(same).to_pylist():
            doc_id, content = (table.column(name)[row].as_py() for name in ("doc_id", "content_hash"))
            yield ForgottenDocument(doc_id, number, row, content, "exact")


def _near_copies(run: Run, asked: Sequence[ForgottenDocument]) -> Iterator[ForgottenDocument]:
    """Documents whose signature comes close to one asked for, verified as the recipe says."""
    near = run.recipe.dedup.near
    if near is None:
        return
    ours = np.concatenate([np.zeros((0, near.permutations), np.uint32), *_signatures_of(run, asked)])
    wanted = [text for one in asked for text in _texts(run, near, one.part, [one.row]) if text is not None]
    spread = np.sqrt(near.similarity * (1 - near.similarity) / near.permutations)
    least = near.similarity if near.verify == "signature" else near.similarity - _DEVIATIONS * spread
    for part in run.dataset(layout.SIGNATURES.folder).parts:
        table = read_part(run.storage, part, ["row", "pieces", "signature"])
        theirs = signature_matrix(table, near.permutations)
        agreement = np.zeros(table.num_rows)
        for signature in ours:
            agreement = np.maximum(agreement, (theirs == signature).mean(axis=1))
        close = np.flatnonzero((agreement >= least) & (table.column("pieces").to_numpy() > 0))
        rows = table.column("row").to_numpy()[close]
        yield from _verified(run, near, wanted, part_number(part), rows.tolist(), agreement[close])


def _signatures_of(run: Run, asked: Sequence[ForgottenDocument]) -> Iterator[np.ndarray]:
    """Signatures of the documents asked for that have any."""
    near = run.recipe.dedup.near
    assert near is not None
    rows_of: dict[int, list[int]] = {}
    for one in asked:
        rows_of.setdefault(one.part, []).append(one.row)
    for part in run.dataset(layout.SIGNATURES.folder).parts:
        if rows := rows_of.get(part_number(part)):
            table = read_part(run.storage, part, ["row", "pieces", "signature"])
            mine = pc.and_(
                pc.is_in(table.column("row"), value_set=pa.array(rows)), pc.greater(table.column("pieces"), 0)
            )
            yield signature_matrix(table.filter(mine), near.permutations)


def _verified(
    run: Run, near: NearDedup, wanted: Sequence[str], number: int, rows: Sequence[int], estimate: np.ndarray
) -> Iterator[ForgottenDocument]:
    """Those rows of a part that are similar to a wanted text; by the estimate where texts are no longer stored."""
    if not rows:
        return
    known = rows_of_part(run.storage, run.documents.parts[number], rows, ["doc_id", "content_hash"])
    texts = _texts(run, near, number, rows)
    similarity = estimate
    if near.verify == "shingles" and wanted and None not in texts:
        hashed = shingle_hashes(pa.array([*wanted, *texts], pa.large_string()), shingling_of(near))
        left = np.tile(np.arange(len(wanted)), len(rows))
        right = len(wanted) + np.repeat(np.arange(len(rows)), len(wanted))
        similarity = jaccard(hashed.values, hashed.offsets, left, right).reshape(len(rows), -1).max(axis=1)
    for row, value in zip(rows, similarity.tolist(), strict=True):
        if value >= near.similarity:
            yield ForgottenDocument(known[row]["doc_id"], number, row, known[row]["content_hash"], "near", value)


def _texts(run: Run, near: NearDedup, part: int, rows: Sequence[int]) -> list[str | None]:
    """What of those rows is compared; None where it is no longer stored."""
    kind = row_kind(run.recipe.rows)
    version = compared_version(near, kind)
    table = read_part(run.storage, run.documents.parts[part], list(columns_of(version))).take(pa.array(rows))
    texts: list[str | None] = version_texts(table.combine_chunks().to_batches()[0], version, kind).to_pylist()
    return texts
