"""Explaining one document: every signal, every rule with its threshold and margin, its duplicates, the decision."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from gristmill.filters.registry import family
from gristmill.pipelines.inspect.source_place import SourcePlace, file_headers, places_in_source
from gristmill.pipelines.policy.compile import CompiledPolicy, compile_recipe
from gristmill.pipelines.policy.evaluate import PartColumns, evaluate, read_columns, signal_column
from gristmill.pipelines.policy.named_rule import NamedRule
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.shown import Tabled, printable
from gristmill.pipelines.run.step import Place
from gristmill.pipelines.steps import steps_of
from gristmill.pipelines.write.pii import Shown, shown_texts
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.rows.decision import DECISION
from gristmill.schemas.rows.registry import DOCUMENT
from gristmill.schemas.signals import FamilyKey

EXCERPT_CHARACTERS = 600
SHOWN_PLACES = 8  # in a document's source
_SHOWN = ["doc_id", "source", "snapshot", "url", "timestamp", "text_bytes", "location", "status", "reason", "detail"]


@dataclass(frozen=True)
class RuleOutcome:
    """One rule on one document. margin: distance to the threshold, positive on the kept side; None: not a number."""

    name: str
    signal: str
    value: Any
    keep: str
    failed: bool
    margin: float | None
    source: str


@dataclass(frozen=True)
class Explanation(Tabled):
    """Everything known of one document's decision."""

    document: Mapping[str, Any]
    places: tuple[str, ...]  # in its source: file, title, question and answers, sections; () where none is known
    decision: Mapping[str, Any]
    rules: tuple[RuleOutcome, ...]
    signals: Mapping[str, Any]
    steps: Mapping[str, tuple[str, ...]]  # step -> what it says of the document; steps that say nothing are left out
    excerpt: str | None

    def rows(self) -> list[dict[str, Any]]:
        """The rules: {rule, signal, value, keep, failed, margin, source}; values as text."""
        return [
            {
                "rule": rule.name,
                "signal": rule.signal,
                "value": None if rule.value is None else str(rule.value),
                "keep": rule.keep,
                "failed": rule.failed,
                "margin": rule.margin,
                "source": rule.source,
            }
            for rule in self.rules
        ]

    def __str__(self) -> str:
        lines = [f"document {self.document['doc_id']}: {'kept' if self.decision['kept'] else 'dropped'}"]
        lines += [f"  {key}: {printable(value)}" for key, value in self.document.items() if value is not None]
        lines += [f"  holds: {printable(place)}" for place in self.places]
        if self.decision["failed_rules"]:
            lines.append(f"  failed: {', '.join(self.decision['failed_rules'])}")
        if self.decision["duplicate_of"]:
            lines.append(f"  duplicate of {self.decision['duplicate_of']} (similarity {self.decision['similarity']})")
            if self.decision["band"] is not None:
                lines.append(f"  met in MinHash band {self.decision['band']}")
            lines.append(f"  the survivor won by: {self.decision['why']}")
        if self.decision["cluster_size"]:
            lines.append(f"  cluster of {self.decision['cluster_size']} passing documents")
        for found in self.steps.values():
            lines += [f"  {line}" for line in found]
        lines.append("rules (margin: distance to the threshold, negative when it fails)")
        for rule in self.rules:
            mark = "FAILS" if rule.failed else "ok"
            margin = "" if rule.margin is None else f", margin {rule.margin:.6g}"
            lines.append(f"  {mark:5} {rule.name}: {rule.signal} = {printable(rule.value)}, keep {rule.keep}{margin}")
        lines.append("signals")
        lines += [f"  {name} = {printable(value)}" for name, value in self.signals.items()]
        if self.excerpt is not None:
            lines.append(f"text: {printable(self.excerpt)}")
        return "\n".join(lines)


