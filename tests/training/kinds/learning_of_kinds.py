"""Tasks that a tiny model can learn in seconds, and how well it does on what it never saw."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from gristmill.training.kinds.registry import recipe_model
from gristmill.training.models.sampling import Sampling, draw_completions, key_of
from gristmill.training.run import logs
from gristmill.training.run.train import train
from gristmill.training.score.pair_figures import figures_of, rewards_of

from tests.training.kinds.tiny_models import WORDS, model_of, options_of, tokenizer_of, write_lines

NAMES = WORDS[:12]


def start(folder: Path, seed: int, hidden: int = 64) -> Path:
    """A model with random weights and its tokenizer."""
    return model_of(tokenizer_of(WORDS, folder / "model"), seed=seed, hidden=hidden)


def trained(kind: str, folder: Path, model: Path, rows: list[dict[str, Any]], seed: int, **changes: Any) -> Path:
    """The folder of a finished run."""
    path = write_lines(folder / f"{kind}.jsonl", rows)
    defaults = {"kind": kind, "model": str(model), "rows": path, "seed": seed, "batch_sequences": 16}
    defaults |= {"micro_batch_sequences": 16, "checkpoints": {"every_steps": 1000, "stable_after_steps": 1}}
    options = options_of(**defaults)
    run = train(recipe_model(kind).model_validate(options | changes), folder / f"{kind}-run").folder
    return run


# Which of two names came first: a skill that holds for pairs of names that were never trained on.


def first_of_two(seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(rows to train on, held-out rows): messages that ask for the first of two names."""
    draw = np.random.default_rng(seed)
    pairs = [(a, b) for a in NAMES for b in NAMES if a != b]
    order = draw.permutation(len(pairs))
    rows = [
        {"messages": [{"role": "user", "content": f"{a} {b}"}, {"role": "assistant", "content": a}]}
        for a, b in (pairs[number] for number in order)
    ]
    return rows[:100], rows[100:]


def answers(model_folder: Path, rows: list[dict[str, Any]]) -> list[str]:
    """What a chat model writes to the first message of each row, the likeliest token at each place."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_folder)
    model = load(model_folder)
    prompts = [
        tokenizer.apply_chat_template(row["messages"][:1], add_generation_prompt=True, tokenize=True, return_dict=True)[
            "input_ids"
        ]
        for row in rows
    ]
    keys = [0] * len(prompts)
    drawn = draw_completions(
        model, prompts, keys, Sampling(8, top_k=1), [tokenizer.eos_token_id], tokenizer.pad_token_id
    )
    return [tokenizer.decode(ids) for ids in drawn]


def share_right(model_folder: Path, rows: list[dict[str, Any]]) -> float:
    """Answers that are the right one, ended where they should."""
    end = transformers.AutoTokenizer.from_pretrained(model_folder).eos_token
    found = answers(model_folder, rows)
    return float(np.mean([text == row["messages"][1]["content"] + end for text, row in zip(found, rows, strict=True)]))


def load(folder: Path) -> Any:
    if (folder / "adapter_config.json").exists():
        import peft

        return peft.AutoPeftModelForCausalLM.from_pretrained(folder)
    return transformers.AutoModelForCausalLM.from_pretrained(folder)


# Preference pairs: the answer that holds a good word is preferred.

GOOD, BAD = WORDS[20:30], WORDS[30:40]


def pairs(seed: int, shuffled: bool = False) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(pairs to train on, held-out pairs): four words each, one of them good or bad. shuffled: labels are drawn."""
    draw = np.random.default_rng(seed)

    def answer(kind: list[str]) -> str:
        words = [*draw.choice(NAMES, 3), str(draw.choice(kind))]
        return " " + " ".join(str(word) for word in draw.permutation(words))

    rows = []
    for _ in range(500):
        sides = [answer(GOOD), answer(BAD)]
        if shuffled and draw.random() < 0.5:
            sides.reverse()
        rows.append({"prompt": str(draw.choice(NAMES)), "chosen": sides[0], "rejected": sides[1]})
    return rows[:400], rows[400:]


def reward_accuracy(model_folder: Path, rows: list[dict[str, Any]]) -> dict[str, float]:
    """Figures of a reward model on held-out pairs."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(model_folder)
    sides = [
        [tokenizer(row["prompt"] + row[side] + tokenizer.eos_token)["input_ids"] for row in rows]
        for side in ("chosen", "rejected")
    ]
    chosen, rejected = (rewards_of(model, ids, tokenizer.pad_token_id) for ids in sides)
    return figures_of(chosen - rejected, np.zeros(len(rows)))


def margins(model_folder: Path, base: Path, rows: list[dict[str, Any]]) -> np.ndarray:
    """Of each pair, how much more than the base a model prefers the chosen answer, in nats."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    found = []
    for folder in (model_folder, base):
        model = load(folder)
        sides = [
            np.array([_logp(model, tokenizer, row["prompt"], row[side]) for row in rows])
            for side in ("chosen", "rejected")
        ]
        found.append(sides[0] - sides[1])
    return found[0] - found[1]


def _logp(model: Any, tokenizer: Any, prompt: str, answer: str) -> float:
    before = len(tokenizer(prompt)["input_ids"])
    ids = torch.tensor([tokenizer(prompt + answer + tokenizer.eos_token)["input_ids"]])
    with torch.no_grad():
        scores = model(input_ids=ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
    return float(scores[before - 1 :].sum())


# A verifiable task: name the second of two names. The policy begins as one that names either.


def either_of_two(seed: int) -> list[dict[str, Any]]:
    """Prompts of two names, each completed once by the one and once by the other."""
    draw = np.random.default_rng(seed)
    both = [{"prompt": f"{a} {b}", "completion": f" {name}"} for a in NAMES for b in NAMES if a != b for name in (a, b)]
    return [both[number] for number in draw.permutation(len(both))]


def second_of_two(seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(prompts to train on, held-out prompts), with the answer."""
    draw = np.random.default_rng(seed)
    names = [(a, b) for a in NAMES for b in NAMES if a != b]
    rows = [{"prompt": f"{names[n][0]} {names[n][1]}", "answer": names[n][1]} for n in draw.permutation(len(names))]
    return rows[:100], rows[100:]


def share_rewarded(model_folder: Path, base: Path, rows: list[dict[str, Any]], draws: int = 16) -> float:
    """How many drawn completions of the prompts begin with the right name."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    prompts = [tokenizer(row["prompt"])["input_ids"] for row in rows for _ in range(draws)]
    keys = [key_of(99, number) for number in range(len(prompts))]
    drawn = draw_completions(load(model_folder), prompts, keys, Sampling(2, rows=512), [tokenizer.eos_token_id], 0)
    right = [row["answer"] for row in rows for _ in range(draws)]
    texts = [tokenizer.decode(ids).strip() for ids in drawn]
    return float(np.mean([text.startswith(answer) for text, answer in zip(texts, right, strict=True)]))


def mean_reward(run: Path, steps: slice) -> float:
    """Of some of a run's steps."""
    found = [line["reward"] for line in logs.read(run / logs.LOG) if "reward" in line]
    return float(np.mean(found[steps]))
