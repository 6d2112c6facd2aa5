"""What the recipes of all kinds of training have in common: how long, how fast, what is saved, what a spike is."""

from typing import ClassVar, Literal

from gristmill.schemas.strict import Strict
from pydantic import Field, model_validator


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
    """Loss on `sequences` of the validation split, every `every_steps`. before_step_1: also of the model that is trained on."""

    every_steps: int = Field(500, ge=1)
    sequences: int = Field(256, ge=1)
    before_step_1: bool = False


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


class TrainingRecipe(Strict):
    """One training run. A kind of training adds what its data and its loss need (`schemas.training.pretrain`).

    kind: of training; `gristmill.training.kinds.registry` lists them, and `module:attribute` names one of your own.
    batch_sequences: sequences (rows, for kinds that train on rows) of one update over all processes;
    micro_batch_sequences: those that one process holds at once; the rest is accumulated.
    """

    # Keys that may differ between a run and its continuation, because none of them changes a step. (`steps` may where the
    # schedule allows it.)
    free_to_change: ClassVar[frozenset[str]] = frozenset(
        {
            "micro_batch_sequences",
            "activation_checkpointing",
            "compile",
            "validation",
            "checkpoints",
            "stability.max_rollbacks",
            "averaging.last",
            "log",
        }
    )

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    kind: str = "pretrain"
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
