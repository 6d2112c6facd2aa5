"""Cutting text out of the survivors: what evaluation items share, then repeated lines, then repeated substrings.

In: documents/, `<selection>decisions`. Out: `<selection>cuts/`, and decisions in which a document dropped for its loss
fails the rule of that cut (schemas.rows.decision.CUT_RULES). What is measured depends on which documents survive, so
it belongs to one selection; another policy means measuring again. Every build has this step, and most cut nothing: what
cuts is imported where a recipe asks for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.cut.survivor_texts import DATATROVE, PartCuts
from gristmill.pipelines.decide.passed import passed_rules, survivors_digest
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import CompiledRecipe
from gristmill.pipelines.policy.text_versions import ORIGINALS, TextVersions
from gristmill.pipelines.run.by_part import parts_by_number
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_manifest, read_part
from gristmill.pipelines.run.digest import format_digest
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.stages import fingerprint, layout_fingerprint
from gristmill.pipelines.run.step import Place, Step
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.rows.cuts import CUT_REVISION
from gristmill.schemas.rows.decision import CUT_RULES, DECISION

Cuts = Mapping[str, DatasetManifest]


@dataclass(frozen=True)
class CutsMade:
    """What the step leaves: the cuts of the selection by their kind."""

    by_kind: Cuts


class CutSurvivors(Step):
    """What is cut out of the survivors, and decisions that know of it."""

    name = "cut"
    phase = "decide"

    def check(self, recipe: Recipe) -> None:
        if recipe.dedup.substrings and recipe.dedup.substrings.tokenizer:
            from gristmill.filters.dedup.token_units import load_tokenizer

            load_tokenizer(recipe.dedup.substrings.tokenizer)

    def datasets(self) -> Sequence[DatasetSpec]:
        return (
            *(layout.SURVIVOR_ORDER, layout.SURVIVOR_ORDER_KEYS, layout.EVALUATION_MARKS),
            *layout.CUTS.values(),
        )

    def update(self, context: RunContext) -> None:
        texts = context.left(CompiledRecipe).policy.texts
        decisions, cuts = cut_survivors(context, context.decisions, texts)
        context.add(layout.DECISIONS.of(context.selection), decisions)
        context.leave(CutsMade(cuts))

    def explain(self, run: Run, place: Place) -> Sequence[str]:
        from gristmill.pipelines.cut.spans import document_cut

        lines = []
        for kind in CUT_RULES:
            cut = document_cut(run, kind, place.part, place.row)
            if cut is not None:
                what = "match evaluation items" if kind == "contamination" else "repeat"
                share = f"{cut['cut_bytes']:,} of {cut['text_bytes']:,} bytes {what} in {len(cut['starts'])} spans"
                lines.append(f"{kind}: {share}, {cut['outcome']}")
        return lines


@dataclass(frozen=True)
class CutLossTask:
    """One part of the decisions and the cuts in it, by kind."""

    storage: Storage
    spec: DatasetSpec
    decisions: Part
    cuts: Mapping[str, Part]


def cut_survivors(
    context: RunContext,
    decisions: DatasetManifest,
    texts: TextVersions,
) -> tuple[DatasetManifest, Cuts]:
    """Bring the cuts of a selection up to date; returns the decisions that know of them, and the cuts by kind."""
    dedup = context.recipe.dedup
    cuts = _datatrove_edits(context.storage, context.recipe)
    if not context.recipe.cutting:
        return decisions, cuts
    from gristmill.pipelines.cut.order import survivor_order
    from gristmill.pipelines.cut.spans import survivors_of

    survivors = survivors_digest(context.storage, decisions)
    inputs = {"documents": layout_fingerprint(context.documents), "survivors": survivors, "cut rows": CUT_REVISION}
    inputs |= {f"cuts/{kind}": layout_fingerprint(manifest) for kind, manifest in cuts.items()}
    if "contamination" in context.recipe.cutting and context.recipe.contamination is not None:
        from gristmill.pipelines.cut.evaluation_items import cut_contamination

        parts = survivors_of(context.storage, context.documents, decisions, ORIGINALS, {})
        cuts["contamination"] = cut_contamination(context, parts, context.recipe.contamination, inputs)
        inputs["contamination"] = layout_fingerprint(cuts["contamination"])
    if not dedup.cutting:
        return _with_losses(context, decisions, survivors, cuts), cuts
    priorities = {source.name: source.priority for source in context.recipe.sources}
    order = survivor_order(context, decisions, inputs, dedup.cut_order, priorities)
    inputs |= {"order": order.stage_key, "text": texts.key}
    if dedup.lines:
        from gristmill.pipelines.cut.lines import cut_lines

        parts = survivors_of(context.storage, context.documents, decisions, texts, cuts)
        cuts["lines"] = cut_lines(context, parts, order, dedup.lines, inputs)
        inputs["lines"] = layout_fingerprint(cuts["lines"])
    if dedup.substrings:
        from gristmill.pipelines.cut.substrings import cut_substrings

        parts = survivors_of(context.storage, context.documents, decisions, texts, cuts)
        cuts["substrings"] = cut_substrings(context, parts, order, dedup.substrings, inputs)
    return _with_losses(context, decisions, survivors, cuts), cuts


def _datatrove_edits(storage: Storage, recipe: Recipe) -> dict[str, DatasetManifest]:
    """What datatrove's steps change, before any cut; empty where none is named."""
    manifest = read_manifest(storage, layout.STEP_EDITS.folder) if recipe.datatrove_steps else None
    return {DATATROVE: manifest} if manifest is not None else {}


def _with_losses(context: RunContext, decisions: DatasetManifest, survivors: str, cuts: Cuts) -> DatasetManifest:
    """Decisions with the documents dropped for their loss; parts without any stay as they are."""
    known = {kind: manifest.digest for kind, manifest in cuts.items()}
    if decisions.facts.get(layout.CUTS_KNOWN) == known:
        return decisions
    inputs = {"decisions": decisions.digest, **known}
    decided = layout.DECISIONS.of(context.selection)  # the parts read may lie in another folder of this kind
    spec = replace(decided, folder=f"{decided.folder}/after-cuts-{fingerprint(inputs)[:8]}")
    stage = context.stage(spec, {}, inputs)
    stage.start()
    numbered = {kind: parts_by_number(manifest) for kind, manifest in cuts.items()}
    tasks = []
    for number, part in enumerate(decisions.parts):
        mine = {kind: parts[number] for kind, parts in numbered.items() if number in parts}
        if layout.CUTS_KNOWN in decisions.facts or any(cut.rows_by.get("dropped") for cut in mine.values()):
            tasks.append(CutLossTask(context.storage, spec, part, mine))
    context.run_units(write_decided_part, tasks, (spec, lambda task: task.decisions.key))
    rewritten = {part.key: part for part in stage.finish({}).parts}
    parts = [rewritten.get(part.key, part) for part in decisions.parts]
    finished = decisions.model_copy(
        update={
            "parts": parts,
            "digest": format_digest(sum(int(part.digest, 16) for part in parts)),
            "facts": {**decisions.facts, layout.CUTS_KNOWN: known, layout.CUT_FROM: survivors},
        }
    )
    context.storage.write_json(
        f"{layout.DECISIONS.of(context.selection).folder}/{layout.MANIFEST}", finished.model_dump()
    )
    context.storage.remove_files([task.decisions.path for task in tasks])
    return finished


def write_decided_part(task: CutLossTask) -> int:
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
    with UnitWriter(task.storage, task.spec, task.decisions.key) as unit:
        unit.write(table)
    return int(table.num_rows)
