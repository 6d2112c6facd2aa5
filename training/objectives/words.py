"""Where words begin in a sequence of token ids: two bits per id, read from a tokenizer.json."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gristmill.schemas.errors import ModelError

SPACES = ("Ġ", "Ċ", "ĉ", "č")  # how byte-level BPE writes space, line feed, tab and carriage return
PIECE = "##"  # WordPiece: goes on with the word before


@dataclass(frozen=True)
class WordTable:
    """bool (vocabulary,): does an id begin, and end, with a letter or digit of a word?

    A token goes on with the word of the token before it when that one ends and this one begins inside a word. Bytes
    above ASCII that byte-level BPE left alone count as letters.
    """

    begins: np.ndarray
    ends: np.ndarray

    @classmethod
    def read(cls, folder: Path, vocab_size: int) -> "WordTable":
        """From tokenizer.json in a folder; ModelError when there is none or it lists no vocabulary."""
        path = folder / "tokenizer.json"
        try:
            model = json.loads(path.read_text(encoding="utf-8"))["model"]
            vocabulary = model["vocab"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"no vocabulary ({error})", where=str(path), expected="a tokenizer.json") from error
        if isinstance(vocabulary, list):  # Unigram: [piece, score] by id
            vocabulary = {entry[0]: number for number, entry in enumerate(vocabulary)}
        pieces, bytewise = model.get("type") == "WordPiece", SPACES[0] in vocabulary
        begins, ends = np.zeros(vocab_size, bool), np.zeros(vocab_size, bool)
        for token, number in vocabulary.items():
            if number < vocab_size and token:
                begins[number] = token.startswith(PIECE) if pieces else _in_word(token[0], bytewise)
                ends[number] = True if pieces else _in_word(token[-1], bytewise)
        return cls(begins, ends)

    def inside(self, input_ids: np.ndarray) -> np.ndarray:
        """bool (rows, window): True where a token goes on with the word of the one before it."""
        inside = np.zeros(input_ids.shape, bool)
        inside[:, 1:] = self.begins[input_ids[:, 1:]] & self.ends[input_ids[:, :-1]]
        return inside


def _in_word(character: str, bytewise: bool) -> bool:
    if bytewise and ord(character) > 127:  # byte-level BPE writes bytes above ASCII, and white space, as such letters
        return character not in SPACES
    return character.isalnum()
