import json

import gristmill
import pyarrow as pa
import pytest
from gristmill.filters.encoding.plain import is_plain_utf8
from gristmill.pipelines.sources.readers.extract import EXTRACTED, RAW_PAGES, extract_batch, needs_isolation

PARAGRAPH = "Wir haben drei Tage lang über die Größe der Brücke gestritten, und niemand wollte nachgeben. " * 3
HTML = (
    "<html><head><title> Die  Brücke </title></head><body><nav><a href='/'>Startseite</a></nav>"
    f"<main><article><h1>Streit</h1><p>{PARAGRAPH}</p></article></main><footer>Impressum</footer></body></html>"
)


def extracted(raw: bytes, charset: str | None = None, extract: str = "gristmill") -> dict:
    batch = pa.RecordBatch.from_pylist([{"raw": raw, "charset": charset, "url": "http://x.example/"}], RAW_PAGES)
    result = extract_batch(batch, {"extract": extract})
    assert result.schema == EXTRACTED
    return result.to_pylist()[0]


@pytest.mark.parametrize("extract", ["gristmill", "gristmill_markdown", "resiliparse", "trafilatura"])
def test_main_content(extract: str) -> None:
    row = extracted(HTML.encode(), extract=extract)
    assert PARAGRAPH.strip() in row["text"]
    assert "Impressum" not in row["text"]
    assert row["title"] is not None
    assert row["title"].split() == ["Die", "Brücke"]


def test_what_a_page_says_about_itself_is_kept() -> None:
    head = "<html lang=de><meta name=author content=Ada><meta name=robots content=noai><link rel=license href='https://l.example'>"
    row = extracted((head + HTML).encode())
    assert json.loads(row["page"]) == {
        "author": "Ada",
        "language": "de",
        "licence_url": "https://l.example",
        "type": "article",
        "shown_bytes": len("".join(block.text for block in gristmill.extract(head + HTML).blocks).encode()),
    }
    assert row["meta_robots"] == "robots: noai"
    assert extracted((head + HTML).encode(), extract="resiliparse")["page"] is None


def test_markdown_has_the_headings() -> None:
    html = HTML.replace("</p>", f"</p><h2>Am vierten Tag</h2><p>{PARAGRAPH}</p>")
    assert "\n\n## Am vierten Tag\n\nWir haben" in extracted(html.encode(), extract="gristmill_markdown")["text"]


@pytest.mark.parametrize(
    ("raw", "isolated"),
    [(HTML.encode(), False), (HTML.encode("cp1252"), True), (b" " * (9 << 20), True)],
)
def test_native_code_and_large_pages_are_isolated(raw: bytes, isolated: bool) -> None:
    assert needs_isolation(raw, "gristmill", is_plain_utf8(raw)) == isolated
    assert needs_isolation(raw, "resiliparse", is_plain_utf8(raw))


@pytest.mark.parametrize("extract", ["resiliparse", "trafilatura"])
def test_a_page_with_text_that_gives_none_leaves_a_note(extract: str) -> None:
    links = "".join(f"<li><a href='/{n}'>Kapitel {n}</a></li>" for n in range(40))
    row = extracted(f"<html><body><nav><ul>{links}</ul></nav></body></html>".encode(), extract=extract)
    assert row["text"] == ""
    assert row["unextracted_characters"] > 40 * len("Kapitel 1")
    assert extracted(HTML.encode(), extract=extract)["unextracted_characters"] is None
    assert extracted(b"<html><script>x = 1</script></html>", extract=extract)["unextracted_characters"] is None


def test_none_keeps_the_markup() -> None:
    assert extracted(HTML.encode(), extract="none")["text"] == HTML


@pytest.mark.parametrize(
    ("encoding", "declared", "used"),
    [
        ("utf-8", None, "utf-8"),
        ("utf-8", "iso-8859-1", "utf-8"),
        ("utf-8", "no such charset", "utf-8"),
        ("utf-8-sig", "cp1252", "utf-8"),
        ("cp1252", "cp1252", "windows-1252"),
        ("cp1252", "utf-8", "windows-1252"),
        ("cp1252", None, "windows-1252"),
        ("utf-16", None, "utf-16le"),
        ("utf-16-le", "utf-16le", "utf-16le"),
    ],
)
def test_charsets_declared_or_not(encoding: str, declared: str | None, used: str) -> None:
    row = extracted(HTML.encode(encoding), declared)
    assert PARAGRAPH.strip() in row["text"]
    assert row["charset"] == used


@pytest.mark.parametrize(
    ("raw", "defect", "replaced"),
    [
        (bytes(range(256)) * 4, "binary_content", None),
        (b"<p>" + b"\0" * 50, "binary_content", None),
        (HTML.encode() + b"\xff", None, 1),
        (b"", None, None),
        (b"<" * 5000, None, None),
    ],
)
def test_hostile_pages(raw: bytes, defect: str | None, replaced: int | None) -> None:
    row = extracted(raw, "utf-8")
    assert row["defect"] == defect
    assert (row["text"] is None) == (defect is not None)
    assert replaced is None or row["replaced_bytes"] == replaced


def test_deep_nesting_is_survived() -> None:
    assert "bottom" in extracted(b"<div>" * 3000 + b"<p>bottom</p>")["text"]
