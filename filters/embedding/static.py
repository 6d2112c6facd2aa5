"""Vectors of a static embedding: a model2vec folder (model.safetensors, tokenizer.json), read without torch.

A text's vector is the mean of the vectors of its tokens, weighted where the model says so, of length 1. Special tokens are not
added, and unknown tokens are left out. Source: MinishLab, model2vec, `StaticModel.encode`.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from gristmill.schemas.errors import ModelError

FILES = ("model.safetensors", "tokenizer.json")
MAX_CHARACTERS = 20_000  # of a text that are read


class StaticModel(NamedTuple):
    """tokenizer; embeddings float32 (tokens, dimension), already weighted; unknown: the id that is left out, or None."""

    tokenizer: Any
    embeddings: np.ndarray
    unknown: int | None


def is_static(folder: str) -> bool:
    """Whether a folder holds a static embedding rather than an encoder."""
    config = Path(folder) / "config.json"
    if not all((Path(folder) / name).is_file() for name in FILES):
        return False
    told = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    return told.get("model_type") == "model2vec" or "StaticModel" in (told.get("architectures") or [])


@cache
def static_model(folder: str) -> StaticModel:
    """The model of a folder; ModelError when it cannot be used."""
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise ModelError(
            "safetensors is not installed", where=folder, next_step='`pip install "gristmill[curate]"`'
        ) from error
    from tokenizers import Tokenizer

    try:
        tensors = load_file(str(Path(folder) / FILES[0]))
        tokenizer = Tokenizer.from_file(str(Path(folder) / FILES[1]))
    except Exception as error:
        raise ModelError(
            f"cannot be read: {error}", where=folder, expected=f"a model2vec folder: {', '.join(FILES)}"
        ) from error
    if "embeddings" not in tensors or tensors["embeddings"].ndim != 2:
        raise ModelError(
            f"no matrix `embeddings` (found {', '.join(tensors)})", where=folder, expected="a model2vec folder"
        )
    vectors = tensors["embeddings"].astype(np.float32)
    if "mapping" in tensors:
        vectors = vectors[tensors["mapping"]]
    if "weights" in tensors:
        vectors = vectors * tensors["weights"].astype(np.float32)[:, None]
    tokenizer.no_truncation()
    tokenizer.no_padding()
    named = json.loads(tokenizer.to_str())["model"].get("unk_token")
    return StaticModel(tokenizer, vectors, tokenizer.token_to_id(named) if named else None)


def static_vectors(texts: pa.Array, folder: str) -> tuple[np.ndarray, np.ndarray]:
    """(float32 (texts, dimension) of length 1, bool (texts,): where a text has a known token at all)."""
    model = static_model(folder)
    out = np.zeros((len(texts), model.embeddings.shape[1]), np.float32)
    shortened = [(text or "")[:MAX_CHARACTERS] for text in texts.to_pylist()]
    for row, encoded in enumerate(model.tokenizer.encode_batch_fast(shortened, add_special_tokens=False)):
        ids = [token for token in encoded.ids if token != model.unknown]
        if ids:
            out[row] = model.embeddings[ids].mean(axis=0)
    lengths = np.linalg.norm(out.astype(np.float64), axis=1)
    defined = lengths > 0
    out[defined] /= lengths[defined, None].astype(np.float32)
    return out, defined
