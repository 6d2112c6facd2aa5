"""What the recipes of all kinds that train a finished model on rows have in common: files of rows, a model, an adapter."""

from typing import ClassVar, Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.training.adapter import Adapter
from gristmill.schemas.training.recipe import Optimizer, TrainingRecipe
from pydantic import Field, model_validator


class FineTuning(Optimizer):
    """AdamW with the defaults of fine-tuning: 2e-5, no decay of weights, a short warm-up."""

    learning_rate: float = Field(2e-5, gt=0)
    warmup_steps: int = Field(10, ge=0)
    weight_decay: float = Field(0.0, ge=0)


class RowRecipe(TrainingRecipe):
    """One run on rows, from a finished model.

    rows, validation_rows: a JSON Lines or Parquet file, a folder of such files, or a run of gristmill (its corpus).
    forgotten_rows: a text file with the id of a row a line: these are served neither by a new run nor, from its next start on,
    by one that has begun, whether or not the files still hold them. What a run of gristmill has forgotten is known without it.
    model: a folder of `save_pretrained`. tokenizer: a folder; by default the model's. chat_template: `gristmill` or
    `chatml`, in place of the tokenizer's own. max_tokens: of a row. unusable_rows: whether rows that cannot be trained on
    (too long, without a target, ...) stop the run before it begins, or are left out and counted.
    """

    free_to_change: ClassVar[frozenset[str]] = TrainingRecipe.free_to_change | {"validation_rows", "forgotten_rows"}

    rows: RecipePath
    validation_rows: RecipePath | None = None
    forgotten_rows: RecipePath | None = None
    model: RecipePath
    tokenizer: RecipePath | None = None
    chat_template: Literal["gristmill", "chatml"] | None = None
    max_tokens: int = Field(1024, ge=8)
    unusable_rows: Literal["refuse", "leave_out"] = "refuse"
    adapter: Adapter | None = None
    batch_sequences: int = Field(64, ge=1)
    optimizer: FineTuning = Field(default_factory=FineTuning)

    @model_validator(mode="after")
    def _adapters_are_not_averaged(self) -> "RowRecipe":
        if self.adapter is not None and (self.averaging.ema_decay or self.averaging.last):
            raise ValueError(
                "found averaging with an adapter; expected one of them: the weights beneath it do not move"
            )
        if self.adapter is not None and self.fsdp:
            raise ValueError("found fsdp with an adapter; expected one of them: an adapter needs no sharding")
        return self
