"""What happens around every step of a run: the log, checkpoints and their ring, validation, progress."""

import math
import time
from collections.abc import Callable
from typing import Any

from gristmill.schemas.training_recipe import TrainingRecipe
from gristmill.training import checkpoints
from gristmill.training.averaging import ExponentialAverage
from gristmill.training.console import Console
from gristmill.training.logs import StepLog
from gristmill.training.run_folder import RunFolder
from gristmill.training.stability.skip import Watch
from transformers import TrainerCallback

LOG_EVERY_SECONDS = 30.0


class Steps(TrainerCallback):
    """Runs after the watch at each step; `save` writes a checkpoint of the running trainer."""

    def __init__(
        self,
        recipe: TrainingRecipe,
        folder: RunFolder,
        watch: Watch,
        console: Console,
        *,
        log: StepLog | None,
        advance: Callable[[int], None],
        save: Callable[[], None],
        page: Callable[[], None],
        flops_per_token: float,
        processes: int,
        validates: bool,
    ) -> None:
        self.recipe, self.folder, self.watch, self.console = recipe, folder, watch, console
        self.log, self.advance, self._save, self._page = log, advance, save, page
        self.flops_per_token, self.processes, self.validates = flops_per_token, processes, validates
        self._learning_rate = float("nan")
        self._unstable: list[int] = []
        self._mark = self._logged = time.perf_counter()

    @property
    def is_main(self) -> bool:
        return self.log is not None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 0 and not checkpoints.complete(self.folder.checkpoints):
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
        control.should_save = last or step % self.recipe.checkpoints.every_steps == 0

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        loss = kwargs["metrics"]["eval_loss"]
        if self.log:
            self.log.write(state.global_step, validation_loss=loss)
        self.console.log(f"step {state.global_step:,}: validation loss {loss:.4f}")
        self._mark = time.perf_counter()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.is_main:
            self._look_for_unstable()
            averaged = self.recipe.averaging.last or 1
            checkpoints.prune(self.folder.checkpoints, self.recipe.checkpoints.keep_stable, averaged)
            self._page()
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
        now = time.perf_counter()
        seconds, self._mark = now - self._mark, now
        tokens = self.recipe.batch_sequences * self.recipe.stream.window
        figures: dict[str, Any] = {
            "loss": self.watch.loss,
            "grad_norm": self.watch.grad_norm,
            "learning_rate": self._learning_rate,
            "tokens": step * tokens,
            "seconds": seconds,
            "tokens_per_second": tokens / seconds,
        }
        peak = self.recipe.log.peak_tflops
        if peak:
            figures["mfu"] = self.flops_per_token * tokens / seconds / (peak * 1e12 * self.processes)
        if self.watch.finding:
            figures["event"] = f"update skipped: {self.watch.finding}"
        if self.log:
            self.log.write(step, **figures)
        if now - self._logged > LOG_EVERY_SECONDS and self.is_main:
            self._logged = now
            shown = f"{self.watch.loss:.4f}" if math.isfinite(self.watch.loss) else str(self.watch.loss)
            self.console.log(f"step {step:,}: loss {shown}, {tokens / seconds:,.0f} tokens/s")


class Averages(TrainerCallback):
    """Keeps the moving average of the weights up to date; skipped updates do not count."""

    def __init__(self, average: ExponentialAverage, watch: Watch) -> None:
        self.average, self.watch = average, watch

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.watch.finding is None:
            self.average.update(kwargs["model"])
