"""Decisions: rules first, then survivors among the documents that passed; one row for every document, all reasons.

In: documents/, signals/, edges/. Out: `<selection>/decisions`, aligned with documents/. Text is never read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.pipelines.by_part import part_key, parts_by_number, read_rows
from gristmill.pipelines.decide.compile_policy import CompiledPolicy
from gristmill.pipelines.decide.rules import PartColumns, PartsAtHand, Verdict, evaluate, read_columns
from gristmill.pipelines.decide.survivors import (
    CandidateTask,
    candidates_spec,
    choose_survivors,
    survivors_spec,
    with_preferences,
    write_candidates,
)
from gristmill.pipelines.dedup.near.decide import NearInputs, decide_near, outcome_spec
from gristmill.pipelines.dedup.near.edges import NearEdges
from gristmill.pipelines.dedup.near.options import decision_config
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure import FamilyKey
from gristmill.pipelines.run.dataset import DatasetSpec, PartWriter
from gristmill.pipelines.run.stages import Stage, fingerprint, layout_fingerprint
from gristmill.pipelines.run.units import commit_unit, unfinished
from gristmill.schemas.decision import DECISION, DECISION_DIGEST, EXACT_DUPLICATE_RULE, NEAR_DUPLICATE_RULE
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe import Recipe

TOKEN_FAMILY: FamilyKey = ("tokens", "original")


def decisions_spec(folder: str) -> DatasetSpec:
    """`folder`: the selection, "" for the run's own."""
    return DatasetSpec(f"{folder}decisions", DECISION, DECISION_DIGEST, counted="kept")


def _by_number(task: CandidateTask) -> str:
    return part_key(task.number)


@dataclass(frozen=True)
class Measured:
    """What decisions are made from: the manifests of documents, signals and edges (None: no duplicate detection)."""

    documents: DatasetManifest
    signals: Mapping[FamilyKey, DatasetManifest]
    exact_members: DatasetManifest | None
    near: NearEdges | None = None

    def digests(self) -> dict[str, str]:
        found = {"documents": layout_fingerprint(self.documents)}
        found |= {f"signals/{name}@{version}": manifest.digest for (name, version), manifest in self.signals.items()}
        if self.exact_members is not None:
            found["edges/exact"] = layout_fingerprint(self.exact_members)
        if self.near is not None:
            found |= self.near.digests()
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
        for named in (*policy.floor, *policy.rules, *policy.foreign)
    ]


def decide(
    storage: Storage,
    engine: Engine,
    recipe: Recipe,
    policy: CompiledPolicy,
    measured: Measured,
    folder: str,
    console: Console,
) -> DatasetManifest:
    """Bring `<folder>decisions` up to date."""
    spec = decisions_spec(folder)
    dedup = recipe.dedup
    preferences = dedup.exact_order if measured.exact_members is not None else ()
    wanted = with_preferences(policy.needed, preferences)
    if TOKEN_FAMILY in measured.signals:
        wanted.setdefault(TOKEN_FAMILY, ["token_count"])
    priorities = {source.name: source.priority for source in recipe.sources}
    config: dict[str, object] = {
        "policy": policy_config(policy),
        "survivor": list(preferences),
        "priorities": priorities,
    }
    if dedup.near is not None and measured.near is not None:
        config["near"] = {**decision_config(dedup.near), "survivor": list(dedup.near_order)}
    if recipe.cutting:
        config["cutting"] = recipe.cutting  # cuts add to the ledger: other cuts, another ledger
    inputs = measured.digests()
    stage = Stage(storage, spec, config, inputs)

    def work() -> dict[str, object]:
        clusters, clusters_spec = None, survivors_spec(folder + "decisions")
        at_hand = None if engine.tasks_are_remote else PartsAtHand()
        if measured.exact_members is not None and measured.exact_members.rows:
            clusters = _survivors(
                *(storage, engine, policy, measured, folder + "decisions", wanted, preferences, priorities, config),
                at_hand,
            )
        facts: dict[str, object] = {"survivors": clusters.digest if clusters else None}
        if dedup.near is not None and measured.near is not None:
            given = NearInputs(
                *(dedup.near, policy, measured.documents, measured.signals, measured.near, clusters),
                *(dedup.near_order, priorities),
            )
            members, clusters = decide_near(
                storage, engine, given, folder + "decisions", config, measured.digests(), console
            )
            clusters_spec = outcome_spec(folder + "decisions")
            facts["near"] = members.facts
        numbered = parts_by_number(clusters)
        tasks = [
            DecisionTask(
                storage,
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
        tasks = unfinished(storage, tasks, (spec, lambda task: task.documents.key))
        with console.progress("decide", sum(task.documents.rows for task in tasks), "documents") as advance:
            engine.run_tasks(decide_part, tasks, advance)
        return facts

    return stage.run(work, console.log)


def _survivors(
    storage: Storage,
    engine: Engine,
    policy: CompiledPolicy,
    measured: Measured,
    folder: str,
    wanted: Mapping[FamilyKey, list[str]],
    preferences: tuple[str, ...],
    priorities: Mapping[str, int],
    config: Mapping[str, object],
    at_hand: PartsAtHand | None,
) -> DatasetManifest:
    inputs = {"all": fingerprint(measured.digests())}
    candidates = Stage(storage, candidates_spec(folder), config, inputs)
    if candidates.manifest is None:
        candidates.start()
        members = parts_by_number(measured.exact_members)
        tasks = [
            CandidateTask(
                storage,
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
        engine.run_tasks(write_candidates, unfinished(storage, tasks, (candidates.spec, _by_number)))
        candidates.finish({})
    chosen = Stage(storage, survivors_spec(folder), config, inputs)
    if chosen.manifest is None:
        assert candidates.manifest is not None
        chosen.start()
        rows = choose_survivors(engine, storage, candidates.manifest, chosen.spec, preferences)
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
    writer = PartWriter(task.storage, task.spec, task.documents.key, single=True)
    for batch in table.combine_chunks().to_batches():
        writer.write(batch)
    commit_unit(task.storage, task.spec, task.documents.key, writer, {})
    return task.documents.rows


def _with_duplicates(columns: PartColumns, verdict: Verdict, members: pa.Table) -> pa.Table:
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
    full = Verdict(names, failing, verdict.floor)
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
