"""What the report says of near duplicates, recounted from the decisions, and that texts in diffs stay texts."""

from pathlib import Path

from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.report.collect import collect
from gristmill.pipelines.inspect.report.near import CONTEXT_WORDS, word_diff
from gristmill.pipelines.inspect.report.page import render
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.pipelines.dedup.near_corpora import built, corpus, table

WORDS = st.lists(st.sampled_from(["a", "b", "c", "dd", "e"]), max_size=CONTEXT_WORDS)


def test_counts_and_diffs(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    common = " ".join(f"word{n}" for n in range(40))
    records = [
        *corpus(10, 4),
        {"id": "h1", "text": f"{common} {hostile}", "date": "2024-01-01T00:00:00Z"},
        {"id": "h2", "text": f"{common} other", "date": "2024-01-02T00:00:00Z"},
    ]
    near = {"similarity": 0.905, "recall": 0.95, "shingle": {"words": 1}}
    with Engine(cores=2) as engine:
        run = built(tmp_path, records, {"exact": {"normalise": ["case"]}, "near": near}, engine)
        summary = collect(run, engine)
    found = summary.near
    assert found is not None
    rows = table(run, run.decisions).to_pylist()
    exact = {row["doc_id"] for row in rows if "duplicate/exact" in row["failed_rules"]}
    close = {row["doc_id"] for row in rows if "duplicate/near" in row["failed_rules"]}
    counted = (found.exact_only.documents, found.near_only.documents, found.both.documents)
    assert counted == (len(exact - close), len(close - exact), len(exact & close))
    assert found.compared == found.verified + found.refuted
    assert sum(found.clusters_by_size.values()) <= len({row["cluster"] for row in rows if row["cluster"]})
    above = [pair for pair in found.edge if pair.similar]
    assert 0 < len(above) <= 4
    assert [pair.similarity for pair in above] == sorted(pair.similarity for pair in above)
    assert all((pair.similarity >= 0.905) == pair.similar for pair in found.edge)
    shown = [piece.text for pair in found.edge for piece in pair.pieces or ()]
    assert hostile in shown
    written = render(summary)
    assert hostile not in written.split("</style>", 1)[1].split("<section", 1)[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in written
    assert "Near duplicates: what was compared" in written


@settings(max_examples=examples(60))
@given(WORDS, WORDS)
def test_a_diff_holds_both_texts(one: list[str], other: list[str]) -> None:
    pieces = word_diff(" ".join(one), " ".join(other))
    for side, words in (("earlier", one), ("later", other)):
        assert " ".join(piece.text for piece in pieces if piece.kind in ("same", side)) == " ".join(words)


def test_long_stretches_are_cut_in_the_middle() -> None:
    words = [f"w{n}" for n in range(100)]
    pieces = word_diff(" ".join([*words, "end"]), " ".join([*words, "stop"]))
    assert [piece.kind for piece in pieces] == ["same", "earlier", "later"]
    assert pieces[0].text.startswith("w0 w1")
    assert "[… 76 words …]" in pieces[0].text
    assert pieces[0].text.endswith("w99")
