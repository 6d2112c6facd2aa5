"""The mixin for trl's trainers: what they do by themselves is left out, and what they measure goes into the run's log.

trl's trainers send telemetry and write a model card beside the checkpoints; a run does neither. They collect figures of
every micro batch for a log of their own, which a run does not use.
"""

import math
from typing import Any

from gristmill.training.run.trainer import WatchedTrainer

CUMULATIVE = ("num_tokens",)  # counted since the process began, so that another number would follow after a resume


class WatchedTrlTrainer(WatchedTrainer):
    """What makes one of trl's trainers part of a run: exact resume, its figures in the run's log, no telemetry, no model card.

    It comes first among the bases: `class WatchedDPO(WatchedTrlTrainer, trl.DPOTrainer)`.
    """

    _metrics: dict[str, dict[str, list[float]]]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for parameter in self.model.parameters():
            if parameter.requires_grad:
                parameter.data = (
                    parameter.data.float()
                )  # over weights in 4 bits trl trains in 16, which other layers refuse

    def step_figures(self) -> dict[str, float]:
        """The mean over the step's micro batches of what trl measured, by trl's names."""
        found = {name: math.fsum(values) / len(values) for name, values in self._metrics["train"].items() if values}
        for of_mode in self._metrics.values():
            of_mode.clear()
        return {name: value for name, value in found.items() if name not in CUMULATIVE}

    def _send_telemetry(self) -> None:
        return

    def create_model_card(self, *arguments: Any, **options: Any) -> None:
        return
