"""Vectors of texts by a Hugging Face encoder: the function that the pool's worker processes run for `embed:`.

One thread each, so that every core has a process. A text's vector is the mean of the last hidden states over its tokens
(what sentence encoders are trained for; a folder of sentence-transformers whose pooling is `cls` gets the first token's), of
length 1. Only safetensors weights are loaded, and no code that lies beside a model.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from gristmill.scorers.sequence_classifier import window_tokens

TEXTS_AT_ONCE = 16
VECTOR = pa.large_list(pa.float32())


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """Column `vector`: of each text in `text`; null for an empty one. options: `model`, the encoder's folder."""
    encode = _encoder(str(options["model"]))
    texts = batch.column("text").to_pylist()
    vectors: list[list[float] | None] = [None] * len(texts)
    filled = [row for row, text in enumerate(texts) if text and text.strip()]
    for first in range(0, len(filled), TEXTS_AT_ONCE):
        rows = filled[first : first + TEXTS_AT_ONCE]
        for row, vector in zip(rows, encode([texts[row] for row in rows]), strict=True):
            vectors[row] = vector
    return pa.RecordBatch.from_arrays([pa.array(vectors, VECTOR)], names=["vector"])


@cache
def _encoder(folder: str) -> Any:
    """texts -> vectors of length 1, as lists."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    model = AutoModel.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, use_safetensors=True
    ).eval()
    room, first_token = window_tokens(tokenizer, model.config), _pools_first_token(Path(folder))

    def encode(texts: list[str]) -> list[list[float]]:
        # one text at a time: padding would let a text's neighbours change its last digits
        found = []
        for text in texts:
            inputs = tokenizer(text, truncation=True, max_length=room, return_tensors="pt", verbose=False)
            with torch.inference_mode():
                hidden = model(**inputs).last_hidden_state.float()[0]
            pooled = hidden[0] if first_token else hidden.mean(dim=0)
            found.append(torch.nn.functional.normalize(pooled, dim=0).tolist())
        return found

    return encode


def _pools_first_token(folder: Path) -> bool:
    config = folder / "1_Pooling" / "config.json"
    return config.is_file() and bool(json.loads(config.read_text(encoding="utf-8")).get("pooling_mode_cls_token"))
