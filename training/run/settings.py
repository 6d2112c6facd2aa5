"""The Trainer's settings for a recipe, on the processes that there are."""

import os
from pathlib import Path
from typing import Any

import torch
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.training.recipe import TrainingRecipe
from gristmill.training.run.schedule import scheduler_options
from transformers import TrainingArguments

# what recipes call activation_checkpointing had another name in transformers, which 5.17 knows alone
CHECKPOINTING = next(
    name
    for name in ("activation_checkpointing", "gradient_checkpointing")
    if name in TrainingArguments.__dataclass_fields__
)


def training_options(recipe: TrainingRecipe, out: Path) -> dict[str, Any]:
    """The Trainer's settings that a recipe decides, as keywords of transformers.TrainingArguments.

    RecipeError when the batch cannot be dealt out evenly, or FSDP would be left out.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    share = recipe.micro_batch_sequences * processes
    if recipe.batch_sequences % share:
        raise RecipeError(
            f"batch_sequences {recipe.batch_sequences}",
            expected=f"a multiple of micro_batch_sequences x processes = {recipe.micro_batch_sequences} x {processes}",
            next_step="change micro_batch_sequences or the number of processes; the batch decides the result",
        )
    gpu = torch.cuda.is_available()
    if recipe.fsdp:
        check_fsdp(gpu, processes)
    check_devices(torch.cuda.device_count() if gpu else 0, processes)
    options = recipe.optimizer
    schedule, schedule_options = scheduler_options(recipe)
    return {
        "output_dir": str(out),
        "max_steps": recipe.steps,
        "per_device_train_batch_size": recipe.micro_batch_sequences,
        "gradient_accumulation_steps": recipe.batch_sequences // share,
        "learning_rate": options.learning_rate,
        "warmup_steps": options.warmup_steps,
        "lr_scheduler_type": schedule,
        "lr_scheduler_kwargs": schedule_options,
        "weight_decay": options.weight_decay,
        "adam_beta1": options.beta1,
        "adam_beta2": options.beta2,
        "adam_epsilon": options.epsilon,
        "max_grad_norm": options.clip,
        "bf16": recipe.precision == "bfloat16"
        or (recipe.precision == "auto" and gpu and torch.cuda.is_bf16_supported()),
        "use_cpu": not gpu,
        "ddp_backend": "gloo" if processes > 1 and not gpu else None,
        "ddp_find_unused_parameters": False if processes > 1 else None,
        "log_level_replica": "error",
        CHECKPOINTING: recipe.activation_checkpointing,
        "torch_compile": recipe.compile,
        "fsdp": recipe.fsdp or None,
        "seed": recipe.seed,
        "train_sampling_strategy": "sequential",
        "remove_unused_columns": False,
        "dataloader_pin_memory": gpu,
        "logging_strategy": "no",
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "eval_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
    }


def check_fsdp(gpu: bool, processes: int) -> None:
    """RecipeError where accelerate would leave FSDP out without a word."""
    if not gpu:
        raise RecipeError("fsdp: true without a GPU", expected="GPUs", next_step="leave fsdp out: DDP is used on CPUs")
    if processes == 1:
        raise RecipeError("fsdp: true in one process", expected="several", next_step="start it under torchrun")


def check_devices(gpus: int, processes: int) -> None:
    """RecipeError where the Trainer would spread one process over all GPUs, with another batch than the recipe's."""
    if gpus > 1 and processes == 1:
        raise RecipeError(
            f"{gpus} GPUs seen by one process",
            expected="a process for each GPU",
            next_step=f"start it with torchrun --nproc-per-node {gpus}, or set CUDA_VISIBLE_DEVICES to one of them",
        )
