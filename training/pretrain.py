"""Pre-training from token shards: one recipe, one run folder; killed, moved or rolled back, it goes on by itself.

A run is a series of attempts. An attempt starts from the last complete checkpoint that the history agrees with, builds
model and Trainer anew and trains until the end or until the watch wants a rollback. The watch then has written the
guilty positions into the history, so the next attempt is served a plan without them, and from the checkpoint on every
step is the step of a run that never held them.
"""

import gc
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate.utils import broadcast_object_list
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.shard_format import TOKENIZER_FOLDER
from gristmill.schemas.training_recipe import TrainingRecipe, load_training_recipe
from gristmill.training import checkpoints, logs
from gristmill.training.averaging import ExponentialAverage
from gristmill.training.checkpoints import Checkpoint
from gristmill.training.console import Console, Silence
from gristmill.training.logs import StepLog
from gristmill.training.masks import refuse_what_leaks
from gristmill.training.models import build_model, shape_of
from gristmill.training.objectives.registry import Objective, make
from gristmill.training.objectives.windows import ordinary_ids
from gristmill.training.page import write_page
from gristmill.training.run_folder import HISTORY, MODEL, PAGE, RunFolder
from gristmill.training.served import Served, as_collated
from gristmill.training.stability.blame import Losses
from gristmill.training.stability.ledger import Ledger
from gristmill.training.stability.skip import Watch
from gristmill.training.steps import Averages, Steps
from gristmill.training.stream.dataset import PlanDataset
from gristmill.training.stream.history import History
from gristmill.training.stream.plan import Plan, PlanConfig
from gristmill.training.stream.shards import ShardSet
from gristmill.training.trainer import Identity, StepTrainer, write_state

VALIDATION = "validation"


@dataclass(frozen=True)
class Finished:
    """A run that reached its last step."""

    folder: Path
    steps: int
    rollbacks: int

    @property
    def page(self) -> Path:
        return self.folder / PAGE

    @property
    def model(self) -> Path:
        return self.folder / MODEL


def pretrain(recipe: str | Path | TrainingRecipe, out: str | Path, console: Console | None = None) -> Finished:
    """Train as the recipe says, in the run folder `out`; the same call again goes on where it stopped."""
    loaded = recipe if isinstance(recipe, TrainingRecipe) else load_training_recipe(recipe)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    main = int(os.environ.get("RANK", "0")) == 0
    folder = RunFolder(Path(out), main)
    try:
        return _Run(loaded, folder, console if console and main else Silence()).train()
    finally:
        folder.close()


