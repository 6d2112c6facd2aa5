"""Vectors by a Hugging Face encoder: a tiny one of our own, alone and in a build."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from gristmill import build
from gristmill.console import Console
from gristmill.pipelines.embed.step import check_model
from gristmill.schemas.errors import ModelError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "mill", "river", "stands", "by", "old", "bread", "oven"]


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """The folder of a BERT of two layers with random weights."""
    torch = pytest.importorskip("torch")
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def test_a_vector_is_the_mean_of_the_hidden_states(encoder: Path) -> None:
    import torch
    from gristmill.scorers.encoder import measure
    from transformers import AutoModel, AutoTokenizer

    texts = ["the old mill", "bread by the oven", "", None, "the mill " * 400]
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    found = measure(batch, {"model": str(encoder)}).column("vector").to_pylist()
    assert [vector is None for vector in found] == [False, False, True, True, False]
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder).eval()
    with torch.inference_mode():
        hidden = model(**tokenizer("the old mill", return_tensors="pt")).last_hidden_state[0].mean(dim=0)
    assert found[0] == pytest.approx((hidden / hidden.norm()).tolist(), abs=1e-5)
    assert np.linalg.norm(found[4]) == pytest.approx(1, abs=1e-5)
    alone = measure(batch.slice(1, 1), {"model": str(encoder)}).column("vector").to_pylist()
    assert alone[0] == found[1]  # neighbours do not show


def test_a_folder_that_is_no_encoder_is_named(encoder: Path, tmp_path: Path) -> None:
    check_model(str(encoder))
    with pytest.raises(ModelError, match="no model at"):
        check_model(str(tmp_path / "nothing"))
    (encoder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="neither a static embedding nor an encoder"):
        check_model(str(encoder))


@pytest.mark.slow
def test_a_build_embeds_with_it(encoder: Path, tmp_path: Path) -> None:
    texts = ["the old mill stands by the river", "bread", "the river"]
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    recipe = {
        "name": "encoded",
        "sources": [{"name": "a", "path": str(tmp_path / "in.jsonl")}],
        "embed": {"model": str(encoder)},
    }
    run = build(recipe, tmp_path / "run", console=Console(quiet=True), report=False)
    vectors = run.table("embeddings/vectors").to_arrow().column("vector").to_pylist()
    assert all(np.linalg.norm(vector) == pytest.approx(1, abs=1e-5) for vector in vectors)
