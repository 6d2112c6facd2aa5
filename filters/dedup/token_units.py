"""Texts as the tokens of a tokenizer, and spans of tokens back as bytes of text.

A text becomes the bytes of its token ids, four for each, so that windows of tokens are windows of bytes in units of four.
A span of tokens is the bytes they stand for; a character that a token outside the span also has a share in stays.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.super_kmers import TextSpans
from gristmill.schemas.errors import ModelError

TOKEN_BYTES = 4


@lru_cache(maxsize=4)
def load_tokenizer(path: str) -> Any:
    """The tokenizer in a `tokenizer.json`, in which the text of a special token is text. ModelError when it is none."""
    from gristmill.filters.text.text_tokenizer import load_for_text  # the library is slow to import

    try:
        return load_for_text(Path(path).read_text(encoding="utf-8"))
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(
            f"cannot be read as a tokenizer: {error}",
            where=path,
            expected="a tokenizer.json",
            next_step="check the path",
        ) from error


def _encoded(texts: pa.Array, tokenizer: str) -> list[Any]:
    found: list[Any] = load_tokenizer(tokenizer).encode_batch(texts.to_pylist(), add_special_tokens=False)
    return found


def token_buffers(texts: pa.Array, tokenizer: str) -> tuple[np.ndarray, np.ndarray]:
    """(bytes of the ids of all texts uint8, offsets int64 of texts + 1)."""
    ids = [np.array(encoding.ids, "<i4") for encoding in _encoded(texts, tokenizer)]
    edges = np.concatenate(([0], np.cumsum([TOKEN_BYTES * len(one) for one in ids], dtype=np.int64))).astype(np.int64)
    return np.concatenate([np.zeros(0, "<i4"), *ids]).view(np.uint8), edges


def text_spans(texts: pa.Array, spans: TextSpans, tokenizer: str) -> TextSpans:
    """Spans of bytes of ids as spans of bytes of text, sorted by text; those that hold no whole character are left out."""
    docs, starts, ends = [], [], []
    order = np.lexsort((spans.starts, spans.docs))
    chosen, firsts = np.unique(spans.docs[order], return_index=True)
    encoded = _encoded(texts.take(pa.array(chosen)), tokenizer)
    for document, encoding, mine in zip(chosen.tolist(), encoded, np.split(order, firsts)[1:], strict=True):
        offsets = _byte_offsets(texts[document].as_py(), encoding.offsets)
        for first, last in zip(spans.starts[mine] // TOKEN_BYTES, spans.ends[mine] // TOKEN_BYTES, strict=True):
            start = max(offsets[first, 0], offsets[first - 1, 1] if first else 0)
            end = min(offsets[last - 1, 1], offsets[last, 0] if last < len(offsets) else offsets[-1, 1])
            if start < end:
                docs.append(document)
                starts.append(start)
                ends.append(end)
    return TextSpans(*(np.array(column, np.int64) for column in (docs, starts, ends)))


def _byte_offsets(text: str, offsets: list[tuple[int, int]]) -> np.ndarray:
    """int64 (tokens, 2): where each token begins and ends in the UTF-8 of the text."""
    found = np.array(offsets, np.int64).reshape(-1, 2)
    if text.isascii():
        return found
    sizes = np.array([len(character.encode()) for character in text], np.int64)
    places: np.ndarray = np.concatenate(([0], np.cumsum(sizes)))[found]
    return places
