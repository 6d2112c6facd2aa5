"""What changed between two selections: flips, their tokens and the rules behind them, by source."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.session import Engine, running
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.shown import Tabled
from gristmill.schemas.rows.decision import DECISION

CHANGES = ("now kept", "now dropped", "only in A", "only in B")
_FIELDS = ("source", "kept", "tokens", "failed_rules")


@dataclass(frozen=True)
class Diff(Tabled):
    """by_source: rows {change, source, documents, tokens}; by_rule: rows {change, rule, documents, tokens}.

    tokens are those of the side where the document is kept (B for "now kept", A for "now dropped").
    examples: rows {change, doc_id, source, failed_rules}, the smallest ids of each change.
    """

    a: str
    b: str
    unchanged: int
    by_source: Sequence[dict[str, Any]]
    by_rule: Sequence[dict[str, Any]]
    examples: Sequence[dict[str, Any]]

    def rows(self) -> list[dict[str, Any]]:
        """{change, by, name, documents, tokens}: by is `source` or `rule`, name which one."""
        return [
            {"change": row["change"], "by": by, "name": row[by], "documents": row["documents"], "tokens": row["tokens"]}
            for by, found in (("source", self.by_source), ("rule", self.by_rule))
            for row in found
        ]

    def __str__(self) -> str:
        lines = [f"A: {self.a}", f"B: {self.b}", f"{self.unchanged:,} documents decided alike"]
        if not self.by_source:
            return "\n".join([*lines, "no difference"])
        lines += [_totals_line(row, row["source"]) for row in self.by_source]
        lines.append("by rule that made the difference")
        lines += [_totals_line(row, row["rule"]) for row in self.by_rule]
        lines.append("examples (`gristmill explain` tells more)")
        lines += [
            f"{r['change']:12} {r['doc_id']} {r['source']}: {', '.join(r['failed_rules'])}" for r in self.examples
        ]
        return "\n".join(lines)


def _totals_line(row: dict[str, Any], name: str) -> str:
    return f"{row['change']:12} {name}: {row['documents']:,} documents, {row['tokens']:,} tokens"


def diff(a: Run | str | Path, b: Run | str | Path, *, engine: Engine | None = None, examples: int = 5) -> Diff:
    """Compare what two runs or selections (`RUN:name`) keep, document by document, by doc_id.

    examples: how many documents are shown for each kind of change. Returns flips and tokens by source and by rule; `str()`
    shows them, `.to_pandas()` and `.to_arrow()` give tables. Raises RunError for a run that is not finished.
    """
    runs = [side if isinstance(side, Run) else open_run(side) for side in (a, b)]
    with explained(runs[0].storage.url), running(engine) as started:
        return _compare(started, runs[0], runs[1], examples)


def _frame(engine: Engine, run: Run, side: str) -> Any:
    paths = [run.storage.address(part.path) for part in run.decisions.parts]
    frame = engine.read(paths, ["doc_id", *_FIELDS]) if paths else _empty(engine)
    for name in _FIELDS:
        frame = frame.withColumnRenamed(name, f"{name}_{side}")
    return frame


def _empty(engine: Engine) -> Any:
    return engine.spark.createDataFrame(DECISION.empty_table().select(["doc_id", *_FIELDS]))


def _compare(engine: Engine, a: Run, b: Run, examples: int) -> Diff:
    from pyspark.sql.connect import functions as F

    joined = _frame(engine, a, "a").join(_frame(engine, b, "b"), on="doc_id", how="full")
    change = (
        F.when(F.col("kept_a").isNull(), F.when(F.col("kept_b"), F.lit("only in B")))
        .when(F.col("kept_b").isNull(), F.when(F.col("kept_a"), F.lit("only in A")))
        .when(~F.col("kept_a") & F.col("kept_b"), F.lit("now kept"))
        .when(F.col("kept_a") & ~F.col("kept_b"), F.lit("now dropped"))
    )
    kept_in_b = F.col("change").isin("now kept", "only in B")
    flips = (
        joined.withColumn("change", change)
        .withColumn("source", F.coalesce("source_b", "source_a"))
        .withColumn("tokens", F.when(kept_in_b, F.col("tokens_b")).otherwise(F.col("tokens_a")))
        .withColumn("rules", F.when(kept_in_b, F.col("failed_rules_a")).otherwise(F.col("failed_rules_b")))
    )
    changed = flips.where("change is not null")
    totals = [F.count("*").alias("documents"), F.sum("tokens").alias("tokens")]
    by_source = changed.groupBy("change", "source").agg(*totals).orderBy("change", "source")
    rules = changed.select("change", "tokens", F.explode("rules").alias("rule"))
    by_rule = rules.groupBy("change", "rule").agg(*totals).orderBy("change", "rule")
    shown: list[dict[str, Any]] = []
    for name in CHANGES:
        rows = changed.where(F.col("change") == name).orderBy("doc_id").limit(examples)
        table = rows.select("change", "doc_id", "source", F.col("rules").alias("failed_rules")).toArrow()
        shown += [row | {"failed_rules": row["failed_rules"] or []} for row in table.to_pylist()]
    return Diff(
        a=str(a),
        b=str(b),
        unchanged=flips.where("change is null").count(),
        by_source=by_source.toArrow().to_pylist(),
        by_rule=by_rule.toArrow().to_pylist(),
        examples=shown,
    )
