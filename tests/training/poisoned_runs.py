"""Whole poisoned runs and calm ones, and what came of them: for the slow tests and for benchmarks/stability.py."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gristmill.training.kinds.pretrain as pretraining
import numpy as np
from gristmill.schemas.training.pretrain import PretrainRecipe
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.run.train import train

from tests.training.poison import corpus, mark, plant, random_tokens, stomachless, stream_of
from tests.training.training_runs import BATCH, curve, documents_blamed, skipped, tiny, without

KINDS = ("one", "one-rollback", "sustained", "nan")
STEPS, AT, SUSTAINED, MARKED = 140, 80, 24, 8
FEWEST_TOKENS = 12  # a document is expected to be blamed from as many poisoned tokens on
BUILD_MODEL = pretraining.build_model


def recipe_of(shards: Path, kind: str, seed: int, rate: float) -> PretrainRecipe:
    return tiny(
        shards,
        steps=STEPS,
        seed=seed,
        stream={"window": 64, "seed": seed},
        optimizer={"learning_rate": rate, "warmup_steps": 20},
        checkpoints={"every_steps": 20, "stable_after_steps": 10},
        stability={"skip_updates": 0} if kind == "one-rollback" else {},
    )


def poison(recipe: PretrainRecipe, kind: str, seed: int) -> tuple[set[int], dict[str, int]]:
    """Plant it; the bad positions, and the poisoned tokens of every document touched."""
    pretraining.build_model = BUILD_MODEL
    if kind == "nan":
        pretraining.build_model = stomachless(BUILD_MODEL)
        bad = [(AT + number) * BATCH + (number + seed) % BATCH for number in range(MARKED)]
        return set(bad), dict.fromkeys(mark(recipe, bad), FEWEST_TOKENS)
    batches = SUSTAINED if kind == "sustained" else 1
    served = range(AT * BATCH, (AT + batches) * BATCH)
    return set(served), plant(recipe, served, random_tokens(np.random.default_rng(seed)))


def one_run(folder: Path, kind: str, seed: int, rate: float) -> dict[str, Any]:
    """Train on poisoned shards, and again on a plan without what was skipped; what came of it."""
    shards = corpus(folder / "shards", seed, web=(110_000, 0.5))
    recipe = recipe_of(shards, kind, seed, rate)
    bad, poisoned = poison(recipe, kind, seed)
    finished = train(recipe, folder / "run")
    history = StreamHistory.open(folder / "run" / "history.jsonl", stream_of(recipe).plan)
    notes = {event.data["step"] for event in history.events if event.event == "note"}
    bad_steps = {position // BATCH + 1 for position in bad}
    gone, named = skipped(history), documents_blamed(folder / "run")
    plain = {doc_id for doc_id, tokens in poisoned.items() if tokens >= FEWEST_TOKENS}
    result = {
        "found": len(gone & bad) / len(bad) if kind != "one" else float(bad_steps <= notes),
        "precision": len(named & set(poisoned)) / len(named) if named else 0.0,
        "recall": len(named & plain) / len(plain),
        "recall_of_all": len(named & set(poisoned)) / len(poisoned),
        "false_updates": len(notes - bad_steps),
        "clean_sequences_skipped": len(gone - bad),
        "rollbacks": finished.rollbacks,
        "finished": len(curve(folder / "run")) == STEPS,
        "same": None,
    }
    if finished.rollbacks:
        without(folder / "reference", history)
        train(recipe, folder / "reference")
        result["same"] = curve(folder / "run") == curve(folder / "reference")
    return result


def calm_run(folder: Path, seed: int, steps: int, known: Sequence[int] = ()) -> dict[str, int]:
    """Train without poison through two switches of source; what the watch did. known: document lengths to draw from."""
    shards = corpus(
        folder / "shards", seed, known=known, prose=(400_000, 0.5), code=(300_000, 0.8), tables=(300_000, 0.2)
    )
    phases = [
        {"from_step": steps // 3, "mixture": {"tables": 1.0}},
        {"from_step": 2 * steps // 3, "mixture": {"prose": 1.0, "code": 1.0}},
    ]
    recipe = tiny(
        shards,
        steps=steps,
        seed=seed,
        stream={"window": 64, "seed": seed, "mixture": {"prose": 2.0, "code": 1.0}, "phases": phases},
        checkpoints={"every_steps": 100, "stable_after_steps": 20},
        stability={},
    )
    finished = train(recipe, folder / "run")
    history = StreamHistory.open(folder / "run" / "history.jsonl", stream_of(recipe).plan)
    kinds = [event.data["kind"] for event in history.events if event.event == "note"]
    return {
        "steps": len(curve(folder / "run")),
        "rollbacks": finished.rollbacks,
        "updates_skipped": kinds.count("skipped_update"),
        "changes_accepted": kinds.count("change_of_data"),
        "documents_blamed": len(documents_blamed(folder / "run")),
    }