def explain(run: Run | str | Path, doc_id: str) -> Explanation:
    """Say why a document was kept or dropped: its signals, rules, thresholds, margins, duplicates and edits.

    run: a run, its folder, or `RUN:name`. doc_id: a document's id, or the beginning of one that only it has.
    Raises InputError if no document, or more than one, has such an id.
    """
    chosen = run if isinstance(run, Run) else open_run(run)
    number, row = _find(chosen, doc_id)
    policy = compile_recipe(chosen.recipe)
    everything = {key: _names(key) for key in chosen.signals}
    parts = {key: manifest.parts[number] for key, manifest in chosen.signals.items()}
    part = chosen.documents.parts[number]
    columns = read_columns(chosen.storage, part, parts, everything)
    decision = read_part(chosen.storage, chosen.decisions.parts[number], DECISION.names).slice(row, 1)
    document = read_part(chosen.storage, part, [*_SHOWN, "text", "metadata"]).slice(row, 1).to_pylist()[0]
    shown = shown_texts(chosen.recipe)
    places = _places(chosen.recipe, document, document.pop("metadata"), shown)
    text = shown(document.pop("text"))
    document |= {name: shown(document[name]) for name in ("url", "detail")}
    place = Place(document["doc_id"], number, row)
    told = [(step.name, tuple(map(printable, step.explain(chosen, place)))) for step in steps_of(chosen.recipe)]
    return Explanation(
        document=document,
        places=places,
        decision=decision.to_pylist()[0],
        rules=_outcomes(columns, policy, row),
        signals={name: column[row].as_py() for name, column in sorted(columns.signals.items())},
        steps={name: lines for name, lines in told if lines},
        excerpt=None if text is None else text[:EXCERPT_CHARACTERS],
    )


def _places(recipe: Recipe, document: Mapping[str, Any], metadata: str | None, shown: Shown) -> tuple[str, ...]:
    """What of its source a document holds, by `source_place`: the first places, and how many more there are."""
    if recipe.rows != DOCUMENT:
        return ()  # a row's text is put together from its parts
    text, url = document["text"] or "", document["url"]
    header = file_headers(recipe).get(document["source"])
    found = places_in_source(text, 0, len(text), metadata=metadata, url=url, file_header=header)
    whole = [replace(place, line=None, url=None) if place.file or place.url == url else place for place in found]
    told = [str(place) for place in dict.fromkeys(whole) if place != SourcePlace()]
    if len(told) > SHOWN_PLACES:
        told[SHOWN_PLACES:] = [f"and {len(told) - SHOWN_PLACES:,} more places"]
    return tuple((shown("\n".join(told)) or "").split("\n")) if told else ()


def _names(key: FamilyKey) -> list[str]:
    return [signal.name for signal in family(key[0]).signals]


def _find(run: Run, doc_id: str) -> tuple[int, int]:
    """(part number, row) of the document; scans the id column."""
    found: list[tuple[int, int, str]] = []
    for number, part in enumerate(run.documents.parts):
        ids = read_part(run.storage, part, ["doc_id"]).column("doc_id")
        hits = pc.indices_nonzero(pc.starts_with(ids, doc_id)).to_pylist()
        found += [(number, row, ids[row].as_py()) for row in hits[:10]]
        if len(found) > 10:
            break
    if len(found) == 1:
        return found[0][:2]
    if found:
        shown = ", ".join(entry[2] for entry in found[:5])
        raise InputError(f"{len(found)} ids or more begin with {doc_id!r}: {shown}", expected="one document")
    raise InputError(
        f"no document {doc_id!r}",
        where=run.storage.url,
        expected="a doc_id of documents/ or its beginning",
        next_step="look it up in decisions/ or corpus/, column doc_id",
    )


def _outcomes(columns: PartColumns, policy: CompiledPolicy, row: int) -> tuple[RuleOutcome, ...]:
    verdict = evaluate(columns, policy)
    first = len(verdict.names) - len(policy.floor) - len(policy.rules)  # reasons without a rule come first
    source = columns.documents.column("source")[row].as_py()
    language = columns.signals["language"][row].as_py() if "language" in columns.signals else None
    outcomes = []
    for index, named in enumerate((*policy.floor, *policy.rules), first):
        if not _applies_to(named, source, language):
            continue
        value = signal_column(columns, named.rule.signal)[row].as_py()
        outcomes.append(
            RuleOutcome(
                named.name,
                named.rule.signal,
                value,
                named.rule.shown,
                bool(verdict.failing[index, row]),
                margin(value, named),
                named.rule.source,
            )
        )
    return tuple(outcomes)


def _applies_to(named: NamedRule, source: str, language: str | None) -> bool:
    if named.by_source not in (None, source) or named.by_language not in (None, language):
        return False
    return source not in named.not_sources and language not in named.not_languages


def margin(value: Any, named: NamedRule) -> float | None:
    """How far a value is from its threshold, positive on the side that is kept."""
    operand, operator = named.rule.operand, named.rule.operator
    if isinstance(value, bool) or not isinstance(value, int | float) or not isinstance(operand, int | float):
        return None
    if operator in (">=", ">"):
        return float(value - operand)
    if operator in ("<=", "<"):
        return float(operand - value)
    return None
