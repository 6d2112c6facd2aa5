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
    for name in ("extraction_golds", "extraction_manuals", "word_scores"):
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


def test_cleaneval(golds: Any, tmp_path: Path) -> None:
    """Its pages stand in an element of its own, its main texts have marks and sometimes an address before them."""
    folder = tmp_path / "src/main/resources/cleaneval"
    around = f'<text id="http://www.mill.example/a" title="Mill" encoding="unset">\n{PAGE}\n</text>\n'
    for name in ("2", "10", "3"):
        put(folder / f"orig/{name}.html", around)
    put(folder / "clean/10.txt", f"\n URL: http://www.mill.example/a\n\n  <h>   Mill\n<p>{STORY}\n <l>a < b")
    put(folder / "clean/2.txt", f"<p>{STORY}\n")
    put(folder / "clean/3.txt", "URL: http://www.mill.example/a\n\n")  # without main text
    found = golds.read_golds(tmp_path)
    assert [(gold.name, gold.text.split("\n")) for gold in found] == [
        ("2", [STORY]),
        ("10", ["Mill", STORY, "a < b"]),
    ]
    assert {(gold.html.strip(), gold.title, gold.publisher) for gold in found} == {(PAGE.encode(), "", "mill.example")}


@pytest.fixture
def manuals(golds: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """With two templates, of a page whose body is main text and of one that names the element."""
    import extraction_manuals

    templates = {
        "of the body": extraction_manuals.Template(("debian-handbook", "mill-doc"), beside=("#top", ".toc", "nav")),
        "of an element": extraction_manuals.Template(("stone-doc",), main=("@main", "#text", ".body"), beside=("b",)),
    }
    monkeypatch.setattr(extraction_manuals, "TEMPLATES", templates)
    return extraction_manuals


LONG_STORY = " ".join([STORY] * 5)


@pytest.mark.parametrize(
    ("template", "html", "text"),
    [
        ("of the body", f"<div id=top>Up</div><h1>Mill</h1><p>{LONG_STORY}<ul class='a toc'><li>Stones</ul>", "Mill"),
        ("of the body", f"<html><nav>Home</nav><body><p>Mill<p>{LONG_STORY}</body></html>", "Mill"),
        ("of the body", f"<p>{STORY}", None),  # too few words
        ("of an element", f"<p>Home<div class=body>Mill <b>Up</b><p>{LONG_STORY}</div><p>End", "Mill"),
        ("of an element", f"<div role=main>Mill <div role=main>{LONG_STORY}</div></div><div id=text>Not this", "Mill"),
        ("of an element", f"<div class=bodywork>Mill {LONG_STORY}</div>", None),  # of no such class
    ],
)
def test_main_text_of_a_manual(golds: Any, manuals: Any, template: str, html: str, text: str | None) -> None:
    found = manuals.main_html(html.encode(), manuals.TEMPLATES[template])
    assert (None if found is None else " ".join(golds.shown(found).split())) == (text and f"{text} {LONG_STORY}")


def test_of_manuals_each_package_gives_as_many_pages(golds: Any, manuals: Any, tmp_path: Path) -> None:
    """Of a package that is not there it is said how to get it; pages that are small or no HTML are left out."""
    page = f"<html><body><div id=text><p>{LONG_STORY}</div></body></html>" + " " * manuals.MIN_BYTES
    for package in ("debian-handbook", "mill-doc", "stone-doc"):
        for number in range(12):
            put(tmp_path / package / f"usr/share/doc/{package}/{number}.html", page)
        put(tmp_path / package / "usr/share/doc/a.html", f"<body><div id=text>{LONG_STORY}</div>")
        put(tmp_path / package / "usr/share/doc/b.txt", page)
    put(tmp_path / "mill-doc/usr/share/doc/c.html.fr.utf8", page)
    found = golds.read_golds(tmp_path)
    assert {gold.text.strip() for gold in found} == {LONG_STORY}
    names = [gold.name.split("/")[0] for gold in found]
    assert {name: names.count(name) for name in names} == dict.fromkeys(manuals.packages(), manuals.PAGES_OF_A_PACKAGE)
    assert [gold.publisher for gold in found] == ["of the body"] * 16 + ["of an element"] * 8
    assert found == golds.read_golds(tmp_path)
    (tmp_path / "stone-doc").rename(tmp_path / "elsewhere")
    with pytest.raises(SystemExit, match=r"found no stone-doc; benchmarks/extraction_manuals\.py .* gets them"):
        golds.read_golds(tmp_path)


def test_what_is_no_such_checkout(golds: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="expected a checkout with one of the folders"):
        golds.read_golds(tmp_path)
