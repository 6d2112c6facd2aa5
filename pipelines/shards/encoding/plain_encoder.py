"""Encoding by `tokenizers` itself: any tokenizer, and the answer that everything faster must equal."""

import struct

import numpy as np
import pyarrow as pa
from gristmill.filters.text.text_tokenizer import load_for_text

# Characters given to `tokenizers` at once: its answers take some fifty times the memory of the texts, and what fits into
# the cache is faster than what does not.
MAX_BATCH_CHARACTERS = 16 << 10


class PlainEncoder:
    """`tokenizers` itself; any tokenizer."""

    def __init__(self, content: str) -> None:
        self.tokenizer = load_for_text(content)

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        pieces: list[np.ndarray] = []
        lengths: list[int] = []
        waiting: list[str] = []
        size = 0
        for text in texts.to_pylist():
            waiting.append(text)
            size += len(text)
            if size >= MAX_BATCH_CHARACTERS:
                self._encode(waiting, pieces, lengths)
                waiting, size = [], 0
        self._encode(waiting, pieces, lengths)
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return np.concatenate([np.zeros(0, np.int32), *pieces]), offsets

    def _encode(self, texts: list[str], pieces: list[np.ndarray], lengths: list[int]) -> None:
        for encoding in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False):
            ids = encoding.ids
            pieces.append(np.frombuffer(struct.pack(f"{len(ids)}i", *ids), np.int32))
            lengths.append(len(ids))
