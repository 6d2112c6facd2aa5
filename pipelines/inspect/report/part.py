"""The report's reading of some parts of the documents: columns only, counted into a partial result.

In: documents/, signals/, decisions/, corpus/ and edits/ of the same parts. Out: one small JSON file for each pass.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.inspect.report.counts import DocumentWeights, Partial, encode, smallest
from gristmill.pipelines.inspect.report.domains import DOMAIN, count_buckets, count_domains
from gristmill.pipelines.inspect.report.sketch import Number, buckets, count_between, value_counts
from gristmill.pipelines.inspect.report.web_pages import count_page_types
from gristmill.pipelines.policy.compile import DOC_ID, CompiledPolicy
from gristmill.pipelines.policy.evaluate import PartColumns, applies, read_columns, signal_column
from gristmill.pipelines.policy.named_rule import NamedRule
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.draws import id_keys, shuffled
from gristmill.schemas.manifest import Part
from gristmill.schemas.rows.decision import BYTES_PER_TOKEN, EXACT_DUPLICATE_RULE, NEAR_DUPLICATE_RULE
from gristmill.schemas.rows.document import KEPT_STATUS
from gristmill.schemas.signals import FamilyKey

PICKS = 8  # documents remembered for every list of samples
UNKNOWN = "unknown"
DUPLICATE_PREFIX = "duplicate/"
BELOW_FLOOR = ("reader/", "unmeasured/", "floor/")
_DECIDED = ["kept", "failed_rules", "text_bytes", "tokens", "cluster", "cluster_size", "duplicate_of", "why"]


@dataclass(frozen=True)
class Aligned:
    """One part of the documents, its number, and the parts measured and written from it."""

    number: int
    documents: Part
    decisions: Part
    signals: Mapping[FamilyKey, Part]
    corpus: Part | None
    edits: Part | None


@dataclass(frozen=True)
class PartTask:
    """Parts that are counted together. edges: signal -> edges of its histogram; domain_buckets: see domains.py (both of the
    second pass)."""

    storage: Storage
    parts: tuple[Aligned, ...]
    wanted: Mapping[FamilyKey, list[str]]
    policy: CompiledPolicy
    tokens_measured: bool
    seed: int
    output: str
    edges: Mapping[str, Sequence[Number]]
    domain_buckets: frozenset[int] = frozenset()


@dataclass(frozen=True)
class DecidedParts:
    """The columns of a task's parts, one after the other, as arrays. starts: the first row of each part."""

    parts: Sequence[Aligned]
    starts: np.ndarray
    columns: PartColumns
    decisions: pa.Table

    def place(self, row: int) -> tuple[int, int]:
        """(part number, row within it)."""
        index = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.parts[index].number, row - int(self.starts[index])

    @cached_property
    def kept(self) -> np.ndarray:
        return _numpy(self.decisions.column("kept"))

    @cached_property
    def readable(self) -> np.ndarray:
        return _numpy(pc.equal(self.columns.documents.column("status"), KEPT_STATUS))

    @cached_property
    def weights(self) -> DocumentWeights:
        return DocumentWeights(_numpy(self.decisions.column("text_bytes")), _numpy(self.decisions.column("tokens")))

    @cached_property
    def keys(self) -> np.ndarray:
        return id_keys(self.columns.documents.column("doc_id"))

    @cached_property
    def failed(self) -> tuple[list[str], np.ndarray]:
        """(names of the rules that fail here, bool matrix (rules, documents)), names sorted."""
        lists = self.decisions.column("failed_rules").combine_chunks()
        codes, found = encode(pc.list_flatten(lists), UNKNOWN)
        names = sorted(found)
        order = np.array([names.index(name) for name in found], np.int64)
        matrix = np.zeros((len(names), len(lists)), bool)
        if len(codes):
            matrix[order[codes], pc.list_parent_indices(lists).to_numpy()] = True
        return names, matrix

    def failing(self, name: str) -> np.ndarray:
        """Which documents fail the rule of this name."""
        names, matrix = self.failed
        result: np.ndarray = matrix[names.index(name)] if name in names else np.zeros(len(self.kept), bool)
        return result


