"""The recipe of pre-training: which shards, which model, which objective."""

from typing import Annotated, Any, ClassVar, Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.strict import Strict
from gristmill.schemas.training.model import ModelShape
from gristmill.schemas.training.recipe import TrainingRecipe
from pydantic import BeforeValidator, Field


class ObjectiveChoice(Strict):
    """What is learned from a window: `clm`, `fill_in_the_middle`, `mlm`, `span_corruption`, `replaced_token`.

    options: the objective's.
    """

    name: str = "clm"
    options: dict[str, Any] = Field(default_factory=dict)


class MixturePhase(Strict):
    """Another mixture from a step on."""

    from_step: int = Field(ge=1)
    mixture: dict[str, float]


class StreamOptions(Strict):
    """How shards become sequences.

    window: tokens in a sequence. packing: documents up to the window stay whole and share sequences; without it tokens are
    split every `window` tokens, across documents. mixture: weight of each source; by default its share of the tokens.
    """

    renamed: ClassVar = {"cut": "packing: true | false"}

    window: int = Field(2048, ge=8)
    packing: bool = False
    seed: int = Field(0, ge=0)
    mixture: dict[str, float] | None = None
    phases: tuple[MixturePhase, ...] = ()
    verify: Literal["lazy", "full", "none"] = "lazy"


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class PretrainRecipe(TrainingRecipe):
    """One run of pre-training from token shards, or of going on with a trained model (`model: {checkpoint: ...}`)."""

    free_to_change: ClassVar[frozenset[str]] = TrainingRecipe.free_to_change | {"shards", "stream.verify"}

    shards: RecipePath
    model: ModelShape
    objective: Annotated[ObjectiveChoice, BeforeValidator(_named)] = Field(default_factory=ObjectiveChoice)
    stream: StreamOptions = Field(default_factory=StreamOptions)
