"""Decisions: rules first, then survivors among the documents that passed; one row for every document, all reasons.

In: documents/, signals/, edges/. Out: `<selection>/decisions`, aligned with documents/. Text is never read. Near duplicates,
choices and strata are imported where a recipe has them; every build decides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.decide.survivors import CandidateTask, choose_survivors, write_candidates
from gristmill.pipelines.dedup.preferences import with_preferences
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import CompiledPolicy, CompiledRecipe
from gristmill.pipelines.policy.evaluate import PartColumns, PartsAtHand, RuleVerdicts, evaluate, read_columns
from gristmill.pipelines.run.by_part import part_key, parts_by_number, read_rows
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.stages import fingerprint, layout_fingerprint
from gristmill.pipelines.run.step import Step
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.rows.decision import DECISION, EXACT_DUPLICATE_RULE, NEAR_DUPLICATE_RULE
from gristmill.schemas.signals import FamilyKey

if TYPE_CHECKING:
    from gristmill.pipelines.dedup.near.edges import NearEdges

TOKEN_FAMILY: FamilyKey = ("tokens", "original")


def _by_number(task: CandidateTask) -> str:
    return part_key(task.number)


@dataclass(frozen=True)
class Measured:
    """What decisions are made from: the manifests of documents, signals and edges (None: no duplicate detection)."""

    documents: DatasetManifest
    signals: Mapping[FamilyKey, DatasetManifest]
    exact_members: DatasetManifest | None
    near: "NearEdges | None" = None
    embeddings: DatasetManifest | None = None

    def digests(self) -> dict[str, str]:
        found = {"documents": layout_fingerprint(self.documents)}
        found |= {f"signals/{name}@{version}": manifest.digest for (name, version), manifest in self.signals.items()}
        if self.exact_members is not None:
            found["edges/exact"] = layout_fingerprint(self.exact_members)
        if self.near is not None:
            found |= self.near.digests()
        if self.embeddings is not None:
            found["embeddings"] = layout_fingerprint(self.embeddings)
        return found


@dataclass(frozen=True)
class DecisionTask:
    """One part of the documents, and its documents in clusters: survivors of exact copies, or OUTCOME rows."""

    storage: Storage
    spec: DatasetSpec
    documents: Part
    signals: Mapping[FamilyKey, Part]
    wanted: Mapping[FamilyKey, list[str]]
    policy: CompiledPolicy
    clusters: Part | None
    clusters_spec: DatasetSpec
    at_hand: PartsAtHand | None = None


def policy_config(policy: CompiledPolicy) -> list[object]:
    """What of a compiled policy decides: every rule with the documents it applies to, in a stable order."""
    return [
        [
            *(named.name, named.rule.signal, named.rule.keep, named.rule.if_null, named.by_source, named.by_language),
            *(list(named.not_sources), list(named.not_languages)),
        ]
        for named in (*policy.floor, *policy.rules, *policy.datatrove)
    ]


class Decide(Step):
    """The decision on every document: rules, then survivors among duplicates."""

    name = "decide"
    phase = "decide"

    def datasets(self) -> Sequence[DatasetSpec]:
        return (
            *(layout.DECISIONS, layout.EXACT_CANDIDATES, layout.EXACT_SURVIVORS, layout.NEAR_CANDIDATES),
            *(layout.NEAR_PAIRS, layout.NEAR_ROUNDS, layout.NEAR_MEMBERS, layout.NEAR_OUTCOME, layout.UNSELECTED),
        )

    def update(self, context: RunContext) -> None:
        measured = Measured(
            context.documents,
            context.signals,
            context.manifests.get(layout.EXACT_MEMBERS.folder),
            _near_edges(context),
            context.manifests.get(layout.EMBEDDINGS.folder),
        )
        decisions = decide(context, context.left(CompiledRecipe).policy, measured)
        context.add(layout.DECISIONS.of(context.selection), decisions)


def _near_edges(context: RunContext) -> "NearEdges | None":
    """What the step of near duplicates left, if the recipe has it."""
    if context.recipe.dedup.near is None:
        return None
    from gristmill.pipelines.dedup.near.edges import NearEdges

    return context.left_or(NearEdges, None)


def decide(
    context: RunContext,
    policy: CompiledPolicy,
    measured: Measured,
) -> DatasetManifest:
    """Bring `<folder>decisions` up to date."""
    spec = layout.DECISIONS.of(context.selection)
    dedup = context.recipe.dedup
    preferences = dedup.exact_order if measured.exact_members is not None else ()
    wanted = with_preferences(policy.needed, preferences)
    if TOKEN_FAMILY in measured.signals:
        wanted.setdefault(TOKEN_FAMILY, ["token_count"])
    priorities = {source.name: source.priority for source in context.recipe.sources}
    config: dict[str, object] = {
        "policy": policy_config(policy),
        "survivor": list(preferences),
        "priorities": priorities,
    }
    if dedup.near is not None and measured.near is not None:
        from gristmill.pipelines.dedup.near.options import decision_config

        config["near"] = {**decision_config(dedup.near), "survivor": list(dedup.near_order)}
    if context.recipe.cutting:
        config["cutting"] = context.recipe.cutting  # cuts add to the failed rules: other cuts, other decisions
    chosen = context.recipe.choosing
    if chosen:
        from gristmill.pipelines.select.stage import check_choice

        check_choice(context.recipe, measured.signals, measured.embeddings)
        config["choice"] = chosen
    balanced = context.recipe.policy.balance
    if balanced:
        from gristmill.pipelines.select.balance_stage import check_balance

        check_balance(context.recipe, measured.signals)
        config["balance"] = [entry.model_dump() for entry in balanced]
    inputs = measured.digests()
    stage = context.stage(spec, config, inputs)

    def work() -> dict[str, object]:
        if not chosen and not balanced:
            return by_rules(spec)
        decided = before_last(layout.UNSELECTED, by_rules)
        if chosen and not balanced:
            return by_choice(decided, spec)
        if chosen:
            unselected = decided
            decided = before_last(layout.UNBALANCED, lambda target: by_choice(unselected, target))
        from gristmill.pipelines.select.balance_stage import balance_rows, write_balanced

        left_out = balance_rows(context, measured.signals, decided, config, inputs)
        write_balanced(context, spec, decided, left_out)
        return {**decided.facts, "balance": left_out.facts["balance"]}

    def before_last(of: DatasetSpec, make: Callable[[DatasetSpec], dict[str, object]]) -> DatasetManifest:
        """Decisions that are not the last word, brought up to date."""
        made = context.stage(of.of(context.selection), config, inputs)
        if made.manifest is None:
            made.start()
            made.finish(make(made.spec))
        assert made.manifest is not None
        return made.manifest

    def by_choice(unselected: DatasetManifest, spec: DatasetSpec) -> dict[str, object]:
        """Decide by vectors among what passes into `spec`; returns the facts."""
        from gristmill.pipelines.select.stage import ChoiceInputs, choose_rows, write_chosen

        assert measured.embeddings is not None
        given = ChoiceInputs(
            *(context.recipe, measured.documents, measured.signals, measured.embeddings, unselected, priorities)
        )
        choices = choose_rows(context, given, config, inputs)
        write_chosen(context, spec, given, choices)
        return {**unselected.facts, "choices": choices.facts}

    def by_rules(spec: DatasetSpec) -> dict[str, object]:
        """Decide by rules, exact copies and near duplicates into `spec`; returns the facts."""
        clusters, clusters_spec = None, layout.EXACT_SURVIVORS.of(context.selection)
        at_hand = None if context.engine.tasks_are_remote else PartsAtHand()
        if measured.exact_members is not None and measured.exact_members.rows:
            clusters = _survivors(context, policy, measured, wanted, preferences, priorities, config, at_hand)
        facts: dict[str, object] = {"survivors": clusters.digest if clusters else None}
        if dedup.near is not None and measured.near is not None:
            from gristmill.pipelines.dedup.near.decide import NearInputs, decide_near

            given = NearInputs(
                *(dedup.near, policy, measured.documents, measured.signals, measured.near, clusters),
                *(dedup.near_order, priorities),
            )
            members, clusters = decide_near(context, given, config, measured.digests())
            clusters_spec = layout.NEAR_OUTCOME.of(context.selection)
            facts["near"] = members.facts
        numbered = parts_by_number(clusters)
        tasks = [
            DecisionTask(
                context.storage,
                spec,
                part,
                {key: measured.signals[key].parts[number] for key in wanted},
                wanted,
                policy,
                numbered.get(number),
                clusters_spec,
                at_hand,
            )
            for number, part in enumerate(measured.documents.parts)
        ]
        context.run_units(
            decide_part,
            tasks,
            (spec, lambda task: task.documents.key),
            label="decide",
            amount=lambda task: task.documents.rows,
            of="documents",
        )
        return facts

    return stage.run(work, context.console.log)


def _survivors(
    context: RunContext,
    policy: CompiledPolicy,
    measured: Measured,
    wanted: Mapping[FamilyKey, list[str]],
    preferences: tuple[str, ...],
    priorities: Mapping[str, int],
    config: Mapping[str, object],
    at_hand: PartsAtHand | None,
) -> DatasetManifest:
    inputs = {"all": fingerprint(measured.digests())}
    candidates = context.stage(layout.EXACT_CANDIDATES.of(context.selection), config, inputs)
    if candidates.manifest is None:
        candidates.start()
        members = parts_by_number(measured.exact_members)
        tasks = [
            CandidateTask(
                context.storage,
                candidates.spec,
                number,
                measured.documents.parts[number],
                {key: measured.signals[key].parts[number] for key in wanted},
                wanted,
                policy,
                members[number],
                preferences,
                priorities,
                at_hand,
            )
            for number in sorted(members)
        ]
        context.run_units(write_candidates, tasks, (candidates.spec, _by_number))
        candidates.finish({})
    chosen = context.stage(layout.EXACT_SURVIVORS.of(context.selection), config, inputs)
    if chosen.manifest is None:
        assert candidates.manifest is not None
        chosen.start()
        rows = choose_survivors(context.engine, context.storage, candidates.manifest, chosen.spec, preferences)
        chosen.finish({"members": rows})
    assert chosen.manifest is not None
    return chosen.manifest


def decide_part(task: DecisionTask) -> int:
    """Decisions of one part."""
    known = task.at_hand.take(task.documents) if task.at_hand is not None else None
    if known is None:
        columns = read_columns(task.storage, task.documents, task.signals, task.wanted, more=())
        known = columns, evaluate(columns, task.policy)
    columns, verdict = known
    table = _with_duplicates(columns, verdict, read_rows(task.storage, task.clusters_spec, task.clusters))
    with UnitWriter(task.storage, task.spec, task.documents.key) as unit:
        unit.write(table)
    return task.documents.rows


def _with_duplicates(columns: PartColumns, verdict: RuleVerdicts, members: pa.Table) -> pa.Table:
    """Decision rows: the rules' verdict, with being a copy or a near duplicate of a survivor as further failed rules."""
    rows = columns.rows
    places = members.column("row").to_numpy()
    gone = pc.not_equal(members.column("survivor"), members.column("doc_id")).to_numpy()
    names, failing = list(verdict.names), verdict.failing
    named = {EXACT_DUPLICATE_RULE: gone}
    if "is_copy" in members.column_names:
        named = {
            EXACT_DUPLICATE_RULE: members.column("is_copy").to_numpy(),
            NEAR_DUPLICATE_RULE: members.column("is_near").to_numpy(),
        }
    for name, failed in named.items():
        mask = np.zeros(rows, bool)
        mask[places[failed]] = True
        names.append(name)
        failing = np.vstack([failing, mask])
    full = RuleVerdicts(names, failing, verdict.floor)
    found = np.full(rows, -1, np.int64)
    found[places] = np.arange(len(places))
    in_cluster = pa.array(found, mask=found < 0)
    dropped = found.copy()  # an Arrow array may share the memory of what it is made from
    dropped[places[~gone]] = -1
    dropped_index = pa.array(dropped, mask=dropped < 0)
    similarity = pa.array(np.ones(rows), mask=dropped < 0)
    band = pa.nulls(rows, pa.int32())
    if "is_copy" in members.column_names:
        similarity, band = (members.column(name).take(dropped_index) for name in ("similarity", "band"))
    return pa.table(
        {
            "doc_id": columns.documents.column("doc_id"),
            "source": columns.documents.column("source"),
            "kept": pa.array(full.passed),
            "failed_rules": full.lists(),
            "text_bytes": columns.documents.column("text_bytes"),
            "tokens": columns.tokens,
            "duplicate_of": members.column("survivor").take(dropped_index),
            "similarity": similarity,
            "cluster": members.column("cluster").take(in_cluster),
            "cluster_size": members.column("cluster_size").take(in_cluster),
            "why": members.column("why").take(dropped_index),
            "band": band,
        },
        schema=DECISION,
    )
