"""A Hugging Face sequence classifier over a batch of texts: the measuring function of the family `transformer_<name>`.

It runs in the worker processes of the pool, one thread each, so that every core has a process. A long text is read in
windows of the model's length, at most `windows` of them, evenly spaced from its first to its last token; its probability
is the highest of theirs. Only safetensors weights are loaded, and no code that lies beside a model.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import pyarrow as pa

MAX_WINDOW_TOKENS = 512
PADDED_POSITIONS = ("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl")  # their first two positions are no token's
_WINDOWS_AT_ONCE = 16
Window = tuple[list[int], int, int]  # token ids, first and last character


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """Columns: probability of `label`; `start-end` of the windows at or above `threshold`, separated by spaces."""
    classify = _classifier(str(options["model"]), str(options["label"]))
    windows = int(options.get("windows", 8))
    threshold = float(options.get("threshold", 0.5))
    values: list[float | None] = []
    spans: list[str | None] = []
    for text in batch.column("text").to_pylist():
        found = classify(text or "", windows)
        values.append(max((p for p, _, _ in found), default=None))
        over = [f"{start}-{end}" for p, start, end in found if p >= threshold]
        spans.append(" ".join(over) if over else None)
    arrays = [pa.array(values, pa.float64()), pa.array(spans, pa.large_string())]
    return pa.RecordBatch.from_arrays(arrays, names=["probability", "spans"])


@cache
def _classifier(folder: str, label: str) -> Any:
    """(text, windows) -> [(probability of the label, start, end)]."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_fast=True)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, use_safetensors=True
    ).eval()
    column = {name: number for number, name in model.config.id2label.items()}[label]
    several = model.config.problem_type == "multi_label_classification" or model.config.num_labels == 1
    room = window_tokens(tokenizer, model.config)

    def classify(text: str, windows: int) -> list[tuple[float, int, int]]:
        found: list[tuple[float, int, int]] = []
        pieces = chosen_windows(tokenizer, text, room, windows)
        for first in range(0, len(pieces), _WINDOWS_AT_ONCE):
            some = pieces[first : first + _WINDOWS_AT_ONCE]
            inputs = tokenizer.pad({"input_ids": [ids for ids, _, _ in some]}, return_tensors="pt")
            with torch.inference_mode():
                logits = model(**inputs).logits.float()
            probabilities = torch.sigmoid(logits) if several else torch.softmax(logits, dim=-1)
            for (_, start, end), p in zip(some, probabilities[:, column].tolist(), strict=True):
                found.append((round(p, 6), start, end))
        return found

    return classify


def window_tokens(tokenizer: Any, config: Any) -> int:
    """Tokens of one window with the special ones around it: the least of the model's limits."""
    limits = [MAX_WINDOW_TOKENS, tokenizer.model_max_length]
    limits += [getattr(config, "max_position_embeddings", None) or MAX_WINDOW_TOKENS]
    reserved = 2 if getattr(config, "model_type", "") in PADDED_POSITIONS else 0
    return max(4, int(min(limits)) - reserved)


def chosen_windows(tokenizer: Any, text: str, room: int, windows: int) -> list[Window]:
    """Consecutive windows of `room` tokens, or `windows` evenly spaced ones of them where there are more."""
    encoded = tokenizer(
        text,
        truncation=True,
        max_length=room,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        verbose=False,
    )
    rows = list(range(len(encoded["input_ids"])))
    if len(rows) > windows:
        rows = [(len(rows) - 1) * n // max(windows - 1, 1) for n in range(windows)]
    found = []
    for row in rows:
        marks = zip(encoded["offset_mapping"][row], encoded["special_tokens_mask"][row], strict=True)
        places = [place for place, special in marks if not special]
        if places:
            found.append((list(encoded["input_ids"][row]), places[0][0], places[-1][1]))
    return found