def load(task: PartTask, decision_columns: list[str]) -> DecidedParts:
    """Read the columns of a task's parts."""
    read = [read_columns(task.storage, part.documents, part.signals, task.wanted) for part in task.parts]
    columns = PartColumns(
        pa.concat_tables([one.documents for one in read]),
        {name: _concat([one.signals[name] for one in read]) for name in read[0].signals},
        {name: _concat([one.errors[name] for one in read]) for name in read[0].errors},
    )
    decisions = _concat_parts(task, [part.decisions for part in task.parts], decision_columns)
    starts = np.cumsum([0, *[one.rows for one in read[:-1]]])
    return DecidedParts(task.parts, starts, columns, decisions)


def _concat(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks], columns[0].type)


def _concat_parts(task: PartTask, parts: Sequence[Part], columns: list[str]) -> pa.Table:
    return pa.concat_tables([read_part(task.storage, part, columns) for part in parts])


def write_partial(task: PartTask, result: Partial) -> None:
    """A partial result needs no care against interruption: the whole report is collected again."""
    with task.storage.open(task.output, "wb") as file:
        file.write(json.dumps(result.to_json()).encode("ascii"))


def count_part(task: PartTask) -> int:
    """First pass: everything but the histograms. Returns the number of documents."""
    decided = load(task, _DECIDED)
    result = Partial()
    _count_funnel(task, decided, result)
    _count_rules(decided, result)
    _count_mixes(decided, result)
    metadata = _concat_parts(task, [part.documents for part in task.parts], ["metadata"]).column("metadata")
    result.counts["page_types"] = count_page_types(metadata, decided.weights.bytes, decided.kept)
    if DOMAIN in decided.columns.signals:
        result.counts["domain_buckets"] = count_buckets(decided.columns.signals[DOMAIN], decided.readable)
    _count_duplicates(decided, result)
    _count_edits(task, result)
    _pick_samples(task, decided, result)
    for name in sorted({named.rule.signal for named in (*task.policy.floor, *task.policy.rules)} - {DOC_ID}):
        _sketch_signal(decided, name, result)
    if any(reason != "None" for part in task.parts for reason in part.documents.rows_by):
        _count_quarantine(task, decided, result)
    write_partial(task, result)
    return decided.columns.rows


def count_details(task: PartTask) -> int:
    """Second pass: documents between the edges, apart for kept and dropped; those of the largest domains."""
    decided = load(task, ["kept", "text_bytes", "tokens"])
    counts: dict[str, Any] = {"histograms": {}}
    for name, edges in task.edges.items():
        column = signal_column(decided.columns, name)
        for side, mask in (("kept", decided.kept), ("dropped", decided.readable & ~decided.kept)):
            values = _numbers(column, mask)
            counts["histograms"].setdefault(name, {})[side] = count_between(values[~np.isnan(values)], edges)
    if DOMAIN in decided.columns.signals:
        domains = decided.columns.signals[DOMAIN]
        counts["domains"] = count_domains(domains, decided.weights, decided.readable, decided.kept, task.domain_buckets)
    write_partial(task, Partial(counts))
    return decided.columns.rows


def _numpy(column: Any) -> np.ndarray:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    result: np.ndarray = column.to_numpy(zero_copy_only=False)
    return result


def _numbers(column: Any, mask: np.ndarray) -> np.ndarray:
    """The defined values of a numeric column where `mask` holds, integers as integers."""
    return _numpy(column.filter(pa.array(mask)).drop_null())


def _count_funnel(task: PartTask, decided: DecidedParts, result: Partial) -> None:
    names, matrix = decided.failed
    weights = decided.weights

    def failing_none(rows: list[int]) -> np.ndarray:
        selected: np.ndarray = matrix[rows].sum(axis=0) == 0
        return selected

    below = [i for i, name in enumerate(names) if name.startswith(BELOW_FLOOR)]
    rules = [i for i, name in enumerate(names) if not name.startswith(DUPLICATE_PREFIX)]
    result.counts["funnel"] = {
        "documents": weights.sum(np.ones(len(decided.kept), bool)),
        "quarantined": weights.sum(~decided.readable),
        "above_floor": weights.sum(failing_none(below)),
        "passed": weights.sum(failing_none(rules)),
        "survivors": weights.sum(decided.kept),
    }
    corpus = [part.corpus for part in task.parts if part.corpus is not None]
    if corpus:
        written = _concat_parts(task, corpus, ["text_bytes", "tokens"])
        bytes_ = _numpy(written.column("text_bytes"))
        tokens = _numpy(written.column("tokens"))
        if not task.tokens_measured:
            tokens = (bytes_ + BYTES_PER_TOKEN - 1) // BYTES_PER_TOKEN
        result.counts["funnel"]["corpus"] = DocumentWeights(bytes_, tokens).sum(np.ones(len(bytes_), bool))


