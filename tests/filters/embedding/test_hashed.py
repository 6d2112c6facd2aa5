"""Vectors without a model: features against their reference, weights against the formula, near and far texts."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from gristmill.filters.embedding.hashed import (
    LETTERS,
    document_counts,
    features,
    features_plainly,
    hashed_vectors,
    inverse_frequencies,
)
from gristmill.filters.embedding.static import is_static, static_model, static_vectors
from gristmill.filters.text.unicode_tables import CLASS, LOWER
from gristmill.schemas.errors import ModelError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples


def array(*texts: str | None) -> pa.Array:
    return pa.array(texts, pa.large_string())


@settings(max_examples=examples(60))
@given(st.lists(st.text("abcDÉ 中文ไ.1-", max_size=20), min_size=2, max_size=2))
def test_features_are_those_of_the_reference(texts: list[str]) -> None:
    """Equal features get equal numbers, others others (but for collisions, which texts so short do not have)."""
    plain, numbers = [], []
    for text in texts:
        cps = np.array([ord(char) for char in text], np.int32)
        out = np.zeros(3 * len(text) + 3, np.int64)
        found = features(cps, len(text), CLASS, LOWER, out)
        expected = features_plainly(text)
        assert sorted(number & 3 for number in out[:found].tolist()) == sorted(kind for kind, _ in expected)
        plain.append(set(expected))
        numbers.append(set(out[:found].tolist()))
    assert [len(one) for one in plain] == [len(one) for one in numbers]
    assert len(plain[0] & plain[1]) == len(numbers[0] & numbers[1])


def test_counts_add_up_over_any_split() -> None:
    texts = ["the old mill", "the river", "", "mill mill mill"]
    whole = document_counts(array(*texts))
    assert (sum(document_counts(array(text)) for text in texts) == whole).all()
    assert whole.max() == 2
    assert inverse_frequencies(np.array([0, 4]), 4).tolist() == pytest.approx([np.log(5) + 1, 1.0])


def test_near_texts_are_near() -> None:
    texts = array(
        "How do I bake bread without an oven?",
        "how do i bake breads without any oven",
        "Name three rivers of Portugal.",
        "怎样不用烤箱烤面包？",
        "怎么不用烤箱来烤面包",
        "",
        None,
    )
    idf = inverse_frequencies(document_counts(texts), len(texts))
    vectors, defined = hashed_vectors(texts, idf, 256, 1)
    assert defined.tolist() == [True] * 5 + [False] * 2
    assert np.linalg.norm(vectors[:5], axis=1) == pytest.approx(np.ones(5), abs=1e-6)
    similar = vectors @ vectors.T
    assert similar[0, 1] > 0.35 > 0.25 > abs(similar[0, 2])
    assert similar[3, 4] > 0.4 > abs(similar[0, 3])
    alone, _ = hashed_vectors(texts.slice(1, 1), idf, 256, 1)
    assert (alone[0] == vectors[1]).all()
    assert not np.allclose(hashed_vectors(texts, idf, 256, 2)[0], vectors)


def test_a_projection_keeps_the_angles_of_the_weights() -> None:
    """Cosines of the vectors are those of the TF-IDF weights written out, to the error of 1024 random coordinates."""
    rng = np.random.default_rng(0)
    words = [f"word{number}" for number in range(60)]
    texts = [" ".join(rng.choice(words, 25)) for _ in range(12)]
    idf = inverse_frequencies(document_counts(array(*texts)), len(texts))
    vectors, _ = hashed_vectors(array(*texts), idf, 1024, 3)
    weights = [_weights(text, texts) for text in texts]
    for a in range(12):
        for b in range(a):
            assert vectors[a] @ vectors[b] == pytest.approx(_cosine(weights[a], weights[b]), abs=0.12)


def _weights(text: str, texts: list[str]) -> dict[tuple[int, str], float]:
    found = features_plainly(text)
    held = [set(features_plainly(one)) for one in texts]
    weights = {}
    for feature in set(found):
        df = sum(feature in one for one in held)
        idf = np.log((1 + len(texts)) / (1 + df)) + 1
        weights[feature] = (1 + np.log(found.count(feature))) * idf * (0.5 if feature[0] == LETTERS else 1)
    return weights


def _cosine(a: dict, b: dict) -> float:
    def norm(weights: dict) -> float:
        return float(np.sqrt(sum(value**2 for value in weights.values())))

    return sum(value * b.get(key, 0) for key, value in a.items()) / norm(a) / norm(b)


@pytest.fixture
def static_folder(tmp_path: Path) -> Path:
    """A model2vec folder: four words with vectors and weights."""
    safetensors = pytest.importorskip("safetensors.numpy")
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "mill": 1, "river": 2, "of": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    vectors = np.array([[9, 9], [1, 0], [0, 2], [1, 1]], np.float32)
    safetensors.save_file(
        {"embeddings": vectors, "weights": np.array([1, 1, 0.5, 0], np.float32)}, tmp_path / "model.safetensors"
    )
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "model2vec"}))
    return tmp_path


def test_a_static_model_is_the_mean_of_its_tokens(static_folder: Path) -> None:
    assert is_static(str(static_folder))
    vectors, defined = static_vectors(array("mill river", "river unknown", "of", "", None), str(static_folder))
    assert defined.tolist() == [True, True, False, False, False]
    assert vectors[0] == pytest.approx([0.5**0.5, 0.5**0.5])
    assert vectors[1] == pytest.approx([0, 1])


def test_a_folder_that_is_no_static_model_is_named(static_folder: Path) -> None:
    (static_folder / "model.safetensors").write_bytes(b"no tensors")
    static_model.cache_clear()
    with pytest.raises(ModelError, match="cannot be read"):
        static_model(str(static_folder))
    (static_folder / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}))
    assert not is_static(str(static_folder))
