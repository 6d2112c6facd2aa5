"""RLOO: advantages against those that are left out one at a time, and steps that do not depend on how a batch is dealt out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from gristmill.schemas.training.rollouts import RlooRecipe
from gristmill.training.kinds.rloo import WatchedRlooTrainer
from gristmill.training.run.train import train
from pydantic import ValidationError

from tests.training.kinds.rewards_for_tests import sometimes
from tests.training.kinds.tiny_models import WORDS, model_of, options_of, steps_of, tokenizer_of, write_lines


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rloo")
    model_of(tokenizer_of(WORDS, folder / "model"))
    prompts = [{"id": f"row-{n}", "prompt": WORDS[n], "answer": WORDS[n + 1]} for n in range(8)]
    write_lines(folder / "prompts.jsonl", prompts)
    return folder


def recipe(home: Path, **changes: Any) -> RlooRecipe:
    defaults = {"kind": "rloo", "model": str(home / "model"), "rows": str(home / "prompts.jsonl"), "steps": 2}
    defaults |= {"rewards": [{"function": "rewards_for_tests:by_length"}], "generations": 3, "max_new_tokens": 5}
    return RlooRecipe.model_validate(options_of(**defaults) | changes)


def left_one_out(rewards: np.ndarray) -> np.ndarray:
    """(prompts, generations): each scored reward less the mean of the other scored ones; 0 where there is no other, and for
    those that were not scored (NaN)."""
    found = np.zeros_like(rewards)
    for group, own in zip(rewards, found, strict=True):
        for place, reward in enumerate(group):
            others = [one for other, one in enumerate(group) if other != place and not np.isnan(one)]
            if not np.isnan(reward) and others:
                own[place] = reward - np.mean(others)
    return found


def test_advantages_leave_out_what_was_not_scored(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    plain = WatchedRlooTrainer.compute_loss

    def recorded(self: Any, model: Any, inputs: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(inputs)
        return plain(self, model, inputs, *arguments, **options)

    monkeypatch.setattr(WatchedRlooTrainer, "compute_loss", recorded)
    chosen = recipe(home, rewards=[{"function": "rewards_for_tests:sometimes"}], steps=1, kl=0, generations=6)
    (line,) = steps_of(train(chosen, tmp_path / "run").folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(home / "model")
    (inputs,) = seen
    prompts, texts = (
        tokenizer.batch_decode(inputs[f"{name}_ids"], skip_special_tokens=True) for name in ("prompt", "completion")
    )
    rewards = np.array(sometimes(prompts, texts), float)
    groups = [[n for n, prompt in enumerate(prompts) if prompt == one] for one in sorted(set(prompts))]
    assert [len(group) for group in groups] == [6] * 4
    assert 0 < np.isnan(rewards).sum() < 24
    expected = np.zeros(24)
    for group in groups:
        expected[group] = left_one_out(rewards[None, group])[0]
    assert inputs["advantages"].tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert line["labels"] == int(inputs["completion_mask"].sum(dim=1)[torch.tensor(~np.isnan(rewards))].sum())
    assert line["not_scored"] == pytest.approx(np.isnan(rewards).mean())
    assert line["reward"] == pytest.approx(np.nanmean(rewards), rel=1e-5)


def test_steps_do_not_depend_on_micro_batches(home: Path, tmp_path: Path) -> None:
    """With a penalty, clipped rewards, and advantages over the batch: what is taken over the whole step stays so."""
    changes = {"normalise_advantages": True, "reward_range": [0.0, 1.0], "kl": 0.1}
    whole, parts = (
        steps_of(train(recipe(home, micro_batch_sequences=size, **changes), tmp_path / f"of-{size}").folder)
        for size in (4, 1)
    )
    assert [line["step"] for line in whole] == [line["step"] for line in parts] == [1, 2]
    for mine, theirs in zip(whole, parts, strict=True):
        for name in ("loss", "grad_norm", "reward", "kl", "labels", "completions/mean_length"):
            assert theirs[name] == pytest.approx(mine[name], rel=1e-4, abs=1e-6), name
    assert whole[-1]["grad_norm"] > 0


def test_a_range_of_rewards_is_one(home: Path) -> None:
    with pytest.raises(ValidationError, match=r"reward_range \[1.0, 0.0\]; expected the least before the most"):
        recipe(home, reward_range=[1.0, 0.0])
