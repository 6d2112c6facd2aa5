"""Cutting text out of the survivors: what evaluation items share, then repeated lines, then repeated substrings.

In: documents/, `<selection>decisions`. Out: `<selection>cuts/`, and decisions in which a document dropped for its loss
fails the rule of that cut (schemas.decision.CUT_RULES). What is measured depends on which documents survive, so it belongs to
one selection; another policy means measuring again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.filters.transforms.registry import text_version_key
from gristmill.pipelines.by_part import parts_by_number
from gristmill.pipelines.decide.decisions import decisions_spec
from gristmill.pipelines.decontaminate.cut import cut_contamination
from gristmill.pipelines.dedup.cuts import survivors_of
from gristmill.pipelines.dedup.lines import cut_lines
from gristmill.pipelines.dedup.order import survivor_order
from gristmill.pipelines.dedup.substrings import cut_substrings
from gristmill.pipelines.dedup.survivor_texts import FOREIGN, PartCuts, passed_rules
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.foreign.stage import EDITS_OF_STEPS
from gristmill.pipelines.measure import FamilyKey
from gristmill.pipelines.run.dataset import MANIFEST, DatasetSpec, PartWriter, read_each, read_manifest, read_part
from gristmill.pipelines.run.digest import batch_digest, format_digest
from gristmill.pipelines.run.stages import Stage, fingerprint, layout_fingerprint
from gristmill.pipelines.run.units import commit_unit, unfinished
from gristmill.schemas.cut_rows import CUT_REVISION
from gristmill.schemas.decision import CUT_RULES, DECISION, DECISION_DIGEST
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.policy import ORIGINAL
from gristmill.schemas.recipe import Recipe

SURVIVORS = "survivors_digest"  # fact of finished decisions: of the documents the cuts were measured on
CUTS = "cuts"  # fact of finished decisions: kind -> digest of the cuts they know of
Cuts = Mapping[str, DatasetManifest]


@dataclass(frozen=True)
class LedgerTask:
    """One part of the decisions and the cuts in it, by kind."""

    storage: Storage
    spec: DatasetSpec
    decisions: Part
    cuts: Mapping[str, Part]


def cut_survivors(
    storage: Storage,
    engine: Engine,
    recipe: Recipe,
    documents: DatasetManifest,
    signals: Mapping[FamilyKey, DatasetManifest],
    decisions: DatasetManifest,
    text_version: str,
    folder: str,
    console: Console,
) -> tuple[DatasetManifest, Cuts]:
    """Bring the cuts of a selection up to date; returns the decisions that know of them, and the cuts by kind."""
    dedup = recipe.dedup
    cuts = _foreign_edits(storage, recipe)
    if not recipe.cutting:
        return decisions, cuts
    survivors = survivors_digest(storage, decisions)
    inputs = {"documents": layout_fingerprint(documents), "survivors": survivors, "cut rows": CUT_REVISION}
    inputs |= {f"cuts/{kind}": layout_fingerprint(manifest) for kind, manifest in cuts.items()}
    if "contamination" in recipe.cutting and recipe.contamination is not None:
        parts = survivors_of(storage, documents, decisions, ORIGINAL, {})
        cuts["contamination"] = cut_contamination(storage, engine, parts, recipe.contamination, inputs, folder, console)
        inputs["contamination"] = layout_fingerprint(cuts["contamination"])
    if not dedup.cutting:
        return _into_ledger(storage, engine, decisions, survivors, cuts, folder), cuts
    priorities = {source.name: source.priority for source in recipe.sources}
    order = survivor_order(
        storage, engine, documents, signals, decisions, inputs, dedup.cut_order, priorities, folder, console
    )
    inputs |= {"order": order.stage_key, "text": text_version_key(text_version)}
    if dedup.lines:
        parts = survivors_of(storage, documents, decisions, text_version, cuts)
        cuts["lines"] = cut_lines(storage, engine, parts, order, dedup.lines, inputs, folder, console)
        inputs["lines"] = layout_fingerprint(cuts["lines"])
    if dedup.substrings:
        parts = survivors_of(storage, documents, decisions, text_version, cuts)
        cuts["substrings"] = cut_substrings(storage, engine, parts, order, dedup.substrings, inputs, folder, console)
    return _into_ledger(storage, engine, decisions, survivors, cuts, folder), cuts


def _foreign_edits(storage: Storage, recipe: Recipe) -> dict[str, DatasetManifest]:
    """What foreign steps change, before any cut; empty where none is named."""
    manifest = read_manifest(storage, EDITS_OF_STEPS.folder) if recipe.foreign else None
    return {FOREIGN: manifest} if manifest is not None else {}


def survivors_digest(storage: Storage, decisions: DatasetManifest) -> str:
    """Of the ids of the documents that pass the rules, cuts or not."""
    total = 0
    for table in read_each(storage, decisions.parts, ["doc_id", "failed_rules"]):
        total += batch_digest(table.filter(pa.array(passed_rules(table))), ["doc_id"])
    return format_digest(total)


def cuts_line(storage: Storage, before: DatasetManifest, after: DatasetManifest, name: str) -> str:
    """What a reselection means for the cuts, for the log: decisions of the selection it came from, and its own."""
    if CUTS in after.facts:
        return "cuts: up to date with these survivors"
    redo = f"`gristmill materialise {name}` measures them again; until then documents they would drop count as kept"
    if before.facts.get(SURVIVORS) == survivors_digest(storage, after):
        return f"cuts: the survivors are the same, so are the cuts on the same text; {redo}"
    return f"cuts: the survivors changed, so cuts of repeated lines and substrings must be redone; {redo}"


def _into_ledger(
    storage: Storage, engine: Engine, decisions: DatasetManifest, survivors: str, cuts: Cuts, folder: str
) -> DatasetManifest:
    """Decisions with the documents dropped for their loss; parts without any stay as they are."""
    known = {kind: manifest.digest for kind, manifest in cuts.items()}
    if decisions.facts.get(CUTS) == known:
        return decisions
    inputs = {"decisions": decisions.digest, **known}
    name = f"{folder}decisions/after-cuts-{fingerprint(inputs)[:8]}"  # the parts read may lie in another such folder
    spec = DatasetSpec(name, DECISION, DECISION_DIGEST, counted="kept")
    stage = Stage(storage, spec, {}, inputs)
    stage.start()
    numbered = {kind: parts_by_number(manifest) for kind, manifest in cuts.items()}
    tasks = []
    for number, part in enumerate(decisions.parts):
        mine = {kind: parts[number] for kind, parts in numbered.items() if number in parts}
        if CUTS in decisions.facts or any(cut.rows_by.get("dropped") for cut in mine.values()):
            tasks.append(LedgerTask(storage, spec, part, mine))
    engine.run_tasks(write_ledger_part, unfinished(storage, tasks, (spec, lambda task: task.decisions.key)))
    rewritten = {part.key: part for part in stage.finish({}).parts}
    parts = [rewritten.get(part.key, part) for part in decisions.parts]
    finished = decisions.model_copy(
        update={
            "parts": parts,
            "digest": format_digest(sum(int(part.digest, 16) for part in parts)),
            "facts": {**decisions.facts, CUTS: known, SURVIVORS: survivors},
        }
    )
    storage.write_json(f"{decisions_spec(folder).folder}/{MANIFEST}", finished.model_dump())
    storage.remove_files([task.decisions.path for task in tasks])
    return finished


def write_ledger_part(task: LedgerTask) -> int:
    """One part of the decisions: of the documents that pass the rules, those that lost too much fail one more."""
    table = read_part(task.storage, task.decisions, DECISION.names).combine_chunks()
    passed = passed_rules(table)
    rules = np.zeros(table.num_rows, np.int64)
    for number, kind in enumerate(CUT_RULES):
        if kind in task.cuts:
            rules[PartCuts(task.storage, kind, task.cuts[kind]).dropped] = number + 1
    lists = [[], *[[rule] for rule in CUT_RULES.values()]]
    ours = pa.array(lists, DECISION.field("failed_rules").type).take(pa.array(rules))
    failed = table.column("failed_rules").combine_chunks()
    failed = pc.if_else(pa.array(passed), ours, failed)
    kept = pa.array(passed & (rules == 0))
    table = table.set_column(table.schema.get_field_index("failed_rules"), DECISION.field("failed_rules"), failed)
    table = table.set_column(table.schema.get_field_index("kept"), DECISION.field("kept"), kept)
    writer = PartWriter(task.storage, task.spec, task.decisions.key, single=True)
    for batch in table.combine_chunks().to_batches():
        writer.write(batch)
    commit_unit(task.storage, task.spec, task.decisions.key, writer, {})
    return int(table.num_rows)
