"""What happens around every step of a run: the log, checkpoints and their ring, validation, progress."""

import math
import time
from collections.abc import Callable
from typing import Any

from gristmill.console import Console
from gristmill.schemas.training.recipe import TrainingRecipe
from gristmill.training.run import checkpoints
from gristmill.training.run.averaging import ExponentialAverage
from gristmill.training.run.folder import TrainingFolder
from gristmill.training.run.logs import StepLog
from gristmill.training.run.schedule import branch_step
from gristmill.training.stability.skip import Watch
from transformers import TrainerCallback

LOG_EVERY_SECONDS = 30.0
SHOWN_FIGURES = 3  # of a validation, on the console; the log has all of them


class Steps(TrainerCallback):
    """Runs after the watch at each step; `save` writes a checkpoint of the running trainer."""

    def __init__(
        self,
        recipe: TrainingRecipe,
        folder: TrainingFolder,
        watch: Watch,
        console: Console,
        *,
        log: StepLog | None,
        advance: Callable[[int], None],
        save: Callable[[], None],
        validate: Callable[[], Any],
        page: Callable[[int], None],
        flops_per_token: float,
        processes: int,
        validates: bool,
        step_tokens: int | None,
        step_figures: Callable[[], dict[str, float]],
        no_labels: str,
        is_fresh: bool,
    ) -> None:
        """step_tokens: that every step reads, None where steps differ. step_figures: what the log shall say besides of the
        step that ends. no_labels: why a batch may have none."""
        self.recipe, self.folder, self.watch, self.console = recipe, folder, watch, console
        self.log, self.advance, self._save, self._page = log, advance, save, page
        self._validate = validate
        self.flops_per_token, self.processes, self.validates = flops_per_token, processes, validates
        self.step_tokens, self.step_figures, self.no_labels = step_tokens, step_figures, no_labels
        self.is_fresh = is_fresh
        self.branch_step = branch_step(recipe)
        self._learning_rate = float("nan")
        self._unstable: list[int] = []
        self._without_labels = 0
        self._mark = self._logged = time.perf_counter()

    @property
    def is_main(self) -> bool:
        return self.log is not None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.is_fresh:
            if self.validates and self.recipe.validation is not None and self.recipe.validation.before_step_1:
                self._validate()
            self._save()
            if self.is_main:
                checkpoints.mark_stable(self.folder.checkpoints, 0)
        self._look_for_unstable()
        self._mark = time.perf_counter()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._learning_rate = float(kwargs["lr_scheduler"].get_last_lr()[0])

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        step = state.global_step
        self._write(step)
        self.advance(1)
        if self.watch.rolled_back_to is not None:
            return
        if self.is_main:
            self._mark_stable(step)
        last = step == self.recipe.steps
        validation = self.recipe.validation
        control.should_evaluate = (
            self.validates and validation is not None and (last or step % validation.every_steps == 0)
        )
        control.should_save = last or step == self.branch_step or step % self.recipe.checkpoints.every_steps == 0

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        loss, figures = kwargs["metrics"]["eval_loss"], dict(kwargs["metrics"].get("figures", {}))
        if loss is None and not figures:
            self.console.log(f"step {state.global_step:,}: nothing of the validation split has a label")
        else:
            found = figures if loss is None else {"validation_loss": loss, **figures}
            if self.log:
                self.log.write(state.global_step, **found)
            named = [
                f"{name.replace('held_out/', 'held-out ').replace('_', ' ')} {value:.4f}"
                for name, value in found.items()
            ]
            self.console.log(f"step {state.global_step:,}: {', '.join(named[:SHOWN_FIGURES])}")
        self._mark = time.perf_counter()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.is_main:
            self._look_for_unstable()
            self.folder.reached(state.global_step)
            checkpoints.prune(
                self.folder.checkpoints,
                self.recipe.checkpoints.keep_stable,
                self.recipe.averaging.last or 1,
                [] if self.branch_step is None else [self.branch_step],
            )
            self._page(state.global_step)
        self._mark = time.perf_counter()

    def _look_for_unstable(self) -> None:
        if self.is_main:
            self._unstable = [one.step for one in checkpoints.complete(self.folder.checkpoints) if not one.stable]

    def _mark_stable(self, step: int) -> None:
        """Mark the checkpoints after which, and after the last spike, enough steps were clean."""
        after = self.recipe.checkpoints.stable_after_steps
        if step - self.watch.clean_since(step) >= after and any(saved <= step - after for saved in self._unstable):
            checkpoints.mark_stable(self.folder.checkpoints, step - after)
            self._look_for_unstable()

    def _write(self, step: int) -> None:
        """The step's line in the log; a step without labels has neither a loss nor a gradient."""
        now = time.perf_counter()
        seconds, self._mark = now - self._mark, now
        found = self.watch.figures
        assert found is not None  # the watch judges every step before it ends
        figures: dict[str, Any] = {"loss": found.loss, "grad_norm": found.grad_norm} if found.labels else {}
        figures |= {"learning_rate": self._learning_rate, **self._amounts(step, found.labels, seconds)}
        figures |= self.step_figures()
        if self.watch.finding:
            figures["event"] = f"update skipped: {self.watch.finding}"
        if not found.labels:
            figures["event"] = f"no update: {self.no_labels}"
        if self.log:
            self.log.write(step, **figures)
        self._tell_of_labels(step, found.labels)
        if now - self._logged > LOG_EVERY_SECONDS and self.is_main:
            self._logged = now
            shown = f"{found.loss:.4f}" if math.isfinite(found.loss) else str(found.loss)
            loss = f"loss {shown}" if found.labels else "no labels"
            amount, unit = (
                (self.step_tokens, "tokens") if self.step_tokens else (self.recipe.batch_sequences, "sequences")
            )
            self.console.log(f"step {step:,}: {loss}, {amount / seconds:,.0f} {unit}/s")

    def _amounts(self, step: int, labels: int, seconds: float) -> dict[str, float]:
        """How much was read so far and how fast: tokens where every step reads as many, else sequences."""
        if self.step_tokens is None:
            batch = self.recipe.batch_sequences
            return {
                "sequences": step * batch,
                "labels": labels,
                "seconds": seconds,
                "sequences_per_second": batch / seconds,
            }
        speed = self.step_tokens / seconds
        found = {
            "tokens": step * self.step_tokens,
            "labels": labels,
            "seconds": seconds,
            "tokens_per_second": speed,
        }
        peak = self.recipe.log.peak_tflops
        if peak:
            found["mfu"] = self.flops_per_token * speed / (peak * 1e12 * self.processes)
        return found

    def _tell_of_labels(self, step: int, labels: int) -> None:
        """Say when batches without labels begin, and when they end or the run does."""
        if not labels and not self._without_labels:
            self.console.log(f"step {step:,}: no update, because {self.no_labels}")
        if self._without_labels and (labels or step == self.recipe.steps):
            self.console.log(
                f"step {step:,}: {self._without_labels + (not labels):,} steps made no update, because {self.no_labels}"
            )
        self._without_labels = 0 if labels else self._without_labels + 1


class Averages(TrainerCallback):
    """Keeps the moving average of the weights up to date; skipped updates do not count."""

    def __init__(self, average: ExponentialAverage, watch: Watch) -> None:
        self.average, self.watch = average, watch

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.watch.updated:
            self.average.update(kwargs["model"])
