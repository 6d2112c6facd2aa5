"""Exact token counts by a given tokenizer, as an optional signal.

Special tokens are not added, and a text that spells one (`<|endoftext|>`) counts as the text it is.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from gristmill.schemas.errors import ModelError
from gristmill.schemas.paths import RecipePath
from gristmill.schemas.signals import Family, Signal
from gristmill.schemas.strict import Strict
from pydantic import Field

_BATCH_ROWS = 512


class TokensOptions(Strict):
    """Options of the family `tokens`."""

    tokenizer: RecipePath = Field(min_length=1, description="a `tokenizer.json`, or a folder that holds one")


@lru_cache(maxsize=4)
def _tokenizer(path: str) -> Any:
    from gristmill.filters.text.text_tokenizer import load_for_text  # the library is slow to import

    return load_for_text(Path(path).read_text(encoding="utf-8"))


def _file(options: Mapping[str, Any]) -> str:
    path = Path(TokensOptions.model_validate(options).tokenizer)
    return str(path / "tokenizer.json" if path.is_dir() else path)


def check(options: Mapping[str, Any]) -> None:
    """ModelError when the tokenizer file is missing or cannot be read."""
    path = _file(options)
    if not Path(path).is_file():
        raise ModelError("no such file", where=path, expected="a tokenizer.json", next_step="check `signals.tokens`")
    try:
        _tokenizer(path)
    except Exception as error:  # the library raises bare Exception for a file of the wrong kind
        raise ModelError(str(error)[:200], where=path, expected="a Hugging Face tokenizer.json") from error


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """token_count: ids the tokenizer gives for the text, no special tokens added."""
    tokenizer = _tokenizer(_file(options))
    texts = batch.column("text")
    counts: list[int] = []
    for start in range(0, len(texts), _BATCH_ROWS):
        some = [text or "" for text in texts.slice(start, _BATCH_ROWS).to_pylist()]
        counts += [len(encoding.ids) for encoding in tokenizer.encode_batch_fast(some, add_special_tokens=False)]
    return pa.record_batch({"token_count": pa.array(counts, pa.int64())})


FAMILY = Family(
    name="tokens",
    version=2,
    signals=(
        Signal("token_count", "int", "tokens", "number of tokens by the tokenizer given, no special tokens added"),
    ),
    measure="gristmill.filters.tokens:measure",
    source="the tokenizer given",
    options=TokensOptions,
    libraries=("tokenizers",),
    check="gristmill.filters.tokens:check",
)
