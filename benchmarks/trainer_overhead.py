"""What `gristmill train` adds to a bare PyTorch loop: the same model, batches, optimizer and schedule, step by step.

    python benchmarks/trainer_overhead.py [--steps 16] [--rounds 3] [--threads 2]

The bare loop reads the same windows from the same stream and does nothing but forward, backward, clip, update. The run
logs every step, watches for spikes and saves checkpoints (outside the timed part of a step, as they are a matter of how
often one wants them). Rounds alternate; the medians of all steps but the first two of each round are compared, and the
losses must agree.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS.parent))

import torch  # noqa: E402
from gristmill.schemas.shards.format import TokenizerRecord  # noqa: E402
from gristmill.schemas.training.pretrain import PretrainRecipe  # noqa: E402
from gristmill.training.models.build import build_model  # noqa: E402
from gristmill.training.objectives.registry import make  # noqa: E402
from gristmill.training.run import logs  # noqa: E402
from gristmill.training.run.train import train  # noqa: E402
from transformers import get_scheduler, set_seed  # noqa: E402

from tests.training.poison import corpus, stream_of  # noqa: E402

WARM_UP = 2


def recipe_of(shards: Path, steps: int) -> PretrainRecipe:
    return PretrainRecipe.model_validate(
        {
            "name": "overhead",
            "shards": str(shards),
            "model": {"shape": "llama", "hidden_size": 256, "layers": 4, "heads": 4},
            "stream": {"window": 512},
            "steps": steps,
            "batch_sequences": 8,
            "micro_batch_sequences": 4,
            "optimizer": {"warmup_steps": 2},
            "validation": None,
            "checkpoints": {"every_steps": steps},
            "log": {"tensorboard": True},
        }
    )


def bare(recipe: PretrainRecipe, tokenizer: TokenizerRecord) -> tuple[list[float], list[float]]:
    """Losses and seconds of each step of the plain loop."""
    set_seed(recipe.seed)
    stream = stream_of(recipe)
    objective = make("clm", tokenizer, recipe.stream.window)
    model = build_model(recipe.model, tokenizer, recipe.stream.window, recipe.seed)
    decayed = [p for n, p in model.named_parameters() if "norm" not in n]
    rest = [p for n, p in model.named_parameters() if "norm" in n]
    groups = [{"params": decayed, "weight_decay": recipe.optimizer.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    options = recipe.optimizer
    optimizer = torch.optim.AdamW(
        groups, options.learning_rate, (options.beta1, options.beta2), options.epsilon, fused=True
    )
    schedule = get_scheduler(
        "cosine_with_min_lr",
        optimizer,
        options.warmup_steps,
        recipe.steps,
        {"min_lr_rate": options.min_learning_rate_fraction},
    )
    micro, batch = recipe.micro_batch_sequences, recipe.batch_sequences
    model.train()
    losses, seconds = [], []
    for step in range(recipe.steps):
        started = time.perf_counter()
        parts = [
            objective(stream.batch(first, first + micro), stream.positions(first, first + micro))
            for first in range(step * batch, (step + 1) * batch, micro)
        ]
        labels = sum(int((part["labels"][:, 1:] != -100).sum()) for part in parts)  # type: ignore[index]
        total = 0.0
        for part in parts:
            loss = model(**part, num_items_in_batch=labels).loss
            loss.backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(float(total))
        seconds.append(time.perf_counter() - started)
    return losses, seconds


def watched(recipe: PretrainRecipe, folder: Path) -> tuple[list[float], list[float]]:
    """Losses and seconds of each step of `gristmill train`, as its log has them."""
    train(recipe, folder)
    steps = [record for record in logs.read(folder / logs.LOG) if "loss" in record]
    return [record["loss"] for record in steps], [record["seconds"] for record in steps]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    plain: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        recipe = recipe_of(corpus(Path(folder) / "shards", web=(100_000, 0.5)), options.steps)
        tokenizer = stream_of(recipe).plan.shards.manifest.tokenizer
        for number in range(options.rounds):
            losses, seconds = bare(recipe, tokenizer)
            plain += seconds[WARM_UP:]
            found, seconds = watched(recipe, Path(folder) / f"run-{number}")
            ours += seconds[WARM_UP:]
            difference = max(abs(a - b) for a, b in zip(losses, found, strict=True))
            print(f"round {number + 1}: losses differ by at most {difference:.1e}", flush=True)
            if difference > 1e-3:
                raise SystemExit("the two loops do not train the same model on the same batches")
    without, with_watch = statistics.median(plain), statistics.median(ours)
    print(f"bare loop     {without:.3f} s a step (median of {len(plain)}, fastest {min(plain):.3f})")
    print(f"gristmill     {with_watch:.3f} s a step (median of {len(ours)}, fastest {min(ours):.3f})")
    print(
        f"overhead      {100 * (with_watch / without - 1):+.2f} %, of the fastest {100 * (min(ours) / min(plain) - 1):+.2f} %"
    )


if __name__ == "__main__":
    main()
