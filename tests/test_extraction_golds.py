"""`benchmarks/extraction_golds.py`: pages with their main text, from checkouts made here."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

STORY = "The wheel turns slowly, and the stones grind the grain of the whole valley."
PAGE = f"<title>Mill</title><nav><a href=/>Home</a></nav><article><p>{STORY}</article>"


@pytest.fixture
def golds(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    import extraction_golds

    yield extraction_golds
    for name in ("extraction_golds", "word_scores"):
        sys.modules.pop(name, None)


def put(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def test_readability(golds: Any, tmp_path: Path) -> None:
    folder = tmp_path / "test/test-pages/mill"
    put(folder / "source.html", PAGE)
    put(folder / "expected.html", f"<div><p>{STORY}</p></div>")
    put(folder / "expected-metadata.json", json.dumps({"title": "Mill"}))
    assert golds.read_golds(tmp_path) == [("mill", PAGE.encode(), STORY, "Mill", "mill")]


def test_pages_of_fundus_belong_to_the_versions_of_a_parser_by_age(golds: Any, tmp_path: Path) -> None:
    folder = tmp_path / "tests/resources/parser/test_data/xx"
    for date, story in (("2024_01_02", "Late."), ("2023_01_02", "Early.")):
        put(folder / f"Mill_{date}.html.gz", gzip.compress(f"<p>{story}".encode()))
    put(folder / "MillToday_2022_01_02.html.gz", gzip.compress(b"<p>Another publisher"))

    def version(story: str) -> dict[str, Any]:
        section = {"headline": ["Stones"], "paragraphs": [story]}
        return {"title": "Mill", "body": {"summary": ["In short."], "sections": [section]}}

    put(folder / "Mill.json", json.dumps({"V10": version("Late."), "V2": version("Early.")}))
    found = golds.read_golds(tmp_path)
    assert [(gold.html, gold.text) for gold in found] == [
        (b"<p>Early.", "In short.\nStones\nEarly."),
        (b"<p>Late.", "In short.\nStones\nLate."),
    ]
    assert {(gold.title, gold.publisher) for gold in found} == {("Mill", "Mill")}


def test_newspaper(golds: Any, tmp_path: Path) -> None:
    put(tmp_path / "tests/data/html/mill.html", PAGE)
    put(tmp_path / "tests/data/html/without.html", PAGE)
    put(tmp_path / "tests/data/txt/mill.txt", STORY)
    assert golds.read_golds(tmp_path) == [("mill", PAGE.encode(), STORY, "", "mill")]


def test_of_waddle_a_few_pages_of_each_site_are_taken(golds: Any, tmp_path: Path) -> None:
    """None twice, none that is another page, and none without a reference."""
    folder = tmp_path / "corpora/Corpus_daniel_v2.1"
    texts = [f"{STORY} Day {day} was dry." for day in range(golds.PAGES_OF_A_SITE + 3)]
    for number, text in enumerate([*texts, texts[0]]):
        for site in ("www.mill.example", "corn.example"):
            put(folder / f"html/2011110{number}_{site}_{number}", f"<p>Home<p>{text}")
            put(folder / f"reference/2011110{number}_{site}_{number}", f"<p>{text}</p>\n")
    put(folder / "html/20111101_other.example_1", PAGE)
    put(
        folder / "reference/20111101_other.example_1",
        "<p>Something else was said here about rivers, ships and their crews</p>",
    )
    put(folder / "html/20111101_alone.example_1", PAGE)
    found = golds.read_golds(tmp_path)
    sites = [gold.publisher for gold in found]
    assert len(found) == len({gold.text for gold in found})
    assert {gold.text for gold in found} <= set(texts)
    assert set(sites) == {"mill.example", "corn.example"}
    assert max(sites.count(site) for site in sites) <= golds.PAGES_OF_A_SITE
    assert len(found) >= golds.PAGES_OF_A_SITE
    assert found == golds.read_golds(tmp_path)


def test_what_is_no_such_checkout(golds: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="expected a checkout with one of the folders"):
        golds.read_golds(tmp_path)
