"""Escaping, tables, thresholds and files of the report."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from gristmill.console import Console
from gristmill.pipelines.decide.reselect import reselect
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.report import write
from gristmill.pipelines.inspect.report.counts import Partial, smallest
from gristmill.pipelines.inspect.report.markup import element, escape, link, plot_text, script_json
from gristmill.pipelines.inspect.report.page import render
from gristmill.pipelines.inspect.report.sketch import (
    bucket_bounds,
    buckets,
    central_range,
    choose_edges,
    count_between,
    threshold_edge,
)
from gristmill.pipelines.inspect.report.tables import megabytes, percent
from gristmill.pipelines.inspect.report.write import write_report
from gristmill.pipelines.run.draws import shuffled
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.shown import visible
from gristmill.pipelines.write.card import size_category
from gristmill.schemas.recipe.rules import Rule
from gristmill.schemas.report import Summary
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

TEXT = st.text(max_size=80)
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(TEXT)
@settings(max_examples=examples(200))
def test_escaped_text_holds_no_markup_and_nothing_invisible(text: str) -> None:
    escaped = escape(text)
    assert not set(escaped) & set("<>\"'\u202e\u2028\u0000")
    assert "&" not in re.sub(r"&(lt|gt|amp|quot|#x27);", "", escaped)
    assert not set(plot_text(text)) & set("<>\"'\n")
    assert visible(visible(text)) == visible(text)


@given(st.recursive(TEXT | st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=6))
@settings(max_examples=examples(100))
def test_script_json_is_json_without_dangerous_characters(value: object) -> None:
    text = script_json(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        ("https://example.org/a?b=1&c=2", True),
        ("HTTP://example.org", True),
        ("javascript:alert(1)", False),
        (" https://example.org", False),
        ("https://example.org/a b", False),
        ('https://example.org/"x', False),
        ("https://example.org/\u202e", False),
        ("//example.org", False),
        ("ftp://example.org", False),
    ],
)
def test_only_plain_web_addresses_become_links(url: str, is_link: bool) -> None:
    made = link(url)
    assert made.startswith("<a href=") == is_link
    assert ("noopener" in made) == is_link


def test_elements_escape_children_and_attributes() -> None:
    made = element("td", "<b>", element("i", "x"), class_='a"b', data_x=None)
    assert made == '<td class="a&quot;b">&lt;b&gt;<i>x</i></td>'


@given(st.lists(FLOATS, min_size=1, max_size=60))
@settings(max_examples=examples(200))
def test_every_value_lies_in_its_bucket(values: list[float]) -> None:
    for value in values:
        (code,) = buckets(np.array([value]))
        low, high = bucket_bounds(int(code))
        assert low <= value <= high
    found = buckets(np.array(values))
    low, high = central_range(found, min(values), max(values))
    assert min(values) <= low <= high <= max(values)
    assert 1 <= len(choose_edges(low, high, [], is_integer=False)) < 60


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=60),
    st.sampled_from([">= 50", "> 50", "< 50", "<= 50", ">= 50.5", "<= 0.5", "> 100000"]),
)
@settings(max_examples=examples(150))
def test_integers_are_split_by_the_edge_as_by_the_rule(values: list[int], keep: str) -> None:
    check_split(np.array(values), Rule(name="x", signal="y", keep=keep), is_integer=True)


@given(
    st.lists(st.floats(0, 1) | st.sampled_from([0.3, float(np.nextafter(0.3, 1))]), min_size=1, max_size=60),
    st.sampled_from([">= 0.3", "> 0.3", "< 0.3", "<= 0.3"]),
)
@settings(max_examples=examples(150))
def test_floats_are_split_by_the_edge_as_by_the_rule(values: list[float], keep: str) -> None:
    check_split(np.array(values), Rule(name="x", signal="y", keep=keep), is_integer=False)


def check_split(values: np.ndarray, rule: Rule, is_integer: bool) -> None:
    border = threshold_edge(rule, is_integer)
    assert border is not None
    edges = choose_edges(float(values.min()), float(values.max()), [border], is_integer)
    assert edges == sorted(set(edges))
    assert len(edges) < 60
    counts = count_between(values, edges)
    assert sum(counts) == len(values)
    operand = rule.operand
    assert isinstance(operand, int | float)
    compared = {">=": values >= operand, ">": values > operand, "<=": values <= operand, "<": values < operand}
    passing = int(compared[rule.operator].sum())
    right = sum(counts[edges.index(border) + 1 :])
    assert right == (passing if rule.operator.startswith(">") else len(values) - passing)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1000)), max_size=40, unique_by=lambda p: p[1]))
@settings(max_examples=examples(100))
def test_smallest_finds_the_first_by_rank_and_key(pairs: list[tuple[int, int]]) -> None:
    ranks = np.array([rank for rank, _ in pairs], np.float64)
    keys = np.array([key for _, key in pairs], np.uint64)
    found = smallest(np.arange(len(pairs)), ranks, keys, 5)
    expected = sorted(range(len(pairs)), key=lambda i: pairs[i])[:5]
    assert sorted(found.tolist(), key=lambda i: pairs[i]) == expected


def test_partial_results_add_up_in_any_order() -> None:
    pieces = [
        {"counts": {"a": [1, 2], "b": {"c": 3}}, "picks": {"p": [[2, "x", 0, 0, None]]}, "ranges": {"s": [1, 5]}},
        {"counts": {"a": [4, 4], "b": {"d": 1}}, "picks": {"p": [[1, "y", 1, 0, None]]}, "ranges": {"s": [0, 2]}},
        {"counts": {"b": {"c": 1}}, "picks": {"p": [[1, "a", 2, 0, None]]}, "ranges": {}},
    ]
    totals = []
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        total = Partial()
        for i in order:
            total.add(json.loads(json.dumps(pieces[i])), limit=2)
        totals.append(total.to_json())
    assert totals[0] == totals[1] == totals[2]
    assert totals[0]["counts"] == {"a": [5, 6], "b": {"c": 4, "d": 1}}
    assert [pick[1] for pick in totals[0]["picks"]["p"]] == ["a", "y"]
    assert totals[0]["ranges"] == {"s": [0, 5]}


def test_the_seed_decides_the_order_of_samples() -> None:
    keys = np.arange(1000, dtype=np.uint64)
    first, again, other = shuffled(keys, 1), shuffled(keys, 1), shuffled(keys, 2)
    assert (first == again).all()
    assert (first != other).all()
    assert len(np.unique(first)) == 1000


def test_figures_are_written_for_people() -> None:
    assert [percent(1, 3), percent(3, 3), percent(0, 3), percent(1, 100_000), percent(1, 0)] == [
        "33.3 %",
        "100 %",
        "0 %",
        "0.001 %",
        "",
    ]
    assert megabytes(1_500_000) == "1.50"
    assert size_category(1_500) == "1K<n<10K"


def test_the_page_tells_every_rule_source_and_step(summary: Summary) -> None:
    page = render(summary)
    for name in [rule.name for rule in summary.rules] + [mix.name for mix in summary.sources]:
        assert escape(name) in page
    for step in summary.funnel:
        assert f"<b>{escape(step.name)}</b>" in page
        assert f"{step.documents:,}" in page
    assert len(re.findall(r'class="plot"', page)) == 3 + 1 + len(summary.histograms)


def test_writing_again_collects_nothing(generated_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with Engine() as engine:
        path = write_report(generated_run, engine, Console(quiet=True))
        before = Path(path).stat().st_mtime_ns

        def refuse(*_: object) -> Summary:
            raise AssertionError("collected again")

        monkeypatch.setattr(write, "collect", refuse)
        assert write_report(generated_run, engine, Console(quiet=True)) == path
    assert Path(path).stat().st_mtime_ns == before
    assert not generated_run.storage.exists("report")


def test_a_selection_has_its_own_report_and_no_corpus_yet(generated_run: Run) -> None:
    selection = reselect(generated_run, {"rules": []}, name="everything", console=Console(quiet=True))
    with Engine() as engine:
        path = write_report(selection, engine, Console(quiet=True))
    assert path.endswith("selections/everything/report.html")
    found = Summary.model_validate(selection.storage.read_json("selections/everything/report.json"))
    assert found.funnel[-1].name == "Kept"
    assert found.edits is None
    assert open_run(generated_run.storage.url, "everything").selection == "everything"


def test_the_card_has_a_head_that_loads_the_corpus(generated_run: Run, summary: Summary) -> None:
    with Engine() as engine:
        write_report(generated_run, engine, Console(quiet=True))
    text = Path(generated_run.storage.path("README.md")).read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    loaded = yaml.safe_load(head)
    assert loaded["license"] == "other"
    assert loaded["size_categories"] == ["n<1K"]
    assert loaded["configs"] == [{"config_name": "default", "data_files": "corpus/data/*.parquet"}]
    assert generated_run.dataset("corpus").digest in body
    for rule in summary.rules:
        assert rule.name.replace("_", "\\_") in body
    recipe = yaml.safe_load(re.search(r"```yaml\n(.*?)```", body, re.S)[1])  # type: ignore[index]
    assert recipe["policy"]["profiles"] == ["c4@dolma"]
    assert {source["path"] for source in recipe["sources"]} == {"..."}
