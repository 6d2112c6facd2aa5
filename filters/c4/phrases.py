# mypy: disallow-untyped-defs=False
"""C4's phrases and citation marks, found in decoded text."""

import numpy as np
from gristmill.filters.text.unicode_tables import DECIMAL
from gristmill.kernels.compile import helper, kernel

LOREM, SCRIPT, NOTICE, CURLY = 1, 2, 4, 8  # bits of `phrases`


def _codes(text: str) -> np.ndarray:
    return np.array([ord(char) for char in text], dtype=np.int32)


_LOREM_IPSUM, _JAVASCRIPT, _EDIT, _NEEDED = map(_codes, ("lorem ipsum", "javascript", "[edit]", "[citation needed]"))
_TERMS, _PRIVACY, _COOKIE = map(_codes, ("terms of use", "privacy policy", "cookie policy"))
_USES, _USE_OF, _USE = map(_codes, ("uses cookies", "use of cookies", "use cookies"))

_RARE = np.zeros(124, dtype=np.uint8)  # `{` and the letter each phrase is looked for by
_RARE[[ord(char) for char in "{jpvfk"]] = 1


@helper
def _is_at(cps, i, start, end, lower, pattern):
    if i < start or i + len(pattern) > end:
        return False
    k = 0
    while k < len(pattern) and lower[cps[i + k]] == pattern[k]:
        k += 1
    return k == len(pattern)


@helper
def _is_at_exactly(cps, i, end, pattern):
    if i + len(pattern) > end:
        return False
    k = 0
    while k < len(pattern) and cps[i + k] == pattern[k]:
        k += 1
    return k == len(pattern)


@kernel
def phrases(cps, start, end, lower):
    """Which of C4's phrases stand in cps[start:end], lower-cased, as bits.

    Each phrase is looked for around its rarest letter, so that most characters cost one look-up.
    """
    found = 0
    for i in range(start, end):
        cp = lower[cps[i]]
        if cp >= len(_RARE) or not _RARE[cp]:
            continue
        if cp == 123:
            found |= CURLY
        elif cp == 106:
            if _is_at(cps, i, start, end, lower, _JAVASCRIPT):
                found |= SCRIPT
        elif cp == 112:
            if _is_at(cps, i - 7, start, end, lower, _LOREM_IPSUM):
                found |= LOREM
        elif cp == 118:
            if _is_at(cps, i - 3, start, end, lower, _PRIVACY):
                found |= NOTICE
        elif cp == 102:
            if _is_at(cps, i - 7, start, end, lower, _TERMS):
                found |= NOTICE
        elif (
            _is_at(cps, i - 3, start, end, lower, _COOKIE)
            or _is_at(cps, i - 7, start, end, lower, _USE)
            or _is_at(cps, i - 8, start, end, lower, _USES)
            or _is_at(cps, i - 10, start, end, lower, _USE_OF)
        ):
            found |= NOTICE
    return found


@helper
def citation_end(cps, i, end, classes):
    """End of the citation mark that begins with the `[` at i, or i when there is none."""
    k = i + 1
    while k < end and classes[cps[k]] & DECIMAL:
        k += 1
    if k < end and cps[k] == 93:
        return k + 1
    if _is_at_exactly(cps, i, end, _EDIT):
        return i + len(_EDIT)
    if _is_at_exactly(cps, i, end, _NEEDED):
        return i + len(_NEEDED)
    return i
