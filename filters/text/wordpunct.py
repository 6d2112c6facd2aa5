# mypy: disallow-untyped-defs=False
r"""Two small word rules: WordPunct, runs of `\w` or of neither `\w` nor white space (RedPajama v2's `raw_words`), and
the tokens of fastText's `tokenize`, cut at six ASCII blanks and NUL (DCLM's page length).

Source: NLTK `WordPunctTokenizer`, `\w+|[^\w\s]+` with the Unicode classes of Python's `re`; fastText 0.9 `Dictionary`,
which also adds `</s>` for each line feed: that is no span of the text and not given here.
"""

import numpy as np
import pyarrow as pa
from gristmill.filters.text.spans import Spans, grown, longest
from gristmill.filters.text.unicode_tables import ALNUM, CLASS, SPACE
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import decode_utf8


def wordpunct_spans(texts: pa.Array) -> Spans:
    """(starts, ends, doc_offsets) of the WordPunct words of each text, in the batch form of `spans`."""
    return _spans(texts, False)


def fasttext_spans(texts: pa.Array) -> Spans:
    """(starts, ends, doc_offsets) of the fastText tokens of each text, in the batch form of `spans`."""
    return _spans(texts, True)


def _spans(texts: pa.Array, fasttext: bool) -> Spans:
    data, offsets = string_buffers(texts)
    spans, doc_offsets = _batch(data, offsets, CLASS, fasttext)
    return spans[0], spans[1], doc_offsets


@helper
def wordpunct_words(cps, n, classes, starts, ends):
    """Spans of the WordPunct words of cps[:n] into `starts`, `ends`; returns their number."""
    words = 0
    kind = 0  # of the open word: 0 none, 1 word characters, 2 others
    for i in range(n):
        flags = classes[cps[i]]
        now = 1 if flags & ALNUM or cps[i] == 95 else 0 if flags & SPACE else 2
        if now != kind:
            if kind:
                ends[words] = i
                words += 1
            starts[words] = i
            kind = now
    if kind:
        ends[words] = n
        words += 1
    return words


@helper
def fasttext_words(cps, n, starts, ends):
    """Spans of the fastText tokens of cps[:n] into `starts`, `ends`; returns their number."""
    words = 0
    inside = False
    for i in range(n):
        if cps[i] == 32 or 9 <= cps[i] <= 13 or cps[i] == 0:
            if inside:
                ends[words] = i
                words += 1
                inside = False
        elif not inside:
            starts[words] = i
            inside = True
    if inside:
        ends[words] = n
        words += 1
    return words


@kernel
def _batch(data, offsets, classes, fasttext):
    size = longest(offsets) + 1
    cps, starts, ends = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32)
    rows = len(offsets) - 1
    spans = np.empty((2, (offsets[rows] - offsets[0]) // 4 + 16), np.int32)
    doc_offsets = np.zeros(rows + 1, np.int64)
    for r in range(rows):
        n = decode_utf8(data, offsets[r], offsets[r + 1], cps)
        words = fasttext_words(cps, n, starts, ends) if fasttext else wordpunct_words(cps, n, classes, starts, ends)
        used = doc_offsets[r]
        spans = grown(spans, used, words)
        spans[0, used : used + words] = starts[:words]
        spans[1, used : used + words] = ends[:words]
        doc_offsets[r + 1] = used + words
    return spans[:, : doc_offsets[rows]].copy(), doc_offsets
