"""From raw web pages to text; native parsers, so made to run in an isolated process."""

import codecs
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from gristmill.pipelines.readers.decoding import control_fraction, decode, is_junk, scrub
from gristmill.pipelines.readers.short_nodes import mark_short_nodes
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5
from resiliparse.parse.html import HTMLTree

# isolate("module:function", config, batch) -> batch with the same number of rows and one more column, `error`: null, or
# for a row that killed or hung the worker, and is null otherwise, "crashed" | "timeout" | the exception.
Isolate = Callable[[str, dict[str, Any], pa.RecordBatch], pa.RecordBatch]

EXTRACT_BATCH = f"{__name__}:extract_batch"
RAW_PAGES = pa.schema(
    [
        pa.field("raw", pa.large_binary()),
        pa.field("charset", pa.large_string()),  # as declared by HTTP or the recipe; null: unknown
        pa.field("url", pa.large_string()),
    ]
)
EXTRACTED = pa.schema(
    [
        pa.field("text", pa.large_string()),  # null when there is a defect
        pa.field("title", pa.large_string()),
        pa.field("charset", pa.large_string()),  # as used
        pa.field("replaced_bytes", pa.int64()),
        pa.field("meta_robots", pa.large_string()),  # content of <meta name=robots> and its kin, as found
        pa.field("defect", pa.large_string()),  # binary_content, or null
    ]
)
MAX_TITLE_CHARACTERS = 500
_OPT_OUT_NAMES = ("robots", "googlebot", "tdm-reservation", "tdm-policy")
_OPT_OUT_HINT = re.compile(rb"<meta[^>]{0,200}\b(robots|googlebot|tdm-)", re.IGNORECASE)


def extract_batch(batch: pa.RecordBatch, config: dict[str, Any]) -> pa.RecordBatch:
    """RAW_PAGES in, EXTRACTED out, row by row.

    config: {"extract": "resiliparse" | "trafilatura" | "none"}. "none" keeps the markup, decoded.
    """
    pages = zip(*(batch.column(name).to_pylist() for name in RAW_PAGES.names), strict=True)
    rows = [_extract(raw, charset, url, config["extract"]) for raw, charset, url in pages]
    return pa.RecordBatch.from_pylist(rows, schema=EXTRACTED)


def decode_page(raw: bytes, charset: str | None, is_html: bool) -> dict[str, Any]:
    """A page's bytes as text, by the columns of EXTRACTED; charset: as declared."""
    notes: dict[str, Any] = {}
    used = page_charset(raw, charset, is_html)
    utf8 = decode(raw, used, notes)
    row = dict.fromkeys(EXTRACTED.names) | {"charset": used, "replaced_bytes": notes.get("replaced_bytes")}
    if is_junk(utf8, notes):
        return {**row, "defect": "binary_content"}
    return {**row, "text": utf8.decode()}


def _extract(raw: bytes, charset: str | None, url: str | None, extractor: str) -> dict[str, Any]:
    row = decode_page(raw, charset, is_html=True)
    html = row["text"]
    if html is None:
        return row
    tree = HTMLTree.parse(html)
    if title := tree.title:
        row["title"] = scrub(title.strip()[:MAX_TITLE_CHARACTERS], {})
    if _OPT_OUT_HINT.search(raw):
        row["meta_robots"] = _meta_robots(tree)
    if extractor == "resiliparse":
        row["text"] = scrub(main_text(html, tree), {})
    elif extractor == "trafilatura":
        row["text"] = scrub(_main_text_trafilatura(html, url), {})
    return row


def main_text(html: str, tree: HTMLTree | None = None) -> str:
    """The main content of a page by resiliparse: blocks on own lines, no image texts, no navigation.

    tree: `html` parsed, if it has been.
    """
    marked, mark = mark_short_nodes(html)
    page = tree if tree is not None and not mark else HTMLTree.parse(marked)
    text = extract_plain_text(page, main_content=True, alt_texts=False, preserve_formatting=True)
    return text.replace(mark, "") if mark else text


def _main_text_trafilatura(html: str, url: str | None) -> str:
    import trafilatura

    return trafilatura.extract(html, url=url, include_comments=False, favor_precision=True) or ""


def _meta_robots(tree: HTMLTree) -> str | None:
    nodes = tree.document.query_selector_all("meta[name][content]") if tree.document else []
    named = [(str(node.getattr("name", "")).lower(), str(node.getattr("content", ""))) for node in nodes]
    found = [f"{name}: {content[:200]}" for name, content in named if name in _OPT_OUT_NAMES]
    return scrub("; ".join(found), {}) or None


def page_charset(raw: bytes, declared: str | None, is_html: bool) -> str:
    """The charset to decode a page with: mark, then what the bytes prove, then what is declared, then a guess.

    Valid UTF-8 with characters beyond ASCII is UTF-8 whatever the server says: text in another charset hardly ever
    looks like it. A declared charset the bytes contradict is not believed.
    """
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if raw.startswith(mark):
            return name
    named = _known(declared)
    if raw.isascii():
        return named if named and named.startswith("iso2022") and b"\x1b" in raw else "utf-8"
    if named and named.startswith("utf-16") and b"\0" in raw:
        return named
    try:
        raw.decode()
        return "utf-8"
    except UnicodeDecodeError:
        if control_fraction(raw) > 0.1:
            return "utf-8"  # binary content under a text label: counted as undecodable
    if named and named != "utf-8" and _decodes(raw, named):
        return named
    guess = detect_encoding(raw, from_html_meta=is_html) or "utf-8"
    return guess if guess == "utf-8" or _decodes(raw, guess) else detect_encoding(raw) or "utf-8"


def _known(name: str | None) -> str | None:
    return map_encoding_to_html5(name, False) if name else None


def _decodes(raw: bytes, name: str) -> bool:
    try:
        raw.decode(name)
        return True
    except UnicodeDecodeError:
        return False
