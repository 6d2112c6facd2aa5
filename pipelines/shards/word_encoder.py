"""Exact encoding by words that were met before, for tokenizers to which the words of a text are strangers.

A tokenizer that cuts at white space before anything else, and whose other steps look at one character or one word,
gives a text the ids of its words, one after the other: BERT's, word-level ones. Words come from a table (piece_cache);
those that were not met before are answered by `tokenizers` itself.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.pipelines.shards.piece_cache import DONE, ENTRIES, FULL, ID_END, PieceTable, answer, encode_words
from gristmill.pipelines.shards.plain_encoder import PlainEncoder
from gristmill.pipelines.shards.slices import encoded_in_slices, with_rows_of

FIRST_CAPACITY, LAST_CAPACITY = (
    1 << 19,
    1 << 22,
)  # places of the table of words; the last one takes any slice of texts below 4 MB

# Each looks at one character at a time, or composes combining characters, which no white space does. Not `Precompiled`:
# it looks at graphemes, and a space is one with the combining characters behind it.
NORMALIZERS = {"BertNormalizer", "Lowercase", "StripAccents", "NFC", "NFD", "NFKC", "NFKD", "Nmt"}
CUTTERS = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit"}
WITHIN_WORDS = CUTTERS | {"Punctuation", "Digits", "Metaspace"}


class WordEncoder:
    """The ids of `plain`, for a tokenizer that `word_encoder` accepts."""

    def __init__(self, plain: PlainEncoder) -> None:
        self.plain = plain
        self._start(FIRST_CAPACITY)

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """(ids int32, offsets int64 of rows + 1)."""
        left: list[np.ndarray] = [np.zeros(0, np.bool_)]

        def encode_slice(padded: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            left.append(np.zeros(len(offsets) - 1, np.bool_))
            return self._encode_slice(padded, offsets, left[-1])

        ids, offsets = encoded_in_slices(texts, encode_slice)
        return with_rows_of(self.plain, texts, np.concatenate(left), ids, offsets)

    def _start(self, capacity: int) -> None:
        self.table, self.state = PieceTable(capacity), np.zeros(6, np.int64)

    def _encode_slice(self, padded: np.ndarray, offsets: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        out, out_offsets = np.empty(len(padded), np.int32), np.zeros(len(offsets), np.int64)
        missing = np.empty((len(padded) // 2 + 1, 2), np.int64)
        while True:
            empty = self.state[ENTRIES] == 0
            slots, keys, ids = self.table.slots, self.table.key_pool, self.table.id_pool
            ended, lacking = encode_words(
                padded, offsets, slots, keys, ids, self.state, missing, left, out, out_offsets
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
        ids, offsets = self.plain.encode(texts.cast(pa.large_string()))
        end = int(self.state[ID_END])
        if end + len(ids) > len(table.id_pool):
            table.id_pool = np.concatenate([table.id_pool[:end], np.empty(max(end, len(ids)), np.int32)])
        table.id_pool[end : end + len(ids)] = ids
        answer(padded, words, offsets, end, table.slots, table.key_pool)
        self.state[ID_END] += len(ids)


def word_encoder(content: str, plain: PlainEncoder) -> WordEncoder | None:
    """The word encoder of the tokenizer in `content` (of a tokenizer.json); None when words may not be strangers to it."""
    settings = json.loads(content)
    model, normalizers = settings["model"], _steps(settings.get("normalizer"), "normalizers")
    cuts = _steps(settings.get("pre_tokenizer"), "pretokenizers")
    kinds = {step["type"] for step in normalizers}
    if settings.get("truncation") or settings.get("padding") or any(map(model.get, ("dropout", "alpha", "nbest_size"))):
        return None
    if not all(token["special"] for token in settings.get("added_tokens", [])):
        return None
    if not cuts or cuts[0]["type"] not in CUTTERS or not kinds <= NORMALIZERS or not all(map(_is_within_words, cuts)):
        return None
    return WordEncoder(plain)


def _steps(step: dict[str, Any] | None, name: str) -> Sequence[dict[str, Any]]:
    """The steps of a normalizer or pre-tokeniser, sequences in sequences laid out."""
    if step is None:
        return []
    return [part for inner in step[name] for part in _steps(inner, name)] if step["type"] == "Sequence" else [step]


def _is_within_words(step: dict[str, Any]) -> bool:
    return step["type"] in WITHIN_WORDS and step.get("prepend_scheme") != "first"
