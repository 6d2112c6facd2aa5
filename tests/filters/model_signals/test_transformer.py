"""A tiny BERT classifier, made on the spot, as a signal."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from gristmill.filters.model_signals.spans import read_spans
from gristmill.filters.registry import family
from gristmill.pipelines.measure.families import measure_batch
from gristmill.schemas.errors import ModelError, RecipeError


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its only weight that counts says: toxic is what holds the word `nasty`."""
    torch = pytest.importorskip("torch")
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "nasty", "kind", "words", "."]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    BertTokenizer(str(folder / "vocab.txt"), model_max_length=32).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=32, id2label={0: "fine", 1: "toxic"}, label2id={"fine": 0, "toxic": 1},
    )  # fmt: skip
    model = BertForSequenceClassification(config)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    ids = torch.tensor([[2, 5, 7, 3], [2, 6, 7, 3], [2, 7, 5, 3], [2, 7, 6, 3]])
    for _ in range(60):
        loss = model(input_ids=ids, labels=torch.tensor([1, 0, 1, 0])).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.save_pretrained(folder, safe_serialization=True)
    return folder


def measured(folder: Path, texts: list[str], in_pool: bool = False, **options: Any) -> list[dict[str, Any]]:
    chosen = family("transformer_bert")
    given = chosen.complete_options({"model": str(folder), "label": "toxic", **options})
    chosen.check_options(given)
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    if not in_pool:
        return chosen.function(batch, given).rename_columns(chosen.schema.names).cast(chosen.schema).to_pylist()
    return measure_batch(chosen, batch, given).to_pylist()


@pytest.mark.slow  # a process that imports torch
def test_worker_processes_answer_the_same(classifier: Path) -> None:
    texts = ["nasty words", "kind words", ""]
    rows = measured(classifier, texts, in_pool=True)
    assert [row.pop("transformer_bert_error") for row in rows] == [None] * 3
    assert rows == measured(classifier, texts)


def test_texts_are_classified_in_windows(classifier: Path) -> None:
    long = "kind words . " * 30 + "nasty words . " + "kind words . " * 30
    texts = ["nasty words", "kind words", "", "\0", long, "kind words " * 500]
    rows = measured(classifier, texts, windows=100)
    values = [row["transformer_bert"] for row in rows]
    assert values[0] > 0.8 > 0.2 > values[1]
    assert values[2] is None
    assert values[4] > values[1]
    spans = [texts[4][a:b] for a, b in read_spans(rows[4]["transformer_bert_spans"])]
    assert all("nasty" in span for span in spans)
    assert measured(classifier, texts[:1]) == rows[:1]


def test_models_that_cannot_be_used_are_errors_before_the_run(classifier: Path, tmp_path: Path) -> None:
    check = family("transformer_x").check_options
    with pytest.raises(RecipeError, match="model: Input should be a valid string; found None"):
        check({"model": None, "label": "toxic"})
    with pytest.raises(ModelError, match="no model at"):
        check({"model": str(tmp_path / "none"), "label": "toxic"})
    with pytest.raises(RecipeError, match="fine, toxic"):
        check({"model": str(classifier), "label": "rude"})
    (tmp_path / "config.json").write_text((classifier / "config.json").read_text())
    with pytest.raises(ModelError, match="no safetensors"):
        check({"model": str(tmp_path), "label": "toxic"})
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}')
    with pytest.raises(ModelError, match="architecture"):
        check({"model": str(tmp_path), "label": "toxic"})
