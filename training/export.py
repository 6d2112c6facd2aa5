"""model/: the finished model and its tokenizer, as `from_pretrained` loads them; whole or absent, and provably so."""

import os
import shutil
from pathlib import Path

from gristmill.schemas.shard_format import TOKENIZER_FOLDER
from gristmill.training.checkpoints import Checkpoint
from gristmill.training.models import write_model
from gristmill.training.run_folder import MODEL, RunFolder
from gristmill.training.sealed import fault, read_seal, seal


def is_finished(folder: RunFolder, plan_id: str, steps: int) -> bool:
    """Whether a run folder holds the whole model of so many steps of this plan."""
    record = read_seal(folder.path / MODEL) or {}
    return record.get("plan_id") == plan_id and record.get("step") == steps and fault(folder.path / MODEL) is None


def export(folder: RunFolder, checkpoint: Checkpoint, shards: str | Path) -> Path | None:
    """Write model/ from a checkpoint and the shards' tokenizer; returns where an earlier model/ was set aside."""
    part, final = folder.path / (MODEL + ".part"), folder.path / MODEL
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    tokenizer = Path(shards) / TOKENIZER_FOLDER
    if tokenizer.is_dir():
        shutil.copytree(tokenizer, part, dirs_exist_ok=True)
    write_model(checkpoint.folder, part)
    seal(part, {"step": checkpoint.step, "plan_id": checkpoint.plan_id, "head": checkpoint.head})
    earlier = folder.set_aside(MODEL) if final.exists() else None
    os.rename(part, final)
    return earlier
