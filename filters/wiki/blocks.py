"""Lines of wikitext, in which templates and links are resolved, as blocks of Markdown."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gristmill.filters.text.markdown_syntax import escape_line_start, heading, item
from gristmill.filters.text.markdown_table import grid
from gristmill.filters.text.markdown_table import table as markdown_table
from gristmill.filters.wiki.inline import inline_text
from gristmill.filters.wiki.tables import MAX_CELL_CHARACTERS, is_table_start, parse_table, table_end
from gristmill.filters.wiki.verbatim import Verbatim

HEADING, ITEM, OTHER = "heading", "item", "other"
MAX_TABLE_DEPTH = 5
_LIST = re.compile(r"[*#:;]+")
_QUOTE_START = re.compile(r"<blockquote(?:\s[^<>]*)?>", re.IGNORECASE)
_QUOTE_END = re.compile(r"</blockquote\s*>", re.IGNORECASE)
_HAS_BLOCKS = re.compile(r"(?:^|\n)\s*(?:[*#;]|\{\|)")


class WikiBlock(NamedTuple):
    """kind: heading, item of a list, or other. level: of a heading, 1 to 6; of an item how deep it lies."""

    kind: str
    text: str
    level: int = 0


class _Opened(NamedTuple):
    """The last item of a level. number: 0 of one without. width: of the mark before it."""

    number: int
    width: int


def blocks_of(text: str, verbatim: Verbatim, depth: int = 0) -> Iterator[WikiBlock]:
    """The blocks of a text. depth: of the tables around it."""
    lines = _QUOTE_END.sub("\n</blockquote>\n", _QUOTE_START.sub("\n<blockquote>\n", text)).split("\n")
    paragraph: list[str] = []
    opened: dict[int, _Opened] = {}
    quotes = 0
    at = 0
    while at < len(lines):
        line = lines[at].rstrip()
        bare = line.strip()
        special = not bare or bare[0] in "=*#:;<-\x01" or is_table_start(line)
        if not special:
            opened.clear()
            paragraph.append(bare)
            at += 1
            continue
        is_prose = bare[:1] in ("<", "-", "\x01", "=") and not _is_special(bare, verbatim)
        if is_prose:
            opened.clear()
            paragraph.append(bare)
            at += 1
            continue
        yield from _paragraph(paragraph, verbatim, quotes)
        paragraph = []
        at += 1
        if bare in ("<blockquote>", "</blockquote>"):
            quotes = max(quotes + (1 if bare[1] == "b" else -1), 0)
        elif is_table_start(line):
            end = table_end(lines, at - 1)
            yield from _table(lines[at - 1 : end], verbatim, depth)
            last = lines[end - 1].lstrip()
            at = end
            if last.startswith("|}") and last[2:].strip():  # text goes on behind the table
                at, lines[end - 1] = end - 1, last[2:]
        elif (block := verbatim.block_of(bare)) is not None:
            yield WikiBlock(OTHER, block)
        elif bare[:1] == "=":
            yield _heading(bare, verbatim)
        elif bare[:1] in ("*", "#", ":", ";"):
            yield from _item(bare, opened, verbatim, quotes)
        if bare[:1] not in ("*", "#", ":"):
            opened.clear()
    yield from _paragraph(paragraph, verbatim, quotes)


def _is_special(bare: str, verbatim: Verbatim) -> bool:
    if bare[0] == "=":
        return len(bare) > 2 and bare[-1] == "="
    if bare[0] == "-":
        return bare.startswith("----")
    return bare in ("<blockquote>", "</blockquote>") or verbatim.block_of(bare) is not None


def _paragraph(lines: Sequence[str], verbatim: Verbatim, quotes: int) -> Iterator[WikiBlock]:
    text = inline_text("\n".join(lines), verbatim) if lines else ""
    if text:
        mark = "> " * min(quotes, 3)
        yield WikiBlock(OTHER, "\n".join(mark + escape_line_start(line) for line in text.split("\n") if line))


def _heading(bare: str, verbatim: Verbatim) -> WikiBlock:
    level = min(len(bare) - len(bare.lstrip("=")), len(bare) - len(bare.rstrip("=")), 6, (len(bare) - 1) // 2)
    title = inline_text(bare[level : len(bare) - level], verbatim).replace("\n", " ")
    shown = max(level, 2)  # the title of the page is the first level
    return WikiBlock(HEADING, heading(shown, title) if title else "", level)


def _item(bare: str, opened: dict[int, _Opened], verbatim: Verbatim, quotes: int) -> Iterator[WikiBlock]:
    """A line of a list; one that is only moved in, as definitions and formulas are, is a paragraph.

    opened: the items that it may lie in, by their level.
    """
    found = _LIST.match(bare)
    assert found is not None
    marks = found[0]
    text = inline_text(bare[len(marks) :], verbatim)
    if not text:
        return
    marked = [place for place, mark in enumerate(marks) if mark in "*#"]
    if not marked:
        yield from _paragraph([bare[len(marks) :]], verbatim, quotes)
        return
    level = min(len(marked), 10)
    for deeper in [one for one in opened if one > level]:
        del opened[deeper]
    sign = ""
    if marks[-1] == "#":
        number = opened[level].number + 1 if level in opened else 1
        sign = f"{number}. "
        opened[level] = _Opened(number, len(sign))
    elif marks[-1] in "*;":
        sign = "- "
        opened[level] = _Opened(0, len(sign))
    indent = " " * sum(one.width for outer, one in opened.items() if outer < level)
    before = sign or " " * (opened[level].width if level in opened else 0)
    yield WikiBlock(ITEM, item(indent + before, text), level)


def _table(lines: Sequence[str], verbatim: Verbatim, depth: int) -> Iterator[WikiBlock]:
    """A table of data as Markdown; of any other what its cells hold, one after the other."""
    table = parse_table(lines)
    if table.is_left_out or depth >= MAX_TABLE_DEPTH:
        verbatim.left_out["tables"] += 1
        return
    caption = inline_text(table.caption, verbatim)
    cells = _data(grid(table.rows), verbatim)
    if table.floats and not cells:
        verbatim.left_out["tables"] += 1
        return
    if caption:
        yield WikiBlock(OTHER, escape_line_start(caption))
    if cells:
        yield WikiBlock(OTHER, markdown_table(cells))
        return
    for row in table.rows:
        for cell in row:
            if cell.content:
                yield from blocks_of(cell.content, verbatim, depth + 1)


def _data(rows: list[list[str]], verbatim: Verbatim) -> list[list[str]]:
    """The cells of a table of data as text; [] where it is none: one row or column, lists or whole paragraphs in cells."""
    if len(rows) < 2 or max(map(len, rows)) < 2 or any(_is_layout(one) for row in rows for one in row):
        return []
    cells = [[_cell_text(one, verbatim) for one in row] for row in rows]
    cells = [row for row in cells if any(row)]
    if len(cells) < 2 or max(len(one) for row in cells for one in row) > MAX_CELL_CHARACTERS:
        return []
    return cells


def _is_layout(content: str) -> bool:
    return (
        len(content) > 4 * MAX_CELL_CHARACTERS
        or "{|" in content
        or (len(content) > 60 and _HAS_BLOCKS.search(content) is not None)
    )


def _cell_text(content: str, verbatim: Verbatim) -> str:
    lines = [_LIST.sub("", line.strip(), count=1) if line.strip()[:1] in "*#" else line for line in content.split("\n")]
    text = inline_text(" ".join(lines), verbatim, in_cell=True).replace("\n", " ")
    return text.replace("\\|", "|").replace("|", "\\|")
