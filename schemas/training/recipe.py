"""Training recipes: which shards, which model, which objective, how long; loaded like corpus recipes."""

from pathlib import Path
from typing import Annotated, Any, Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.strict import Strict
from gristmill.schemas.yaml_files import load_document
from pydantic import BeforeValidator, Field, model_validator


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


class Objective(Strict):
    """What is learned from a window: `clm`, `mlm`, `span_corruption`, `replaced_token`; options are the objective's."""

    name: str = "clm"
    options: dict[str, Any] = Field(default_factory=dict)


class Phase(Strict):
    """Another mixture from a step on."""

    from_step: int = Field(ge=1)
    mixture: dict[str, float]


class StreamOptions(Strict):
    """How shards become sequences. mixture: weight of each source; by default its share of the tokens."""

    window: int = Field(2048, ge=8)
    cut: Literal["windows", "packed"] = "windows"
    seed: int = Field(0, ge=0)
    mixture: dict[str, float] | None = None
    phases: tuple[Phase, ...] = ()
    verify: Literal["lazy", "full", "none"] = "lazy"


class Optimizer(Strict):
    """AdamW. schedule: `cosine` falls to `min_learning_rate_fraction` at the last step; `wsd` stays at the top and
    falls over the last `decay_fraction` of the steps."""

    learning_rate: float = Field(3e-4, gt=0)
    warmup_steps: int = Field(2000, ge=0)
    schedule: Literal["cosine", "wsd"] = "cosine"
    min_learning_rate_fraction: float = Field(0.1, ge=0, le=1)
    decay_fraction: float = Field(0.2, gt=0, le=1)
    weight_decay: float = Field(0.1, ge=0)
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.95, ge=0, lt=1)
    epsilon: float = Field(1e-8, gt=0)
    clip: float = Field(1.0, gt=0)


class Validation(Strict):
    """Loss on `sequences` of the validation split, every `every_steps`."""

    every_steps: int = Field(500, ge=1)
    sequences: int = Field(256, ge=1)


class Checkpoints(Strict):
    """When to save. A checkpoint is stable once `stable_after_steps` steps after it passed without a spike; the last
    `keep_stable` stable ones are kept, and every one younger than the last stable."""

    every_steps: int = Field(500, ge=1)
    stable_after_steps: int = Field(50, ge=1)
    keep_stable: int = Field(3, ge=1)


class Stability(Strict):
    """What a spike is and what is done about it.

    A step is a spike when its loss or gradient norm is not finite, when its loss is above the trend by `loss_sigma`
    robust standard deviations of the trend's own errors and by `min_rise` of the loss, or when its gradient norm is
    above the usual by `grad_norm_sigma` and by a factor of `min_grad_norm_ratio`. The first `min_steps` steps are
    judged for finiteness only.
    skip_updates: spikes in a row whose update is skipped; the next one is looked into: bad data is rolled back and
    skipped, a change of data is accepted. 0 looks into every spike at once.
    look_ahead_batches: how far past the spike bad sequences are looked for.
    """

    enabled: bool = True
    window: int = Field(64, ge=16)
    min_steps: int = Field(24, ge=8)
    loss_sigma: float = Field(6.0, gt=0)
    min_rise: float = Field(0.02, ge=0)
    grad_norm_sigma: float = Field(8.0, gt=0)
    min_grad_norm_ratio: float = Field(5.0, ge=1)
    skip_updates: int = Field(5, ge=0)
    look_ahead_batches: int = Field(128, ge=0)
    max_rollbacks: int = Field(20, ge=0)


class Averaging(Strict):
    """Averages of the weights: a moving one (`ema_decay`), and of the last `last` checkpoints."""

    ema_decay: float | None = Field(None, gt=0, lt=1)
    last: int | None = Field(None, ge=2)


class Log(Strict):
    """tensorboard: event files beside log.jsonl. peak_tflops: the device's peak, for the model FLOPs utilisation."""

    tensorboard: bool = True
    peak_tflops: float | None = Field(None, gt=0)


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class TrainingRecipe(Strict):
    """One pre-training run. batch_sequences: sequences of one update over all processes; micro_batch_sequences: those
    one process holds at once; the rest is accumulated."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    shards: RecipePath
    model: ModelShape
    objective: Annotated[Objective, BeforeValidator(_named)] = Field(default_factory=Objective)
    stream: StreamOptions = Field(default_factory=StreamOptions)
    steps: int = Field(ge=1)
    batch_sequences: int = Field(256, ge=1)
    micro_batch_sequences: int = Field(8, ge=1)
    seed: int = Field(0, ge=0)
    optimizer: Optimizer = Field(default_factory=Optimizer)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    activation_checkpointing: bool = False
    compile: bool = False
    fsdp: bool = False
    validation: Validation | None = Field(default_factory=Validation)
    checkpoints: Checkpoints = Field(default_factory=Checkpoints)
    stability: Stability = Field(default_factory=Stability)
    averaging: Averaging = Field(default_factory=Averaging)
    log: Log = Field(default_factory=Log)

    @model_validator(mode="after")
    def _batch_is_whole(self) -> "TrainingRecipe":
        if self.batch_sequences % self.micro_batch_sequences:
            raise ValueError(
                f"batch_sequences {self.batch_sequences} is not a multiple of "
                f"micro_batch_sequences {self.micro_batch_sequences}"
            )
        return self

    @model_validator(mode="after")
    def _average_is_whole(self) -> "TrainingRecipe":
        if self.fsdp and self.averaging.ema_decay is not None:
            raise ValueError(
                "found averaging.ema_decay with fsdp, where no process has all weights; expected one of them"
            )
        return self


# What may differ between a run and its continuation: none of it changes a step. (`steps` may where the schedule allows it.)
FREE_TO_CHANGE = {
    "shards",
    "stream.verify",
    "micro_batch_sequences",
    "activation_checkpointing",
    "compile",
    "validation",
    "checkpoints",
    "stability.max_rollbacks",
    "averaging.last",
    "log",
}


def load_training_recipe(path: str | Path) -> TrainingRecipe:
    """The training recipe in a YAML file; paths are relative to the file. RecipeError names file, line, nearest key."""
    return load_document(path, TrainingRecipe)
