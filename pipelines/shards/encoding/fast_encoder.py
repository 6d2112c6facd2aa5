"""Exact encoding at the speed of compiled code, for byte-level BPE with one of the common patterns.

A text is cut by a compiled pre-tokeniser (fast_pretokenizer), each pre-token is looked up by its bytes (piece_cache),
and one that was not met before is merged (merges). What is rare goes to `tokenizers` itself: normalising texts that NFC
may change, and encoding texts that hold an added token that is not special.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.kernels.buffers import string_buffers
from gristmill.pipelines.shards.encoding.code_point_classes import NFC_CHANGES, code_point_flags
from gristmill.pipelines.shards.encoding.fast_pretokenizer import holds
from gristmill.pipelines.shards.encoding.literals import Literals
from gristmill.pipelines.shards.encoding.merges import Merges, byte_characters, read_merges
from gristmill.pipelines.shards.encoding.patterns import Pattern, recognised
from gristmill.pipelines.shards.encoding.piece_cache import MAX_BYTES, PADDING, TOKEN, PieceTable, encode_rows, put_all
from gristmill.pipelines.shards.encoding.plain_encoder import PlainEncoder
from gristmill.pipelines.shards.encoding.slices import encoded_in_slices, with_rows_of
from tokenizers import normalizers

FIRST_CAPACITY, LAST_CAPACITY = 1 << 19, 1 << 21  # places of the table of pre-tokens, 32 bytes each


class FastEncoder:
    """The ids of `plain`, for a tokenizer that `fast_encoder` accepts."""

    def __init__(
        self, plain: PlainEncoder, merges: Merges, pattern: Pattern, nfc: bool, whole: PieceTable, added: list[str]
    ) -> None:
        self.plain, self.merges, self.pattern, self.whole = plain, merges, pattern, whole
        self.flags = code_point_flags()
        self.nfc = normalizers.NFC() if nfc else None
        self.added = Literals([*added, *(self.nfc.normalize_str(token) for token in added if self.nfc)])
        self.table = PieceTable(FIRST_CAPACITY)
        self.state = np.zeros(6, np.int64)

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """(ids int32, offsets int64 of rows + 1)."""
        given = texts
        if self.nfc is not None:
            texts = self._normalised(texts)
        ids, offsets = encoded_in_slices(texts, self._encode_slice)
        by_tokenizers = self.added.found_in(given)
        if texts is not given:
            by_tokenizers |= self.added.found_in(texts)
        return with_rows_of(self.plain, given, by_tokenizers, ids, offsets)

    def _normalised(self, texts: pa.Array) -> pa.Array:
        """The texts in NFC; the same object when none of them can change."""
        data, offsets = string_buffers(texts)
        may_change = holds(data, offsets, self.flags, NFC_CHANGES)
        if not may_change.any():
            return texts
        assert self.nfc is not None
        changed = [self.nfc.normalize_str(text) for text in texts.filter(pa.array(may_change)).to_pylist()]
        return pc.replace_with_mask(texts, pa.array(may_change), pa.array(changed, texts.type))

    def _encode_slice(self, padded: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        out, out_offsets = np.empty(int(offsets[-1]), np.int32), np.zeros(len(offsets), np.int64)
        merges, whole = self.merges, (self.whole.slots, self.whole.key_pool)
        self.state[: TOKEN + 1] = 0
        while not encode_rows(
            padded,
            offsets,
            self.flags,
            self.pattern.family,
            self.pattern.digits,
            merges.byte_ids,
            merges.keys,
            merges.values,
            whole,
            self.table.slots,
            self.table.key_pool,
            self.table.id_pool,
            self.state,
            out,
            out_offsets,
        ):
            self.table = PieceTable(min(LAST_CAPACITY, 4 * self.table.capacity))  # what is forgotten is merged again
            self.state[TOKEN + 1 :] = 0
        return out[: out_offsets[-1]].copy(), out_offsets


def fast_encoder(settings: dict[str, Any], plain: PlainEncoder) -> FastEncoder | None:
    """The fast encoder of a tokenizer by its settings for text; None when it is of another kind."""
    pattern = recognised(settings.get("pre_tokenizer"))
    nfc = _is_nfc(settings.get("normalizer"))
    merges = read_merges(settings["model"])
    if pattern is None or nfc is None or merges is None:
        return None
    whole = PieceTable(0)
    if settings["model"].get("ignore_merges"):
        filled = _whole_words(settings["model"]["vocab"])
        if filled is None:
            return None
        whole = filled
    added = [token["content"] for token in settings.get("added_tokens", []) if not token["special"]]
    return FastEncoder(plain, merges, pattern, nfc, whole, added)


def _is_nfc(normalizer: dict[str, Any] | None) -> bool | None:
    """False: none, True: NFC, None: something else."""
    steps = normalizer["normalizers"] if normalizer and normalizer["type"] == "Sequence" else [normalizer]
    kinds = [step["type"] for step in steps if step]
    if not kinds:
        return False
    return True if kinds == ["NFC"] else None


def _whole_words(vocabulary: dict[str, int]) -> PieceTable | None:
    """The vocabulary by bytes; None when an entry is longer than the table takes."""
    byte_of = {character: byte for byte, character in enumerate(byte_characters())}
    words = {}
    for token, number in vocabulary.items():
        if token and all(character in byte_of for character in token):  # others no text can be
            words[bytes(byte_of[character] for character in token)] = number
    if not words or max(map(len, words)) > MAX_BYTES:
        return None
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(word) for word in words], out=offsets[1:])
    data = np.frombuffer(b"".join(words) + bytes(PADDING), np.uint8)
    table = PieceTable(1 << (2 * len(words)).bit_length())
    put_all(data, offsets, np.array(list(words.values()), np.int64), table.slots, table.key_pool)
    return table
