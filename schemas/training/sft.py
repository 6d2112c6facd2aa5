"""The recipe of supervised fine-tuning."""

from gristmill.schemas.training.rows import RowRecipe
from pydantic import model_validator


class SftRecipe(RowRecipe):
    """Supervised fine-tuning: the loss is asked of the assistant's tokens, or of the completion's, only.

    packing: several rows share a sequence of `max_tokens`, whole, none seeing another.
    """

    packing: bool = True

    @model_validator(mode="after")
    def _prompts_are_not_packed(self) -> "SftRecipe":
        if self.packing and self.adapter is not None and self.adapter.learns_prompts:
            raise ValueError(
                f"found packing with adapter {self.adapter.method}, whose vectors stand in front of a sequence and not "
                "of each row in it; expected packing: false"
            )
        return self
