"""From raw web pages to text: by the extractor of this project, or by native parsers, which run in an isolated process."""

import json
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from gristmill.filters.encoding.plain import is_plain_utf8
from gristmill.filters.html.extract import Extraction
from gristmill.filters.url import host_of
from gristmill.pipelines.sources.readers.decoding import AUTO, decode_content, is_junk, scrub, utf8_of
from gristmill.pipelines.sources.readers.short_nodes import mark_short_nodes
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

# isolate("module:function", config, batch) -> batch with the same number of rows and one more column, `error`: null, or
# for a row that killed or hung the worker, and is null otherwise, "crashed" | "timeout" | the exception.
Isolate = Callable[[str, dict[str, Any], pa.RecordBatch], pa.RecordBatch]

EXTRACT_BATCH = f"{__name__}:extract_batch"
RAW_PAGES = pa.schema(
    [
        pa.field("raw", pa.large_binary()),
        pa.field("charset", pa.large_string()),  # as declared by HTTP; null: unknown
        pa.field("url", pa.large_string()),
    ]
)
EXTRACTED = pa.schema(
    [
        pa.field("text", pa.large_string()),  # null when there is a defect
        pa.field("title", pa.large_string()),
        pa.field("charset", pa.large_string()),  # as used
        pa.field("replaced_bytes", pa.int64()),
        pa.field(
            "unextracted_characters", pa.int64()
        ),  # of a page that has text, though no main content was found in it
        pa.field("page", pa.large_string()),  # what the page says about itself, as a JSON object; null: nothing
        pa.field("meta_robots", pa.large_string()),  # content of <meta name=robots> and its kin, as found
        pa.field("defect", pa.large_string()),  # binary_content, or null
    ]
)
_UNREAD: dict[str, Any] = dict.fromkeys(EXTRACTED.names)
WARM = f"{__name__}:warm"
OWN = ("gristmill", "gristmill_markdown")
MAX_BYTES_IN_PROCESS = 8 << 20
MAX_TITLE_CHARACTERS = 500
_OPT_OUT_NAMES = ("robots", "googlebot", "tdm-reservation", "tdm-policy")
_OPT_OUT_HINT = re.compile(rb"<meta[^>]{0,200}\b(robots|googlebot|tdm-)", re.IGNORECASE)


def extract_batch(batch: pa.RecordBatch, config: dict[str, Any]) -> pa.RecordBatch:
    """RAW_PAGES in, EXTRACTED out, row by row.

    config: {"extract": of schemas.recipe.source.Source, "encoding": what the recipe says}. "none" keeps the markup, decoded;
    without "encoding" it is found out.
    """
    pages = zip(*(batch.column(name).to_pylist() for name in RAW_PAGES.names), strict=True)
    rows = [extract_page(raw, charset, url, config) for raw, charset, url in pages]
    return pa.RecordBatch.from_pylist(rows, schema=EXTRACTED)


def decode_page(
    raw: bytes, charset: str | None, is_html: bool, *, url: str | None = None, encoding: str = AUTO
) -> dict[str, Any]:
    """A page's bytes as text, by the columns of EXTRACTED.

    charset: as declared by the server. encoding: what the recipe says, or "auto".
    """
    notes: dict[str, Any] = {}
    tld = host_of(url).rpartition(".")[2].lower() if url else None
    text = decode_content(raw, encoding, notes, [charset], is_html=is_html, tld=tld)
    row = _UNREAD | {"charset": notes.get("charset", "utf-8"), "replaced_bytes": notes.get("replaced_bytes")}
    if ("\0" in text or "replaced_bytes" in notes) and is_junk(utf8_of(text, {}), notes):
        return {**row, "defect": "binary_content"}
    return {**row, "text": text}


def extract_page(
    raw: bytes, charset: str | None, url: str | None, config: dict[str, Any], is_plain: bool | None = None
) -> dict[str, Any]:
    """A row of RAW_PAGES to one of EXTRACTED. config: as of extract_batch. is_plain: as `is_plain_utf8` says, where that was
    asked."""
    extractor, encoding = config["extract"], config.get("encoding", AUTO)
    if extractor in OWN and encoding in (AUTO, "utf-8") and (is_plain_utf8(raw) if is_plain is None else is_plain):
        # needs no decoding and encoding again
        return _UNREAD | {"charset": "utf-8"} | _by_gristmill(raw, markdown=extractor == "gristmill_markdown")
    row = decode_page(raw, charset, is_html=True, url=url, encoding=encoding)
    html = row["text"]
    if html is None:
        return row
    if extractor in OWN:
        return row | _by_gristmill(utf8_of(html, {}), markdown=extractor == "gristmill_markdown")
    tree = HTMLTree.parse(html)
    if title := tree.title:
        row["title"] = scrub(title.strip()[:MAX_TITLE_CHARACTERS], {})
    if _OPT_OUT_HINT.search(raw):
        row["meta_robots"] = _meta_robots(tree)
    if extractor == "none":
        return row
    row["text"] = scrub(main_text(html, tree) if extractor == "resiliparse" else _main_text_trafilatura(html, url), {})
    if not row["text"].strip():
        shown = extract_plain_text(HTMLTree.parse(html), main_content=False, alt_texts=False, preserve_formatting=False)
        row["unextracted_characters"] = len(shown.strip()) or None
    return row


def needs_isolation(raw: bytes, extractor: str, is_plain: bool) -> bool:
    """Whether native code reads a page: a parser, or a detector of encodings; or it is so large that a limit of memory is
    wanted around it. is_plain: as `is_plain_utf8` says."""
    if extractor not in OWN or len(raw) > MAX_BYTES_IN_PROCESS:
        return True
    if is_plain:
        return False
    try:
        raw.decode()
    except UnicodeDecodeError:
        return True
    return False


def _by_gristmill(html: bytes, *, markdown: bool) -> dict[str, Any]:
    page = Extraction(html)
    text = page.markdown() if markdown else page.text
    about = page.metadata.as_dict() | {"type": page.page_type, "shown_bytes": page.shown_bytes}
    return {
        "text": text,
        "title": page.metadata.title,
        "unextracted_characters": None if text.strip() else page.shown_characters or None,
        "page": json.dumps(about, ensure_ascii=False, sort_keys=True),
        "meta_robots": page.metadata.robots,
    }


def warm(texts: pa.Array) -> None:
    """Compile what the extractor runs."""
    page = "".join(f"<p>{text}</p>" for text in texts.to_pylist()).encode()
    extract_page(page, None, None, {"extract": OWN[0]})


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
