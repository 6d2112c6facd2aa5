"""Rules over the aligned columns of one part: which rules fail for which documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import DOCUMENT_SIGNALS, CompiledPolicy
from gristmill.pipelines.policy.named_rule import NamedRule
from gristmill.pipelines.run.dataset import read_part
from gristmill.schemas.manifest import Part
from gristmill.schemas.recipe.datatrove_steps import KEPT
from gristmill.schemas.recipe.rules import ORIGINAL, Rule
from gristmill.schemas.rows.decision import BYTES_PER_TOKEN
from gristmill.schemas.rows.document import QUARANTINED_STATUS
from gristmill.schemas.signals import FamilyKey, error_column

_COMPARE = {
    ">=": pc.greater_equal,
    "<=": pc.less_equal,
    ">": pc.greater,
    "<": pc.less,
    "==": pc.equal,
    "!=": pc.not_equal,
}
_RULE_COLUMNS = ("doc_id", "source", "text_bytes", "status", "reason")
MORE_COLUMNS = ("snapshot", "timestamp", "content_hash")


@dataclass(frozen=True)
class PartColumns:
    """Everything of one part of the documents that decisions read.

    documents: columns of documents/. signals: "signal" or "signal@version" -> column. errors: family -> error column.
    """

    documents: pa.Table
    signals: Mapping[str, pa.ChunkedArray]
    errors: Mapping[str, pa.ChunkedArray]

    @property
    def rows(self) -> int:
        return int(self.documents.num_rows)

    @property
    def tokens(self) -> pa.Array:
        """Tokens of each document: `token_count` when measured, else bytes / 4 rounded up."""
        estimate = pc.divide(pc.add(self.documents.column("text_bytes"), BYTES_PER_TOKEN - 1), BYTES_PER_TOKEN)
        if "token_count" not in self.signals:
            return estimate
        return pc.coalesce(self.signals["token_count"], estimate)


def read_columns(
    storage: Storage,
    documents: Part,
    signals: Mapping[FamilyKey, Part],
    wanted: Mapping[FamilyKey, list[str]],
    more: Sequence[str] = MORE_COLUMNS,
) -> PartColumns:
    """Read the columns of one part; `wanted` names the signals of each family.

    more: columns of documents/ beside those that rules read; by default what scopes and orders read.
    """
    table = read_part(storage, documents, [*_RULE_COLUMNS, *more])
    columns: dict[str, pa.ChunkedArray] = {}
    errors: dict[str, pa.ChunkedArray] = {}
    for (family_name, version), names in wanted.items():
        measured = read_part(storage, signals[family_name, version], [*names, error_column(family_name)])
        for name in names:
            columns[name if version == ORIGINAL else f"{name}@{version}"] = measured.column(name)
        errors[f"{family_name}@{version}"] = measured.column(error_column(family_name))
    return PartColumns(table, columns, errors)


@dataclass(frozen=True)
class RuleVerdicts:
    """failing: bool matrix (rules, documents); names: the rules' names; floor: documents above the floor."""

    names: list[str]
    failing: np.ndarray
    floor: np.ndarray

    @property
    def passed(self) -> np.ndarray:
        return np.logical_not(np.any(self.failing, axis=0))

    def lists(self) -> pa.Array:
        """large_list<large_string>: the names of the rules each document fails, in rule order."""
        _, which_rule = np.nonzero(self.failing.T)
        offsets = np.zeros(self.failing.shape[1] + 1, np.int64)
        np.cumsum(self.failing.sum(axis=0), out=offsets[1:])
        values = pa.array(self.names, pa.large_string()).take(pa.array(which_rule))
        return pa.LargeListArray.from_arrays(pa.array(offsets), values)


