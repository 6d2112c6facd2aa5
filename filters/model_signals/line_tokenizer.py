"""The tokenizer of a language model: lines to lines of tokens with one space between."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from gristmill.schemas.errors import ModelError

LineTokenizer = Callable[[list[str]], list[str]]
TokenizerKind = Literal["sentencepiece", "tokenizers"]
_SPACE = "\u2581"  # what a space inside a token is written as


def kind_of(path: Path) -> TokenizerKind:
    """By the file's name: `.json` is a tokenizer of the tokenizers library, anything else a SentencePiece model."""
    return "tokenizers" if path.suffix == ".json" else "sentencepiece"


def line_tokenizer(path: Path, kind: TokenizerKind) -> LineTokenizer:
    """A function of lines; ModelError when the file is no such tokenizer."""
    if not path.is_file():
        raise ModelError("no such file", where=str(path), expected="a SentencePiece model or a tokenizer.json")
    try:
        return _sentencepiece(path) if kind == "sentencepiece" else _tokenizers(path)
    except Exception as error:  # both libraries raise bare exceptions of their own
        raise ModelError(
            f"not readable as {kind}: {str(error)[:200]}", where=str(path), expected=f"a model of {kind}"
        ) from error


def _sentencepiece(path: Path) -> LineTokenizer:
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor(model_file=str(path))

    def tokenize(lines: list[str]) -> list[str]:
        return [" ".join(pieces) for pieces in processor.encode(lines, out_type=str, num_threads=1)]

    return tokenize


def _tokenizers(path: Path) -> LineTokenizer:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the pool already uses every core
    from gristmill.filters.text.text_tokenizer import HIDDEN, load_for_text

    tokenizer = load_for_text(path.read_text(encoding="utf-8"))

    def tokenize(lines: list[str]) -> list[str]:
        encoded = tokenizer.encode_batch(lines, add_special_tokens=False)
        return [" ".join(token.removeprefix(HIDDEN).replace(" ", _SPACE) for token in line.tokens) for line in encoded]

    return tokenize
