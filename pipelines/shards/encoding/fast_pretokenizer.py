r"""The common pre-tokeniser patterns as kernels: where the pre-token that starts at a byte ends.

Each function answers what the regular expression of its family (pipelines.shards.patterns) would match there, given that
the text is valid UTF-8 and everything before is matched already. The expressions match at every position, so their
matches follow one another without gaps. Comments quote the alternatives in the order in which they are tried.
"""

# mypy: disallow-untyped-defs=False
import numpy as np
from gristmill.kernels.compile import inlined, kernel
from gristmill.pipelines.shards.encoding.code_point_classes import (
    BEFORE_E,
    LETTER,
    LOWER,
    NEWLINE,
    NUMBER,
    SHORT,
    SPACE,
    UPPER,
    E,
    L,
)
from gristmill.pipelines.shards.encoding.patterns import GPT2, O200K

_APOSTROPHE, _BLANK, _SLASH = 39, 32, 47
_WORD_OR_SPACE = LETTER | NUMBER | SPACE
_NO_PREFIX = NEWLINE | LETTER | NUMBER  # what [^\r\n\p{L}\p{N}] leaves out


@inlined
def _at(data, i, flags):
    """(flags, bytes) of the code point that starts at byte i."""
    b = np.int64(data[i])
    if b < 0x80:
        return np.int64(flags[b]), 1
    if b < 0xE0:
        return np.int64(flags[((b & 0x1F) << 6) | (data[i + 1] & 0x3F)]), 2
    if b < 0xF0:
        return np.int64(flags[((b & 0x0F) << 12) | ((data[i + 1] & 0x3F) << 6) | (data[i + 2] & 0x3F)]), 3
    high = ((b & 0x07) << 18) | ((data[i + 1] & 0x3F) << 12)
    return np.int64(flags[high | ((data[i + 2] & 0x3F) << 6) | (data[i + 3] & 0x3F)]), 4


@inlined
def _run(data, i, end, flags, wanted):
    """The end of the run of code points that have any of the wanted flags."""
    while i < end:
        f, n = _at(data, i, flags)
        if not f & wanted:
            break
        i += n
    return i


@inlined
def _run_without(data, i, end, flags, unwanted):
    while i < end:
        f, n = _at(data, i, flags)
        if f & unwanted:
            break
        i += n
    return i


@inlined
def _digits(data, i, end, flags, most):
    r"""\p{N}{1,most}"""
    count = 0
    while i < end and count < most:
        f, n = _at(data, i, flags)
        if not f & NUMBER:
            break
        i += n
        count += 1
    return i


@inlined
def _newlines(data, i, end, slash_too):
    r"""[\r\n]* or [\r\n/]*"""
    while i < end and (data[i] == 10 or data[i] == 13 or (slash_too and data[i] == _SLASH)):
        i += 1
    return i


@inlined
def _contraction(data, i, end, flags):
    """(?i:'s|'t|'re|'ve|'m|'ll|'d) at i: its bytes, 0 when there is none."""
    if i + 1 >= end or data[i] != _APOSTROPHE:
        return 0
    f, n = _at(data, i + 1, flags)
    if f & SHORT:
        return 1 + n
    if f & (BEFORE_E | L) and i + 1 + n < end:
        g, m = _at(data, i + 1 + n, flags)
        if (f & BEFORE_E and g & E) or (f & L and g & L):
            return 1 + n + m
    return 0


@inlined
def _exact_contraction(data, i, end):
    """'s|'t|'re|'ve|'m|'ll|'d at i: its bytes, 0 when there is none."""
    if i + 1 >= end or data[i] != _APOSTROPHE:
        return 0
    b = data[i + 1]
    if b == 115 or b == 116 or b == 109 or b == 100:
        return 2
    if i + 2 < end:
        c = data[i + 2]
        if ((b == 114 or b == 118) and c == 101) or (b == 108 and c == 108):
            return 3
    return 0


@inlined
def _white_space(data, start, end, flags, newlines):
    r"""\s*[\r\n]+|\s+(?!\S)|\s+ (the first only where `newlines`) at a white-space character."""
    i, last, after_newline = start, start, -1
    while i < end:
        f, n = _at(data, i, flags)
        if not f & SPACE:
            break
        last = i
        i += n
        if f & NEWLINE:
            after_newline = i
    if newlines and after_newline >= 0:
        return after_newline
    return i if i == end or last == start else last


