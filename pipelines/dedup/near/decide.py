"""Near-duplicate decisions under one policy, from stored edges; no text is read.

In: edges/near/, signals, the survivors among exact copies. Out, under `<selection>/decisions/near/`: candidates, pairs
(everything compared, verified or refuted), members (clusters among exact survivors), outcome (exact copies included).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from gristmill.console import Console
from gristmill.pipelines.dedup.near.candidates import NearCandidateTask, write_near_candidates
from gristmill.pipelines.dedup.near.component_batches import BatchLimits, Problem, component_batches, problems
from gristmill.pipelines.dedup.near.edges import NearEdges
from gristmill.pipelines.dedup.near.in_memory import fits_in_memory, load_candidates, load_contents, load_entries
from gristmill.pipelines.dedup.near.in_rounds import decide_in_rounds
from gristmill.pipelines.dedup.near.members import (
    DecisionFacts,
    decide_components,
    decide_star,
    edge_pairs,
    member_table,
    pair_table,
)
from gristmill.pipelines.dedup.near.options import decision_config
from gristmill.pipelines.dedup.near.outcome import write_outcome
from gristmill.pipelines.dedup.preferences import with_preferences
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import CompiledPolicy
from gristmill.pipelines.run.by_part import part_key, parts_by_number, write_regrouped
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.regroup import Regroup
from gristmill.pipelines.run.stages import fingerprint
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.signals import FamilyKey


@dataclass(frozen=True)
class InMemory:
    """The largest problem that is solved on one machine: rows of buckets (about 100 bytes each), shingle hashes (8).

    batches: what is held of it at a time; larger problems are cut into batches where no bucket connects them.
    """

    rows: int = 40_000_000
    hashes: int = 400_000_000
    batches: BatchLimits = field(default_factory=BatchLimits)


IN_MEMORY = InMemory()


@dataclass(frozen=True)
class NearInputs:
    """What near-duplicate decisions are made from under one policy. exact: survivors among exact copies, if any."""

    near: NearDedup
    policy: CompiledPolicy
    documents: DatasetManifest
    signals: Mapping[FamilyKey, DatasetManifest]
    edges: NearEdges
    exact: DatasetManifest | None
    preferences: tuple[str, ...]
    priorities: Mapping[str, int]


def decide_near(
    context: RunContext,
    given: NearInputs,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
    limits: InMemory | None = None,
) -> tuple[DatasetManifest, DatasetManifest]:
    """(members with the facts of the decision, outcome) under `<folder>decisions/near`, brought up to date."""
    config = {**config, "near": decision_config(given.near)}
    inputs = {"all": fingerprint(dict(inputs))}
    stages = [
        context.stage(spec.of(context.selection), config, inputs)
        for spec in (layout.NEAR_CANDIDATES, layout.NEAR_PAIRS, layout.NEAR_MEMBERS, layout.NEAR_OUTCOME)
    ]
    candidates, pairs, members, outcome = stages
    if members.manifest is None:
        if candidates.manifest is None:
            candidates.start()
            tasks = _candidate_tasks(context.storage, given, context.selection)
            context.run_units(write_near_candidates, tasks, (candidates.spec, lambda task: part_key(task.number)))
            candidates.finish({})
        assert candidates.manifest is not None
        pairs.start()
        members.start()
        chosen = limits or IN_MEMORY
        solved = _problems(context, given, candidates.manifest, chosen)
        if solved is not None:
            facts = _in_memory(context.storage, given, solved, pairs.spec, members.spec)
        else:
            rounds = context.stage(layout.NEAR_ROUNDS.of(context.selection), config, inputs)
            rounds.start()
            facts = decide_in_rounds(
                *(context.engine, context.storage, rounds.spec.folder, given.near, given.edges, candidates.manifest),
                *(given.preferences, pairs.spec, members.spec, chosen.rows),
            )
            context.storage.remove(rounds.spec.folder)
        pairs.finish({})
        _log(context.console, members.finish(facts))
    assert members.manifest is not None
    if outcome.manifest is None:
        outcome.start()
        write_outcome(context.engine, context.storage, given.exact, members.manifest, outcome.spec)
        outcome.finish({})
    assert outcome.manifest is not None
    return members.manifest, outcome.manifest


def _candidate_tasks(storage: Storage, given: NearInputs, folder: str) -> list[NearCandidateTask]:
    """A task for every part that has members of buckets."""
    members = parts_by_number(given.edges.buckets)
    copies = parts_by_number(given.exact)
    wanted = with_preferences(given.policy.needed, given.preferences)
    shared = (layout.EXACT_SURVIVORS.of(folder), given.preferences, given.priorities)
    spec = layout.NEAR_CANDIDATES.of(folder)
    tasks = [
        NearCandidateTask(
            *(storage, spec, storage, number, part, {key: given.signals[key].parts[number] for key in wanted}, wanted),
            *(given.policy, members[number], copies.get(number), *shared),
        )
        for number, part in enumerate(given.documents.parts)
        if number in members
    ]
    for one in given.edges.published:
        measured = one.run.signals
        known = {key: names for key, names in with_preferences({}, given.preferences).items() if key in measured}
        tasks += [
            NearCandidateTask(
                *(storage, spec, one.run.storage, number, part),
                *({key: measured[key].parts[number - one.first_part] for key in known}, known),
                *(None, members[number], None, *shared),
            )
            for number, part, _, _ in one.parts()
            if number in members
        ]
    return tasks


def _problems(
    context: RunContext, given: NearInputs, candidates: DatasetManifest, limits: InMemory
) -> Iterator[Problem] | None:
    """The problem to solve in memory, whole or in batches; None when it is to be solved in rounds.

    Finding batches takes memory for each candidate, so on a cluster there is a limit to the whole problem; here only to
    documents that buckets connect.
    """
    buckets, shingles, near = given.edges.buckets, given.edges.shingles, given.near
    batch = limits.batches
    if fits_in_memory(buckets, shingles, min(limits.rows, batch.rows), min(limits.hashes, batch.hashes)):
        known = load_candidates(context.storage, candidates.parts)
        entries = load_entries(context.storage, buckets.parts, known)
        return iter([Problem(known, entries, load_contents(context.storage, given.edges, near, known, entries))])
    if context.engine.tasks_are_remote and not fits_in_memory(buckets, shingles, limits.rows, limits.hashes):
        return None
    batches = component_batches(context.storage, given.edges, near, candidates, batch)
    rows, hashes = batches.largest
    if rows > limits.rows or hashes > limits.hashes:
        return None
    return problems(context.storage, given.edges, near, candidates, batches)


def _in_memory(
    storage: Storage, given: NearInputs, solved: Iterable[Problem], pairs: DatasetSpec, members: DatasetSpec
) -> dict[str, Any]:
    """Decide with arrays, problem by problem; writes pairs and members, returns the facts of all."""
    near = given.near
    rule = decide_star if near.link == "star" else decide_components
    facts = DecisionFacts()
    with Regroup(members.schema, "part") as by_part, UnitWriter(storage, pairs, "pairs", single=False) as unit:
        for problem in solved:
            decided = rule(problem.candidates, problem.entries, problem.contents, near)
            for batch in _batches(pair_table(problem.candidates, decided.pairs, near.similarity)):
                unit.write(batch)
            table = member_table(problem.candidates, decided, given.preferences)
            for batch in _batches(table.sort_by([("part", "ascending"), ("row", "ascending")])):
                by_part.add(batch)
            facts.add(decided, table, edge_pairs(problem.candidates, decided.pairs, near.similarity))
        write_regrouped(storage, members, by_part)
    return facts.total(near.link)


def _batches(table: pa.Table) -> list[pa.RecordBatch]:
    return list(table.combine_chunks().to_batches(max_chunksize=1 << 17))


def _log(console: Console, manifest: DatasetManifest) -> None:
    facts = manifest.facts
    precision = f" ({100 * facts['verified'] / facts['compared']:.1f} %)" if facts["compared"] else ""
    console.log(
        f"{manifest.name}: {facts['compared']:,} candidate pairs compared, {facts['verified']:,}{precision} verified, "
        f"{facts['left_by_cap']:,} left by max_hubs; {facts['dropped']:,} documents dropped in {facts['clusters']:,} "
        f"clusters, the largest of {facts['largest_cluster']:,}; {manifest.seconds:.1f} s"
    )
    if facts.get("chained"):
        console.log(
            f"  warning: {facts['chained']:,} documents go with a survivor they are not similar to (chains of up to "
            f"{facts['eccentricity']} links); `link: star` keeps them"
        )
    if facts.get("published_a_union_would_drop"):
        shown: Sequence[str] = facts["published_examples"]
        console.log(
            f"  a union with the published runs would drop {facts['published_a_union_would_drop']:,} documents they "
            f"keep; they stay: {', '.join(shown[:5])}"
        )
