"""What the recipes of reinforcement learning have in common: how completions are drawn, and what rewards them."""

from typing import Any, ClassVar, Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.strict import Strict
from gristmill.schemas.training.recipe import Stability
from gristmill.schemas.training.rows import FineTuning, RowRecipe
from pydantic import Field, model_validator

UNBOUNDED = 1e9  # standard deviations: no value is that far off, so only what is not finite is a spike


class PolicyOptimizer(FineTuning):
    """AdamW with the default rate of reinforcement learning."""

    learning_rate: float = Field(1e-6, gt=0)


class PolicyStability(Stability):
    """A policy's loss says nothing of its data: only steps whose loss or gradient is not finite are spikes."""

    loss_sigma: float = Field(UNBOUNDED, gt=0)
    grad_norm_sigma: float = Field(UNBOUNDED, gt=0)


class RewardChoice(Strict):
    """What rewards a completion: exactly one of `checker`, `function`, `model`.

    checker: data of one of gristmill's checkers, as `{kind: number}`, for every row; it compares with the row's `answer`.
    function: `module:function`, called as trl calls its own: f(prompts, completions, **columns) -> a number or None for each.
    model: the folder of a reward model. weight: of this reward in the sum.
    """

    checker: dict[str, Any] | str | None = None
    function: str | None = None
    model: RecipePath | None = None
    weight: float = 1.0

    @model_validator(mode="after")
    def _one(self) -> "RewardChoice":
        if sum(value is not None for value in (self.checker, self.function, self.model)) != 1:
            raise ValueError("found none or several of checker, function and model; expected one of them")
        return self


class Samples(Strict):
    """Which completions are kept for people: `completions` of them, every `every_steps` steps."""

    every_steps: int = Field(20, ge=1)
    completions: int = Field(4, ge=0)


class RolloutRecipe(RowRecipe):
    """One run of reinforcement learning.

    rewards: of a completion, added up by weight; where there are none, each row names its own in the column `checker`.
    generations: completions of each prompt; `batch_sequences` and `micro_batch_sequences` count prompts. max_new_tokens: of a
    completion; prompts have at most `max_tokens` less those. top_k: 0 for all tokens. reward_seconds: that a function may
    take for a completion; beyond them it is not scored.
    """

    free_to_change: ClassVar[frozenset[str]] = RowRecipe.free_to_change | {"samples"}

    rewards: tuple[RewardChoice, ...] = ()
    generations: int = Field(8, ge=1)
    max_new_tokens: int = Field(256, ge=1)
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0)
    reward_seconds: float = Field(10.0, gt=0)
    samples: Samples = Field(default_factory=Samples)
    batch_sequences: int = Field(32, ge=1)
    optimizer: PolicyOptimizer = Field(default_factory=PolicyOptimizer)
    stability: PolicyStability = Field(default_factory=PolicyStability)

    @model_validator(mode="after")
    def _room_for_a_prompt(self) -> "RolloutRecipe":
        if self.max_new_tokens >= self.max_tokens:
            raise ValueError(
                f"found max_new_tokens {self.max_new_tokens}; expected fewer than max_tokens {self.max_tokens}, "
                "which hold the prompt too"
            )
        if self.adapter is not None and self.adapter.learns_prompts:
            raise ValueError(
                f"found adapter {self.adapter.method}, whose vectors would stand in front of the padding of a prompt; "
                "expected lora or another adapter of the layers"
            )
        if self.fsdp:
            raise ValueError("found fsdp; expected DDP: the model that writes completions must be whole")
        return self


class GroupRecipe(RolloutRecipe):
    """What GRPO and RLOO share: the completions of a prompt are judged by each other.

    kl: weight of the divergence from the model before step 1; 0 holds no reference. clip_low, clip_high: of the ratio, below
    and above 1. vllm: completions are drawn by vLLM, on a GPU; they are then not repeated bit for bit.
    """

    generations: int = Field(8, ge=2)
    kl: float = Field(0.0, ge=0)
    clip_low: float = Field(0.2, gt=0)
    clip_high: float = Field(0.2, gt=0)
    vllm: bool = False

    @model_validator(mode="after")
    def _a_reference_under_the_adapter(self) -> "GroupRecipe":
        if self.kl and self.adapter is not None:
            self.adapter.check_reference()
        return self


class GrpoRecipe(GroupRecipe):
    """Group relative policy optimisation (Shao 2024), with trl's variants of the loss.

    loss: `dapo` (Yu 2025) and `dr_grpo` (Liu 2025) do not favour short or long completions, `grpo` is the first one.
    scale: advantages are divided by the deviation of a group's rewards, of the batch's, or by nothing.
    """

    loss: Literal["dapo", "dr_grpo", "grpo", "bnpo", "cispo"] = "dapo"
    scale: Literal["group", "batch", "none"] = "group"


class RlooRecipe(GroupRecipe):
    """REINFORCE with a leave-one-out baseline (Ahmadian 2024), by trl.

    kl: of the divergence of a whole completion, taken off its reward. normalise_advantages: to mean 0 and deviation 1 over the
    batch. reward_range: rewards are clipped to (least, most).
    """

    kl: float = Field(0.05, ge=0)
    normalise_advantages: bool = False
    reward_range: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _range_is_one(self) -> "RlooRecipe":
        if self.reward_range is not None and not self.reward_range[0] < self.reward_range[1]:
            raise ValueError(f"found reward_range {list(self.reward_range)}; expected the least before the most")
        return self
