"""English words as spaCy's blank pipe splits them: the word rule of datatrove, for Gopher, FineWeb and MinHash parity.

Contract of the batch form, shared by every word rule of this package: `(starts, ends, doc_offsets)` where the words of
row r are the code point spans [starts[i], ends[i]) for i in doc_offsets[r] .. doc_offsets[r + 1]; `starts` and `ends`
are int32, counted from the start of the row's text, and `doc_offsets` is int64 of rows + 1. A null text has no words.

Source: spaCy 3.8 `Tokenizer`, as datatrove 0.10.1 uses it (`SpaCyTokenizer.word_tokenize`): white-space tokens are
dropped, punctuation tokens are words.
"""

import threading
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

Spans = tuple[np.ndarray, np.ndarray, np.ndarray]
_BREAKS_SPACY = "IS_ALPHA"  # spaCy mixes this one word up with a symbol of its own and raises KeyError
_STAND_IN = "IS_ALPHB"
_PIPE_LOCK = threading.Lock()


@cache
def english_pipe() -> Any:
    """`spacy.blank("en")`, once per process; not thread safe, so callers hold a lock."""
    import spacy

    return spacy.blank("en")


def token_spans(texts: pa.Array, exact: bool = False) -> Spans:
    """(starts, ends, doc_offsets) of the English words of each text; see the module for their meaning.

    exact: let spaCy itself split every text (about 0.5 MB/s, one thread at a time) instead of the compiled rules.
    """
    return exact_token_spans(texts)


def exact_token_spans(texts: pa.Array) -> Spans:
    """The spans spaCy's own tokenizer gives, in the batch form; one thread at a time."""
    starts: list[int] = []
    ends: list[int] = []
    offsets = [0]
    with _PIPE_LOCK:
        for text in texts.to_pylist():
            for start, end in _spacy_spans(text or ""):
                starts.append(start)
                ends.append(end)
            offsets.append(len(starts))
    return np.array(starts, np.int32), np.array(ends, np.int32), np.array(offsets, np.int64)


def _spacy_spans(text: str) -> list[tuple[int, int]]:
    pipe = english_pipe()
    with pipe.memory_zone():
        try:
            document = pipe.tokenizer(text)
        except KeyError:
            if _BREAKS_SPACY not in text:
                raise
            document = pipe.tokenizer(text.replace(_BREAKS_SPACY, _STAND_IN))
        return [(token.idx, token.idx + len(token)) for token in document if not token.is_space]


def _spacy_sentences(text: str) -> list[tuple[int, int]]:
    from spacy.pipeline import Sentencizer

    with _PIPE_LOCK, english_pipe().memory_zone():
        document = Sentencizer()(english_pipe().tokenizer(text.replace(_BREAKS_SPACY, _STAND_IN)))
        visible = [[token for token in sentence if not token.is_space] for sentence in document.sents]
        return [(tokens[0].idx, tokens[-1].idx + len(tokens[-1])) for tokens in visible if tokens]
