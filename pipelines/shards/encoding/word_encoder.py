"""Exact encoding by words that were met before, for tokenizers to which the words of a text are strangers.

Such a tokenizer (word_cuts) gives a text the ids of its words, one after the other. Words come from a table
(piece_cache); those that were not met before are answered by `tokenizers` itself.
"""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.shards.encoding.piece_cache import (
    DONE,
    ENTRIES,
    FULL,
    ID_END,
    PieceTable,
    answer,
    encode_words,
)
from gristmill.pipelines.shards.encoding.plain_encoder import PlainEncoder
from gristmill.pipelines.shards.encoding.slices import encoded_in_slices, with_rows_of
from gristmill.pipelines.shards.encoding.word_splits import WordSplit, without_prepend, word_split_of

FIRST_CAPACITY, LAST_CAPACITY = (
    1 << 19,
    1 << 22,
)  # places of the table of words; the last one takes any slice of texts below 4 MB


class WordEncoder:
    """The ids of `plain`, for a tokenizer that `word_encoder` accepts. words: what gives single words their ids."""

    def __init__(self, plain: PlainEncoder, cut: WordSplit, words: PlainEncoder) -> None:
        self.plain, self.cut, self.words = plain, cut, words
        self._start(FIRST_CAPACITY)

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """(ids int32, offsets int64 of rows + 1)."""
        left: list[np.ndarray] = [np.zeros(0, np.bool_)]

        def encode_slice(padded: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            left.append(np.zeros(len(offsets) - 1, np.bool_))
            return self._encode_slice(padded, offsets, left[-1])

        ids, offsets = encoded_in_slices(_prepended(texts) if self.cut.prepended else texts, encode_slice)
        return with_rows_of(self.plain, texts, np.concatenate(left), ids, offsets)

    def _start(self, capacity: int) -> None:
        self.table, self.state = PieceTable(capacity), np.zeros(6, np.int64)

    def _encode_slice(self, padded: np.ndarray, offsets: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        out, out_offsets = np.empty(len(padded), np.int32), np.zeros(len(offsets), np.int64)
        missing = np.empty((len(padded), 2), np.int64)  # no page of it is touched before it is needed
        while True:
            empty = self.state[ENTRIES] == 0
            slots, keys, ids = self.table.slots, self.table.key_pool, self.table.id_pool
            ended, lacking = encode_words(
                padded, offsets, self.cut.led, slots, keys, ids, self.state, missing, left, out, out_offsets
            )
            if ended == FULL and empty and self.table.capacity >= LAST_CAPACITY:  # one text of very many words
                left[:] = True
                self._start(FIRST_CAPACITY)
                return out[:0], out_offsets * 0
            if ended == FULL:
                self._start(min(LAST_CAPACITY, 4 * self.table.capacity))
            elif lacking:
                self._ask(padded, missing[:lacking])
            elif ended == DONE:
                return out[: out_offsets[-1]].copy(), out_offsets
            else:
                out = np.empty(2 * len(out), np.int32)

    def _ask(self, padded: np.ndarray, words: np.ndarray) -> None:
        """Have `tokenizers` encode words, and keep their ids."""
        table, content = self.table, padded.tobytes()
        texts = pa.array([content[start:end] for start, end in words.tolist()], pa.large_binary())
        ids, offsets = self.words.encode(texts.cast(pa.large_string()))
        end = int(self.state[ID_END])
        if end + len(ids) > len(table.id_pool):
            table.id_pool = np.concatenate([table.id_pool[:end], np.empty(max(end, len(ids)), np.int32)])
        table.id_pool[end : end + len(ids)] = ids
        answer(padded, words, offsets, end, table.slots, table.key_pool)
        self.state[ID_END] += len(ids)


def word_encoder(settings: dict[str, Any], plain: PlainEncoder) -> WordEncoder | None:
    """The word encoder of a tokenizer by its settings for text; None when the words of a text are no strangers to it."""
    cut = word_split_of(settings)
    if cut is None:
        return None
    return WordEncoder(plain, cut, PlainEncoder(json.dumps(without_prepend(settings))) if cut.prepended else plain)


def _prepended(texts: pa.Array) -> pa.Array:
    """The texts, each that is not empty behind one more space."""
    space, nothing = pa.scalar(" ", texts.type), pa.scalar("", texts.type)
    return pc.if_else(pc.equal(texts, nothing), texts, pc.binary_join_element_wise(space, texts, nothing))
