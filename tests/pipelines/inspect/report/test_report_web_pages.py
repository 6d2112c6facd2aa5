"""Web pages by type in the report: what they show, what was taken, what the policy keeps."""

from collections.abc import Iterator

import gristmill
import pytest
from gristmill.console import Console
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.report.collect import collect
from gristmill.pipelines.inspect.report.sections import sections
from gristmill.pipelines.inspect.report.web_pages import web_pages_section
from gristmill.schemas.report import PageType, Summary

PARAGRAPH = "Die alte Mühle am Fluss mahlt seit drei Jahrhunderten Korn, und ihr Rad dreht sich noch immer."
PAGES = {
    "article": f"<nav><a href=/>Start</a></nav><article><h1>Mühle</h1>{f'<p>{PARAGRAPH}</p>' * 8}</article>",
    "short": f"<article><p>{PARAGRAPH}</p></article>",
    "empty": "<script>x()</script>",
}


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Summary]:
    folder = tmp_path_factory.mktemp("pages")
    for name, body in PAGES.items():
        (folder / f"{name}.html").write_text(f"<!doctype html><body>{body}</body>", encoding="utf-8")
    (folder / "notes.jsonl").write_text('{"text": "no page", "metadata": {"page": 7}}\n')
    recipe = {
        "name": "pages",
        "sources": [
            {"name": "web", "path": str(folder / "*.html"), "format": "html"},
            {"name": "notes", "path": str(folder / "notes.jsonl")},
        ],
        "policy": {"rules": [{"name": "short", "signal": "character_count", "keep": ">= 200"}]},
    }
    with Engine() as engine:
        run = gristmill.build(recipe, folder / "run", engine=engine, console=Console(quiet=True), report=False)
        yield collect(run, engine)


def test_what_was_taken_of_each_type(summary: Summary) -> None:
    expected: dict[str, list[int]] = {}
    for body in PAGES.values():
        page = gristmill.extract(f"<!doctype html><body>{body}</body>".encode())
        text = str(page).encode()
        figures = expected.setdefault(page.page_type or "none", [0] * 5)
        added = (1, not text, len("".join(block.text for block in page.blocks).encode()), len(text), len(text) > 200)
        figures[:] = [a + int(b) for a, b in zip(figures, added, strict=True)]
    assert {
        one.name: [one.documents, one.without_text, one.shown_bytes, one.text_bytes, one.kept]
        for one in summary.page_types
    } == expected
    assert sum(one.documents for one in summary.page_types) == 3
    assert sum(one.kept for one in summary.page_types) == 1


def test_the_section_has_a_row_for_each_type_and_their_sum(summary: Summary) -> None:
    section = web_pages_section(summary)
    assert section is not None
    html = "".join(map(str, section.content))
    assert html.count("<tr>") == len(summary.page_types) + 2
    assert "pages" in [one.id for one in sections(summary)]


def test_types_are_escaped_and_a_report_without_pages_has_no_section(summary: Summary) -> None:
    hostile = PageType(name="<b>", documents=1, without_text=0, shown_bytes=5, text_bytes=1, kept=1)
    section = web_pages_section(summary.model_copy(update={"page_types": [hostile]}))
    assert section is not None
    assert "<b>" not in "".join(map(str, section.content))
    assert web_pages_section(summary.model_copy(update={"page_types": []})) is None
