# mypy: disallow-untyped-defs=False
"""Words by Unicode text segmentation (UAX #29) as `uniseg` 0.10 implements it: the word rule of DCLM's repetition.

Every part of the text is a unit: words, but also each run of plain spaces, line break and punctuation mark. DCLM counts
only units whose first character is alphanumeric: `alnum_first=True`.

The properties come from uniseg too (Unicode 16) and are cached under its version, so that the answer does not follow
the Unicode version of Python or of another library.
"""

from functools import cache
from importlib.metadata import version

import numpy as np
import pyarrow as pa
from gristmill.filters.text.spans import Spans, grown, longest
from gristmill.filters.text.unicode_tables import ALNUM, CLASS, CODE_POINTS
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.cache import stored_tables
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import decode_utf8

CR, LF, NEWLINE, EXTEND, ZWJ, FORMAT, KATAKANA, HEBREW, LETTER = (1 << i for i in range(9))
SINGLE_QUOTE, DOUBLE_QUOTE, MID_NUM_LET, MID_LETTER, MID_NUM, NUMERIC, JOINER, SPACES, FLAG = (
    1 << i for i in range(9, 18)
)
PICTOGRAPH = 1 << 18
_VALUES = {
    "CR": CR,
    "LF": LF,
    "Newline": NEWLINE,
    "Extend": EXTEND,
    "ZWJ": ZWJ,
    "Format": FORMAT,
    "Katakana": KATAKANA,
    "Hebrew_Letter": HEBREW,
    "ALetter": LETTER,
    "Single_Quote": SINGLE_QUOTE,
    "Double_Quote": DOUBLE_QUOTE,
    "MidNumLet": MID_NUM_LET,
    "MidLetter": MID_LETTER,
    "MidNum": MID_NUM,
    "Numeric": NUMERIC,
    "ExtendNumLet": JOINER,
    "WSegSpace": SPACES,
    "Regional_Indicator": FLAG,
    "Other": 0,
}
_BREAK = CR | LF | NEWLINE
_SKIPPED = EXTEND | FORMAT | ZWJ
_LETTERS = LETTER | HEBREW
_IN_WORD = MID_LETTER | MID_NUM_LET | SINGLE_QUOTE
_IN_NUMBER = MID_NUM | MID_NUM_LET | SINGLE_QUOTE


def unicode_word_spans(texts: pa.Array, alnum_first: bool = False) -> Spans:
    """(starts, ends, doc_offsets) of the segments of each text, in the batch form of `spans`.

    alnum_first: only segments whose first character is alphanumeric, which leaves out white space and punctuation.
    """
    data, offsets = string_buffers(texts)
    spans, doc_offsets = _batch(data, offsets, CLASS, word_breaks(), alnum_first)
    return spans[0], spans[1], doc_offsets


@cache
def word_breaks() -> np.ndarray:
    """int32 per code point: its Word_Break value as one bit, and PICTOGRAPH for Extended_Pictographic."""
    return stored_tables(f"word-break-uniseg-{version('uniseg')}-v1", lambda: {"table": _build()})["table"]


def _build() -> np.ndarray:
    from uniseg.emoji import extended_pictographic
    from uniseg.wordbreak import word_break

    table = np.zeros(CODE_POINTS, np.int32)
    for cp in range(CODE_POINTS):
        char = chr(cp)
        table[cp] = _VALUES[word_break(char).value] | PICTOGRAPH * bool(extended_pictographic(char))
    return table


@helper
def _next_value(cps, n, i, breaks):
    """Word_Break value of the first character after i that is not skipped, or 0."""
    i += 1
    while i < n and breaks[cps[i]] & _SKIPPED:
        i += 1
    return breaks[cps[i]] if i < n else 0


@helper
def _joined(cps, n, i, before, previous, value, breaks):
    """Whether rules WB5 to WB13b forbid a break before i; `previous`, `before`: the last two values not skipped."""
    if previous & _LETTERS:
        if value & (_LETTERS | NUMERIC | JOINER):
            return True
        if value & _IN_WORD and _next_value(cps, n, i, breaks) & _LETTERS:
            return True
        if previous & HEBREW and value & SINGLE_QUOTE:
            return True
        return previous & HEBREW and value & DOUBLE_QUOTE and _next_value(cps, n, i, breaks) & HEBREW
    if value & _LETTERS and (
        (previous & _IN_WORD and before & _LETTERS)
        or (previous & DOUBLE_QUOTE and before & HEBREW and value & HEBREW)
        or previous & (NUMERIC | JOINER)
    ):
        return True
    if value & NUMERIC and (previous & (NUMERIC | JOINER) or (previous & _IN_NUMBER and before & NUMERIC)):
        return True
    if previous & NUMERIC and value & _IN_NUMBER and _next_value(cps, n, i, breaks) & NUMERIC:
        return True
    if previous & (NUMERIC | KATAKANA | JOINER) and value & JOINER:
        return True
    return previous & (KATAKANA | JOINER) and value & KATAKANA


@helper
def unicode_words(cps, n, breaks, starts, ends):
    """Spans of the segments of cps[:n] into `starts`, `ends`; returns their number."""
    if n == 0:
        return 0
    units, start = 0, 0
    beside = breaks[cps[0]]
    before, previous = 0, 0 if beside & _SKIPPED else beside
    open_flag = beside & FLAG != 0
    for i in range(1, n):
        value = breaks[cps[i]]
        skipped = value & _SKIPPED != 0
        pair = open_flag and value & FLAG != 0 and previous & FLAG != 0
        if beside & CR and value & LF:
            joined = True
        elif (beside | value) & _BREAK:
            joined = False
        elif (beside & ZWJ and value & PICTOGRAPH) or (beside & SPACES and value & SPACES) or skipped:
            joined = True
        else:
            joined = pair or _joined(cps, n, i, before, previous, value, breaks)
        if not joined:
            starts[units], ends[units] = start, i
            units += 1
            start = i
        if not skipped:
            open_flag = value & FLAG != 0 and not pair
            before, previous = previous, value
        beside = value
    starts[units], ends[units] = start, n
    return units + 1


@kernel
def _batch(data, offsets, classes, breaks, alnum_first):
    size = longest(offsets)
    cps, starts, ends = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32)
    rows = len(offsets) - 1
    spans = np.empty((2, (offsets[rows] - offsets[0]) // 3 + 16), np.int32)
    doc_offsets = np.zeros(rows + 1, np.int64)
    for r in range(rows):
        n = decode_utf8(data, offsets[r], offsets[r + 1], cps)
        units = unicode_words(cps, n, breaks, starts, ends)
        used = doc_offsets[r]
        spans = grown(spans, used, units)
        for i in range(units):
            if not alnum_first or classes[cps[starts[i]]] & ALNUM:
                spans[0, used], spans[1, used] = starts[i], ends[i]
                used += 1
        doc_offsets[r + 1] = used
    return spans[:, : doc_offsets[rows]].copy(), doc_offsets
