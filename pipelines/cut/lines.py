"""Duplicate lines and paragraphs: what an earlier survivor, or the same one further up, has said already is cut.

In: the survivors' texts and order. Out: `<selection>cuts/lines`.
Cost: one shuffle of a row of numbers for every line that is long enough. Two lines are the same when the 64-bit hash
and the length of their normalised text are.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.line_hash import line_hashes
from gristmill.pipelines.cut.order import RankedSurvivors, ranked
from gristmill.pipelines.cut.spans import count_line, write_cuts
from gristmill.pipelines.cut.survivor_texts import Survivors, survivor_texts
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import write_by_part
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.units import UnitWriter, read_units
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.cuts import LineDedup
from gristmill.schemas.rows.cuts import LINE, LINE_DIGEST, MARK, MARK_DIGEST

KIND = "lines"


def cut_lines(
    context: RunContext,
    survivors: Sequence[Survivors],
    order: DatasetManifest,
    options: LineDedup,
    inputs: Mapping[str, str],
) -> DatasetManifest:
    """Bring `<folder>cuts/lines` up to date."""
    spec = layout.CUTS[KIND].of(context.selection)
    lines = DatasetSpec(f"{spec.folder}/hashes", LINE, LINE_DIGEST)
    marks = DatasetSpec(f"{spec.folder}/marks", MARK, MARK_DIGEST)
    stage = context.stage(spec, options.model_dump(), inputs)

    def work() -> dict[str, Any]:
        context.run_units(
            partial(write_line_hashes, lines, options),
            ranked(survivors, order, layout.SURVIVOR_ORDER.of(context.selection)),
            (lines, lambda part: part.key),
            label="lines",
            amount=lambda part: part.survivors.documents.text_bytes,
            of="bytes",
        )
        units = read_units(context.storage, lines)
        paths = [
            context.storage.address(part["path"]) for unit in units.values() for part in unit["parts"] if part["rows"]
        ]
        marking = context.stage(marks, {}, {"lines": stage.key})
        if marking.manifest is None:
            marking.start()
            marking.finish({"marks": _mark_repeats(context.engine, context.storage, paths, marks) if paths else 0})
        assert marking.manifest is not None
        facts: dict[str, Any] = write_cuts(context.engine, survivors, spec, KIND, [marking.manifest], options)
        context.storage.remove(lines.folder)
        context.storage.remove(marks.folder)
        context.console.log(f"{spec.folder}: {count_line(facts)}")
        return facts

    return stage.run(work, context.console.log)


def _mark_repeats(engine: Engine, storage: Storage, paths: Sequence[str], marks: DatasetSpec) -> int:
    """Every line but the first of its kind, in the order (rank, start)."""
    from pyspark.sql.connect import functions as F
    from pyspark.sql.connect.window import Window

    same = Window.partitionBy("scope", "hash", "characters").orderBy("rank", "start")
    repeats = engine.read(paths).withColumn("copy", F.row_number().over(same)).where("copy > 1")
    return write_by_part(engine, repeats, storage, marks)


def write_line_hashes(spec: DatasetSpec, options: LineDedup, part: RankedSurvivors) -> int:
    """The lines of one part's survivors that are long enough. Memory: a chunk of text and its lines."""
    survivors, rank_of = part.survivors, part.ranks()
    scopes = _scopes(survivors, options.scope)
    with UnitWriter(survivors.storage, spec, part.key) as unit:
        for chunk in survivor_texts(survivors):
            found = line_hashes(chunk.texts, options.unit, options.min_characters)
            of = np.repeat(np.arange(len(chunk.rows)), np.diff(found.offsets))
            rows = chunk.rows[of]
            batch = pa.record_batch(
                [
                    pa.array(np.full(len(of), survivors.number, np.int64)),
                    pa.array(rows),
                    scopes.take(pa.array(rows)),
                    pa.array(found.hashes.view(np.int64)),
                    pa.array(found.characters),
                    pa.array(rank_of(rows)),
                    pa.array(found.starts),
                    pa.array(found.ends),
                ],
                schema=LINE,
            )
            unit.write(batch)
    return survivors.documents.text_bytes


def _scopes(survivors: Survivors, scope: str) -> pa.Array:
    """What lines must share besides their text, for each row of the part."""
    if scope == "global":
        return pa.repeat(pa.scalar("", pa.large_string()), survivors.documents.rows)
    column = read_part(survivors.storage, survivors.documents, [scope]).column(0)
    return column.combine_chunks().cast(pa.large_string()).fill_null("")
