# mypy: disallow-untyped-defs=False
"""C4's phrases and citation marks, found in UTF-8 text."""

import numpy as np
from gristmill.filters.text.unicode_tables import DECIMAL
from gristmill.kernels.compile import helper
from gristmill.kernels.utf8 import next_code_point
from gristmill.kernels.vectors import LANES, equal_mask, letter_mask, lowest_bit

LOREM, SCRIPT, NOTICE, CURLY = 1, 2, 4, 8  # bits of `phrases`


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


_LOREM_IPSUM, _JAVASCRIPT, _EDIT, _NEEDED = map(_bytes, ("lorem ipsum", "javascript", "[edit]", "[citation needed]"))
_TERMS, _PRIVACY, _COOKIE = map(_bytes, ("terms of use", "privacy policy", "cookie policy"))
_USES, _USE_OF, _USE = map(_bytes, ("uses cookies", "use of cookies", "use cookies"))


@helper
def _stand(text, start, end, pattern, first, last):
    """Whether text[start:end], lower-cased, holds pattern[first:last] at `start`."""
    if start + last - first > end:
        return False
    for k in range(first, last):
        byte, wanted = text[start + k - first], pattern[k]
        if byte != wanted and (wanted < 97 or byte | 0x20 != wanted):
            return False
    return True


@helper
def _is_around(text, i, width, start, end, pattern, anchor):
    """Whether text[start:end], lower-cased, holds `pattern` with the letter pattern[anchor] at text[i : i + width]."""
    if i - anchor < start or not _stand(text, i + width, end, pattern, anchor + 1, len(pattern)):
        return False
    return _stand(text, i - anchor, end, pattern, 0, anchor)


@helper
def _phrase_at(text, i, start, end):
    """The bit of the phrase whose rarest letter stands at i, or of a curly bracket there; 0 for none."""
    byte = text[i]
    if byte == 123:
        return CURLY
    letter = byte | 0x20
    if letter == 106:
        return SCRIPT if _is_around(text, i, 1, start, end, _JAVASCRIPT, 0) else 0
    if letter == 112:
        return LOREM if _is_around(text, i, 1, start, end, _LOREM_IPSUM, 7) else 0
    if letter == 118:
        return NOTICE if _is_around(text, i, 1, start, end, _PRIVACY, 3) else 0
    if letter == 102:
        return NOTICE if _is_around(text, i, 1, start, end, _TERMS, 7) else 0
    width = 1 if letter == 107 else 3  # the Kelvin sign's lower case is k
    cookies = (
        _is_around(text, i, width, start, end, _COOKIE, 3)
        or _is_around(text, i, width, start, end, _USE, 7)
        or _is_around(text, i, width, start, end, _USES, 8)
        or _is_around(text, i, width, start, end, _USE_OF, 10)
    )
    return NOTICE if cookies else 0


@helper
def phrases(text, start, end):
    """Which of C4's phrases stand in text[start:end], lower-cased, as bits. text: uint8, 64 more bytes after `end`.

    A phrase is looked for around its rarest letter and the letter after it, thirty-two bytes at a time.
    """
    found = 0
    for at in range(start, end, LANES):
        hits = (
            equal_mask(text, at, 123)
            | letter_mask(text, at, 106) & letter_mask(text, at + 1, 97)
            | letter_mask(text, at, 112) & letter_mask(text, at + 1, 115)
            | letter_mask(text, at, 118) & letter_mask(text, at + 1, 97)
            | letter_mask(text, at, 102) & equal_mask(text, at + 1, 32) & letter_mask(text, at + 2, 117)
            | letter_mask(text, at, 107) & letter_mask(text, at + 1, 105)
            | equal_mask(text, at, 0xE2) & equal_mask(text, at + 1, 0x84) & equal_mask(text, at + 2, 0xAA)
        )
        while hits:
            i = at + lowest_bit(hits)
            if i < end:
                found |= _phrase_at(text, i, start, end)
            hits &= hits - np.uint32(1)
    return found


@helper
def citation_end(text, i, end, classes):
    """End of the citation mark that begins with the `[` at i, or i when there is none."""
    k = i + 1
    while k < end:
        cp, after = next_code_point(text, k)
        if not classes[cp] & DECIMAL:
            break
        k = after
    if k < end and text[k] == 93:
        return k + 1
    if _is_exactly(text, i, end, _EDIT):
        return i + len(_EDIT)
    if _is_exactly(text, i, end, _NEEDED):
        return i + len(_NEEDED)
    return i


@helper
def _is_exactly(text, i, end, pattern):
    if i + len(pattern) > end:
        return False
    for k in range(len(pattern)):  # noqa: SIM110 (numba compiles no generator)
        if text[i + k] != pattern[k]:
            return False
    return True
