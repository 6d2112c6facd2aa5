"""Canonical composition (NFC): one spelling for each accented letter; only the runs that change are edits.

Source: Unicode Standard Annex 15, quick check: a character of combining class 0 whose NFC quick check is Yes never
joins the one before it, so a text is normalised run by run between such characters.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from unicodedata import combining, decomposition, is_normalized, normalize

import pyarrow as pa
from gristmill.filters.options import with_defaults
from gristmill.filters.transforms.per_document import ByteOffsets, Span, edits_of_candidates, not_ascii, shared_prefix

REASON = "not_composed"
_HANGUL_VOWELS_AND_FINALS = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))


def edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """Edits that bring `texts` to NFC. No options."""
    with_defaults(options, {}, "nfc")
    return edits_of_candidates(texts, not_ascii(texts), _spans)


def _spans(text: str) -> Iterator[Span]:
    if is_normalized("NFC", text):
        return
    offsets = ByteOffsets(text)
    for run in _unstable_runs().finditer(text):
        composed = normalize("NFC", run.group())
        if composed != run.group():
            same = shared_prefix(run.group(), composed)
            yield offsets[run.start() + same], offsets[run.end()], composed[same:], REASON


@cache
def _unstable_runs() -> re.Pattern[str]:
    """Any character and the characters behind it that could join it."""
    unstable = set(_HANGUL_VOWELS_AND_FINALS)
    for cp in range(0x80, sys.maxunicode + 1):
        char = chr(cp)
        if combining(char) or not is_normalized("NFC", char):
            unstable.add(cp)
        parts = decomposition(char).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            unstable.add(int(parts[1], 16))
    return re.compile(f"(?s).?[{''.join(map(chr, sorted(unstable)))}]+")