def _count_rules(decided: DecidedParts, result: Partial) -> None:
    names, matrix = decided.failed
    weights = decided.weights
    alone = matrix.sum(axis=0) == 1
    result.counts["rules"] = {
        name: {"failing": weights.sum(matrix[i]), "only": weights.sum(matrix[i] & alone)}
        for i, name in enumerate(names)
    }
    dropped = ~decided.kept
    packed = np.packbits(matrix.T, axis=1)
    combined = np.zeros((packed.shape[0], max(8, packed.shape[1])), np.uint8)
    combined[:, : packed.shape[1]] = packed
    words = combined.view(np.uint64 if combined.shape[1] == 8 else f"V{combined.shape[1]}").ravel()
    _, first, codes = np.unique(words, return_index=True, return_inverse=True)
    labels = ["\n".join(names[i] for i in np.flatnonzero(matrix[:, row])) for row in first.tolist()]
    result.counts["combinations"] = weights.by_code(codes, labels, dropped)


def _count_mixes(decided: DecidedParts, result: Partial) -> None:
    mixes = {"sources": decided.columns.documents.column("source")}
    if "language" in decided.columns.signals:
        mixes["languages"] = decided.columns.signals["language"]
    for mix, column in mixes.items():
        codes, names = encode(column, UNKNOWN)
        before = decided.weights.by_code(codes, names, decided.readable)
        after = decided.weights.by_code(codes, names, decided.kept)
        result.counts[mix] = {name: {"before": before.get(name, [0, 0, 0])} for name in before | after}
        for name, amount in after.items():
            result.counts[mix][name]["after"] = amount


def _count_duplicates(decided: DecidedParts, result: Partial) -> None:
    copies = _numpy(decided.decisions.column("duplicate_of").is_valid())
    sizes = _numpy(decided.decisions.column("cluster_size").fill_null(0))
    survivors = (sizes > 0) & ~copies
    found, counts = np.unique(sizes[survivors], return_counts=True)
    codes, names = encode(decided.decisions.column("why"), UNKNOWN)
    result.counts["clusters"] = {
        "sizes": {str(size): count for size, count in zip(found.tolist(), counts.tolist(), strict=True)},
        "removed": decided.weights.sum(copies),
        "why": {name: amount[0] for name, amount in decided.weights.by_code(codes, names, copies).items()},
    }
    exact, near = decided.failing(EXACT_DUPLICATE_RULE), decided.failing(NEAR_DUPLICATE_RULE)
    result.counts["near"] = {
        "exact_only": decided.weights.sum(exact & ~near),
        "near_only": decided.weights.sum(near & ~exact),
        "both": decided.weights.sum(exact & near),
    }
    ranks = -sizes
    result.picks["clusters"] = _picked(decided, survivors, ranks, None)


def _count_edits(task: PartTask, result: Partial) -> None:
    parts = [part.edits for part in task.parts if part.edits is not None]
    if not parts:
        return
    lists = _concat_parts(task, parts, ["edits"]).column("edits").combine_chunks()
    edits = pc.list_flatten(lists)
    codes, names = encode(edits.field("reason"), UNKNOWN)
    removed = _numpy(pc.subtract(edits.field("end"), edits.field("start")))
    added = _numpy(pc.binary_length(edits.field("replacement"))).astype(np.int64)
    parents = _numpy(pc.list_parent_indices(lists)).astype(np.int64)
    counts: dict[str, list[int]] = {}
    for code, name in enumerate(names):
        mask = codes == code
        documents = len(np.unique(parents[mask]))
        counts[name] = [documents, int(mask.sum()), int(removed[mask].sum()), int(added[mask].sum())]
    result.counts["edits"] = counts


