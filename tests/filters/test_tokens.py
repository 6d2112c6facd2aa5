"""Exact token counts: equal to the tokenizer's own, special tokens in the text stay text."""

from pathlib import Path

import pyarrow as pa
import pytest
from gristmill.filters.registry import family
from gristmill.schemas.errors import ModelError, RecipeError
from tokenizers import Tokenizer, models, pre_tokenizers


@pytest.fixture(scope="module")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.mark.parametrize("as_folder", [False, True])
def test_counts_bytes_with_a_byte_alphabet(tokenizer_file: Path, as_folder: bool) -> None:
    texts = ["", "one", "zwölf", "a<|endoftext|>b", "\x00 \n"]
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    options = {"tokenizer": str(tokenizer_file.parent if as_folder else tokenizer_file)}
    counts = family("tokens").function(batch, options).column("token_count").to_pylist()
    assert counts == [len(text.encode()) for text in texts]


@pytest.mark.parametrize(
    ("options", "found"),
    [({}, "signals.tokens.tokenizer: Field required"), ({"tokenizer": "/nowhere/tokenizer.json"}, "no such file")],
)
def test_a_missing_tokenizer_is_an_error_before_the_run(options: dict[str, str], found: str) -> None:
    with pytest.raises((RecipeError, ModelError), match=found):
        family("tokens").check_options(options)


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        family("tokens").check_options({"tokenizer": str(path)})
