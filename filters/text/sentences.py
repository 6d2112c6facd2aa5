"""Sentences as spaCy's rule-based `sentencizer` cuts them, on the English words of `spacy_words`."""

import numpy as np
import pyarrow as pa

from gristmill.filters.text.spacy_words import Spans, _spacy_sentences


def sentence_spans(texts: pa.Array, exact: bool = False) -> Spans:
    """(starts, ends, doc_offsets) of each text's sentences without outer white space, in the form of `token_spans`."""
    starts: list[int] = []
    ends: list[int] = []
    offsets = [0]
    for text in texts.to_pylist():
        for start, end in _spacy_sentences(text or ""):
            starts.append(start)
            ends.append(end)
        offsets.append(len(starts))
    return np.array(starts, np.int32), np.array(ends, np.int32), np.array(offsets, np.int64)


def sentence_counts(texts: pa.Array, exact: bool = False) -> np.ndarray:
    """int64 number of sentences of each text; texts without a visible character have none."""
    return np.diff(sentence_spans(texts, exact)[2])
