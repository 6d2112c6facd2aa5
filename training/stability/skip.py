"""Watches every step before its update: applies it, skips it, or stops the run for a rollback.

A skipped update leaves weights and Adam's moments and counter as they are, because every gradient is taken away. The
learning rate's schedule goes on, and the batch counts as served: step numbers and positions stay in lockstep.
A batch in which no token has a label (its documents were forgotten, or are one token long) is no update either, and no
spike: nothing is judged by it.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from gristmill.schemas.training.recipe import Stability
from gristmill.training.stability.blame import Losses, outstanding
from gristmill.training.stability.detect import Detector, Figures, Spike
from gristmill.training.stability.rollback import (
    Episode,
    RollbackVerdict,
    examine,
    suspects,
    weights_are_damaged,
)
from transformers import TrainerCallback

Target = Callable[[int], tuple[int, Callable[[], None]]]  # step before which -> stable step, loader of its weights


class SkipLedger(Protocol):
    """Where a watch writes down what it did; see `training.run.ledger`."""

    def note(self, position: int, data: dict[str, Any]) -> None: ...

    def roll_back(self, step: int, batch: int, positions: Iterable[int], data: dict[str, Any]) -> None: ...

    def blame(self, records: Iterable[dict[str, Any]]) -> None: ...


class Watch(TrainerCallback):
    """The stability layer of one attempt. After it stopped the run, `rollback` says what to do."""

    def __init__(
        self,
        options: Stability,
        ledger: SkipLedger,
        *,
        batch: int,
        total: int,
        figures: Callable[[], Figures],
        losses: Callable[[], Losses],
        target: Target,
        agree: Callable[[Any], Any],
    ) -> None:
        self.options, self.ledger = options, ledger
        self.batch, self.total = batch, total
        self._figures, self._losses, self._target, self._agree = figures, losses, target, agree
        self.detector = Detector(options)
        self.episode = Episode()
        self.last_spike = 0
        self.figures: Figures | None = None
        self.finding: Spike | None = None
        self.rolled_back_to: int | None = None

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.figures, self.finding = self._figures(), None
        if not self.figures.labels:
            _take_gradients_away(kwargs["model"])
            return
        if not self.options.enabled:
            return
        step = state.global_step + 1
        self.finding = self.detector.judge(self.figures.loss, self.figures.grad_norm)
        if self.finding is None:
            if self.episode.steps:
                self._cleared()
            self.detector.accept(self.figures.loss, self.figures.grad_norm)
            return
        _take_gradients_away(kwargs["model"])
        self._note_spike(step, self.finding)
        if len(self.episode.steps) > self.options.skip_updates:
            self._decide(control)

    @property
    def updated(self) -> bool:
        """Whether the step's update was made."""
        return self.figures is not None and self.figures.labels > 0 and self.finding is None

    def _note_spike(self, step: int, finding: Spike) -> None:
        self.last_spike = step
        if not self.episode.steps:
            self.episode.expected, self.episode.limit = self.detector.allowed()
        self.episode.steps.append(step)
        self.episode.findings.append(finding)
        self.ledger.note((step - 1) * self.batch, {"kind": "skipped_update", "step": step, "reason": str(finding)})

    def _cleared(self) -> None:
        """The spikes passed with their updates skipped: name what is out of line with its source, and go on."""
        episode, self.episode = self.episode, Episode()
        verdict = examine(self._losses(), episode, self.batch, 0, self.total)
        if verdict.guilty:
            self._blame(episode, verdict.guilty, verdict.clean)

    def _decide(self, control: Any) -> None:
        """Roll back, or accept other data: every process measures, the main one's word holds for all."""
        episode, losses, ahead = self.episode, self._losses(), self.options.look_ahead_batches
        if self._agree(weights_are_damaged(losses, episode, self.batch)):
            step, load = self._target(episode.first - 1)
            load()
            verdict = suspects(losses, episode, self.batch, ahead, self.total, step * self.batch)
        else:
            verdict = examine(losses, episode, self.batch, ahead, self.total)
        verdict = self._agree(verdict)
        if verdict.kind == "change":
            self._accept_change(episode)
            return
        first = min(min(verdict.guilty) // self.batch, episode.first - 1)
        step, _ = self._target(first)
        self._roll_back(episode, verdict, step)
        control.should_training_stop = True

    def _accept_change(self, episode: Episode) -> None:
        note = {"kind": "change_of_data", "first_step": episode.first, "step": episode.last}
        self.ledger.note((episode.last - 1) * self.batch, note)
        self.detector.restart()
        self.episode = Episode()

    def _roll_back(self, episode: Episode, verdict: RollbackVerdict, step: int) -> None:
        positions = self._losses().positions(verdict.guilty)
        documents = self._blame(episode, verdict.guilty, verdict.clean)
        data = {
            "kind": verdict.kind,
            "reason": str(episode.findings[0]),
            "first_step": episode.first,
            "step": episode.last,
            "documents": documents,
        }
        self.ledger.roll_back(step, self.batch, positions, data)
        self.rolled_back_to = step

    def _blame(self, episode: Episode, guilty: Any, clean: Any) -> int:
        """Write the documents that stand out among the guilty sequences; their number."""
        losses = self._losses()
        found = outstanding(losses.documents(guilty), list(losses.documents(clean)))
        reason = str(episode.findings[0])
        self.ledger.blame(
            {
                "doc_id": one.doc_id,
                "reason": "loss_spike" if one.loss == one.loss else "loss_not_finite",
                "source": one.source,
                "url": one.url,
                "position": one.position,
                "step": one.served // self.batch + 1,
                "tokens": one.tokens,
                "loss": one.loss if abs(one.loss) < float("inf") else str(one.loss),
                "limit": limit if limit < float("inf") else None,
                "spike": reason,
            }
            for one, limit in found
        )
        return len(found)

    def clean_since(self, step: int) -> int:
        """The step since which there was no spike; the run is at `step`."""
        return step if self.episode.steps else self.last_spike

    def state(self) -> dict[str, Any]:
        """What a checkpoint stores of the watch."""
        episode = {"steps": self.episode.steps, "expected": self.episode.expected, "limit": self.episode.limit}
        findings = [vars(finding) for finding in self.episode.findings]
        return {
            "detector": self.detector.state(),
            "last_spike": self.last_spike,
            "episode": episode,
            "findings": findings,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.detector.load(state["detector"])
        self.last_spike = state["last_spike"]
        self.episode = Episode(**state["episode"], findings=[Spike(**one) for one in state["findings"]])


def _take_gradients_away(model: Any) -> None:
    for parameter in model.parameters():
        parameter.grad = None
