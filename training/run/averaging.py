"""Averages of weights: a moving one kept while training, and the mean of several checkpoints. Safetensors only.

The moving average is w <- d w + (1 - d) w_now after every update, with d = min(decay, (1 + n) / (10 + n)) after n
updates, so that the first weights are soon forgotten (the ramp of TensorFlow's ExponentialMovingAverage). It is kept in
32 bits and lies in every checkpoint, so a killed run goes on with the very same average.

The mean of the last checkpoints of a run at a steady learning rate comes near to what annealing gives (Li et al. 2025,
"Model merging in pre-training", arXiv 2505.12082). It is read from the checkpoints on disk: nothing to lose.
"""

import json
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from gristmill.schemas.errors import InputError, ModelError, RunError
from gristmill.training.models.build import copy_tokenizer, write_model
from gristmill.training.models.packed import GENERATOR
from gristmill.training.run.checkpoints import UnusableCheckpoint, complete, verified
from gristmill.training.run.folder import CHECKPOINTS, MODEL, TRAINING, read_training
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

MOVING = "ema.safetensors"
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
RECORD = "average.json"
CONFIGURATION = ("config.json", "generation_config.json")
WRAPPERS = ("module.", "_orig_mod.")  # how DDP and torch.compile begin the names of what they wrap


class ExponentialAverage:
    """The moving average of a model's parameters: `update` after each update of the model."""

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        if not 0 < decay < 1:
            raise ModelError(f"ema_decay {decay}", expected="between 0 and 1")
        self.decay, self.updates = decay, 0
        self.weights = {name: weight.detach().float().clone() for name, weight in _parameters(model)}

    @torch.no_grad()
    def update(self, model: torch.nn.Module) -> None:
        """Move towards the model's present parameters."""
        self.updates += 1
        kept = min(self.decay, (1 + self.updates) / (10 + self.updates))
        present = dict(_parameters(model))
        for name, weight in present.items():
            self.weights[name] = self.weights[name].to(weight.device)  # the Trainer moves the model after it is built
        torch._foreach_lerp_(
            [self.weights[name] for name in present], [weight.float() for weight in present.values()], 1 - kept
        )

    def save(self, folder: str | Path) -> None:
        """Write ema.safetensors into a checkpoint folder."""
        facts = {"decay": repr(self.decay), "updates": str(self.updates)}
        save_file({name: weight.contiguous() for name, weight in self.weights.items()}, Path(folder) / MOVING, facts)

    def restore(self, folder: str | Path) -> None:
        """Go on from the average in a checkpoint folder; ModelError when it is of another model or decay."""
        path = Path(folder) / MOVING
        facts, saved = _facts(path), load_file(path)
        shapes = {name: weight.shape for name, weight in self.weights.items()}
        if {name: weight.shape for name, weight in saved.items()} != shapes:
            raise ModelError("the average of another model", where=str(path))
        if float(facts["decay"]) != self.decay:
            raise ModelError(
                f"ema_decay {self.decay}", where=str(path), expected=f"{facts['decay']}, with which the run began"
            )
        self.updates = int(facts["updates"])
        for name, weight in saved.items():
            self.weights[name].copy_(weight)


