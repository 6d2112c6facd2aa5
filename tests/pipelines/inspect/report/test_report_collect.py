"""The collected figures against a recount in plain Python, and the same figures for any way of counting."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.report import collect as collecting
from gristmill.pipelines.inspect.report.collect import collect
from gristmill.pipelines.run import dataset
from gristmill.pipelines.run.run import Run
from gristmill.schemas.recipe.rules import Rule
from gristmill.schemas.report import Amount, Histogram, Summary

from tests.pipelines.inspect.report.generated_runs import recipe_for

Rows = list[dict[str, Any]]


def rows_of(run: Run) -> Rows:
    """Every document with its decision and its signals, as one mapping."""
    found: Rows = []
    for number, part in enumerate(run.documents.parts):
        tables = [part, run.decisions.parts[number], *[m.parts[number] for m in run.signals.values()]]
        columns = [pq.read_table(run.storage.path(table.path)).to_pylist() for table in tables]
        for rows in zip(*columns, strict=True):
            merged: dict[str, Any] = {}
            for row in rows:
                merged |= row
            found.append(merged)
    return found


@pytest.fixture(scope="module")
def rows(generated_run: Run) -> Rows:
    return rows_of(generated_run)


def total(rows: Rows) -> Amount:
    return Amount(
        documents=len(rows), bytes=sum(row["text_bytes"] for row in rows), tokens=sum(row["tokens"] for row in rows)
    )


def test_the_funnel_is_the_plain_count(summary: Summary, rows: Rows, generated_run: Run) -> None:
    steps = {step.name: (step.documents, step.bytes, step.tokens) for step in summary.funnel if step.tokens is not None}
    above = [row for row in rows if not any(r.startswith(("reader/", "floor/")) for r in row["failed_rules"])]
    passed = [row for row in rows if not [r for r in row["failed_rules"] if r != "duplicate/exact"]]
    expected = {
        "Documents": rows,
        "Quarantined": [row for row in rows if row["status"] == "quarantined"],
        "Above the floor": above,
        "Passed the rules": passed,
        "Kept": [row for row in rows if row["kept"]],
    }
    for name, chosen in expected.items():
        amount = total(chosen)
        assert steps[name] == (amount.documents, amount.bytes, amount.tokens)
    corpus = generated_run.dataset("corpus")
    assert steps["Written to the corpus"][:2] == (corpus.rows, corpus.text_bytes)
    assert len(expected["Quarantined"]) == 4
    assert len(passed) > len(expected["Kept"]) > 10
    framed = summary.funnel[0]
    assert framed.documents == len(rows)
    assert framed.bytes == sum(Path(s.path).stat().st_size for s in generated_run.recipe.sources)  # type: ignore[arg-type]


def test_rules_only_this_rule_and_combinations(summary: Summary, rows: Rows) -> None:
    names = {name for row in rows for name in row["failed_rules"]}
    assert {rule.name for rule in summary.rules if rule.failing.documents} == names
    for rule in summary.rules:
        assert rule.failing == total([row for row in rows if rule.name in row["failed_rules"]])
        assert rule.only == total([row for row in rows if row["failed_rules"] == [rule.name]])
    assert any(rule.only.documents for rule in summary.rules)
    counted = Counter(tuple(sorted(row["failed_rules"])) for row in rows if not row["kept"])
    assert summary.combinations_total == len(counted)
    for entry in summary.combinations:
        assert entry.amount == total([row for row in rows if sorted(row["failed_rules"]) == entry.rules])
    assert [entry.amount.documents for entry in summary.combinations] == sorted(counted.values(), reverse=True)[:20]


def test_sources_before_and_after(summary: Summary, rows: Rows) -> None:
    readable = [row for row in rows if row["status"] == "ok"]
    assert {mix.name for mix in summary.sources} == {"mills", "rivers"}
    for mix in summary.sources:
        assert mix.before == total([row for row in readable if row["source"] == mix.name])
        assert mix.after == total([row for row in rows if row["source"] == mix.name and row["kept"]])
    assert summary.languages is None


def test_quarantine_names_source_reason_and_examples(summary: Summary, rows: Rows) -> None:
    quarantined = [row for row in rows if row["status"] == "quarantined"]
    counted = Counter((row["source"], row["reason"]) for row in quarantined)
    assert {(g.source, g.reason): g.documents for g in summary.quarantine} == counted
    for group in summary.quarantine:
        assert group.examples[0].location in {row["location"] for row in quarantined}


def holds(value: float, rule: Rule) -> bool:
    operand = rule.operand
    assert isinstance(operand, int | float)
    compared = {">=": value >= operand, ">": value > operand, "<=": value <= operand, "<": value < operand}
    return compared[rule.operator]


def numeric(summary: Summary) -> list[Histogram]:
    return [histogram for histogram in summary.histograms if histogram.edges]


def test_histograms_count_every_document_between_their_edges(summary: Summary, rows: Rows) -> None:
    readable = [row for row in rows if row["status"] == "ok"]
    assert {h.signal for h in numeric(summary)} >= {"word_count", "median_word_length", "stop_word_count", "text_bytes"}
    for histogram in numeric(summary):
        for kept, counts, undefined in (
            (True, histogram.kept, histogram.undefined_kept),
            (False, histogram.dropped, histogram.undefined_dropped),
        ):
            values = [row[histogram.signal] for row in readable if row["kept"] == kept]
            expected = [0] * (len(histogram.edges) + 1)
            for value in values:
                if value is not None:
                    expected[sum(edge <= value for edge in histogram.edges)] += 1
            assert counts == expected
            assert undefined == values.count(None)
    for histogram in summary.histograms:
        shown = sum(histogram.kept) + sum(histogram.dropped)
        assert shown + histogram.undefined_kept + histogram.undefined_dropped == len(readable)


def test_a_threshold_is_the_border_of_two_bins(summary: Summary, rows: Rows) -> None:
    drawn = 0
    for histogram in numeric(summary):
        for threshold in histogram.thresholds:
            assert threshold.edge is not None
            rule = Rule(name="x", signal=histogram.signal, keep=threshold.keep)
            values = [row[histogram.signal] for row in rows if row["status"] == "ok"]
            right = sum(histogram.kept[threshold.edge + 1 :]) + sum(histogram.dropped[threshold.edge + 1 :])
            passing = sum(value is not None and holds(value, rule) for value in values)
            defined = sum(value is not None for value in values)
            assert right == (passing if rule.operator in (">=", ">") else defined - passing)
            drawn += 1
    assert drawn >= 6


def test_samples_near_a_threshold_are_the_nearest(summary: Summary, rows: Rows) -> None:
    by_id = {row["doc_id"]: row for row in rows}
    entry = next(entry for entry in summary.rule_samples if entry.rule == "policy/many_words")
    applicable = [row for row in rows if row["status"] == "ok" and row["source"] == "mills"]
    for side, samples in ((True, entry.failing), (False, entry.passing)):
        chosen = [row for row in applicable if ("policy/many_words" in row["failed_rules"]) == side]
        nearest = sorted(chosen, key=lambda row: (abs(row["word_count"] - 110), row["doc_id"]))[:2]
        assert [sample.doc_id for sample in samples] == [row["doc_id"] for row in nearest]
        for sample in samples:
            assert sample.value == by_id[sample.doc_id]["word_count"]
            assert sample.excerpt == by_id[sample.doc_id]["text"][:600]
    assert all(sample.kept for sample in summary.kept_samples)
    assert not any(sample.kept for sample in summary.dropped_samples)


def test_duplicates_and_edits(summary: Summary, rows: Rows, generated_run: Run) -> None:
    found = summary.duplicates
    assert found is not None
    copies = [row for row in rows if row["duplicate_of"]]
    assert found.removed == total(copies)
    sizes = Counter(row["cluster_size"] for row in rows if row["cluster_size"] and not row["duplicate_of"])
    assert {entry.size: entry.clusters for entry in found.by_size} == sizes
    assert sum((size - 1) * count for size, count in sizes.items()) == len(copies)
    assert sum(found.why.values()) == len(copies)
    assert found.largest[0].size == max(sizes)
    assert summary.edits is not None
    written = [
        edit
        for part in generated_run.dataset("edits").parts
        for row in pq.read_table(generated_run.storage.path(part.path)).to_pylist()
        for edit in row["edits"]
    ]
    assert sum(entry.edits for entry in summary.edits) == len(written) > 0
    assert sum(entry.bytes_removed for entry in summary.edits) == sum(e["end"] - e["start"] for e in written)


def figures(summary: Summary) -> dict[str, Any]:
    return summary.model_dump(exclude={"run", "key"})


@pytest.mark.parametrize(("partitions", "task_rows"), [(1, 1), (3, 1), (3, 200_000)])
def test_the_summary_does_not_depend_on_tasks(
    generated_run: Run, summary: Summary, monkeypatch: pytest.MonkeyPatch, partitions: int, task_rows: int
) -> None:
    monkeypatch.setattr(collecting, "TASK_ROWS", task_rows)
    with Engine(partitions=partitions) as engine:
        assert figures(collect(generated_run, engine)) == figures(summary)


def test_the_summary_does_not_depend_on_how_documents_lie_in_parts(
    summary: Summary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dataset, "MAX_PART_ROWS", 1)
    monkeypatch.setattr(dataset, "MAX_ROW_GROUP_BYTES", 4000)
    run = build(recipe_for(tmp_path), tmp_path / "run", console=Console(quiet=True), report=False)
    assert len(run.documents.parts) > 4
    with Engine() as engine:
        assert figures(collect(run, engine)) == figures(summary)


def test_a_run_without_a_readable_document(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("not json\n{}\n", encoding="utf-8")
    recipe = {"name": "bad", "sources": [{"name": "bad", "path": str(tmp_path / "bad.jsonl")}]}
    run = build(recipe, tmp_path / "run", console=Console(quiet=True))
    with Engine() as engine:
        empty = collect(run, engine)
    assert [step.documents for step in empty.funnel] == [2, 2, 2, 0, 0, 0, 0]
    assert run.storage.exists("report.html")
