"""model/: the finished model and its tokenizer, as `from_pretrained` loads them; whole or absent, and provably so."""

import os
import shutil
from pathlib import Path
from typing import Any

from gristmill.training.run.card import CARD, card
from gristmill.training.run.checkpoints import Checkpoint
from gristmill.training.run.folder import MODEL, TrainingFolder
from gristmill.training.run.kind import Kind
from gristmill.training.run.sealed import fault, read_seal, seal


def finished_step(folder: TrainingFolder, plan_id: str) -> int | None:
    """After how many steps the finished model in a run folder was written; None without a whole one of this plan."""
    record = read_seal(folder.path / MODEL)
    if record is None or record.get("plan_id") != plan_id or fault(folder.path / MODEL):
        return None
    step: Any = record.get("step")
    return step if isinstance(step, int) else None


def export(folder: TrainingFolder, checkpoint: Checkpoint, kind: Kind) -> Path | None:
    """Write model/ from a checkpoint, with tokenizer and card; returns where an earlier model/ was set aside."""
    part, final = folder.path / (MODEL + ".part"), folder.path / MODEL
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    kind.write_model(checkpoint.folder, part)
    (part / CARD).write_text(card(folder.path, kind, checkpoint.step), encoding="utf-8")
    seal(part, {"step": checkpoint.step, "plan_id": checkpoint.plan_id, "head": checkpoint.head})
    earlier = folder.set_aside(MODEL) if final.exists() else None
    os.rename(part, final)
    return earlier
