"""A tokenizer file and shards that tests copy before they change them."""

from pathlib import Path

import pytest
from gristmill.pipelines.shards.write import write_shards

from tests.pipelines.shards.made_corpora import options, rows, write_corpus
from tests.pipelines.shards.made_tokenizers import KINDS


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(KINDS["cl100k"](), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, tokenizer: str) -> Path:
    """Shards of `rows()`, written in one go; not to be changed."""
    folder = tmp_path_factory.mktemp("written")
    corpus = write_corpus(folder / "corpus", rows())
    write_shards(corpus, folder / "shards", options(tokenizer))
    return folder / "shards"