class _Run:
    """What all attempts of a run share: arguments, shards, plan, objective."""

    def __init__(self, recipe: TrainingRecipe, folder: RunFolder, console: Console) -> None:
        self.recipe, self.folder, self.console = recipe, folder, console
        self.arguments = training_arguments(recipe, folder.checkpoints)
        self.main = self.arguments.process_index == 0
        self.shards = ShardSet.open(recipe.shards, recipe.stream.verify)
        self.record = self.shards.manifest.tokenizer
        self.plan = self._plan("train", folder.path)
        self.validates = recipe.validation is not None and bool(self.shards.manifest.of_split("validation"))
        tokenizer = Path(self.shards.folder) / TOKENIZER_FOLDER
        self.objective: Objective = make(
            recipe.objective.name,
            self.record,
            recipe.stream.window,
            recipe.objective.options,
            recipe.seed,
            tokenizer if tokenizer.is_dir() else None,
        )
        self._refuse_misfits()
        if self.main:
            folder.claim(
                recipe,
                {
                    "plan_id": self.plan.plan_id,
                    "shards": self.shards.folder,
                    "versions": {name: version(name) for name in ("gristmill", "torch", "transformers", "accelerate")},
                },
            )

    def _refuse_misfits(self) -> None:
        """Errors that would show after the start, or never: a shape that cannot learn this, documents that leak."""
        model = self.model()
        if shape_of(model) not in self.objective.shapes:
            raise RecipeError(
                f"objective {self.recipe.objective.name} with a {shape_of(model)} model",
                expected=f"one of {', '.join(sorted(self.objective.shapes))}",
            )
        refuse_what_leaks(model, self.objective, ordinary_ids(self.record), self.recipe.stream.window)

    @property
    def sequences(self) -> int:
        return self.recipe.steps * self.recipe.batch_sequences

    def train(self) -> Finished:
        """Attempts until the last step is done."""
        while not self._attempt():
            gc.collect()
        rollbacks = len(Ledger(self._history(), self.folder.path).rollbacks)
        return Finished(self.folder.path, self.recipe.steps, rollbacks)

    def _attempt(self) -> bool:
        """Train from the last good checkpoint; whether the last step was reached."""
        history = self._history()
        ledger = Ledger(history, self.folder.path, self.main)
        self._within_limits(ledger)
        start = self._start(history)
        step = start.step if start else 0
        if self.main:
            checkpoints.drop_after(self.folder.checkpoints, step)
            logs.cut(self.folder.path, step, len(ledger.rollbacks))
            history.record_tombstones(step * self.recipe.batch_sequences)
            self._phases(history)
            if step < self.recipe.steps:
                self.folder.launched(step + 1, recipe=self.recipe, processes=self.arguments.world_size)
        self._wait()
        history = ledger.history = self._history()
        self.console.log(self._announcement(start, step, ledger))
        if start and step == self.recipe.steps:
            self._export(start)
            return True
        with _Attempt(self, history, ledger, start) as attempt:
            return attempt.train()

    def _start(self, history: History) -> Checkpoint | None:
        found = checkpoints.complete(self.folder.checkpoints)
        fitting = checkpoints.resumable(found, history)
        if found and not fitting:
            raise RunError(
                f"none of {len(found)} checkpoints fits the history",
                where=str(self.folder.path),
                expected="checkpoints of this run",
                next_step="restore history.jsonl or the checkpoints, or start in another folder",
            )
        return fitting[-1] if fitting else None

    def _within_limits(self, ledger: Ledger) -> None:
        allowed = self.recipe.stability.max_rollbacks
        if len(ledger.rollbacks) > allowed:
            raise RunError(
                f"rolled back {len(ledger.rollbacks)} times",
                where=str(self.folder.path),
                expected=f"at most {allowed} rollbacks (stability.max_rollbacks)",
                next_step="look at training.html and blame.jsonl: the data or the learning rate needs attention",
            )

    def _phases(self, history: History) -> None:
        """The recipe's later mixtures, recorded where they will hold."""
        known = {event.position for event in history.events if event.event == "mixture"}
        for phase in sorted(self.recipe.stream.phases, key=lambda phase: phase.from_step):
            position = (phase.from_step - 1) * self.recipe.batch_sequences
            if position not in known:
                history.append("mixture", position, {"weights": phase.mixture})

    def _plan(self, split: str, folder: Path) -> Plan:
        stream = self.recipe.stream
        config = PlanConfig(
            window=stream.window,
            cut=stream.cut,
            seed=stream.seed,
            split=split,  # type: ignore[arg-type]
            mixture=stream.mixture if split == "train" else None,
        )
        if self.main:  # one process writes plan.json and the bin index
            Plan.build(self.shards, config, folder)
        self._wait()
        return Plan.load(folder, self.recipe.shards, stream.verify)

    def validation(self) -> Served | None:
        """The first sequences of the validation split."""
        if not self.validates or self.recipe.validation is None:
            return None
        plan = self._plan("validation", self.folder.path / VALIDATION)
        count = min(self.recipe.validation.sequences, plan.sequences)
        return Served(PlanDataset(plan), self.objective, count)

    def model(self) -> Any:
        return build_model(self.recipe.model, self.record, self.recipe.stream.window, self.recipe.seed)

    def _history(self) -> History:
        return History.open(self.folder.path / HISTORY, self.plan)

    def _wait(self) -> None:
        if self.arguments.world_size > 1:
            torch.distributed.barrier()

    def agree(self, value: Any) -> Any:
        """The main process's value, in every process."""
        return broadcast_object_list([value])[0] if self.arguments.world_size > 1 else value

    def _export(self, checkpoint: Checkpoint) -> None:
        """model/: the last checkpoint's weights and configuration, and the tokenizer; whole or absent."""
        if not self.main:
            return
        part, final = self.folder.path / (MODEL + ".part"), self.folder.path / MODEL
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for path in checkpoint.folder.iterdir():
            if path.name.startswith("model") or path.name in ("config.json", "generation_config.json"):
                shutil.copy2(path, part / path.name)
        tokenizer = Path(self.shards.folder) / TOKENIZER_FOLDER
        if tokenizer.is_dir():
            shutil.copytree(tokenizer, part, dirs_exist_ok=True)
        shutil.rmtree(final, ignore_errors=True)
        part.rename(final)
        write_page(self.folder.path)

    def _announcement(self, start: Checkpoint | None, step: int, ledger: Ledger) -> str:
        rollbacks = f" after {len(ledger.rollbacks)} rollbacks" if ledger.rollbacks else ""
        if start is None:
            return (
                f"training {self.recipe.name}: {self.recipe.steps:,} steps of {self.recipe.batch_sequences} sequences"
            )
        return f"training {self.recipe.name}: going on from step {step:,} of {self.recipe.steps:,}{rollbacks}"


