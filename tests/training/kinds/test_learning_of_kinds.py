"""Every kind of training learns what it is for, on data that it never saw, and does not learn what is not there.

Chance: for SFT 1 in 12 and less, for pairs a half, for reinforcement learning what the policy did before (about a half).
`make test-slow` runs several seeds; one short proof is among the fast tests.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gristmill.training.run import logs

from tests.training.kinds.learning_of_kinds import (
    either_of_two,
    first_of_two,
    load,
    margins,
    mean_reward,
    pairs,
    reward_accuracy,
    second_of_two,
    share_rewarded,
    share_right,
    start,
    trained,
)
from tests.training.kinds.tiny_models import write_lines

SEEDS = (0, 1, 2)
LORA = {"method": "lora", "rank": 8}

pytestmark = pytest.mark.filterwarnings(
    "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
)  # peft reads it


def fast_first(values: tuple[Any, ...]) -> list[Any]:
    return [values[0], *(pytest.param(value, marks=pytest.mark.slow) for value in values[1:])]


@pytest.mark.parametrize("seed", fast_first(SEEDS))
def test_a_reward_model_tells_what_is_preferred(tmp_path: Path, seed: int) -> None:
    rows, held_out = pairs(seed)
    run = trained("reward", tmp_path, start(tmp_path, seed), rows, seed, steps=60, optimizer=rate(1e-3))
    assert reward_accuracy(run / "model", held_out)["held_out/accuracy"] >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_reward_model_of_shuffled_labels_tells_nothing(tmp_path: Path, seed: int) -> None:
    """100 held-out pairs: a fair coin is within 0.35 and 0.65 in 997 of 1,000 cases."""
    rows, held_out = pairs(seed, shuffled=True)
    run = trained("reward", tmp_path, start(tmp_path, seed), rows, seed, steps=60, optimizer=rate(1e-3))
    assert 0.35 <= reward_accuracy(run / "model", held_out)["held_out/accuracy"] <= 0.65


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_sft_learns_a_format_and_a_skill(tmp_path: Path, seed: int) -> None:
    rows, held_out = first_of_two(seed)
    base = start(tmp_path, seed)
    options = {"chat_template": "chatml", "optimizer": rate(3e-3), "batch_sequences": 8, "micro_batch_sequences": 8}
    run = trained("sft", tmp_path, base, rows, seed, steps=200, **options)
    assert share_right(run / "model", held_out) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("adapter", [LORA, {"method": "dora", "rank": 8}, {"method": "qlora", "rank": 8}, None])
def test_adapters_come_close_to_training_every_weight(tmp_path: Path, adapter: Any) -> None:
    """A policy that names either of two names learns, from completions alone, to name the second: at least 0.85 of the time."""
    base = policy(tmp_path, 0)
    rows, held_out = second_of_two(0)
    shown = [{"prompt": row["prompt"], "completion": f" {row['answer']}"} for row in rows]
    changes = {"adapter": adapter, "optimizer": rate(1e-2 if adapter else 1e-3), "steps": 60}
    run = trained("sft", tmp_path, base, shown, 0, batch_sequences=4, micro_batch_sequences=4, **changes)
    assert share_rewarded(base, base, held_out) < 0.65
    assert share_rewarded(run / "model", base, held_out) >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("adapter", [None, LORA])
def test_dpo_prefers_what_is_preferred(tmp_path: Path, seed: int, adapter: Any) -> None:
    rows, held_out = pairs(seed)
    base = start(tmp_path, seed)
    changes = {"adapter": adapter, "optimizer": rate(5e-3 if adapter else 5e-4)}
    run = trained("dpo", tmp_path, base, rows, seed, steps=60, **changes)
    found = margins(run / "model", base, held_out)
    assert (found > 0).mean() >= 0.9
    assert found.mean() > 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_orpo_prefers_what_is_preferred_and_answers_so(tmp_path: Path, seed: int) -> None:
    """The odds ratio of held-out pairs, and that the chosen answers become likelier: SFT is a part of it."""
    rows, held_out = pairs(seed)
    base = start(tmp_path, seed)
    validation = {"every_steps": 60, "sequences": len(held_out), "before_step_1": True}
    changes = {"validation_rows": write_lines(tmp_path / "held-out.jsonl", held_out), "validation": validation}
    changes |= {"optimizer": rate(1e-3), "odds_weight": 1.0}
    run = trained("orpo", tmp_path, base, rows, seed, steps=60, **changes)
    first, last = (line for line in logs.read(run / logs.LOG) if "held_out/accuracy" in line)
    assert (first["step"], last["step"]) == (0, 60)
    assert last["held_out/accuracy"] >= 0.9
    assert last["held_out/log_odds_ratio"] > first["held_out/log_odds_ratio"] + 1
    assert last["validation_loss"] < first["validation_loss"] - 1


def policy(folder: Path, seed: int) -> Path:
    """One that names either of two names."""
    base = start(folder, seed)
    options = {"optimizer": rate(3e-3), "batch_sequences": 8, "micro_batch_sequences": 8}
    (folder / "warm").mkdir()
    return trained("sft", folder / "warm", base, either_of_two(seed), seed, steps=120, **options) / "model"


def rate(learning_rate: float) -> dict[str, Any]:
    return {"learning_rate": learning_rate, "warmup_steps": 5}


PENALTIES: dict[str, Any] = {
    "grpo": {"kl": 0.04},
    "rloo": {"kl": 0.04},
    "ppo": {"kl": {"coefficient": 0.2}, "epochs": 4},
}
OF_ROLLOUTS = {"batch_sequences": 8, "micro_batch_sequences": 8, "generations": 8, "max_new_tokens": 2, "steps": 40}


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", PENALTIES)
def test_a_policy_learns_what_is_rewarded_and_not_noise(tmp_path: Path, kind: str, seed: int) -> None:
    """Rewarded completions of held-out prompts, and those of the last five steps; the divergence of the last ten steps is below
    two nats on average (of single steps it is an estimate from 64 completions, and scatters)."""
    base = policy(tmp_path, seed)
    rows, held_out = second_of_two(seed)
    before = share_rewarded(base, base, held_out)
    assert 0.3 < before < 0.7
    options = {**OF_ROLLOUTS, **PENALTIES[kind], "optimizer": rate(7e-4)}
    found = {}
    for reward in ("next_word", "coin"):
        (tmp_path / reward).mkdir()
        changes = {**options, "rewards": [{"function": f"rewards_for_tests:{reward}"}]}
        found[reward] = trained(kind, tmp_path / reward, base, rows, seed, **changes)
    run = found["next_word"]
    assert share_rewarded(run / "model", base, held_out) >= before + 0.3
    assert mean_reward(run, slice(-5, None)) >= mean_reward(run, slice(0, 5)) + 0.2
    assert abs(np.mean([line["kl"] for line in logs.read(run / logs.LOG)][-10:])) < 2
    assert share_rewarded(found["coin"] / "model", base, held_out) <= before + 0.1
    assert 0.4 <= np.mean([line["reward"] for line in logs.read(found["coin"] / logs.LOG)]) <= 0.6


@pytest.mark.slow
@pytest.mark.parametrize("kind", PENALTIES)
def test_a_policy_learns_by_an_adapter(tmp_path: Path, kind: str) -> None:
    base = policy(tmp_path, 0)
    rows, held_out = second_of_two(0)
    options = {**OF_ROLLOUTS, **PENALTIES[kind], "optimizer": rate(5e-3), "adapter": LORA}
    run = trained(kind, tmp_path, base, rows, 0, **options, rewards=[{"function": "rewards_for_tests:next_word"}])
    assert share_rewarded(run / "model", base, held_out) >= share_rewarded(base, base, held_out) + 0.25
    assert load(run / "model").peft_config
