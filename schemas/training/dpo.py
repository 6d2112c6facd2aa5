"""The recipe of direct preference optimisation."""

from typing import Literal

from gristmill.schemas.training.rows import FineTuning, RowRecipe
from pydantic import Field, model_validator

DpoLoss = Literal[
    "sigmoid",
    "sigmoid_norm",
    "hinge",
    "ipo",
    "exo_pair",
    "nca_pair",
    "robust",
    "bco_pair",
    "sppo_hard",
    "aot",
    "aot_unpaired",
    "apo_zero",
    "apo_down",
    "discopop",
    "sft",
]


class DpoOptimizer(FineTuning):
    """AdamW with the default rate of preference optimisation."""

    learning_rate: float = Field(5e-7, gt=0)


class DpoRecipe(RowRecipe):
    """Direct preference optimisation (Rafailov 2023), with trl's variants of the loss.

    losses: one or several, added with `loss_weights`. beta: how strongly the reference holds the model.
    label_smoothing: how often a preference is taken to be wrong.
    """

    losses: tuple[DpoLoss, ...] = Field(("sigmoid",), min_length=1)
    loss_weights: tuple[float, ...] | None = None
    beta: float = Field(0.1, gt=0)
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)
    optimizer: DpoOptimizer = Field(default_factory=DpoOptimizer)

    @model_validator(mode="after")
    def _losses_and_their_reference(self) -> "DpoRecipe":
        if self.loss_weights is not None and len(self.loss_weights) != len(self.losses):
            raise ValueError(
                f"found {len(self.loss_weights)} loss_weights; expected one for each of {len(self.losses)}"
            )
        sorted_losses = [name for name in self.losses if name.startswith("aot")]
        if sorted_losses and self.micro_batch_sequences != self.batch_sequences:
            raise ValueError(
                f"found loss {sorted_losses[0]}, which sorts the pairs of a whole batch, with micro_batch_sequences "
                f"{self.micro_batch_sequences}; expected batch_sequences, {self.batch_sequences}"
            )
        if "exo_pair" in self.losses and not self.label_smoothing:
            raise ValueError(
                "found loss exo_pair with label_smoothing 0, where it is infinite; expected more, such as 1.0e-3"
            )
        if self.adapter is not None:
            self.adapter.check_reference()
        return self
