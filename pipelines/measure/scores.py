"""The step of scores: columns of other files, joined to the rows by id, a signal each.

In: documents/, the files that `scores:` names. Out: `signals/scored_<name>`, aligned with documents/; null where a row's id is
not among the scores, which is counted. No text is read, so other scores cost a join. A file's place is not part of the key,
its ids and values are.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.scored import family_name
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.measure.families import signals_spec, write_signals
from gristmill.pipelines.measure.score_files import score_table
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.pipelines.run.step import Step
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import unknown_name_error
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.recipe.scores import ScoreColumn
from gristmill.schemas.rows.document import QUARANTINED_STATUS


class JoinScores(Step):
    """Scores that were computed elsewhere, as signals."""

    name = "scores"
    phase = "measure"

    def check(self, recipe: Recipe) -> None:
        sources = {source.name: source for source in recipe.sources}
        for name, column in recipe.scores.items():
            if column.source is not None and column.source not in sources:
                raise unknown_name_error("source", column.source, sources, where=f"scores.{name}.source")
            if column.source is not None and sources[column.source].columns.id is None:
                raise RecipeError(
                    f"the records of source {column.source!r} have no id of their own",
                    where=f"scores.{name}.source",
                    expected="`columns: {id: ...}` of that source, or scores by `doc_id`",
                )
            score_table(column, name)

    def update(self, context: RunContext) -> None:
        for name, column in context.recipe.scores.items():
            context.signals[family_name(name), ORIGINAL] = self._joined(context, name, column)

    def _joined(self, context: RunContext, name: str, column: ScoreColumn) -> DatasetManifest:
        table = score_table(column, name)
        spec = signals_spec(family_name(name), ORIGINAL)
        config = {"scores": table.digest, "revision": 1}
        stage = context.stage(spec, config, {"documents": layout_fingerprint(context.documents)})

        def work() -> dict[str, Any]:
            join = partial(join_part, context.storage, name, column)
            context.run_units(join, context.documents.parts, (spec, lambda part: part.key))
            counts = [unit["facts"] for unit in stage.units().values()]
            joined, missing = (sum(found[key] for found in counts) for key in ("joined", "missing"))
            return {
                "joined": joined,
                "missing": missing,
                "unknown": len(table.ids) + table.foreign - sum(found["found"] for found in counts),
                "not_numbers": table.not_numbers,
            }

        manifest = stage.run(work, context.console.log)
        facts = manifest.facts
        if facts.get("missing") or facts.get("unknown") or facts.get("not_numbers"):
            context.console.log(
                f"scores.{name}: {facts['joined']:,} rows have one, {facts['missing']:,} have none; "
                f"{facts['unknown']:,} scores are of no row, {facts['not_numbers']:,} are no finite number"
            )
        return manifest

    def report(self, run: Run) -> Mapping[str, Any] | None:
        found = []
        for name, column in run.recipe.scores.items():
            manifest = run.signals.get((family_name(name), ORIGINAL))
            if manifest is not None:
                facts = manifest.facts
                found.append(
                    {
                        "signal": family_name(name),
                        "column": column.column or name,
                        "rows with a value": facts["joined"],
                        "rows without": facts["missing"],
                        "scores of no row": facts["unknown"],
                        "no finite number": facts["not_numbers"],
                    }
                )
        return {"scores": found} if found else None


def join_part(storage: Storage, name: str, column: ScoreColumn, part: Part) -> int:
    """The scores of one part of the documents; quarantined rows have none."""
    table = score_table(column, name)
    spec = signals_spec(family_name(name), ORIGINAL)
    documents = read_part(storage, part, ["doc_id", "status"])
    ids = documents.column("doc_id").combine_chunks()
    places = table.find(ids)
    values = table.values.take(pa.array(places, mask=places < 0))
    quarantined = pc.equal(documents.column("status").combine_chunks(), QUARANTINED_STATUS)
    values = pc.if_else(quarantined, pa.scalar(None, pa.float64()), values)
    rows = len(ids) - (pc.sum(quarantined).as_py() or 0)
    joined = len(values) - values.null_count
    found = int((places >= 0).sum())
    facts = {"joined": joined, "missing": rows - joined, "found": found}
    write_signals(storage, spec, part.key, ids, [values], facts)
    return part.rows
