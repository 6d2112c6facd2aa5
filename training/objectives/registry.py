"""Every objective, by name; adding one is its own file plus a line here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import load_registered
from gristmill.schemas.shards.format import TokenizerRecord
from gristmill.schemas.strict import Strict
from gristmill.training.objectives.windows import Windows
from pydantic import ValidationError

if TYPE_CHECKING:
    import torch

OBJECTIVES: dict[str, str] = {
    "clm": "gristmill.training.objectives.causal:Causal",
    "fill_in_the_middle": "gristmill.training.objectives.fill_in_the_middle:FillInTheMiddle",
    "mlm": "gristmill.training.objectives.masked:Masked",
    "span_corruption": "gristmill.training.objectives.span_corruption:SpanCorruption",
    "replaced_token": "gristmill.training.objectives.replaced_token:ReplacedToken",
}


@dataclass(frozen=True)
class Setting:
    """What an objective may depend on besides its options. tokenizer_folder: only to know where words begin."""

    tokenizer: TokenizerRecord
    window: int
    seed: int = 0
    tokenizer_folder: Path | None = None


class Objective(Protocol):
    """From token windows to what a model is called with, and to the loss of every token.

    shapes: the model shapes it can train. Options: its options, a typed document.
    """

    shapes: ClassVar[frozenset[str]]
    Options: ClassVar[type[Strict]]

    def __init__(self, setting: Setting, options: Any) -> None: ...

    def __call__(self, windows: Windows, positions: np.ndarray) -> "dict[str, torch.Tensor | bool | float]":
        """What `model(**inputs)` gets for `windows` (rows, window); positions (rows,): numbers the sequences have in
        the run, which key all randomness.

        Called with `num_items_in_batch` besides, the model's loss is, for each part of it, the sum over the tokens of
        these inputs divided by that number: so the losses of the parts of a batch add up to that of the batch.
        """
        ...

    def label_counts(self, inputs: "Mapping[str, Any]") -> "torch.Tensor":
        """int64 (parts,): how many tokens of these inputs bear each part of the loss (one part, for most objectives)."""
        ...

    def token_losses(self, model: "torch.nn.Module", windows: Windows, positions: np.ndarray) -> "TokenLosses":
        """The loss of every token, without gradients and with dropout off: what blame and scoring read."""
        ...


@dataclass(frozen=True)
class TokenLosses:
    """losses, scored: float32 and bool (rows, window); losses are 0 where nothing is scored."""

    losses: np.ndarray
    scored: np.ndarray

    def mean(self, row: int, start: int, end: int) -> float:
        """Mean loss of the scored tokens in [start, end) of a row: NaN when none is scored."""
        count = int(self.scored[row, start:end].sum())
        return float(self.losses[row, start:end].sum(dtype=np.float64)) / count if count else float("nan")


def make(
    name: str,
    tokenizer: TokenizerRecord,
    window: int,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    tokenizer_folder: Path | None = None,
) -> Objective:
    """The objective `name` for windows of `window` tokens; RecipeError for options that cannot work."""
    kind = load_registered(OBJECTIVES, "objective", name)
    try:
        chosen = kind.Options.model_validate(dict(options or {}))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RecipeError(
            first["msg"], where=f"objective {name}, option {key}" if key else f"objective {name}"
        ) from error
    made: Objective = kind(Setting(tokenizer, window, seed, tokenizer_folder), chosen)
    return made
