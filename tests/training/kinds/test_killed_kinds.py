"""A process that trains on rows is killed with signal 9, in a step and in a save; again, it is the run that never stopped."""

from pathlib import Path
from typing import Any

import pytest
from gristmill.training.kinds.registry import recipe_model
from gristmill.training.run.samples import read_samples
from gristmill.training.run.train import train

from tests.training.killed import Call, kill_training
from tests.training.kinds.tiny_models import WORDS, model_of, options_of, steps_of, tokenizer_of, write_lines

ROLLOUTS: dict[str, Any] = {"rewards": [{"function": "rewards_for_tests:noise"}], "max_new_tokens": 4}
KINDS: dict[str, dict[str, Any]] = {
    "sft": {"max_tokens": 16},
    "reward": {},
    "dpo": {"adapter": {"method": "lora", "rank": 2}},
    "orpo": {},
    "grpo": {**ROLLOUTS, "generations": 2, "kl": 0.05, "samples": {"every_steps": 1, "completions": 2}},
    "rloo": {**ROLLOUTS, "generations": 2, "samples": {"every_steps": 1, "completions": 2}},
    "ppo": {**ROLLOUTS, "adapter": {"method": "lora", "rank": 2}, "samples": {"every_steps": 1, "completions": 2}},
}
KILLS: tuple[Call, ...] = (
    ("gristmill.training.run.steps:Steps", "on_step_end", 4),  # after an update
    ("gristmill.training.run.checkpoints", "finish", 3),  # before the second save has its name
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
]


def row(kind: str, number: int) -> dict[str, Any]:
    one, other = WORDS[number], WORDS[number + 20]
    answers = {"chosen": f" {other}", "rejected": f" {one}"}
    columns: dict[str, Any] = {"dpo": answers, "orpo": answers, "reward": answers, "sft": {"completion": f" {other}"}}
    return {"prompt": one, **columns.get(kind, {})}


@pytest.mark.parametrize("kind", KINDS)
def test_kill_9_and_again(kind: str, tmp_path: Path) -> None:
    options = options_of(
        kind=kind,
        model=str(model_of(tokenizer_of(WORDS, tmp_path / "model"))),
        rows=write_lines(tmp_path / "rows.jsonl", [row(kind, number) for number in range(12)]),
        micro_batch_sequences=2,
        steps=6,
    )
    options |= KINDS[kind]
    recipe = recipe_model(kind).model_validate(options)
    whole = train(recipe, tmp_path / "whole").folder
    weights = "adapter_model.safetensors" if "adapter" in options else "model.safetensors"
    for number, kill in enumerate(KILLS):
        run = tmp_path / f"killed-{number}"
        kill_training(recipe, run, kill, modules=Path(__file__).parent)
        assert not (run / "model").exists()
        assert train(recipe, run).resumed_from == 2
        assert steps_of(run) == steps_of(whole)
        assert list(read_samples(run)) == list(read_samples(whole))
        assert (run / "model" / weights).read_bytes() == (whole / "model" / weights).read_bytes()
