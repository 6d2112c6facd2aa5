"""`kind: sft` beside trl's SFTTrainer: the same rows, model, batch and optimizer, packing on both sides.

    python benchmarks/post_training.py [--steps 8] [--rounds 2] [--threads 1]

Rounds alternate. Compared are tokens with a label a second (medians of all steps but the first two of each round), how full the
sequences are, and how many tokens of the rows no sequence holds. Rows have log-normal lengths; those longer than a sequence
are left out on both sides.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
import transformers  # noqa: E402
import trl  # noqa: E402
from datasets import Dataset, disable_progress_bars  # noqa: E402
from gristmill.schemas.training.sft import SftRecipe  # noqa: E402
from gristmill.training.data.row_index import RowIndex  # noqa: E402
from gristmill.training.run import logs  # noqa: E402
from gristmill.training.run.train import train  # noqa: E402

from tests.training.kinds.tiny_models import tokenizer_of, words_of_letters  # noqa: E402

WARM_UP, WIDTH, BATCH, ROWS = 2, 512, 8, 2000


class Clock(transformers.TrainerCallback):
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, *arguments: Any, **options: Any) -> None:
        self._started = time.perf_counter()

    def on_step_end(self, *arguments: Any, **options: Any) -> None:
        self.seconds.append(time.perf_counter() - self._started)


def made(folder: Path) -> tuple[Path, list[dict[str, str]]]:
    """(a model's folder, rows)."""
    draw = random.Random(0)
    words = words_of_letters(2000, 3)
    tokenizer_of(words, folder / "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "model")
    sizes = {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 4, "num_attention_heads": 4}
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=WIDTH,
        eos_token_id=1,
        bos_token_id=None,
        pad_token_id=0,
        **sizes,
    )
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder / "model")
    rows: list[dict[str, str]] = []
    while len(rows) < ROWS:
        length = int(draw.lognormvariate(4.5, 0.7))
        if 8 <= length < WIDTH:
            before = max(1, length // 3)
            one, other = (" ".join(draw.choices(words, k=count)) for count in (before, length - before - 1))
            rows.append({"prompt": one, "completion": " " + other})
    return folder / "model", rows


def ours(
    model: Path, rows: list[dict[str, str]], folder: Path, steps: int, tokens: int
) -> tuple[list[float], float, float]:
    """tokens: of the rows. (tokens with a label a second of each timed step, fill, share of tokens lost)."""
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = {
        "name": "bench",
        "kind": "sft",
        "model": str(model),
        "rows": str(folder / "rows.jsonl"),
        "max_tokens": WIDTH,
    }
    recipe |= {"steps": steps, "batch_sequences": BATCH, "micro_batch_sequences": BATCH, "validation": None}
    recipe |= {"log": {"tensorboard": False}, "checkpoints": {"every_steps": steps}, "optimizer": {"warmup_steps": 1}}
    run = train(SftRecipe.model_validate(recipe), folder / f"ours-{time.time_ns()}").folder
    record = json.loads((run / "training.json").read_text())
    lines = [line for line in logs.read(run / logs.LOG) if "seconds" in line][WARM_UP:]
    held = sum((row.end or 0) - (row.start or 0) for row in RowIndex.load(run).in_row_order())
    return [line["labels"] / line["seconds"] for line in lines], record["fill"], 1 - held / tokens


def theirs(
    model: Path, rows: list[dict[str, str]], folder: Path, steps: int, tokens: int
) -> tuple[list[float], float, float]:
    """The same of SFTTrainer."""
    disable_progress_bars()
    config = trl.SFTConfig(
        output_dir=str(folder / "theirs"),
        max_steps=steps,
        per_device_train_batch_size=BATCH,
        max_length=WIDTH,
        packing=True,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        learning_rate=2e-5,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
    )
    clock, labels = Clock(), []
    trainer = trl.SFTTrainer(
        model=transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=transformers.AutoTokenizer.from_pretrained(model),
        callbacks=[clock],
    )
    collate = trainer.data_collator

    def counted(items: Any) -> Any:
        batch = collate(items)
        labels.append(int((batch["labels"] != -100).sum()))
        return batch

    trainer.data_collator = counted
    packed = sum(len(ids) for ids in trainer.train_dataset["input_ids"])
    fill = packed / (len(trainer.train_dataset) * WIDTH)
    trainer.train()
    rates = [count / seconds for count, seconds in zip(labels, clock.seconds, strict=False)][WARM_UP:]
    return rates, fill, 1 - packed / tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        model, rows = made(Path(folder))
        tokenizer = transformers.AutoTokenizer.from_pretrained(model)
        tokens = sum(len(tokenizer(row["prompt"] + row["completion"])["input_ids"]) + 1 for row in rows)
        found: dict[str, list[float]] = {"gristmill": [], "SFTTrainer": []}
        shares = {}
        for _ in range(options.rounds):
            for name, run in (("gristmill", ours), ("SFTTrainer", theirs)):
                rates, *shares[name] = run(model, rows, Path(folder), options.steps, tokens)
                found[name] += rates
        for name, rates in found.items():
            fill, lost = shares[name]
            print(
                f"{name:11} {statistics.median(rates):8,.0f} labels/s; {fill:.2%} full; {lost:.2%} of the tokens lost"
            )
        ratio = statistics.median(found["gristmill"]) / statistics.median(found["SFTTrainer"])
        print(f"gristmill is {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
