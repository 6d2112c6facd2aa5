"""Small tokenizer records, windows and models that the tests of objectives share."""

import numpy as np
from gristmill.schemas.shards.format import TokenizerRecord
from gristmill.schemas.training.model import ModelShape

TEXT_IDS = 100
EOS, BOS, PAD, MASK, SEPARATOR = range(TEXT_IDS, TEXT_IDS + 5)
SENTINELS = tuple(range(TEXT_IDS + 5, TEXT_IDS + 45))
TOKENIZER = TokenizerRecord(
    sha256="0" * 64,
    vocab_size=TEXT_IDS + 45,
    eos_id=EOS,
    bos_id=BOS,
    pad_id=PAD,
    mask_id=MASK,
    separator_id=SEPARATOR,
    sentinel_ids=SENTINELS,
)
SHAPES = {"llama": "clm", "qwen": "clm", "bert": "mlm", "t5": "span_corruption", "electra": "replaced_token"}


def tiny(shape: str, **changes: object) -> ModelShape:
    """A model of two small layers."""
    return ModelShape.model_validate({"shape": shape, "hidden_size": 32, "layers": 2, "heads": 4, **changes})


def window_of(documents: list[list[int]], width: int) -> dict[str, np.ndarray]:
    """One row that holds documents (with an EOS each) and padding, as the stream serves it."""
    ids, places = [], []
    for document in documents:
        ids += [*document, EOS]
        places += range(len(document) + 1)
    padding = width - len(ids)
    assert padding >= 0
    input_ids = np.array([[*ids, *[PAD] * padding]])
    position_ids = np.array([[*places, *range(padding)]])
    labels = np.where((position_ids == 0) | (input_ids == PAD), -100, input_ids)
    return {"input_ids": input_ids, "position_ids": position_ids, "labels": labels}


def random_windows(seed: int, rows: int, width: int) -> dict[str, np.ndarray]:
    """Rows of several documents, some forgotten stretches, some padding."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(rows):
        documents, left = [], width - int(random.integers(0, 6))
        while left > 1:
            length = min(int(random.integers(1, 30)), left)
            documents.append(random.integers(0, TEXT_IDS, length - 1).tolist())
            left -= length
        made.append(window_of(documents, width))
    windows = {key: np.concatenate([row[key] for row in made]) for key in made[0]}
    forgotten = random.random(windows["input_ids"].shape) < 0.05
    windows["input_ids"] = np.where(forgotten, SEPARATOR, windows["input_ids"])
    windows["labels"] = np.where(forgotten, -100, windows["labels"])
    return windows
