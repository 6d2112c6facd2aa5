"""The largest domains in the report: exact however many there are, the same in any layout."""

import random
from collections import Counter
from pathlib import Path

import gristmill
import numpy as np
import pyarrow as pa
import pytest
from gristmill.console import Console
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.report import domains as module
from gristmill.pipelines.inspect.report.collect import collect
from gristmill.pipelines.inspect.report.counts import DocumentWeights, Partial
from gristmill.pipelines.inspect.report.domains import (
    buckets_to_open,
    count_buckets,
    count_domains,
    domain_report,
    domains_section,
)
from gristmill.schemas.report import DomainReport, Summary

from tests.builds import table, write_jsonl


def report_of(names: list[str | None], parts: int) -> DomainReport:
    """Both passes over names that lie in so many parts; every document has 10 bytes and 2 tokens, even rows are kept."""
    pieces = [np.arange(len(names))[part::parts] for part in range(parts)]
    first, second = Partial(), Partial()
    for rows in pieces:
        column = pa.chunked_array([pa.array([names[row] for row in rows], pa.large_string())])
        first.add({"counts": count_buckets(column, np.ones(len(rows), bool)), "picks": {}, "ranges": {}}, 1)
    opened, closed = buckets_to_open(first.counts)
    for rows in pieces:
        column = pa.chunked_array([pa.array([names[row] for row in rows], pa.large_string())])
        weights = DocumentWeights(np.full(len(rows), 10), np.full(len(rows), 2))
        found = count_domains(column, weights, np.ones(len(rows), bool), rows % 2 == 0, opened)
        second.add({"counts": found, "picks": {}, "ranges": {}}, 1)
    return domain_report(second.counts, closed)


@pytest.mark.parametrize(("domains", "buckets", "opened"), [(30, 1 << 16, 512), (3000, 512, 64), (3000, 8, 2)])
def test_what_is_shown_is_exact_and_nothing_larger_is_missing(
    domains: int, buckets: int, opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUCKETS", buckets)
    monkeypatch.setattr(module, "BUCKETS_OPENED", opened)
    dice = random.Random(5)
    names: list[str | None] = [f"d{int(dice.paretovariate(0.7)) % domains}.example" for _ in range(20_000)]
    names += [None] * 7
    dice.shuffle(names)
    found = report_of(names, 1)
    assert found == report_of(names, 7)
    true = Counter(name for name in names if name is not None)
    kept = Counter(name for name in names[::2] if name is not None)
    ranked = sorted(true.items(), key=lambda entry: (-entry[1], entry[0]))
    shown = [(one.name, one.before.documents) for one in found.largest]
    assert shown == ranked[: len(shown)]
    assert all(number <= found.others_have_at_most for _, number in ranked[len(shown) :])
    assert [(one.before.bytes, one.before.tokens) for one in found.largest] == [(10 * n, 2 * n) for _, n in shown]
    assert [one.after.documents for one in found.largest] == [kept[name] for name, _ in shown]
    assert found.without_domain.documents == 7
    if buckets > domains:
        assert len(shown) == min(50, len(true))
    assert buckets == 8 or len(shown) > 5


def test_domains_of_a_build(tmp_path: Path) -> None:
    hosts = ["www.a.example.co.uk", "b.example.co.uk", "example.org", "xn--mhle-0ra.de", "localhost"]
    rows = [
        {"text": "word " * (number % 9), "url": f"https://{hosts[number * number % 5]}/{number}"}
        for number in range(40)
    ]
    recipe = {
        "name": "crawl",
        "sources": [
            {"name": "web", "path": str(write_jsonl(tmp_path / "in.jsonl", rows)), "columns": {"url": "url"}},
        ],
        "signals": {"url_rules": {}},
        "policy": {"rules": [{"name": "short", "signal": "word_count", "keep": ">= 4"}]},
    }
    with Engine() as engine:
        run = gristmill.build(recipe, tmp_path / "run", engine=engine, console=Console(quiet=True), report=False)
        summary = collect(run, engine)
    assert summary.domains is not None
    names = table(tmp_path / "run", "signals/url_rules").column("url_domain").to_pylist()
    assert {one.name: one.before.documents for one in summary.domains.largest} == Counter(filter(None, names))
    assert summary.domains.without_domain.documents == names.count(None) > 0
    assert summary.domains.others_have_at_most == 0
    kept = table(tmp_path / "run", "decisions").column("kept").to_pylist()
    after = Counter(name for name, is_kept in zip(names, kept, strict=True) if is_kept and name)
    assert {one.name: one.after.documents for one in summary.domains.largest if one.after.documents} == after
    section = domains_section(summary)
    assert section is not None
    html = "".join(map(str, section.content))
    assert html.count("<tr>") == len(summary.domains.largest) + 1
    hostile = summary.domains.largest[0].model_copy(update={"name": "<b>x"})
    changed = summary.model_copy(update={"domains": summary.domains.model_copy(update={"largest": [hostile]})})
    assert "<b>x" not in "".join(map(str, (domains_section(changed) or section).content))
    assert domains_section(Summary.model_validate(summary.model_dump() | {"domains": None})) is None
