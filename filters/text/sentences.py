# mypy: disallow-untyped-defs=False
"""Sentences as spaCy's rule-based `sentencizer` cuts them on the English words of `spacy_words` (datatrove's rule).

A sentence ends at the first word after an end mark that is neither punctuation throughout nor an end mark itself;
white space other than one plain space counts as such a word, so a line break after an end mark closes the sentence.
End marks are spaCy's default list, read from the installed spaCy. Sentences are returned without outer white space and
blank ones are dropped, as datatrove's `sent_tokenize` does.

NLTK's Punkt, which C4's own code used, is not offered: its abbreviation model is a download, not part of any package.
"""

from functools import cache

import numpy as np
import pyarrow as pa
from gristmill.filters.text.spacy_rules import load_rules
from gristmill.filters.text.spacy_words import english_pipe, pipe_lock, token_spans, without_symbol_name
from gristmill.filters.text.spans import Spans, longest, reference_spans
from gristmill.filters.text.unicode_tables import CLASS, CODE_POINTS, PUNCTUATION
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import decode_utf8


def sentence_spans(texts: pa.Array, exact: bool = False) -> Spans:
    """(starts, ends, doc_offsets) of the sentences of each text, in the batch form of `spans`.

    exact: let spaCy itself cut every text, one thread at a time.
    """
    if exact:
        return reference_spans(texts, spacy_sentences)
    return sentences_of_tokens(texts, token_spans(texts))


def sentence_counts(texts: pa.Array, exact: bool = False) -> np.ndarray:
    """int64 number of sentences of each text; a blank text has none."""
    return np.diff(sentence_spans(texts, exact)[2])


def sentences_of_tokens(texts: pa.Array, tokens: Spans) -> Spans:
    """The sentences of texts whose `token_spans` are already known."""
    data, offsets = string_buffers(texts)
    spans, doc_offsets = _batch(data, offsets, *tokens, CLASS, end_marks())
    return spans[0], spans[1], doc_offsets


@cache
def end_marks() -> np.ndarray:
    """bool per code point: spaCy's default sentence end marks (each is one code point)."""
    marks = np.zeros(CODE_POINTS, np.bool_)
    marks[load_rules()[0].end_marks] = True
    return marks


@kernel
def _batch(data, offsets, token_starts, token_ends, token_offsets, classes, marks):
    cps = np.empty(longest(offsets), np.int32)
    rows = len(offsets) - 1
    spans = np.empty((2, len(token_starts)), np.int32)
    doc_offsets = np.zeros(rows + 1, np.int64)
    for r in range(rows):
        decode_utf8(data, offsets[r], offsets[r + 1], cps)
        low, high, used = token_offsets[r], token_offsets[r + 1], doc_offsets[r]
        starts, ends = token_starts[low:high], token_ends[low:high]
        doc_offsets[r + 1] = used + cut_sentences(cps, starts, ends, classes, marks, spans[0, used:], spans[1, used:])
    return spans[:, : doc_offsets[rows]].copy(), doc_offsets


@helper
def cut_sentences(cps, starts, ends, classes, marks, out_starts, out_ends):
    """Spans of the sentences over one document's words into `out_starts`, `out_ends`; returns their number."""
    sentences = 0
    after_mark = False
    for i in range(len(starts)):
        space_word = False
        if i:
            gap = starts[i] - ends[i - 1]
            space_word = gap > 1 or (gap == 1 and cps[ends[i - 1]] != 32)
        mark = ends[i] - starts[i] == 1 and marks[cps[starts[i]]]
        punctuation = True
        for k in range(starts[i], ends[i]):
            if not classes[cps[k]] & PUNCTUATION:
                punctuation = False
                break
        begins = i == 0 or (after_mark and (space_word or not (mark or punctuation)))
        if begins:
            out_starts[sentences] = starts[i]
            sentences += 1
            after_mark = False
        out_ends[sentences - 1] = ends[i]
        after_mark = after_mark or mark
    return sentences


def spacy_sentences(text: str) -> list[tuple[int, int]]:
    """The spans of spaCy's own sentencizer; one thread at a time."""
    from spacy.pipeline import Sentencizer

    pipe = english_pipe()
    with pipe_lock, pipe.memory_zone():
        document = Sentencizer()(pipe.tokenizer(without_symbol_name(text)))
        visible = [[token for token in sentence if not token.is_space] for sentence in document.sents]
        return [(tokens[0].idx, tokens[-1].idx + len(tokens[-1])) for tokens in visible if tokens]
