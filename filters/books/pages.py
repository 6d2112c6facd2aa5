"""Pages: where they break, and the page numbers and running heads that stand at their edges.

Pages are told by form feeds, by lines such as `## p. 12 (#30) ####` (HathiTrust), or where a file has neither by page
numbers alone on their lines that count upwards.
"""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from gristmill.filters.books.paragraphs import wrap_width

FORM_FEED = "\f"
_NUMBER = re.compile(
    r"^[\s\-–—\[\](){}.*|]*(?:(?:page|p\.|pg\.?|seite|s\.)\s*)?(\d{1,4})[\s\-–—\[\](){}.*|]*$", re.IGNORECASE
)
_ROMAN = re.compile(r"^[\s\-–—\[\](){}.]*([ivxlc]{1,8}|[IVXLC]{1,8})[\s\-–—\[\](){}.]*$")
_INLINE_NUMBER = re.compile(
    r"[\[{](?:Pg|Page|S\.|Seite|p\.)[ .]*(?:\d{1,4}|[ivxlc]{1,8})[\]}]|\{\d{1,4}\}", re.IGNORECASE
)
_PAGE_LINE = re.compile(r"^## p\. .{0,60} #{4,}[ \t]*$", re.MULTILINE)
_LETTERS = re.compile(r"[^\W\d_]+")
_FEWEST_PAGES = 3
_FEWEST_NUMBERS = 5
_EDGE_LINES = 2
_NEIGHBOURS = 4
_MAX_HEAD_CHARACTERS = 90
_LIKE = 0.75
_SLACK = 4
_SENTENCE_END = re.compile(r"[.!?:;…。！？][\"'”’»)\]]*\s*$")


def split_pages(text: str) -> list[list[str]]:
    """The pages of a text as lines; one page where nothing tells them apart."""
    text = _PAGE_LINE.sub(FORM_FEED, text)
    if FORM_FEED in text:
        return [page.split("\n") for page in text.split(FORM_FEED)]
    lines = text.split("\n")
    breaks = counting_lines(lines)
    if len(breaks) < _FEWEST_NUMBERS:
        return [lines]
    pages, start = [], 0
    for number in breaks:  # the number stays at the foot of its page
        pages.append(lines[start : number + 1])
        start = number + 1
    return [*pages, lines[start:]]


def counting_lines(lines: Sequence[str]) -> list[int]:
    """The lines that hold a page number alone and count upwards, at least ten lines apart; [] where it is no series."""
    found = [(place, int(match[1])) for place, line in enumerate(lines) if (match := _NUMBER.match(line))]
    best: list[int] = []
    run: list[int] = []
    previous, at = -1, -100
    for place, value in found:
        if (previous < value <= previous + 3 and place - at >= 10) or not run:
            run.append(place)
        elif value == previous or value > previous + 3:
            continue  # a number that is none of pages, such as a year
        else:
            run = [place]
        previous, at = value, place
        best = run if len(run) > len(best) else best
    return best if len(best) >= _FEWEST_NUMBERS else []


def clean_pages(pages: Sequence[list[str]], left_out: Counter[str]) -> list[str]:
    """The lines of all pages without page numbers and running heads at their edges, joined where a sentence goes on."""
    if len(pages) < 2:
        return list(pages[0]) if pages else []
    edges = [_edge_places(page) for page in pages]
    keys = [{place: _key(page[place]) for place in around} for page, around in zip(pages, edges, strict=True)]
    width = wrap_width([line for page in pages for line in page])
    out: list[str] = []
    for number, (page, around) in enumerate(zip(pages, edges, strict=True)):
        dropped = set()
        for place in around:
            line = page[place]
            if _NUMBER.match(line) or (_ROMAN.match(line) and len(pages) >= _FEWEST_PAGES):
                left_out["page_numbers"] += len(line)
                dropped.add(place)
            elif len(pages) >= _FEWEST_PAGES and _is_head(keys, number, place, line):
                left_out["running_heads"] += len(line)
                dropped.add(place)
        _append(out, [line for place, line in enumerate(page) if place not in dropped], width)
    return out


def without_inline_numbers(text: str, left_out: Counter[str]) -> str:
    """The text without marks such as `[Pg 12]` and `{12}`, where there are enough of them to be a series."""
    found = _INLINE_NUMBER.findall(text)
    if len(found) < _FEWEST_NUMBERS:
        return text
    left_out["page_numbers"] += sum(map(len, found))
    return _INLINE_NUMBER.sub("", text)


def _edge_places(page: Sequence[str]) -> list[int]:
    """The first and last lines of a page that are not blank."""
    shown = [place for place, line in enumerate(page) if line.strip()]
    return sorted({*shown[:_EDGE_LINES], *shown[-_EDGE_LINES:]})


def _key(line: str) -> str:
    return "".join(_LETTERS.findall(line)).casefold() if len(line) <= _MAX_HEAD_CHARACTERS else ""


def _is_head(keys: Sequence[dict[int, str]], number: int, place: int, line: str) -> bool:
    """Whether an edge line stands, nearly the same, at the edge of pages nearby: of two of them, or of every other one."""
    key = keys[number].get(place, "")
    if len(key) < 3:
        return False
    near = range(max(0, number - _NEIGHBOURS), min(len(keys), number + _NEIGHBOURS + 1))
    alike = sum(any(_alike(key, other) for other in keys[page].values()) for page in near if page != number)
    return alike >= 2 or (alike >= 1 and len(keys) <= _NEIGHBOURS)


def _alike(one: str, other: str) -> bool:
    if not other or abs(len(one) - len(other)) > 0.4 * max(len(one), len(other)):
        return False
    if one == other:
        return True
    match = SequenceMatcher(None, one, other, autojunk=False)
    return match.quick_ratio() >= _LIKE and match.ratio() >= _LIKE


def _append(out: list[str], lines: list[str], width: int) -> None:
    """A page after the others: without a blank line where its first words go on with the last sentence, or with a last line
    that is filled."""
    shown = [place for place, line in enumerate(lines) if line.strip()]
    if not shown:
        return
    lines = lines[shown[0] : shown[-1] + 1]
    while out and not out[-1].strip():
        out.pop()
    if out:
        first = lines[0].lstrip()
        filled = width > 0 and len(out[-1]) + 1 + len(first.split(" ", 1)[0]) > width - _SLACK
        ended = bool(_SENTENCE_END.search(out[-1][-200:])) and not filled and not first[:1].islower()
        if ended or lines[0].startswith("  "):
            out.append("")
    out.extend(lines)
