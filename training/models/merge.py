"""Adapters on disk: what each is, which model it is for, and that model with the adapter's change in its weights."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from gristmill.schemas.errors import InputError, ModelError
from gristmill.training.data.files import checksum
from gristmill.training.models.adapters import ADAPTER, read_configuration
from gristmill.training.models.build import copy_tokenizer, open_model
from gristmill.training.models.libraries import quiet_libraries
from gristmill.training.objectives.tensors import evaluating
from safetensors import SafetensorError, safe_open

BASE = "base.json"  # in an adapter's folder: the model that it was trained over
WEIGHTS = "adapter_model.safetensors"
PROBE_TOKENS = 64


@dataclass(frozen=True)
class AdapterInfo:
    """What an adapter's folder says. rank: None where the method has none. numbers: that it stores."""

    folder: Path
    method: str
    rank: int | None
    targets: tuple[str, ...]
    numbers: int
    base: str

    def __str__(self) -> str:
        rank = f", rank {self.rank}" if self.rank else ""
        targets = f", on {', '.join(self.targets)}" if self.targets else ""
        return f"{self.folder}: {self.method}{rank}{targets}; {self.numbers:,} numbers; over {self.base}"


def adapter_info(folder: str | Path) -> AdapterInfo:
    """What an adapter is. ModelError for a folder that holds none."""
    path = Path(folder)
    config = read_configuration(path)
    try:
        with safe_open(str(path / WEIGHTS), "pt") as weights:
            shapes = [weights.get_slice(name).get_shape() for name in weights.keys()]  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{WEIGHTS} cannot be read ({error})", where=str(path)) from error
    numbers = sum(int(torch.Size(shape).numel()) for shape in shapes)
    method = str(config.peft_type).rpartition(".")[2].lower()
    if getattr(config, "use_dora", False):
        method = "dora"
    targets = getattr(config, "target_modules", None) or ()
    return AdapterInfo(
        path,
        method,
        getattr(config, "r", None),
        tuple(sorted([targets] if isinstance(targets, str) else targets)),
        numbers,
        str(config.base_model_name_or_path),
    )


def adapters_below(folder: str | Path) -> Iterator[AdapterInfo | ModelError]:
    """Every finished adapter in a folder and those below it, the error in the place of one that cannot be read; checkpoints of
    runs are left out."""
    root = Path(folder)
    if not root.is_dir():
        raise InputError("no such folder", where=str(root), expected="a folder with adapters in it")
    for path in sorted(root.rglob(ADAPTER)):
        if "checkpoints" not in path.relative_to(root).parts:
            try:
                yield adapter_info(path.parent)
            except ModelError as error:
                yield error


def base_digest(folder: Path) -> str:
    """XXH3-128 of the weights of a model folder."""
    return checksum(*sorted(folder.glob("*.safetensors")))


def write_base(out: Path, base: Path, digest: str) -> None:
    """Note beside an adapter which model it was trained over. digest: of its weights (see `base_digest`)."""
    (out / BASE).write_text(json.dumps({"model": str(base), "weights_xxh3_128": digest}) + "\n")


def merge_adapter(folder: str | Path, out: str | Path, base: str | Path | None = None) -> float:
    """Write into `out` the model that an adapter makes of its base; returns the largest change of a logit.

    base: a folder; by default the one that the adapter names. The logits are those of 64 random tokens, before and after
    merging, in 32 bits. ModelError for an adapter of another base, and for one that is no change of weights.
    """
    path, target = Path(folder), Path(out)
    if target.exists():
        raise InputError("exists already", where=str(target), next_step="name another folder, or remove it")
    config, told = read_configuration(path), adapter_info(path)
    if config.is_prompt_learning:
        raise ModelError(
            f"{told.method} is vectors in front of a text, not a change of weights",
            where=str(path),
            expected="lora, dora, pissa or ia3",
            next_step="load it with peft over its base",
        )
    under = Path(base or config.base_model_name_or_path)
    refuse_another_base(path, under)
    model = load_adapter(path, base_model(under, str(config.task_type)), config)
    ids = probe_ids(model)
    before = probe_outputs(model, ids)
    merged = model.merge_and_unload(safe_merge=True)
    change = float((probe_outputs(merged, ids) - before).abs().max())
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    merged.save_pretrained(str(part))
    copy_tokenizer(path, part) or copy_tokenizer(under, part)
    os.replace(part, target)
    return change


def refuse_another_base(adapter: Path, base: Path) -> None:
    """ModelError where `base.json` beside an adapter says that it was trained over other weights."""
    try:
        expected = json.loads((adapter / BASE).read_text())["weights_xxh3_128"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # made elsewhere: shapes are compared when it is loaded
    if not base.is_dir():
        raise ModelError(
            "no such folder",
            where=str(base),
            expected=f"the model that the adapter in {adapter} was trained over",
            next_step="give its folder with --base",
        )
    if base_digest(base) != expected:
        raise ModelError(
            "the weights of the base are not those that the adapter was trained over",
            where=str(base),
            expected=f"the model that {adapter / BASE} names",
            next_step="give its folder with --base",
        )


def base_model(folder: Path, task: str) -> Any:
    """The model of a folder, as adapters of a task (peft's name of it) are trained over."""
    kind = {"kind": transformers.AutoModelForSequenceClassification, "num_labels": 1} if gives_scores(task) else {}
    return open_model(folder, **kind)


def gives_scores(task: str) -> bool:
    """Whether the model beneath adapters of a task (peft's name of it) gives a score, not a next token."""
    return task.endswith("SEQ_CLS")


def load_adapter(folder: Path, model: Any, config: Any, name: str = "default") -> Any:
    """peft's model: `model` with the adapter of a folder on. config: its configuration. ModelError where it does not fit."""
    with fitting(folder):
        return peft.PeftModel.from_pretrained(model, str(folder), adapter_name=name, config=config)


@contextmanager
def fitting(folder: Path) -> Iterator[None]:
    """What libraries raise in the block becomes a ModelError that says that the adapter of a folder does not fit."""
    try:
        with quiet_libraries():
            yield
    except (RuntimeError, ValueError, OSError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"the adapter does not fit the model ({str(error).splitlines()[0]})",
            where=str(folder),
            expected="the model that it was trained over",
            next_step="give its folder with --base",
        ) from error


def probe_ids(model: Any) -> torch.Tensor:
    """int64 (1, 64): tokens that are the same for every model of one vocabulary."""
    return torch.randint(0, model.config.vocab_size, (1, PROBE_TOKENS), generator=torch.Generator().manual_seed(0))


def probe_outputs(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """float32 (1, 64, outputs), or (1, outputs) of a scorer: what a model says of these tokens."""
    with evaluating(model):
        found: torch.Tensor = model(input_ids=ids, use_cache=False).logits
    return found.float() if found.dim() < 3 else found[:, -ids.shape[1] :].float()
