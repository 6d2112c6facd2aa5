"""Two processes (gloo) train what one does, for every kind: the same rows, completions and updates, up to the order of sums."""

import json
from pathlib import Path
from typing import Any

import pytest
from gristmill.training.kinds.registry import recipe_model
from gristmill.training.run.train import train

from tests.training.kinds.learning_of_kinds import pairs, second_of_two, start
from tests.training.kinds.tiny_models import options_of, steps_of, write_lines
from tests.training.processes import two_processes

SCRIPT = """
import os, sys
sys.path.insert(0, {here!r})
import torch
torch.set_num_threads(1)
import json
from gristmill.training.kinds.registry import recipe_model
from gristmill.training.run.train import train
options = json.loads({options!r})
train(recipe_model(options["kind"]).model_validate(options), {run!r})
"""
OF_ROLLOUTS: dict[str, Any] = {
    "rewards": [{"function": "rewards_for_tests:by_length"}],
    "generations": 2,
    "max_new_tokens": 6,
    "max_tokens": 32,
}
SEVEN = {"every_steps": 2, "sequences": 7}
KINDS: dict[str, dict[str, Any]] = {
    "sft": {"validation": SEVEN},
    "reward": {"validation": SEVEN},
    "dpo": {"validation": SEVEN, "adapter": {"method": "lora", "rank": 4}, "losses": ["sigmoid", "sft"]},
    "orpo": {"validation": SEVEN},
    "grpo": {**OF_ROLLOUTS, "kl": 0.1, "validation": SEVEN},
    "rloo": {**OF_ROLLOUTS, "kl": 0.1, "validation": SEVEN},
    "ppo": {
        **OF_ROLLOUTS,
        "validation": SEVEN,
        "minibatches": 2,
        "micro_batch_sequences": 1,
        "value": "separate",
    },
}
NEAR = (
    "loss",
    "grad_norm",
    "validation_loss",
    "reward",
    "kl",
    "labels",
    "drift/chosen",
    "loss/value",
    "held_out/accuracy",
    "held_out/margin",
    "held_out/log_odds_ratio",
    "log_odds_ratio",
    "held_out/reward",
    "held_out/mean_length",
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_train_what_one_does(kind: str, tmp_path: Path) -> None:
    model = start(tmp_path, 0)
    prompts, _ = second_of_two(0)
    shown = [{"prompt": row["prompt"], "completion": f" {row['answer']}"} for row in prompts]
    rows: dict[str, Any] = {"sft": (shown[:40], shown[40:60]), "reward": pairs(0), "dpo": pairs(0), "orpo": pairs(0)}
    train_rows, validation_rows = rows.get(kind, (prompts, prompts[40:]))
    options = options_of(
        kind=kind,
        model=str(model),
        rows=write_lines(tmp_path / "rows.jsonl", train_rows[:40]),
        micro_batch_sequences=2,
        steps=3,
    )
    options["validation_rows"] = write_lines(tmp_path / "held-out.jsonl", validation_rows[:9])
    options |= KINDS[kind]
    one = steps_of(train(recipe_model(kind).model_validate(options), tmp_path / "one").folder)
    two = steps_of(in_two(tmp_path, options))
    assert len(one) == len(two)
    for mine, theirs in zip(one, two, strict=True):
        for name in NEAR:
            if name in mine:
                assert theirs[name] == pytest.approx(mine[name], rel=2e-3, abs=2e-5), (mine["step"], name)


def in_two(folder: Path, options: dict[str, Any]) -> Path:
    script = folder / "two.py"
    here = str(Path(__file__).parent)
    script.write_text(SCRIPT.format(here=here, options=json.dumps(options), run=str(folder / "two")))
    two_processes(script)
    return folder / "two"
