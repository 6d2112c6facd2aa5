"""Mixing a corpus: tokens by group and weight are counted, targets of groups computed, the documents used written.

In: `<selection>corpus`, and the signal that documents are upweighted by. Out: `<selection>mixed`: the rows of corpus/
that are used at least once, with `copies`. Cost: columns of numbers are read twice, texts once; the driver holds the copies
near the border of each group, about the square root of their number.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import pyarrow.compute as pc
from gristmill.filters.registry import find_signal
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import upweight_signal
from gristmill.pipelines.policy.languages import language_options, mix_with_labels
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_each
from gristmill.pipelines.run.run import Run, count_kept
from gristmill.pipelines.run.stages import Stage, layout_fingerprint
from gristmill.pipelines.run.step import Place, Step
from gristmill.pipelines.write.mix.border import Drawn, draw_nearest, entering_of, windows_of
from gristmill.pipelines.write.mix.parts import MixTask, count_part, list_border, mixed_spec, write_part
from gristmill.pipelines.write.mix.stored import copies_in_mix
from gristmill.pipelines.write.mix.targets import GroupStats, MixTargets, mix_targets, source_of
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.mix import Mix
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.mixed import ENTERING_COPY, GROUP_WEIGHT
from gristmill.schemas.rows.registry import DOCUMENT


class WriteMix(Step):
    """The documents of the corpus, each as often as the mix uses it."""

    name = "mix"
    phase = "write"

    def datasets(self) -> Sequence[DatasetSpec]:
        return (layout.MIX_WEIGHTS, layout.MIX_BORDER, layout.MIXED)

    def update(self, context: RunContext) -> None:
        """A sample is not mixed, as targets are in tokens of the whole; nor is a corpus of nothing."""
        mix = context.recipe.mix
        if mix is None or context.sample is not None or not count_kept(context.decisions):
            return
        mix = mix_with_labels(mix, language_options(context.recipe))
        seed = context.recipe.seed if mix.seed is None else mix.seed
        corpus = context.made(layout.CORPUS.of(context.selection))
        mix_corpus(context, mix, seed, context.decisions, corpus)

    def explain(self, run: Run, place: Place) -> Sequence[str]:
        copies = copies_in_mix(run, run.documents.parts[place.part].key, place.doc_id)
        return () if copies is None else (f"used {copies} times in the mix",)


def mix_corpus(
    context: RunContext,
    mix: Mix,
    seed: int,
    decisions: DatasetManifest,
    corpus: DatasetManifest,
    dry_run: bool = False,
) -> tuple[MixTargets, DatasetManifest | None]:
    """Compute the targets and, unless `dry_run`, bring `<folder>mixed` up to date; they are shown before that starts."""
    signal, key = upweight_signal(mix), None
    if signal is not None:
        found = find_signal(signal)
        assert found is not None
        key = (found[0].name, ORIGINAL)
        if key not in context.signals:
            raise RecipeError(
                f"this run did not measure {signal!r}",
                where="mix.upweight",
                expected="a signal of the run",
                next_step=f"add the family {found[0].name} to the recipe's `signals` and build again",
            )
    chosen = mix.model_dump(mode="json")
    inputs = {"corpus": layout_fingerprint(corpus), "decisions": layout_fingerprint(decisions)}
    if key is not None:
        inputs["signal"] = layout_fingerprint(context.signals[key])
    decided = {part.key: number for number, part in enumerate(decisions.parts)}

    kind = context.recipe.rows
    signals = context.signals[key].parts if key is not None else None
    tasks = [
        MixTask(
            *(context.storage, context.selection, mix, seed, part, decisions.parts[decided[part.key]]),
            signals[decided[part.key]] if signals else None,
            kind=kind,
        )
        for part in corpus.parts
    ]

    weights = context.stage(
        layout.MIX_WEIGHTS.of(context.selection),
        {"by": _grouping(mix), "upweight": chosen["upweight"], "columns": GROUP_WEIGHT.names},
        inputs,
    )

    def count() -> dict[str, Any]:
        context.run_units(count_part, tasks, (weights.spec, _key))
        return {}

    groups = read_stats(context.storage, weights.run(count, context.console.log))
    targets = mix_targets(mix, groups)
    for line in str(targets).split("\n"):
        context.console.log(line)
    if dry_run:
        return targets, None
    drawn_as = {"mix": chosen, "seed": seed, "drawn": "nearest to the targets"}
    config = {**drawn_as, **({} if kind == DOCUMENT else {"rows": kind})}
    mixed = context.stage(mixed_spec(kind).of(context.selection), config, inputs)

    def write() -> dict[str, Any]:
        border = context.stage(layout.MIX_BORDER.of(context.selection), drawn_as, inputs)
        drawn = draw(context, mix, targets, groups, border, tasks)
        scaled = [replace(task, drawn=drawn, max_copies=targets.max_copies) for task in tasks]
        context.run_units(
            write_part,
            scaled,
            (mixed.spec, _key),
            label="write mix",
            amount=lambda task: task.corpus.text_bytes,
            of="bytes",
        )
        return {"targets": asdict(targets), "drawn": _sum_drawn(mixed.units()), "fraction": drawn.fraction}

    manifest = mixed.run(write, context.console.log)
    context.console.log(drawn_line(targets, manifest.facts, by_source=mix.language_temperature is not None))
    return targets, manifest


def _key(task: MixTask) -> str:
    return task.corpus.key


def draw(
    context: RunContext,
    mix: Mix,
    targets: MixTargets,
    groups: Mapping[str, GroupStats],
    border: Stage,
    tasks: Sequence[MixTask],
) -> Drawn:
    """The scales with which what is drawn comes nearest to the targets, after the copies near the border were listed."""
    windows = windows_of(targets, groups, may_shrink=mix.tokens is None)
    listing = [replace(task, windows=windows, max_copies=targets.max_copies) for task in tasks]

    def list_copies() -> dict[str, Any]:
        context.run_units(list_border, listing, (border.spec, _key))
        below: Counter[str] = Counter()
        for unit in border.units().values():
            below.update(unit["facts"]["below"])
        return {"below": dict(sorted(below.items()))}

    manifest = border.run(list_copies, context.console.log)
    copies: dict[str, list[tuple[Any, Any]]] = {}
    for table in read_each(context.storage, manifest.parts, ENTERING_COPY.names):
        for name in pc.unique(table.column("group")).to_pylist():
            mine = table.filter(pc.equal(table.column("group"), name))
            copies.setdefault(name, []).append((mine.column("scale").to_numpy(), mine.column("tokens").to_numpy()))
    by_source = mix.language_temperature is not None
    entering = entering_of(list(windows), manifest.facts["below"], copies)
    return draw_nearest(targets, windows, entering, by_source=by_source, may_shrink=mix.tokens is None)


def _sum_drawn(units: Mapping[str, Any]) -> dict[str, int]:
    """The tokens of every group in the mix as it was written, copies counted."""
    drawn: dict[str, int] = {}
    for unit in units.values():
        for name, tokens in unit["facts"]["drawn"].items():
            drawn[name] = drawn.get(name, 0) + tokens
    return dict(sorted(drawn.items()))


def drawn_line(targets: MixTargets, facts: Mapping[str, Any], *, by_source: bool) -> str:
    """What the mix holds after whole copies were drawn, beside the targets. facts: of its manifest. by_source: groups are
    `source/language`, and what is said is said of the sources."""
    got: Counter[str] = Counter()
    aimed: Counter[str] = Counter()
    for group in targets.groups:
        name = source_of(group.name) if by_source else group.name
        got[name] += facts["drawn"].get(group.name, 0)
        aimed[name] += group.tokens
    whole = max(got.total(), 1)
    said = [
        f"{name} {got[name]:,} ({100 * got[name] / whole:.2f} %, target {100 * aimed[name] / targets.tokens:.2f} %)"
        for name in aimed
        if aimed[name]
    ]
    line = f"as drawn: {got.total():,} tokens; {', '.join(said)}"
    if facts["fraction"] < 1:
        line += f"; smaller by {100 * (1 - facts['fraction']):.1f} %, as whole documents give these shares better so"
    return line


def _grouping(mix: Mix) -> str:
    return mix.by if mix.language_temperature is None else "source/language"


def read_stats(storage: Storage, weights: DatasetManifest) -> dict[str, GroupStats]:
    """What the corpus has of every group: a few rows for each part."""
    documents: dict[str, int] = {}
    squares: dict[str, float] = {}
    largest: dict[str, int] = {}
    tokens: dict[str, dict[int, int]] = {}
    for table in read_each(storage, weights.parts, GROUP_WEIGHT.names):
        for row in table.to_pylist():
            group = row["group"]
            documents[group] = documents.get(group, 0) + row["documents"]
            squares[group] = squares.get(group, 0.0) + row["squares"]
            largest[group] = max(largest.get(group, 0), row["largest"])
            amounts = tokens.setdefault(group, {})
            amounts[row["code"]] = amounts.get(row["code"], 0) + row["tokens"]
    return {
        group: GroupStats(documents[group], tokens[group], squares[group], largest[group])
        for group in sorted(documents)
    }
