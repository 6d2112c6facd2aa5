"""Mixing a corpus: tokens by group and weight are counted, targets of groups computed, the documents used written.

In: `<selection>corpus`, and the signal that documents are upweighted by. Out: `<selection>mixed`: the rows of corpus/
that are used at least once, with `copies`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.registry import find_signal
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import upweight_signal
from gristmill.pipelines.policy.languages import language_options, mix_with_labels
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import PartWriter, iterate_part, read_each, read_part
from gristmill.pipelines.run.draws import unit_draws
from gristmill.pipelines.run.run import Run, count_kept
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.step import Place, Step
from gristmill.pipelines.run.units import commit_unit, unfinished
from gristmill.pipelines.write.mix.stored import copies_in_mix
from gristmill.pipelines.write.mix.targets import CODES_PER_DOUBLING, GroupStats, MixTargets, mix_targets, source_of
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.mix import Mix, Upweight
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.kind import ROW_COLUMNS
from gristmill.schemas.rows.mixed import (
    CLUSTER_SIZE,
    GROUP_WEIGHT,
    UNKNOWN_GROUP,
)
from gristmill.schemas.rows.registry import DOCUMENT


@dataclass(frozen=True)
class MixTask:
    """One part of the corpus, its decisions, and the part with the signal that documents are upweighted by.

    scales (by group), max_copies: what the targets say; counting needs neither.
    """

    storage: Storage
    folder: str
    mix: Mix
    seed: int
    corpus: Part
    decisions: Part
    signal: Part | None
    scales: Mapping[str, float]
    max_copies: int
    kind: str = DOCUMENT


def mixed_spec(kind: str) -> DatasetSpec:
    """The mix of rows of a kind: those that are no documents keep their pieces and fields."""
    if kind == DOCUMENT:
        return layout.MIXED
    return replace(layout.MIXED, schema=pa.schema([*layout.MIXED.schema, *ROW_COLUMNS]))


class WriteMix(Step):
    """The documents of the corpus, each as often as the mix uses it."""

    name = "mix"
    phase = "write"

    def is_wanted(self, recipe: Recipe) -> bool:
        return recipe.mix is not None

    def datasets(self) -> Sequence[DatasetSpec]:
        return (layout.MIX_WEIGHTS, layout.MIXED)

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

    def tasks(scales: Mapping[str, float], copies: int) -> list[MixTask]:
        parts = context.signals[key].parts if key is not None else None
        return [
            MixTask(
                *(context.storage, context.selection, mix, seed, part, decisions.parts[decided[part.key]]),
                *(parts[decided[part.key]] if parts else None, scales, copies, context.recipe.rows),
            )
            for part in corpus.parts
        ]

    weights = context.stage(
        layout.MIX_WEIGHTS.of(context.selection),
        {"by": _grouping(mix), "upweight": chosen["upweight"]},
        inputs,
    )

    def count() -> dict[str, Any]:
        work = unfinished(context.storage, tasks({}, 0), (weights.spec, lambda task: task.corpus.key))
        context.engine.run_tasks(count_part, work)
        return {}

    targets = mix_targets(mix, read_stats(context.storage, weights.run(count, context.console.log)))
    for line in str(targets).split("\n"):
        context.console.log(line)
    if dry_run:
        return targets, None
    kind = context.recipe.rows
    config = {"mix": chosen, "seed": seed, **({} if kind == DOCUMENT else {"rows": kind})}
    mixed = context.stage(mixed_spec(kind).of(context.selection), config, inputs)

    def write() -> dict[str, Any]:
        scaled = tasks({group.name: group.scale for group in targets.groups}, targets.max_copies)
        work = unfinished(context.storage, scaled, (mixed.spec, lambda task: task.corpus.key))
        with context.console.progress("write mix", sum(task.corpus.text_bytes for task in work), "bytes") as advance:
            context.engine.run_tasks(write_part, work, advance)
        return {"targets": asdict(targets), "drawn": _sum_drawn(mixed.units())}

    manifest = mixed.run(write, context.console.log)
    context.console.log(drawn_line(targets, manifest.facts["drawn"], by_source=mix.language_temperature is not None))
    return targets, manifest


def _sum_drawn(units: Mapping[str, Any]) -> dict[str, int]:
    """The tokens of every group in the mix as it was written, copies counted."""
    drawn: dict[str, int] = {}
    for unit in units.values():
        for name, tokens in unit["facts"]["drawn"].items():
            drawn[name] = drawn.get(name, 0) + tokens
    return dict(sorted(drawn.items()))


def drawn_line(targets: MixTargets, drawn: Mapping[str, int], *, by_source: bool) -> str:
    """What the mix holds after whole copies were drawn, beside the targets. by_source: groups are `source/language`, and
    what is said is said of the sources."""
    got: Counter[str] = Counter()
    aimed: Counter[str] = Counter()
    for group in targets.groups:
        name = source_of(group.name) if by_source else group.name
        got[name] += drawn.get(group.name, 0)
        aimed[name] += group.tokens
    whole = max(got.total(), 1)
    said = [
        f"{name} {got[name]:,} ({100 * got[name] / whole:.2f} %, target {100 * aimed[name] / targets.tokens:.2f} %)"
        for name in aimed
        if aimed[name]
    ]
    return f"as drawn: {got.total():,} tokens; {', '.join(said)}"


def _grouping(mix: Mix) -> str:
    return mix.by if mix.language_temperature is None else "source/language"


def read_stats(storage: Storage, weights: DatasetManifest) -> dict[str, GroupStats]:
    """What the corpus has of every group: a few rows for each part."""
    documents: dict[str, int] = {}
    squares: dict[str, float] = {}
    tokens: dict[str, dict[int, int]] = {}
    for table in read_each(storage, weights.parts, GROUP_WEIGHT.names):
        for row in table.to_pylist():
            group = row["group"]
            documents[group] = documents.get(group, 0) + row["documents"]
            squares[group] = squares.get(group, 0.0) + row["squares"]
            amounts = tokens.setdefault(group, {})
            amounts[row["code"]] = amounts.get(row["code"], 0) + row["tokens"]
    return {group: GroupStats(documents[group], tokens[group], squares[group]) for group in sorted(documents)}


def count_part(task: MixTask) -> int:
    """Documents and tokens of one part by group and weight."""
    spec = layout.MIX_WEIGHTS.of(task.folder)
    columns = read_part(task.storage, task.corpus, ["source", "language", "tokens", "cluster_size"])
    tokens = columns.column("tokens")
    table = pa.table(
        {
            "group": groups_of(columns, task.mix),
            "code": pa.array(weight_codes(task, columns)),
            "tokens": tokens,
            "squares": pc.power(tokens.cast(pa.float64()), 2.0),
        }
    )
    summed = table.group_by(["group", "code"]).aggregate([([], "count_all"), ("tokens", "sum"), ("squares", "sum")])
    order = ["group", "code", "count_all", "tokens_sum", "squares_sum"]
    summed = (
        summed.select(order).rename_columns(GROUP_WEIGHT.names).sort_by([("group", "ascending"), ("code", "ascending")])
    )
    writer = PartWriter(task.storage, spec, task.corpus.key, single=True)
    for batch in summed.combine_chunks().to_batches():
        writer.write(batch)
    commit_unit(task.storage, spec, task.corpus.key, writer, {})
    return task.corpus.rows


def groups_of(columns: pa.Table | pa.RecordBatch, mix: Mix) -> Any:
    """The group of every document: its source or language, or both as `source/language`."""
    if mix.language_temperature is not None:
        source, language = (columns.column(name).cast(pa.large_string()) for name in ("source", "language"))
        return pc.binary_join_element_wise(
            source, pc.fill_null(language, UNKNOWN_GROUP), pa.scalar("/", pa.large_string())
        )
    return pc.fill_null(columns.column(mix.by).cast(pa.large_string()), UNKNOWN_GROUP)


def weight_codes(task: MixTask, columns: pa.Table) -> np.ndarray:
    """The code of every document's weight, all of a part's documents in order; see mix.targets.weight_of."""
    upweight = task.mix.upweight
    if upweight is None:
        return np.zeros(columns.num_rows, np.int64)
    values = columns.column(CLUSTER_SIZE)
    if task.signal is not None:
        kept = read_part(task.storage, task.decisions, ["kept"]).column("kept")
        values = read_part(task.storage, task.signal, [upweight.by]).column(upweight.by).filter(kept)
    return codes_of(values.cast(pa.float64()).to_numpy(), upweight)


def codes_of(values: np.ndarray, upweight: Upweight) -> np.ndarray:
    """Codes of the weights of these values; NaN (null) weighs 1, what is not above 0 weighs `least`."""
    positive = values > 0
    # in logarithms, as a power may be out of a float's range
    logs = np.log2(values, where=positive, out=np.zeros(len(values))) * upweight.power
    low, high = np.log2(upweight.min_weight), np.log2(upweight.max_weight)
    logs = np.where(positive, np.clip(logs, low, high), low)
    logs[np.isnan(values)] = 0.0
    codes: np.ndarray = np.rint(logs * CODES_PER_DOUBLING).astype(np.int64)
    return codes


def copies_of(rates: np.ndarray, doc_ids: pa.Array, seed: int) -> np.ndarray:
    """How often each document is used: the whole part of its rate, and once more with the fraction's probability."""
    whole = np.floor(rates)
    copies: np.ndarray = (whole + (unit_draws(doc_ids, seed) < rates - whole)).astype(np.int64)
    return copies