class _Attempt:
    """One Trainer from a checkpoint (or nothing) to the end or a rollback."""

    def __init__(self, run: _Run, history: History, ledger: Ledger, start: Checkpoint | None) -> None:
        self.run, self.history, self.ledger, self.start = run, history, ledger, start
        recipe = run.recipe
        self.stream = PlanDataset(run.plan, history)
        transformers.set_seed(recipe.seed)
        model = run.model()
        decay = recipe.averaging.ema_decay
        self.average = ExponentialAverage(model, decay) if decay else None
        self.trainer = StepTrainer(
            identity=Identity(run.plan.plan_id, lambda: history.head, recipe.batch_sequences),
            extras=self._write_extras,
            model=model,
            args=run.arguments,
            train_dataset=Served(self.stream, run.objective, run.sequences),
            eval_dataset=run.validation(),
            data_collator=as_collated,
        )
        self.watch = Watch(
            recipe.stability,
            ledger,
            batch=recipe.batch_sequences,
            total=run.sequences,
            figures=self.trainer.figures,
            losses=lambda: Losses(self.stream, run.objective, self.trainer.model),
            target=self._target,
            agree=run.agree,
        )
        self._restore()
        self.trainer.add_callback(self.watch)
        if self.average:
            self.trainer.add_callback(Averages(self.average, self.watch))
        self._log: StepLog | None = None
        self._progress: AbstractContextManager[Callable[[int], None]] = nullcontext(lambda amount: None)

    def __enter__(self) -> "_Attempt":
        run, step = self.run, self.start.step if self.start else 0
        if run.main:
            self._log = StepLog(run.folder.path, step, len(self.ledger.rollbacks), run.recipe.log.tensorboard)
        self._progress = run.console.progress("training", run.recipe.steps - step, "steps")
        save = partial(self.trainer._save_checkpoint, None, None)
        parameters = sum(parameter.numel() for parameter in self.trainer.model.parameters())
        self.trainer.add_callback(
            Steps(
                run.recipe,
                run.folder,
                self.watch,
                run.console,
                log=self._log,
                advance=self._progress.__enter__(),
                save=save,
                page=partial(write_page, run.folder.path),
                flops_per_token=6.0 * parameters,
                processes=run.arguments.world_size,
                validates=run.validates,
            )
        )
        return self

    def __exit__(self, *error: Any) -> None:
        self._progress.__exit__(*error)
        if self._log:
            self._log.close()

    def train(self) -> bool:
        """Whether the last step was reached."""
        self.trainer.train(resume_from_checkpoint=str(self.start.folder) if self.start else None)
        back = self.watch.rolled_back_to
        if back is not None:
            self.run.console.log(f"step {self.trainer.state.global_step:,}: rolling back to step {back:,}")
        return False  # the next attempt finds the last checkpoint, or goes on from the one rolled back to

    def _target(self, step: int) -> tuple[int, Callable[[], None]]:
        """The last stable checkpoint of at most `step` updates, and what puts its weights into the model."""
        fitting = checkpoints.resumable(checkpoints.complete(self.run.folder.checkpoints), self.history)
        usable = [one for one in fitting if one.stable and one.step <= step]
        usable = self.run.agree(usable)  # the main process marks checkpoints stable: others may see it later
        if not usable:
            raise RunError(
                f"no checkpoint of step {step:,} or before",
                where=str(self.run.folder.checkpoints),
                next_step="set checkpoints.keep_stable higher and start again",
            )
        return usable[-1].step, partial(self.trainer.load_weights, usable[-1].folder)

    def _restore(self) -> None:
        if self.start is None:
            return
        self.watch.load(self.start.state()["watch"])
        if self.average:
            self.average.restore(self.start.folder)

    def _write_extras(self, folder: Path) -> None:
        write_state(folder, {"watch": self.watch.state()})
        if self.average:
            self.average.save(folder)


