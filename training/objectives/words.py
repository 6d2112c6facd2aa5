# mypy: disallow-untyped-defs=False, check-untyped-defs=False
"""Which tokens of a sequence belong to one word: read from the text that each id of a tokenizer.json stands for.

A word is a run of letters and digits with the marks on them. In scripts that put no spaces between words (Chinese,
Japanese kana but Katakana, Thai, Lao, Burmese, Khmer, ...) each character with its marks is a word of its own: where
their words end cannot be told without a dictionary. A run of Katakana is a word. These are the word boundaries of
Unicode Standard Annex 29 without its rules for apostrophes and points between letters.
The tokens of one character, which byte-level tokenizers may split in pieces, always belong together. A word of more than
LONGEST_WORD tokens (a key, a run of base64) counts as several: hidden whole, it would be all that is hidden.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from gristmill.kernels.compile import kernel
from gristmill.schemas.errors import ModelError

LONGEST_WORD = 32  # tokens
OTHER, LETTER, MARK, ALONE, KATAKANA = range(5)  # classes of characters
SPACE = "▁"  # how SentencePiece writes a space
BYTE_PIECE = re.compile(r"<0x([0-9A-F]{2})>")
JOINERS = "\u200c\u200d"  # within a word, though they are no marks
WITHOUT_SPACES = (  # scripts that put no spaces between words, first and last code point
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF), (0x1B00, 0x1B7F)),
    *((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3038, 0x303C), (0x3041, 0x309F), (0x3105, 0x312F)),
    *((0x31A0, 0x31BF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA000, 0xA4CF), (0xA980, 0xA9DF), (0xA9E0, 0xA9FF)),
    *((0xAA60, 0xAADF), (0xF900, 0xFAFF), (0x11700, 0x1174F), (0x12000, 0x1254F), (0x13000, 0x1345F)),
    *((0x16FE0, 0x18D8F), (0x1B001, 0x1B152), (0x1B170, 0x1B2FF), (0x20000, 0x3FFFF)),
)
OF_KATAKANA = ((0x30A1, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F), (0x1AFF0, 0x1B000), (0x1B164, 0x1B167))


@cache
def character_classes() -> np.ndarray:
    """uint8 (0x110000,): the class of every code point."""
    classes = np.zeros(0x110000, np.uint8)
    for number in range(0x110000):
        character = chr(number)
        if unicodedata.category(character)[0] == "M" or character in JOINERS:
            classes[number] = MARK
        elif character.isalnum():
            classes[number] = LETTER
    letters = classes == LETTER
    for ranges, kind in ((WITHOUT_SPACES, ALONE), (OF_KATAKANA, KATAKANA)):
        for first, last in ranges:
            of_script = np.zeros_like(letters)
            of_script[first : last + 1] = letters[first : last + 1]
            classes[of_script] = kind
    digits = [number for first, last in WITHOUT_SPACES for number in range(first, last + 1) if chr(number).isdecimal()]
    classes[digits] = LETTER  # a number is one word in every script
    return classes


@dataclass(frozen=True)
class TokenWordTable:
    """What each id stands for: bytes `data[offsets[id] : offsets[id + 1]]` of UTF-8, part of a character if need be.

    begins: bool (vocabulary,): True for ids with which a new word begins whatever stands before them, and for ids that
    stand for no text.
    """

    data: np.ndarray
    offsets: np.ndarray
    begins: np.ndarray

    @classmethod
    def read(cls, folder: Path, vocab_size: int) -> "TokenWordTable":
        """From tokenizer.json in a folder; ModelError when there is none or it lists no vocabulary."""
        path = folder / "tokenizer.json"
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
            vocabulary = settings["model"]["vocab"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"no vocabulary ({error})", where=str(path), expected="a tokenizer.json") from error
        if isinstance(vocabulary, list):  # Unigram: [piece, score] by id
            vocabulary = {entry[0]: number for number, entry in enumerate(vocabulary)}
        texts, begins = [b""] * vocab_size, np.ones(vocab_size, bool)
        spelling = _Spelling(settings, vocabulary)
        for token, number in vocabulary.items():
            if number < vocab_size:
                texts[number], begins[number] = spelling.text(token), spelling.begins_word(token)
        for added in settings.get("added_tokens") or []:
            if added["id"] < vocab_size:
                texts[added["id"]] = b"" if added.get("special") else added["content"].encode()
                begins[added["id"]] = bool(added.get("special"))
        offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
        return cls(np.frombuffer(b"".join(texts), np.uint8), offsets, begins)

    def inside(self, input_ids: np.ndarray) -> np.ndarray:
        """bool (rows, window): True where a token goes on with the word of the one before it."""
        inside = np.zeros(input_ids.shape, bool)
        ids = np.ascontiguousarray(input_ids, np.int64)
        _mark_inside(ids, self.data, self.offsets, self.begins, character_classes(), LONGEST_WORD, inside)
        return inside


class _Spelling:
    """How the tokens of a tokenizer.json spell text."""

    def __init__(self, settings: dict[str, Any], vocabulary: dict[str, int]) -> None:
        model = settings["model"]
        self.kind = model.get("type")
        parts = json.dumps([settings.get("pre_tokenizer"), settings.get("decoder")])
        self.bytewise = '"ByteLevel"' in parts or "Ġ" in vocabulary
        self.falls_back_to_bytes = bool(model.get("byte_fallback"))
        self.goes_on = model.get("continuing_subword_prefix") or ("##" if self.kind == "WordPiece" else None)
        self.ends_word = model.get("end_of_word_suffix") or None

    def text(self, token: str) -> bytes:
        """The bytes that a token stands for."""
        if self.bytewise and set(token) <= set(_byte_alphabet()):
            return bytes(_byte_alphabet()[character] for character in token)
        if self.falls_back_to_bytes and (byte := BYTE_PIECE.fullmatch(token)):
            return bytes([int(byte.group(1), 16)])
        if self.goes_on and token.startswith(self.goes_on):
            token = token.removeprefix(self.goes_on)
        if self.ends_word and token.endswith(self.ends_word):
            token = token.removesuffix(self.ends_word) + " "
        return token.replace(SPACE, " ").encode("utf-8", "surrogatepass")

    def begins_word(self, token: str) -> bool:
        """Whether a token begins a word whatever stands before it."""
        return self.kind == "WordLevel" or (self.goes_on is not None and not token.startswith(self.goes_on))


@cache
def _byte_alphabet() -> dict[str, int]:
    """Character -> byte of byte-level BPE: printable Latin-1 stands for itself, the rest for characters from 256 on.

    Source: `bytes_to_unicode` of the GPT-2 release (Radford et al. 2019).
    """
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + number): byte for number, byte in enumerate(others)}


@kernel
def _mark_inside(ids, data, offsets, begins, classes, longest, inside):
    """Set inside[row, column] for every token that goes on with the word of the token before it.

    Each row is decoded to characters first, because a token may begin with a character that later tokens end.
    """
    rows, width = ids.shape
    for row in range(rows):
        total = 0
        for column in range(width):
            total += offsets[ids[row, column] + 1] - offsets[ids[row, column]]
        kinds = np.zeros(total + 1, np.uint8)  # the class of each character
        apart = np.zeros(total + 1, np.bool_)  # nothing joins a character to the one before it
        first = np.full(width, -1, np.int64)  # the character that a token's first byte belongs to
        middle = np.zeros(width, np.bool_)  # ... of which it is not the first byte
        count, missing, value, break_next = 0, 0, 0, True
        for column in range(width):
            token = ids[row, column]
            if begins[token]:
                missing = 0
                break_next = True
            for at in range(offsets[token], offsets[token + 1]):
                byte = np.int64(data[at])
                goes_on = missing > 0 and 128 <= byte < 192
                if not goes_on:
                    missing, value = 0, -1
                    apart[count] = break_next
                    break_next = False
                    count += 1
                    if byte < 128:
                        value = byte
                    elif 194 <= byte < 224:
                        missing, value = 1, byte & 31
                    elif 224 <= byte < 240:
                        missing, value = 2, byte & 15
                    elif 240 <= byte < 245:
                        missing, value = 3, byte & 7
                else:
                    missing -= 1
                    value = (value << 6) | (byte & 63)
                if at == offsets[token]:
                    first[column], middle[column] = count - 1, goes_on
                if missing == 0 and 0 <= value < len(classes):
                    kinds[count - 1] = classes[value]
        joined = np.zeros(total + 1, np.bool_)
        base = 0  # the class of the character before, that of what a mark stands on
        for k in range(count):
            if k == 0 or apart[k]:
                base = 0
            if kinds[k] == 2:  # MARK
                joined[k] = base != 0
            else:
                joined[k] = kinds[k] == base and (base == 1 or base == 4)  # LETTER, KATAKANA
                base = kinds[k]
        length = 0
        for column in range(width):
            goes_on = first[column] >= 0 and (middle[column] or joined[first[column]])
            if goes_on and not middle[column] and length >= longest:
                goes_on = False
            inside[row, column] = goes_on and column > 0
            length = length + 1 if goes_on else 1