@inlined
def _gpt2(data, start, end, flags):
    r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
    short = _exact_contraction(data, start, end)
    if short:
        return start + short
    i = start
    f, n = _at(data, i, flags)
    if data[i] == _BLANK and i + 1 < end:
        g, m = _at(data, i + 1, flags)
        if not g & SPACE:
            i += 1
            f, n = g, m
    if f & LETTER:
        return _run(data, i + n, end, flags, LETTER)
    if f & NUMBER:
        return _run(data, i + n, end, flags, NUMBER)
    if not f & SPACE:
        return _run_without(data, i + n, end, flags, _WORD_OR_SPACE)
    return _white_space(data, start, end, flags, False)


@inlined
def _marks_and_spaces(data, i, f, n, end, flags, slash_too):
    r"""?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ at neither letter nor number."""
    if data[i] == _BLANK and i + 1 < end:
        g, m = _at(data, i + 1, flags)
        if not g & _WORD_OR_SPACE:
            return _newlines(data, _run_without(data, i + 1 + m, end, flags, _WORD_OR_SPACE), end, slash_too)
    if not f & SPACE:
        return _newlines(data, _run_without(data, i + n, end, flags, _WORD_OR_SPACE), end, slash_too)
    return _white_space(data, i, end, flags, True)


@inlined
def _cl100k(data, i, end, flags, digits):
    r"""(?i:'s|'t|…)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
    short = _contraction(data, i, end, flags)
    if short:
        return i + short
    f, n = _at(data, i, flags)
    if f & LETTER:
        return _run(data, i + n, end, flags, LETTER)
    if f & NUMBER:
        return _digits(data, i, end, flags, digits)
    if not f & NEWLINE and i + n < end:
        g, m = _at(data, i + n, flags)
        if g & LETTER:
            return _run(data, i + n + m, end, flags, LETTER)
    return _marks_and_spaces(data, i, f, n, end, flags, False)


@inlined
def _upper_then_lower(data, i, end, flags):
    """[upper]*[lower]+ at i: the end, -1 when it does not match. Some letters are in both classes."""
    given_back = -1  # the end of the last of the upper run that is lower too, where backtracking stops
    while i < end:
        f, n = _at(data, i, flags)
        if not f & UPPER:
            break
        i += n
        if f & LOWER:
            given_back = i
    stop = _run(data, i, end, flags, LOWER)
    return stop if stop > i else given_back


@inlined
def _o200k(data, i, end, flags, digits):
    r"""P?U*W+C?|P?U+W*C?|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+

    P = [^\r\n\p{L}\p{N}], U and W the upper and lower classes, C the contractions. Each of the first two alternatives
    is tried with P and then without.
    """
    f, n = _at(data, i, flags)
    behind = -1 if f & _NO_PREFIX else i + n
    stop = -1
    if behind >= 0:
        stop = _upper_then_lower(data, behind, end, flags)
    if stop < 0 and f & (UPPER | LOWER):
        stop = _upper_then_lower(data, i, end, flags)
    if stop < 0 and behind >= 0:
        upper = _run(data, behind, end, flags, UPPER)
        stop = upper if upper > behind else -1
    if stop < 0 and f & UPPER:
        stop = _run(data, i, end, flags, UPPER)
    if stop >= 0:
        return stop + _contraction(data, stop, end, flags)
    if f & NUMBER:
        return _digits(data, i, end, flags, digits)
    return _marks_and_spaces(data, i, f, n, end, flags, True)


@inlined
def pre_token_end(data, i, end, flags, family, digits):
    """Where the pre-token that starts at byte i of a text ending at `end` ends."""
    if family == GPT2:
        return _gpt2(data, i, end, flags)
    if family == O200K:
        return _o200k(data, i, end, flags, digits)
    return _cl100k(data, i, end, flags, digits)


@kernel
def pre_tokens(data, start, end, flags, family, digits):
    """The end of every pre-token of data[start:end], in order."""
    ends = np.empty(end - start, np.int64)
    count = 0
    i = start
    while i < end:
        i = pre_token_end(data, i, end, flags, family, digits)
        ends[count] = i
        count += 1
    return ends[:count]


@kernel
def _holds(data, offsets, flags, wanted, found):
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            f, n = _at(data, i, flags)
            if f & wanted:
                found[row] = True
                break
            i += n


def holds(data: np.ndarray, offsets: np.ndarray, flags: np.ndarray, wanted: int) -> np.ndarray:
    """True for each text with a code point that has one of the wanted flags."""
    found = np.zeros(len(offsets) - 1, np.bool_)
    _holds(data, offsets, flags, wanted, found)
    return found