def _parameters(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Parameters by the names a checkpoint gives them; shared ones once."""
    for name, parameter in model.named_parameters():
        while name.startswith(WRAPPERS):
            name = name.split(".", 1)[1]
        yield name, parameter


def _facts(path: Path) -> dict[str, str]:
    try:
        with safe_open(str(path), "pt") as weights:
            return dict(weights.metadata())
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"no moving average ({error})",
            where=str(path),
            expected="a checkpoint of a run with averaging.ema_decay",
        ) from error


def average_checkpoints(folders: Sequence[str | Path], out: str | Path, tokenizer: str | Path | None = None) -> Path:
    """A model folder whose weights are the mean of those in `folders`: at least two, of one shape.

    Sums in 64 bits, one tensor at a time, and keeps the type of the weights. `out` appears whole or not at all, and loads
    as a finished model does. tokenizer: a folder whose tokenizer goes with it, where the averaged folders have none.
    """
    paths = [Path(folder) for folder in folders]
    if len(paths) < 2:
        raise InputError(f"{len(paths)} checkpoints", expected="at least two to average")
    if len({path.resolve() for path in paths}) < len(paths):
        raise InputError("a checkpoint named twice", expected="each once")
    parts = [path for path in paths if (path / GENERATOR / "config.json").is_file()]
    if parts and len(parts) < len(paths):
        raise ModelError(f"{GENERATOR}/ is in some of them only", where=str(parts[0]), expected="models of one shape")
    means = {".": _mean_of(paths)}
    if parts:
        means[GENERATOR] = _mean_of([path / GENERATOR for path in paths])
    return _write(means, paths[-1], Path(out), {"mean_of": [path.name for path in paths]}, tokenizer)


def _mean_of(paths: Sequence[Path]) -> dict[str, torch.Tensor]:
    with ExitStack() as stack:
        opened = [_Weights(path, stack) for path in paths]
        first = opened[0]
        for other in opened[1:]:
            _refuse_others(first, other)
        return {name: _mean(name, opened) for name in first.names}


def export_moving(checkpoint: str | Path, out: str | Path, tokenizer: str | Path | None = None) -> Path:
    """A model folder whose weights are the moving average in a checkpoint; what is no parameter comes from the model."""
    folder = Path(checkpoint)
    facts, moving = _facts(folder / MOVING), load_file(folder / MOVING)
    with ExitStack() as stack:
        weights = _Weights(folder, stack)
        missing = [name for name in weights.names if name not in moving and weights.read(name).is_floating_point()]
        if missing:
            raise ModelError(f"no average of {', '.join(missing[:3])}", where=str(folder / MOVING))
        chosen = {name: _like(moving.get(name), weights.read(name)) for name in weights.names}
    record = {"moving_average_of": folder.name, "decay": float(facts["decay"]), "updates": int(facts["updates"])}
    return _write({".": chosen}, folder, Path(out), record, tokenizer)


def _like(average: torch.Tensor | None, weight: torch.Tensor) -> torch.Tensor:
    return weight.clone() if average is None else average.to(weight.dtype)


class _Weights:
    """The tensors of a model folder, one file or several, read when asked for."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        index = folder / WEIGHTS_INDEX
        try:
            if index.is_file():
                files = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
                if any(Path(name).name != name for name in files):
                    raise ValueError("a file outside the folder")
            else:
                files = [WEIGHTS]
            opened = [stack.enter_context(safe_open(str(folder / name), "pt")) for name in files]
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ModelError(f"no weights ({error})", where=str(folder), expected=f"{WEIGHTS} or its parts") from error
        self._of = {name: weights for weights in opened for name in weights.keys()}  # noqa: SIM118
        self.names = sorted(self._of)

    def read(self, name: str) -> torch.Tensor:
        tensor: torch.Tensor = self._of[name].get_tensor(name)
        return tensor

    def kind(self, name: str) -> tuple[list[int], str]:
        """Shape and type of a tensor."""
        piece = self._of[name].get_slice(name)
        return piece.get_shape(), piece.get_dtype()


def _refuse_others(first: _Weights, other: _Weights) -> None:
    if first.names != other.names:
        odd = sorted(set(first.names) ^ set(other.names))[0]
        raise ModelError(f"{odd} is in one of them only", where=f"{first.folder} and {other.folder}")
    for name in first.names:
        if first.kind(name) != other.kind(name):
            raise ModelError(
                f"{name} is {other.kind(name)}", where=str(other.folder), expected=f"{first.kind(name)} as in the first"
            )


def _mean(name: str, opened: Sequence[_Weights]) -> torch.Tensor:
    first = opened[0].read(name)
    if not first.is_floating_point():
        return opened[-1].read(name).clone()
    total = torch.zeros(first.shape, dtype=torch.float64)
    for weights in opened:
        total += weights.read(name)
        if not math.isfinite(float(total.sum())):
            raise ModelError(f"{name} is not finite", where=str(weights.folder), next_step="leave this checkpoint out")
    return (total / len(opened)).to(first.dtype)


def _write(
    weights: dict[str, dict[str, torch.Tensor]],
    like: Path,
    out: Path,
    record: dict[str, object],
    tokenizer: str | Path | None,
) -> Path:
    """The model folder `out`, with the configuration of the folder `like`, and its tokenizer or the one given.

    weights: of each model in it, by the folder below `out` where it lies.
    """
    if out.exists():
        raise InputError("exists already", where=str(out), next_step="name another folder, or remove it")
    part, averaged = out.with_name(out.name + ".part"), out.with_name(out.name + ".averaged.part")
    try:
        for name, tensors in weights.items():
            (averaged / name).mkdir(parents=True, exist_ok=True)
            save_file(tensors, averaged / name / WEIGHTS, {"format": "pt"})
            for beside in CONFIGURATION:
                if (like / name / beside).is_file():
                    shutil.copy2(like / name / beside, averaged / name / beside)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name in weights:
            (part / name).mkdir(exist_ok=True)
            write_model(averaged / name, part / name)
        copy_tokenizer(like, part) or (tokenizer and copy_tokenizer(Path(tokenizer), part))
        (part / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
        os.replace(part, out)
    finally:
        shutil.rmtree(averaged, ignore_errors=True)
    return out


def last_checkpoints(run: str | Path, count: int) -> list[Path]:
    """Folders of the last `count` checkpoints of a training run, oldest first, each as it was written.

    The one before the first step is never among them: its weights have learned nothing.
    """
    found = [one for one in complete(Path(run) / CHECKPOINTS) if one.step > 0]
    if len(found) < count:
        raise InputError(
            f"{len(found)} complete checkpoints of a step or more",
            where=str(run),
            expected=f"at least {count}",
            next_step="train on, or keep more checkpoints with averaging.last",
        )
    for one in found[-count:]:
        examined = verified(one)
        if isinstance(examined, UnusableCheckpoint):
            raise InputError(
                str(examined),
                where=str(Path(run) / CHECKPOINTS),
                expected="checkpoints as they were written",
                next_step="restore the file, or move the checkpoint away to average older ones",
            )
    return [one.folder for one in found[-count:]]


def tokenizer_of(run: str | Path) -> Path | None:
    """A folder with the tokenizer of a training run: the one that it trains with, or that of its finished model."""
    own = read_training(Path(run)).get("tokenizer")
    candidates = [*([Path(own)] if isinstance(own, str) else []), Path(run) / MODEL]
    return next((folder for folder in candidates if (folder / "tokenizer.json").is_file()), None)


def recipe_last(run: str | Path) -> int:
    """`averaging.last` of a training run's recipe."""
    path = Path(run) / TRAINING
    try:
        last = read_training(Path(run))["recipe"]["averaging"]["last"]
    except (RunError, KeyError, TypeError) as error:
        raise InputError(
            f"no recipe of a training run ({error})", where=str(path), expected="a training run"
        ) from error
    if last is None:
        raise InputError("averaging.last is not set", where=str(path), next_step="say how many with --last")
    return int(last)