class PartsAtHand:
    """What this process has read of parts and decided by rules alone, for the step after it; a bounded amount."""

    MAX_BYTES = 512 << 20
    NEEDED = ("doc_id", "source", "text_bytes")

    def __init__(self) -> None:
        self._kept: dict[str, tuple[PartColumns, RuleVerdicts]] = {}
        self._bytes = 0

    def keep(self, part: Part, columns: PartColumns, verdict: RuleVerdicts) -> None:
        documents = columns.documents.select(self.NEEDED)
        self._bytes += documents.nbytes + verdict.failing.nbytes
        if self._bytes <= self.MAX_BYTES:
            tokens = {name: column for name, column in columns.signals.items() if name == "token_count"}
            self._kept[part.key] = PartColumns(documents, tokens, {}), verdict

    def take(self, part: Part) -> tuple[PartColumns, RuleVerdicts] | None:
        return self._kept.pop(part.key, None)


def evaluate(columns: PartColumns, policy: CompiledPolicy) -> RuleVerdicts:
    """Apply the floor and the rules to every document; quarantined and unmeasurable ones fail a rule of that name."""
    names: list[str] = []
    masks: list[np.ndarray] = []
    quarantined = _mask(pc.equal(columns.documents.column("status"), QUARANTINED_STATUS))
    reasons = columns.documents.column("reason")
    for reason in sorted(value for value in pc.unique(reasons).to_pylist() if value is not None):
        names.append(f"reader/{reason}")
        masks.append(_mask(pc.equal(reasons, reason)) & quarantined)
    for key, errors in columns.errors.items():
        if errors.null_count < len(errors):
            names.append(f"unmeasured/{key.removesuffix('@' + ORIGINAL)}")
            masks.append(_mask(errors.is_valid()))
    for named in policy.datatrove:
        found = columns.signals[named.rule.signal]
        for reason in sorted(value for value in pc.unique(found).to_pylist() if value not in (None, KEPT)):
            names.append(f"{named.name}/{reason}")
            masks.append(_mask(pc.equal(found, reason)))
    for named in policy.floor:
        names.append(named.name)
        masks.append(_fails(columns, named) & ~quarantined)
    floor = len(masks)
    for named in policy.rules:
        names.append(named.name)
        masks.append(_fails(columns, named) & ~quarantined)
    failing = np.array(masks) if masks else np.zeros((0, columns.rows), bool)
    return RuleVerdicts(
        names, failing.reshape(len(names), columns.rows), np.logical_not(np.any(failing[:floor], axis=0))
    )


def _fails(columns: PartColumns, named: NamedRule) -> np.ndarray:
    column = signal_column(columns, named.rule.signal)
    failing = ~_holds(column, named.rule)
    return failing & applies(columns, named)


def signal_column(columns: PartColumns, signal: str) -> Any:
    """A rule's signal as a column: a document's own quantity or a measured one."""
    return columns.documents.column(signal) if signal in DOCUMENT_SIGNALS else columns.signals[signal]


def _holds(column: pa.ChunkedArray, rule: Rule) -> np.ndarray:
    operand = rule.operand
    if isinstance(operand, list):
        result = pc.is_in(column, value_set=pa.array(operand).cast(column.type))
        if rule.operator == "not in":
            result = pc.invert(result)
        result = pc.if_else(column.is_valid(), result, pa.scalar(None, pa.bool_()))
    else:
        result = _COMPARE[rule.operator](column, pa.scalar(operand))
    return _mask(result, default=rule.if_null == "keep")


def applies(columns: PartColumns, named: NamedRule) -> np.ndarray:
    applies = np.ones(columns.rows, bool)
    sources = columns.documents.column("source")
    if named.by_source is not None:
        applies &= _mask(pc.equal(sources, named.by_source))
    if named.not_sources:
        applies &= ~_mask(pc.is_in(sources, value_set=pa.array(named.not_sources, pa.large_string())))
    if named.by_language is not None:
        applies &= _mask(pc.equal(columns.signals["language"], named.by_language))
    if named.not_languages:
        languages = pa.array(named.not_languages, pa.large_string())
        applies &= ~_mask(pc.is_in(columns.signals["language"], value_set=languages))
    return applies


def _mask(column: Any, default: bool = False) -> np.ndarray:
    """A boolean column as numpy, nulls as `default`."""
    filled = column.fill_null(default)
    if isinstance(filled, pa.ChunkedArray):
        filled = filled.combine_chunks()
    result: np.ndarray = filled.to_numpy(zero_copy_only=False)
    return result