def _count_quarantine(task: PartTask, decided: DecidedParts, result: Partial) -> None:
    table = decided.columns.documents
    codes, labels = encode(
        pc.binary_join_element_wise(table.column("source"), table.column("reason"), pa.scalar("\n", pa.large_string())),
        UNKNOWN,
    )
    result.counts["quarantine"] = decided.weights.by_code(codes, labels, ~decided.readable)
    told = _concat_parts(task, [part.documents for part in task.parts], ["location", "detail"])
    told = told.append_column("told", pc.binary_join_element_wise(
        told.column("location"), told.column("detail").fill_null(""), pa.scalar("\n", pa.large_string())
    ))  # fmt: skip
    ranks = np.zeros(len(codes), np.int64)
    for label in result.counts["quarantine"]:
        mask = (codes == labels.index(label)) & ~decided.readable
        result.picks[f"quarantine\n{label}"] = _picked(decided, mask, ranks, told.column("told"))


def _picked(decided: DecidedParts, mask: np.ndarray, ranks: np.ndarray, values: Any) -> list[list[Any]]:
    rows = smallest(np.flatnonzero(mask), ranks[mask], decided.keys[mask], PICKS).tolist()
    doc_ids = decided.columns.documents.column("doc_id")
    picks = [
        [ranks[row].item(), doc_ids[row].as_py(), *decided.place(row), None if values is None else values[row].as_py()]
        for row in rows
    ]
    return sorted(picks, key=lambda pick: (pick[0], pick[1]))[:PICKS]


def _pick_samples(task: PartTask, decided: DecidedParts, result: Partial) -> None:
    order = shuffled(decided.keys, task.seed)
    result.picks["kept"] = _picked(decided, decided.kept, order, None)
    result.picks["dropped"] = _picked(decided, decided.readable & ~decided.kept, order, None)
    by_name: dict[str, list[NamedRule]] = {}
    for named in (*task.policy.floor, *task.policy.rules):
        by_name.setdefault(named.name, []).append(named)
    for name, variants in by_name.items():
        failing = decided.failing(name)
        for side in ("failing", "passing"):
            picks: list[list[Any]] = []
            for named in variants:
                column = signal_column(decided.columns, named.rule.signal)
                mask = applies(decided.columns, named) & decided.readable & _numpy(column.is_valid())
                mask &= failing if side == "failing" else ~failing
                ranks = distances(column, named)
                if ranks is None and side == "failing":
                    ranks = order
                if ranks is not None:
                    picks += _picked(decided, mask & np.isfinite(ranks), ranks, column)
            result.picks[f"{side}\n{name}"] = sorted(picks, key=lambda pick: (pick[0], pick[1]))[:PICKS]


def distances(column: Any, named: NamedRule) -> np.ndarray | None:
    """How far every value is from the rule's threshold; None for rules without one."""
    operand = named.rule.operand
    if isinstance(operand, bool | str | list) or named.rule.operator in ("==", "!="):
        return None
    values = _numpy(column.cast(pa.float64()).fill_null(np.inf))
    return np.abs(values - operand)


def _sketch_signal(decided: DecidedParts, name: str, result: Partial) -> None:
    column = signal_column(decided.columns, name)
    defined = _numpy(column.is_valid())
    if pa.types.is_floating(column.type):
        defined = defined & ~np.isnan(_numpy(column.fill_null(0.0)))
    is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    sketch: dict[str, Any] = {}
    for side, mask in (("kept", decided.kept), ("dropped", decided.readable & ~decided.kept)):
        sketch[f"undefined_{side}"] = int(np.count_nonzero(mask & ~defined))
        if not is_number:
            sketch[side] = value_counts(column.filter(pa.array(mask)))
    if is_number:
        values = _numbers(column, decided.readable & defined)
        values = values[np.isfinite(values)]
        sketch["buckets"] = buckets(values)
        if len(values):
            result.ranges[name] = [values.min().item(), values.max().item()]
    result.counts.setdefault("signals", {})[name] = sketch