def write_part(task: MixTask) -> int:
    """The documents of one part that are used, with their copies."""
    spec = mixed_spec(task.kind).of(task.folder)
    columns = read_part(task.storage, task.corpus, ["doc_id", "source", "language", "tokens", CLUSTER_SIZE])
    encoded = groups_of(columns, task.mix).combine_chunks().dictionary_encode()
    scales = np.array([task.scales[name] for name in encoded.dictionary.to_pylist()])
    codes = weight_codes(task, columns)
    scale = scales[encoded.indices.to_numpy()] if len(scales) else np.zeros(0)
    rates = np.minimum(scale * 2.0 ** (codes / CODES_PER_DOUBLING), task.max_copies)
    copies = copies_of(rates, columns.column("doc_id"), task.seed)
    used_tokens = pa.array(copies * columns.column("tokens").to_numpy())
    sums = (
        pa.table({"group": encoded.cast(pa.large_string()), "tokens": used_tokens})
        .group_by("group")
        .aggregate([("tokens", "sum")])
    )
    drawn = {row["group"]: row["tokens_sum"] for row in sums.to_pylist()}
    writer = PartWriter(task.storage, spec, task.corpus.key, single=True)
    row = 0
    for batch in iterate_part(task.storage, task.corpus):
        mine = pa.array(copies[row : row + batch.num_rows])
        row += batch.num_rows
        used = batch.append_column("copies", mine).filter(pc.greater(mine, 0))
        if used.num_rows:
            writer.write(used)
    commit_unit(task.storage, spec, task.corpus.key, writer, {"drawn": drawn})
    return task.corpus.text_bytes
