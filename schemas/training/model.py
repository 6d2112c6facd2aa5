"""The model of a training recipe: a shape with its sizes, or a checkpoint folder."""

from typing import Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.strict import Strict
from pydantic import Field, model_validator


class ModelShape(Strict):
    """The model: a shape with its sizes, or a checkpoint folder (its sizes are then the folder's).

    kv_heads: key-value heads (grouped-query attention), as many as `heads` when not given.
    intermediate_size: width of the feed-forward layer; by default 8/3 of the hidden size for the gated shapes (Llama,
    Qwen), 4 times the hidden size for the others. generator_fraction: ELECTRA's generator as a part of its
    discriminator, in width. initializer_range: standard deviation of fresh weights; T5 scales its own.
    """

    shape: Literal["llama", "qwen", "bert", "t5", "electra"] | None = None
    checkpoint: RecipePath | None = None
    hidden_size: int = Field(768, ge=8)
    layers: int = Field(12, ge=1)
    heads: int = Field(12, ge=1)
    kv_heads: int | None = Field(None, ge=1)
    intermediate_size: int | None = Field(None, ge=8)
    tie_embeddings: bool = True
    dropout: float = Field(0.0, ge=0, lt=1)
    generator_fraction: float = Field(0.25, gt=0, le=1)
    initializer_range: float = Field(0.02, gt=0)

    @model_validator(mode="after")
    def _one_origin(self) -> "ModelShape":
        if (self.shape is None) == (self.checkpoint is None):
            raise ValueError("found both or neither of shape and checkpoint; expected one of them")
        if self.hidden_size % self.heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}")
        return self
