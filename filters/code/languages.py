"""Which language a file is in: by its name, by its first line, and where a suffix stands for several by its content.

What `language_names` does not know is asked of Pygments, which knows 500 more and works offline.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from gristmill.filters.code.language_marks import AMBIGUOUS
from gristmill.filters.code.language_names import (
    DATA,
    FILE_NAMES,
    INTERPRETERS,
    KINDS,
    MARKUP,
    MODES,
    PROGRAMMING,
    SUFFIXES,
)
from pygments.lexers import find_lexer_class_for_filename
from pygments.util import ClassNotFound


class Language(NamedTuple):
    """name: None where it is not known. kind: programming, markup, data, prose. by: name, first_line or content."""

    name: str | None
    kind: str | None
    by: str | None


UNKNOWN = Language(None, None, None)

_SHEBANG = re.compile(
    r"#!\s*+(?:\S*/)?+(?:env\s++(?:-\S++\s++|\w++=\S*+\s++)*+(?:\S*/)?+)?([A-Za-z][\w+-]*?)[\d.]*(?:\.exe)?(?:\s|$)"
)
_EMACS = re.compile(r"-\*-\s*(?:.{0,80}?\bmode\s*:\s*)?([\w+#-]{1,30})\s*(?:;.{0,120}?)?-\*-", re.IGNORECASE)
_VIM = re.compile(r"\b(?:vim?|ex)\s*:\s*(?:set?\s+)?(?:.{0,80}?[\s:])?(?:ft|filetype|syntax)=([\w+#-]{1,30})")
_HEAD_CHARACTERS = 100_000
_LONGEST_NAME = 200  # characters of a file name that Pygments is asked about


def language_of(path: str, text: str) -> Language:
    """The language of a file. path: with folders or without, of any case. text: its content, or its beginning."""
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    if name in FILE_NAMES:
        language, kind = FILE_NAMES[name]
        return Language(language, kind, "name")
    head = text[:_HEAD_CHARACTERS]
    suffix = name.rpartition(".")[2] if "." in name.lstrip(".") else ""
    if suffix in AMBIGUOUS:
        for language, marks in AMBIGUOUS[suffix]:
            if marks is None:
                return Language(language, _kind(language), "name")
            if marks(head):
                return Language(language, _kind(language), "content")
    if suffix in SUFFIXES:
        language, kind = SUFFIXES[suffix]
        return Language(language, kind, "name")
    by_head = _by_first_lines(head)
    if by_head:
        return Language(by_head, _kind(by_head), "first_line")
    asked = f"x.{suffix}" if suffix else name
    known = _by_pygments(asked) if len(asked) < _LONGEST_NAME else None
    if known:
        return Language(known, _kind(known), "name")
    return _by_content(head)


def _kind(language: str) -> str:
    return KINDS.get(language, PROGRAMMING)


def _by_first_lines(head: str) -> str | None:
    first = head[:400].lstrip("\ufeff")
    found = _SHEBANG.match(first)
    if found and found[1].lower() in INTERPRETERS:
        return INTERPRETERS[found[1].lower()]
    ends = first + "\n" + head[-400:]
    for pattern in (_EMACS, _VIM):
        mode = pattern.search(ends)
        if mode and mode[1].lower() in MODES:
            return MODES[mode[1].lower()]
    return None


@lru_cache(maxsize=4096)
def _by_pygments(name: str) -> str | None:
    try:
        lexer = find_lexer_class_for_filename(name)
    except (ClassNotFound, ValueError):
        return None
    return None if lexer is None else str(lexer.name)


_JSON_START = re.compile(r"\A\s*[\[{]\s*(?:\"|\{|\[|\]|\})")


def _by_content(head: str) -> Language:
    start = head[:2000].lstrip("\ufeff \t\r\n")
    if start.startswith("<?php"):
        return Language("PHP", PROGRAMMING, "content")
    if start.startswith("<?xml"):
        return Language("XML", DATA, "content")
    if start[:15].lower().startswith(("<!doctype html", "<html")):
        return Language("HTML", MARKUP, "content")
    if _JSON_START.match(start):
        return Language("JSON", DATA, "content")
    return UNKNOWN
