"""Tiny training runs that tests start, and what they look at afterwards."""

import json
import shutil
from pathlib import Path
from typing import Any

from gristmill.schemas.training.pretrain import PretrainRecipe
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.run import checkpoints, logs
from gristmill.training.run.folder import read_training
from gristmill.training.run.ledger import blamed

BATCH = 8


def tiny(shards: Path, **changes: Any) -> PretrainRecipe:
    """A recipe that trains a tiny Llama for 60 steps in a second or two."""
    options: dict[str, Any] = {
        "name": "tiny",
        "shards": str(shards),
        "model": {"shape": "llama", "hidden_size": 32, "layers": 2, "heads": 2},
        "stream": {"window": 64},
        "steps": 60,
        "batch_sequences": BATCH,
        "micro_batch_sequences": BATCH,
        "optimizer": {"learning_rate": 3e-3, "warmup_steps": 10},
        "validation": None,
        "checkpoints": {"every_steps": 10, "stable_after_steps": 5, "keep_stable": 3},
        "stability": {"min_steps": 16},
        "log": {"tensorboard": False},
    }
    return PretrainRecipe.model_validate({**options, **changes})


def curve(run: Path) -> dict[int, tuple[float, float, float]]:
    """Step -> loss, gradient norm, learning rate, every bit of them."""
    steps = [record for record in logs.read(run / logs.LOG) if "loss" in record]
    assert len({record["step"] for record in steps}) == len(steps), "a step is logged twice"
    return {one["step"]: (one["loss"], one["grad_norm"], one["learning_rate"]) for one in steps}


def go_back(run: Path, step: int) -> None:
    """Leave a run folder as it is after a crash in the step after `step`: nothing younger, no finished model."""
    checkpoints.remove(one for one in checkpoints.complete(run / "checkpoints") if one.step > step)
    shutil.rmtree(run / "model", ignore_errors=True)
    logs.truncate(run, step, 0)
    record = read_training(run)
    record["launches"] = [one | {"reached": min(one["reached"], step)} for one in record["launches"]]
    (run / "training.json").write_text(json.dumps(record), encoding="utf-8")


def skipped(history: StreamHistory) -> set[int]:
    """Plan positions that the history's skips name."""
    skips = [event for event in history.events if event.event == "skip"]
    return {position for event in skips for start, end in event.data["ranges"] for position in range(start, end)}


def documents_blamed(run: Path) -> set[str]:
    return {record["doc_id"] for record in blamed(run)}


def without(run: Path, history: StreamHistory) -> None:
    """Prepare a run folder whose plan never holds what `history` skips."""
    reference = StreamHistory.open(run / "history.jsonl", history.plan)
    for event in history.events:
        if event.event == "skip":
            reference.append("skip", event.position, {"ranges": event.data["ranges"]})
