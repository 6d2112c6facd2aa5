# mypy: disallow-untyped-defs=False
"""From marked bytes to cuts of text: whole characters, merged, as edits, and what share of a document they take.

The marks alone say what goes. A blank stays where a cut would join two words: where it takes all the white space that
kept the characters before and behind it apart. A cut inside one word leaves none, and so does one in a script that is
written without spaces, unless it takes a line end or another space.
"""

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.super_kmers import TextSpans
from gristmill.filters.text.unicode_tables import CLASS, SPACE
from gristmill.filters.transforms.edit_arrays import edits_array, rows_of_counts
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import kernel
from gristmill.kernels.utf8 import next_code_point

REASON = "duplicate_substring"
BLANK = " "


@kernel
def _spans_of_mask(mask, offsets, spans):
    at = 0
    for document in range(len(offsets) - 1):
        begin = offsets[document]
        inside = False
        for i in range(begin, offsets[document + 1]):
            if mask[i] and not inside:
                spans[at, 0], spans[at, 1] = document, i - begin
            if inside and not mask[i]:
                spans[at, 2] = i - begin
                at += 1
            inside = mask[i]
        if inside:
            spans[at, 2] = offsets[document + 1] - begin
            at += 1
    return at


def spans_of_mask(mask: np.ndarray, offsets: np.ndarray) -> TextSpans:
    """The maximal marked stretches of each document, in order."""
    most = int(np.count_nonzero(mask[1:] & ~mask[:-1])) + len(offsets)
    spans = np.empty((most, 3), np.int64)
    return TextSpans(*spans[: _spans_of_mask(mask, offsets, spans)].T.copy())


@kernel
def _merge_sorted(docs, starts, ends, spans):
    at = 0
    for i in range(len(docs)):
        if at and spans[at - 1, 0] == docs[i] and starts[i] <= spans[at - 1, 2]:
            spans[at - 1, 2] = max(spans[at - 1, 2], ends[i])
        else:
            spans[at, 0], spans[at, 1], spans[at, 2] = docs[i], starts[i], ends[i]
            at += 1
    return at


def merged(spans: TextSpans) -> TextSpans:
    """The union of spans given in any order: by document, then start; overlapping and touching ones joined."""
    order = np.lexsort((spans.starts, spans.docs))
    out = np.empty((len(order), 3), np.int64)
    count = _merge_sorted(spans.docs[order], spans.starts[order], spans.ends[order], out)
    return TextSpans(*out[:count].T.copy())


@kernel
def _snap(data, offsets, docs, starts, ends):
    for i in range(len(docs)):
        begin, end = offsets[docs[i]], offsets[docs[i] + 1]
        while starts[i] < ends[i] and (data[begin + starts[i]] & 0xC0) == 0x80:
            starts[i] += 1
        while ends[i] > starts[i] and begin + ends[i] < end and (data[begin + ends[i]] & 0xC0) == 0x80:
            ends[i] -= 1


def snapped_to_characters(spans: TextSpans, data: np.ndarray, offsets: np.ndarray) -> TextSpans:
    """The whole UTF-8 characters inside each span; spans that hold none are left out."""
    starts, ends = spans.starts.copy(), spans.ends.copy()
    _snap(data, offsets, spans.docs, starts, ends)
    kept = starts < ends
    return TextSpans(spans.docs[kept], starts[kept], ends[kept])


def with_line_ends(spans: TextSpans, data: np.ndarray, offsets: np.ndarray) -> TextSpans:
    """Each span of a line or paragraph together with the LF right after it, if there is one."""
    ends = offsets[spans.docs] + spans.ends
    inside = ends < offsets[spans.docs + 1]
    line_end = np.zeros(len(ends), np.int64)
    line_end[inside] = data[ends[inside]] == 10
    return TextSpans(spans.docs, spans.starts, spans.ends + line_end)


@kernel
def _joins_words(data, offsets, docs, starts, ends, classes, joins):
    for i in range(len(docs)):
        begin, end = offsets[docs[i]], offsets[docs[i] + 1]
        start, stop = begin + starts[i], begin + ends[i]
        if start == begin or stop == end:
            continue
        before = start - 1
        while before > begin and (data[before] & 0xC0) == 0x80:
            before -= 1
        if classes[next_code_point(data, before)[0]] & SPACE or classes[next_code_point(data, stop)[0]] & SPACE:
            continue
        while start < stop and not joins[i]:
            code_point, start = next_code_point(data, start)
            joins[i] = (classes[code_point] & SPACE) != 0


def joins_words(cuts: TextSpans, data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """True for each cut of whole characters that takes all the white space between two words that stay."""
    joins = np.zeros(len(cuts.docs), np.bool_)
    _joins_words(data, offsets, cuts.docs, cuts.starts, cuts.ends, CLASS, joins)
    return joins


def cut_edits(texts: pa.Array, spans: TextSpans, reason: str = REASON) -> tuple[pa.Array, np.ndarray]:
    """(EDITS that delete the marked characters of each text, float64 fraction of its bytes that they take).

    A deletion that would join two words has a blank as its replacement. Spans as any route gives them: they are merged
    and snapped inward to whole characters here. The fraction of an empty text is 0. What to do with a document that loses
    too much is the policy's decision.
    """
    data, offsets = string_buffers(texts)
    cuts = snapped_to_characters(merged(spans), data, offsets)
    rows = len(offsets) - 1
    counts = np.bincount(cuts.docs, minlength=rows)
    edits = deletions(counts, cuts.starts, cuts.ends, joins_words(cuts, data, offsets), reason)
    removed = np.bincount(cuts.docs, weights=cuts.ends - cuts.starts, minlength=rows)
    sizes = np.diff(offsets)
    fraction = np.divide(removed, sizes, out=np.zeros(rows), where=sizes > 0)
    return edits, fraction


def deletions(counts: np.ndarray, starts: np.ndarray, ends: np.ndarray, blanks: np.ndarray, reason: str) -> pa.Array:
    """EDITS that delete spans; counts: how many each document has. blanks: bool, where a blank stays."""
    replacements = pa.array(["", BLANK], pa.large_string()).take(pa.array(blanks.astype(np.int64)))
    reasons = pa.repeat(pa.scalar(reason, pa.large_string()), len(starts))
    return edits_array(rows_of_counts(counts), starts, ends, replacements, reasons)
