"""The recipe of proximal policy optimisation."""

from typing import Literal

from gristmill.schemas.strict import Strict
from gristmill.schemas.training.rollouts import RolloutRecipe
from pydantic import Field, model_validator


class KlPenalty(Strict):
    """How strongly each token is held to the model before step 1.

    coefficient: at the beginning. target: of the divergence of a completion, in nats; where it is given, the coefficient
    follows it over `horizon` completions (Ziegler 2019), else it stays.
    """

    coefficient: float = Field(0.05, ge=0)
    target: float | None = Field(None, gt=0)
    horizon: int = Field(10_000, ge=1)


class PpoRecipe(RolloutRecipe):
    """Proximal policy optimisation (Schulman 2017; for language models Ziegler 2019, Huang 2024).

    A step draws completions of `batch_sequences` prompts and makes `epochs` x `minibatches` updates with them.
    value: `shared`: a head on the policy's own trunk; `separate`: a trunk of its own. discount, trace_decay: gamma and lambda
    of generalised advantage estimation (Schulman 2016). clip_ratio, clip_value: how far ratio and value may move in a step.
    value_weight: of the value's loss. whiten_rewards: rewards are divided by their deviation. clip_score: the largest size of
    a completion's reward. penalty_without_end: taken from the reward of a completion that was truncated at max_new_tokens.
    """

    generations: int = Field(1, ge=1)
    epochs: int = Field(4, ge=1)
    minibatches: int = Field(1, ge=1)
    kl: KlPenalty = Field(default_factory=KlPenalty)
    value: Literal["shared", "separate"] = "shared"
    discount: float = Field(1.0, gt=0, le=1)
    trace_decay: float = Field(0.95, ge=0, le=1)
    clip_ratio: float = Field(0.2, gt=0)
    clip_value: float = Field(0.2, gt=0)
    value_weight: float = Field(0.1, ge=0)
    whiten_rewards: bool = False
    clip_score: float | None = Field(None, gt=0)
    penalty_without_end: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _whole_minibatches(self) -> "PpoRecipe":
        if self.batch_sequences % (self.minibatches * self.micro_batch_sequences):
            raise ValueError(
                f"found batch_sequences {self.batch_sequences}; expected a multiple of minibatches x "
                f"micro_batch_sequences, {self.minibatches} x {self.micro_batch_sequences}"
            )
        if self.averaging.ema_decay or self.averaging.last:
            raise ValueError("found averaging with ppo; expected none: a policy is not the average of its past")
        if self.adapter is not None:
            self.adapter.check_reference()
        return self
