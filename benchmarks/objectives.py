"""Tokens a second that each objective turns from windows into model inputs, on one core.

    python benchmarks/objectives.py [--rows 16] [--window 2048] [--seconds 2]

Windows hold documents of a few hundred tokens. What the models do with the inputs is not part of it.
"""

import argparse
import time

import numpy as np
import torch
from gristmill.schemas.shards.format import TokenizerRecord
from gristmill.training.objectives.registry import OBJECTIVES, make

TEXT_IDS = 32_000


def tokenizer() -> TokenizerRecord:
    """A record with as many ids as a common tokenizer, and 200 sentinels."""
    ids = range(TEXT_IDS, TEXT_IDS + 204)
    return TokenizerRecord(
        sha256="0" * 64,
        vocab_size=TEXT_IDS + 204,
        eos_id=ids[0],
        pad_id=ids[1],
        mask_id=ids[2],
        separator_id=ids[3],
        sentinel_ids=tuple(ids[4:]),
    )


def windows(rows: int, window: int) -> dict[str, np.ndarray]:
    """Rows of documents with a mean of 400 tokens."""
    random = np.random.default_rng(0)
    ids = random.integers(0, TEXT_IDS, (rows, window))
    starts = random.random((rows, window)) < 1 / 400
    starts[:, 0] = True
    columns = np.tile(np.arange(window), (rows, 1))
    places = columns - np.maximum.accumulate(np.where(starts, columns, 0), axis=1)
    return {"input_ids": ids, "position_ids": places, "labels": np.where(places == 0, -100, ids)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--window", type=int, default=2048)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    given = windows(options.rows, options.window)
    for name in OBJECTIVES:
        objective = make(name, tokenizer(), options.window)
        objective(given, np.arange(options.rows))
        calls, start = 0, time.perf_counter()
        while time.perf_counter() - start < options.seconds:
            calls += 1
            objective(given, np.arange(options.rows) + calls * options.rows)
        speed = calls * options.rows * options.window / (time.perf_counter() - start)
        print(f"{name:16} {speed / 1e6:8.1f} M tokens/s")


if __name__ == "__main__":
    main()
