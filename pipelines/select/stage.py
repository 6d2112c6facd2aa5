"""The stage of choosing: decisions by rules and duplicates in, decisions that know of semantic duplicates and the budget out.

In: `<selection>decisions/unselected`, embeddings/vectors, the signal that scores, and what survivors are ordered by. Out:
`<selection>decisions/choices`, a row for every document that passed, and `<selection>decisions`, in which a document that
was not chosen fails a rule (schemas.rows.embedding.CHOICE_RULES). No text is read: another budget costs the choice alone.
Memory: the vectors of all documents that pass, twice (4 bytes a dimension), on the machine that drives the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.dedup.preferences import preference_signals, preference_values
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import Scoring, scoring_of
from gristmill.pipelines.policy.evaluate import PartColumns, read_columns, signal_column
from gristmill.pipelines.run.by_part import part_key
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.draws import id_keys, shuffled
from gristmill.pipelines.run.units import UnitWriter
from gristmill.pipelines.select.choose import OUTCOMES, Choices, ChoosableRows, choose
from gristmill.pipelines.select.redecide import redecide
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.decision import DECISION
from gristmill.schemas.rows.embedding import CHOICE, CHOICE_RULES, SELECTED, SEMANTIC_DUPLICATE
from gristmill.schemas.signals import FamilyKey

SHOWN_TOPICS = 64
TIES = ("content_hash", "doc_id")


@dataclass(frozen=True)
class ChoiceInputs:
    """What choosing reads. unselected: decisions by rules and duplicates alone. priorities: of the sources."""

    recipe: Recipe
    documents: DatasetManifest
    signals: Mapping[FamilyKey, DatasetManifest]
    embeddings: DatasetManifest
    unselected: DatasetManifest
    priorities: Mapping[str, int]


@dataclass
class _Gathered:
    """The rows that pass, part after part. orders: a list of float64 columns for each part, smaller is ahead."""

    ids: list[pa.Array] = field(default_factory=list)
    hashes: list[pa.Array] = field(default_factory=list)
    numbers: list[np.ndarray] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)
    defined: list[np.ndarray] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)
    orders: list[np.ndarray] = field(default_factory=list)


def choice_signals(recipe: Recipe) -> tuple[dict[FamilyKey, list[str]], Scoring | None]:
    """(the signals that choosing reads by family, what scores or None)."""
    wanted = preference_signals(recipe.dedup.near_order) if recipe.dedup.semantic is not None else {}
    scoring = scoring_of(recipe)
    for key, name in scoring.read.values() if scoring is not None else ():
        names = wanted.setdefault(key, [])
        if name not in names:
            names.append(name)
    return wanted, scoring


def scores_of(columns: PartColumns, scoring: Scoring) -> np.ndarray:
    """float64 (rows,): what each row of a part is ordered by, higher is better; -inf where it has no value."""

    def values(written: str) -> np.ndarray:
        (_, version), name = scoring.read[written]
        column = signal_column(columns, name if version == ORIGINAL else f"{name}@{version}")
        found: np.ndarray = column.cast(pa.float64()).to_numpy()
        return found

    found = scoring.expression.evaluate(values)
    return np.where(np.isnan(found), -np.inf, found)


def check_choice(
    recipe: Recipe, signals: Mapping[FamilyKey, DatasetManifest], embeddings: DatasetManifest | None
) -> None:
    """RecipeError where a run was measured without what choosing reads."""
    if embeddings is None:
        raise RecipeError(
            "rows are chosen by vectors, and this run has none",
            where="select",
            next_step="add `embed: {}` to the recipe and build again; only vectors are made",
        )
    missing = [f"{name}@{version}" for name, version in choice_signals(recipe)[0] if (name, version) not in signals]
    if missing:
        raise RecipeError(
            f"rows are chosen by signals that this run did not measure ({', '.join(missing)})",
            where="select.by",
            expected=f"one of {', '.join(sorted(f'{name}@{version}' for name, version in signals))}",
            next_step="name the family under `signals:` and build again; only the new family is measured",
        )


def choose_rows(
    context: RunContext, given: ChoiceInputs, config: Mapping[str, Any], inputs: Mapping[str, str]
) -> DatasetManifest:
    """Bring `<selection>decisions/choices` up to date."""
    stage = context.stage(layout.CHOICES.of(context.selection), config, inputs)

    def work() -> dict[str, Any]:
        gathered = _gather(context.storage, given)
        ids = pa.concat_arrays(gathered.ids) if gathered.ids else pa.array([], pa.large_string())
        candidates = _candidates(gathered, ids, given.recipe)
        with context.console.progress("select", 1, "steps") as advance:
            choices = choose(candidates, given.recipe.dedup.semantic, given.recipe.selection)
            advance(1)
        why = _why(gathered, choices, given.recipe.dedup.near_order)
        _write(context.storage, stage.spec, gathered, ids, choices, why)
        return _facts(choices, ids, candidates)

    return stage.run(work, context.console.log)


def _gather(storage: Storage, given: ChoiceInputs) -> _Gathered:
    preferences = given.recipe.dedup.near_order
    wanted, scoring = choice_signals(given.recipe)
    found = _Gathered()
    for number, part in enumerate(given.documents.parts):
        kept = read_part(storage, given.unselected.parts[number], ["kept"]).column("kept")
        rows = np.flatnonzero(kept.to_numpy())
        signals = {key: given.signals[key].parts[number] for key in wanted}
        columns = read_columns(storage, part, signals, wanted)
        taken = pa.array(rows)
        found.ids.append(columns.documents.column("doc_id").take(taken).combine_chunks())
        found.hashes.append(columns.documents.column("content_hash").take(taken).combine_chunks())
        found.numbers.append(np.full(len(rows), number, np.int64))
        found.rows.append(rows)
        vectors = read_part(storage, given.embeddings.parts[number], ["vector"]).column("vector").combine_chunks()
        _add_vectors(found, vectors.take(taken))
        scores = np.zeros(len(rows))
        if scoring is not None:
            scores = scores_of(columns, scoring)[rows]
        found.scores.append(scores)
        orders = [preference_values(columns, preference, given.priorities)[rows] + 0.0 for preference in preferences]
        found.orders.append(np.stack(orders) if orders else np.zeros((0, len(rows))))
    return found


def _add_vectors(found: _Gathered, vectors: pa.Array) -> None:
    defined = vectors.is_valid().to_numpy(zero_copy_only=False)
    flat = vectors.flatten().to_numpy()
    dimension = len(flat) // int(defined.sum()) if defined.any() else 0
    rows = np.zeros((len(vectors), dimension), np.float32)
    rows[defined] = flat.reshape(-1, dimension) if dimension else rows[defined]
    found.vectors.append(rows)
    found.defined.append(defined)


def _candidates(gathered: _Gathered, ids: pa.Array, recipe: Recipe) -> ChoosableRows:
    seed = recipe.selection.seed if recipe.selection is not None else 0
    by_id = pc.sort_indices(ids).to_numpy()
    id_rank = np.empty(len(ids), np.int64)
    id_rank[by_id] = np.arange(len(ids))
    drawn = np.lexsort((id_rank, shuffled(id_keys(ids), seed))) if len(ids) else np.zeros(0, np.int64)
    drawn_rank = np.empty(len(ids), np.int64)
    drawn_rank[drawn] = np.arange(len(ids))
    dimension = max((vectors.shape[1] for vectors in gathered.vectors), default=0)
    vectors = np.zeros((len(ids), dimension), np.float32)
    at = 0
    for part in gathered.vectors:
        if part.shape[1]:
            vectors[at : at + len(part)] = part
        at += len(part)
    gathered.vectors.clear()
    hashes = pa.concat_arrays(gathered.hashes) if gathered.hashes else pa.array([], pa.large_string())
    hash_rank = hashes.dictionary_encode()
    order = pc.sort_indices(hash_rank.dictionary).to_numpy()
    of_code = np.empty(len(order), np.int64)
    of_code[order] = np.arange(len(order))
    codes = hash_rank.indices.fill_null(0).to_numpy()
    orders = np.concatenate(gathered.orders, axis=1) if gathered.orders else np.zeros((0, 0))
    keys = (id_rank, of_code[codes] if len(of_code) else codes, *orders[::-1])
    scores = np.concatenate(gathered.scores) if gathered.scores else np.zeros(0)
    return ChoosableRows(
        vectors=vectors,
        defined=np.concatenate(gathered.defined) if gathered.defined else np.zeros(0, bool),
        drawn=drawn,
        survivors=np.lexsort(keys) if len(ids) else drawn,
        scored=np.lexsort((drawn_rank, -scores)) if len(ids) else drawn,
    )


def _why(gathered: _Gathered, choices: Choices, preferences: Sequence[str]) -> pa.Array:
    """Why the survivor of each semantic duplicate is ahead of it: what of the survivor order differs first; else null."""
    rows = np.flatnonzero(choices.outcome == OUTCOMES.index(SEMANTIC_DUPLICATE))
    survivors = choices.nearest[rows]
    found = np.full(len(choices.outcome), -1, np.int64)
    names = [*preferences, *TIES]
    if len(rows):
        hashes = pa.concat_arrays(gathered.hashes)
        mine, theirs = (hashes.take(pa.array(places)) for places in (rows, survivors))
        differ = pc.not_equal(mine, theirs).fill_null(False).to_numpy(zero_copy_only=False)
        code = np.where(differ, len(preferences), len(preferences) + 1)
        orders = np.concatenate(gathered.orders, axis=1)
        for number in reversed(range(len(preferences))):
            code[orders[number, rows] != orders[number, survivors]] = number
        found[rows] = code
    return pa.array(names, pa.large_string()).take(pa.array(found, mask=found < 0))


def _write(
    storage: Storage, spec: DatasetSpec, gathered: _Gathered, ids: pa.Array, choices: Choices, why: pa.Array
) -> None:
    """A unit for every part that has rows."""
    names = pa.array(OUTCOMES, pa.large_string())
    at = 0
    for numbers, rows in zip(gathered.numbers, gathered.rows, strict=True):
        if not len(rows):
            continue
        mine = slice(at, at + len(rows))
        at += len(rows)
        nearest, similarity = choices.nearest[mine], choices.similarity[mine]
        batch = pa.RecordBatch.from_arrays(
            [
                *(ids.slice(mine.start, len(rows)), pa.array(numbers), pa.array(rows)),
                names.take(pa.array(choices.outcome[mine])),
                pa.array(choices.rank[mine], mask=choices.rank[mine] < 0),
                ids.take(pa.array(nearest, mask=nearest < 0)),
                pa.array(similarity, mask=np.isnan(similarity)),
                pa.array(choices.topic[mine], mask=choices.topic[mine] < 0),
                why.slice(mine.start, len(rows)),
            ],
            schema=CHOICE,
        )
        key = part_key(int(numbers[0]))
        with UnitWriter(storage, spec, key) as unit:
            unit.write(batch)


def _facts(choices: Choices, ids: pa.Array, candidates: ChoosableRows) -> dict[str, Any]:
    """Counts, and what of each topic was there and was chosen, with the first rows chosen as examples."""
    chosen = choices.outcome == OUTCOMES.index(SELECTED)
    facts: dict[str, Any] = {"outcomes": {name: choices.count(name) for name in OUTCOMES}}
    if (choices.topic >= 0).any():
        topic = choices.topic
        before = np.bincount(topic[topic >= 0])
        after = np.bincount(topic[(topic >= 0) & chosen], minlength=len(before))
        facts["topics_covered"] = [int((before > 0).sum()), int((after > 0).sum())]
        order = candidates.scored
        first: dict[int, list[str]] = {}
        for row in order[chosen[order] & (topic[order] >= 0)][: 50 * SHOWN_TOPICS].tolist():
            examples = first.setdefault(int(topic[row]), [])
            if len(examples) < 3:
                examples.append(ids[row].as_py())
        facts["topics"] = [
            {
                "topic": number,
                "before": int(before[number]),
                "after": int(after[number]),
                "examples": first.get(number, []),
            }
            for number in range(min(len(before), SHOWN_TOPICS))
        ]
    return facts


def write_chosen(context: RunContext, spec: DatasetSpec, given: ChoiceInputs, choices: DatasetManifest) -> None:
    """Units of `spec`: decisions that know of the choices."""
    redecide(context, spec, given.unselected, choices, layout.CHOICES, with_choices)


def with_choices(decisions: pa.Table, choices: pa.Table) -> pa.Table:
    """Decisions in which what was not chosen fails its rule; semantic duplicates name their survivor."""
    rules = np.zeros(decisions.num_rows, np.int64)
    lists: list[list[str]] = [[]]
    index = np.full(decisions.num_rows, -1, np.int64)
    for outcome, rule in CHOICE_RULES.items():
        mine = pc.equal(choices.column("outcome"), outcome).to_numpy()
        rows = choices.column("row").to_numpy()[mine]
        rules[rows] = len(lists)
        lists.append([rule])
        if outcome == SEMANTIC_DUPLICATE:
            index[rows] = np.flatnonzero(mine)
    ours = pa.array(lists, DECISION.field("failed_rules").type).take(pa.array(rules))
    failed = decisions.column("failed_rules").combine_chunks()
    dropped = pa.array(rules > 0)
    columns = {
        "kept": pc.and_(decisions.column("kept"), pc.invert(dropped)),
        "failed_rules": pc.if_else(dropped, ours, failed),  # what is dropped here passed everything before
    }
    taken = pa.array(index, mask=index < 0)
    for name, of_choice in (("duplicate_of", "nearest"), ("similarity", "similarity"), ("why", "why")):
        columns[name] = pc.coalesce(choices.column(of_choice).take(taken), decisions.column(name))
    return pa.table([columns.get(name, decisions.column(name)) for name in DECISION.names], schema=DECISION)