def training_arguments(recipe: TrainingRecipe, out: Path) -> transformers.TrainingArguments:
    """The Trainer's settings for a recipe, on the processes that there are."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    share = recipe.micro_batch_sequences * processes
    if recipe.batch_sequences % share:
        raise RecipeError(
            f"batch_sequences {recipe.batch_sequences}",
            expected=f"a multiple of micro_batch_sequences x processes = {recipe.micro_batch_sequences} x {processes}",
            next_step="change micro_batch_sequences or the number of processes; the batch decides the result",
        )
    gpu = torch.cuda.is_available()
    if recipe.fsdp:
        check_fsdp(gpu, processes)
    options = recipe.optimizer
    schedule, schedule_options = _schedule(recipe)
    return transformers.TrainingArguments(
        output_dir=str(out),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.micro_batch_sequences,
        per_device_eval_batch_size=recipe.micro_batch_sequences,
        gradient_accumulation_steps=recipe.batch_sequences // share,
        learning_rate=options.learning_rate,
        warmup_steps=options.warmup_steps,
        lr_scheduler_type=schedule,
        lr_scheduler_kwargs=schedule_options,
        weight_decay=options.weight_decay,
        adam_beta1=options.beta1,
        adam_beta2=options.beta2,
        adam_epsilon=options.epsilon,
        max_grad_norm=options.clip,
        bf16=recipe.precision == "bfloat16" or (recipe.precision == "auto" and gpu and torch.cuda.is_bf16_supported()),
        use_cpu=not gpu,
        ddp_backend="gloo" if processes > 1 and not gpu else None,
        ddp_find_unused_parameters=False if processes > 1 else None,
        log_level_replica="error",
        activation_checkpointing=recipe.activation_checkpointing,
        torch_compile=recipe.compile,
        fsdp=recipe.fsdp or None,
        seed=recipe.seed,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        dataloader_pin_memory=gpu,
        prediction_loss_only=True,
        logging_strategy="no",
        logging_nan_inf_filter=False,
        save_strategy="no",
        eval_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )


def check_fsdp(gpu: bool, processes: int) -> None:
    """RecipeError where accelerate would leave FSDP out without a word."""
    if not gpu:
        raise RecipeError("fsdp: true without a GPU", expected="GPUs", next_step="leave fsdp out: DDP is used on CPUs")
    if processes == 1:
        raise RecipeError("fsdp: true in one process", expected="several", next_step="start it under torchrun")


def _schedule(recipe: TrainingRecipe) -> tuple[str, dict[str, Any]]:
    options = recipe.optimizer
    if options.schedule == "cosine":
        return "cosine_with_min_lr", {"min_lr_rate": options.min_learning_rate_fraction}
    decay = max(1, round(recipe.steps * options.decay_fraction))
    return "warmup_stable_decay", {"num_decay_steps": decay, "min_lr_ratio": options.min_learning_rate_fraction}
