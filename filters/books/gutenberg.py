"""Headers, footers and licence blocks of Project Gutenberg, in the wordings that were used since 1991.

A file begins with a header (title, licence, fields such as `Language: French`), or until about 2003 with the "Small Print",
then comes `*** START OF THIS PROJECT GUTENBERG EBOOK ... ***`, or `*END*THE SMALL PRINT!...`, the book, a line such as
`End of Project Gutenberg's ...`, `*** END OF ... ***`, and the whole licence. Of old files any of these may be missing, be
in another language, or stand at the other end. Works on lines, so it serves plain text and text made of EPUB alike.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

_NAME = r"(?:project|projekt|projet|proyecto|progetto)[\s-]*gutenberg"
_DECORATED = r"^[\W_]*"
_START_WORDS = r"start|begin|beginning|beginn|anfang|d[ée]but|inicio|comienzo|in[íi]cio|inizio|begin"
_END_WORDS = r"end|ende|fin|fine|einde|fim|final|slut|loppu|koniec|конец"
_START = re.compile(rf"{_DECORATED}(?:the\s+)?(?:{_START_WORDS})\b.{{0,60}}?\b{_NAME}", re.IGNORECASE)
_END = re.compile(
    rf"{_DECORATED}(?:this\s+is\s+)?(?:the\s+)?(?:{_END_WORDS})\b.{{0,80}}?(?:\b{_NAME}|{_NAME})", re.IGNORECASE
)
_END_PLAIN = re.compile(rf"{_DECORATED}{_NAME}.{{0,80}}\b(?:ends here|ende)\b", re.IGNORECASE)
_SMALL_PRINT_START = re.compile(r"^\W*start\W*\**\s*the small print", re.IGNORECASE)
_SMALL_PRINT_END = re.compile(r"^\W*end\W*\**\s*(?:of\s+)?the small print", re.IGNORECASE)
_FULL_LICENCE = re.compile(
    rf"^\W*start\s*:\s*full licen[sc]e|^\s*(?:the\s+)?full {_NAME}\W*\s*licen[sc]e|^\s*\**\s*this file should be named"
    rf"|^\W*updated editions will replace the previous one",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"^(title|author|editor|translator|illustrator|language|release date|posting date|credits|produced by|"
    r"original publication|subtitle)\s*:\s*(\S.*)$",
    re.IGNORECASE,
)
_EBOOK = re.compile(
    r"\[\s*e-?(?:book|text)\s*#\s*(\d{1,7})\s*\]|\be-?(?:book|text)[\s-]*(?:no\.?|#)\s*(\d{1,7})", re.IGNORECASE
)
_COPYRIGHTED = re.compile(rf"\bcopyrighted\s+{_NAME}", re.IGNORECASE)
_OWN_WORDS = re.compile(
    rf"{_NAME}\W*(?:['’]s\b)?\W*(?:e-?book|e-?text|edition|literary|licen[sc]e)|for the use of anyone anywhere|"
    rf"\[e-?(?:book|text) #",
    re.IGNORECASE,
)
_HEADER_LINES = 700  # a header with the small print has up to 400
_SILENT_LINES = 25
_MAX_MARK_LINES = 6  # a title in `*** START OF ... ***` may take several


class Parts(NamedTuple):
    """body: lines first..last of the book, half open. notes: what the header says. is_gutenberg: a mark was found."""

    first: int
    last: int
    notes: dict[str, Any]
    is_gutenberg: bool


def body_of(lines: Sequence[str]) -> Parts:
    """Where the book is in the lines of a file; all of them where nothing of Project Gutenberg is found."""
    count = len(lines)
    start, licence_at_end = 0, count
    head = min(count, _HEADER_LINES)
    opened = None
    for number in range(count):
        line = lines[number]
        if len(line) > 400 or ("gutenberg" not in line.lower() and "small print" not in line.lower()):
            continue
        if _SMALL_PRINT_START.match(line):
            opened = number
        elif _SMALL_PRINT_END.match(line):
            begun = number if opened is None else opened
            if count - number >= begun - start:  # what follows is longer than what came before: it stands at the head
                start = number + 1
            else:
                licence_at_end = min(licence_at_end, begun)
            opened = None
        elif number < max(head, count // 2) and _START.match(line) and not _FULL_LICENCE.match(line):
            start = _after_mark(lines, number)
    if opened is not None and opened < head and start <= opened:
        start = _after_licence_without_end(lines, opened)
    last = _end_of_body(lines, start, licence_at_end)
    is_gutenberg = start > 0 or last < count or any(_OWN_WORDS.search(line) for line in lines[:40] if len(line) < 400)
    if is_gutenberg and start == 0:
        start = _after_paragraphs(lines, min(head, last))
    notes = _fields(lines[: start or min(count, 60)]) if is_gutenberg else {}
    return Parts(start, max(last, start), notes, is_gutenberg)


def _after_mark(lines: Sequence[str], number: int) -> int:
    """The line after `*** START OF ... ***`, which a long title spreads over several lines."""
    if not lines[number].lstrip().startswith("*") or lines[number].rstrip().endswith("*"):
        return number + 1
    for later in range(number + 1, min(number + _MAX_MARK_LINES, len(lines))):
        if not lines[later].strip():
            break
        if lines[later].rstrip().endswith("*"):
            return later + 1
    return number + 1


def _after_licence_without_end(lines: Sequence[str], opened: int) -> int:
    """The small print begins and its end mark is missing: it goes on as far as its own words are met."""
    last = opened
    for number in range(opened, len(lines)):
        if number - last > _SILENT_LINES:
            break
        text = lines[number].lower()
        if any(word in text for word in ("etext", "gutenberg", "small print", "liability", "warrant", "the project")):
            last = number
    while last < len(lines) and lines[last].strip():
        last += 1
    return last


def _end_of_body(lines: Sequence[str], start: int, limit: int) -> int:
    """The first line of the footer."""
    for number in range(start, limit):
        line = lines[number]
        if len(line) > 400:
            continue
        low = line.lower()
        if "gutenberg" in low and (_END.match(line) or _END_PLAIN.match(line)):
            return number
        of_licence = "licen" in low or "should be named" in low or "updated editions" in low
        if of_licence and number > start + 20 and _FULL_LICENCE.match(line):
            return number
    return limit


def _after_paragraphs(lines: Sequence[str], limit: int) -> int:
    """Without a start mark: after the leading paragraphs that speak of the project, or are fields of its header."""
    after, number = 0, 0
    while number < limit:
        while number < limit and not lines[number].strip():
            number += 1
        end = number
        while end < limit and lines[end].strip():
            end += 1
        paragraph = " ".join(line[:400] for line in lines[number : min(end, number + 20)])
        speaks = _OWN_WORDS.search(paragraph) or _FIELD.match(lines[number].strip()) or _EBOOK.search(paragraph)
        if number == end or (not speaks and number - after > 40):
            break
        if speaks:
            after = end
        number = end
    return after


def _fields(lines: Sequence[str]) -> dict[str, Any]:
    notes: dict[str, Any] = {}
    field = None
    for line in lines:
        found = _FIELD.match(line.strip())
        if found:
            field = found[1].lower().replace(" ", "_")
            notes.setdefault(field, found[2].strip())
        elif field == "title" and line.startswith("  ") and line.strip() and notes["title"]:
            notes["title"] += f": {line.strip()}"
            field = None
        else:
            field = field if line.strip() else None
    header = "\n".join(lines)
    number = _EBOOK.search(header)
    kept = {
        "title": notes.get("title"),
        "authors": [notes["author"]] if "author" in notes else None,
        "translator": notes.get("translator"),
        "declared_language": notes.get("language"),
        "gutenberg_ebook": int(number[1] or number[2]) if number else None,
        "rights": "copyrighted" if _COPYRIGHTED.search(header) else None,
    }
    return {name: value for name, value in kept.items() if value}
