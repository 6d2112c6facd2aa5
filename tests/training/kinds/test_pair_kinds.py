"""Reward models and DPO: resumed exactly, references stored, figures of held-out pairs, bad pairs named."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.training.dpo import DpoRecipe
from gristmill.schemas.training.reward import RewardRecipe
from gristmill.training.kinds.dpo import Dpo
from gristmill.training.run import logs
from gristmill.training.run.train import train
from gristmill.training.score.pair_figures import figures_of

from tests.training.kinds.tiny_models import WORDS, model_of, options_of, steps_of, tokenizer_of, write_lines
from tests.training.training_runs import go_back

LORA = {"method": "lora", "rank": 4}
RECIPES: dict[str, Any] = {"reward": RewardRecipe, "dpo": DpoRecipe}


def pair(number: int) -> dict[str, Any]:
    """The chosen answer names the word after that of the prompt."""
    right, wrong = WORDS[(number + 1) % 60], WORDS[(number + 7) % 60]
    return {
        "id": f"pair-{number}",
        "prompt": WORDS[number % 60],
        "chosen": f" {right}",
        "rejected": f" {wrong} {wrong}",
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    model_of(tokenizer_of(WORDS, folder / "model"))
    write_lines(folder / "pairs.jsonl", [pair(number) for number in range(24)])
    write_lines(folder / "held-out.jsonl", [pair(number) for number in range(24, 36)])
    return folder


def recipe(home: Path, kind: str, **changes: Any) -> Any:
    defaults = {"kind": kind, "model": str(home / "model"), "rows": str(home / "pairs.jsonl")}
    defaults |= {"validation_rows": str(home / "held-out.jsonl"), "validation": {"every_steps": 2, "sequences": 12}}
    return RECIPES[kind].model_validate(options_of(**defaults, micro_batch_sequences=2) | changes)


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [
        ("reward", None),
        ("dpo", LORA),
        pytest.param("reward", LORA, marks=pytest.mark.slow),
        pytest.param("dpo", None, marks=pytest.mark.slow),
    ],
)
def test_resumed_it_is_the_run_that_never_stopped(home: Path, tmp_path: Path, kind: str, adapter: Any) -> None:
    chosen = recipe(home, kind, adapter=adapter)
    run = train(chosen, tmp_path / "run").folder
    whole = steps_of(run)
    weights = "adapter_model.safetensors" if adapter else "model.safetensors"
    trained = (run / "model" / weights).read_bytes()
    go_back(run, 2)
    shutil.rmtree(run / "set-aside", ignore_errors=True)
    assert train(chosen, run).resumed_from == 2
    assert steps_of(run) == whole
    assert (run / "model" / weights).read_bytes() == trained
    validated = [line for line in whole if "validation_loss" in line]
    assert len(validated) == 2
    if kind == "reward":
        assert 0 <= validated[-1]["held_out/accuracy"] <= 1
        assert validated[-1]["held_out/chosen_is_longer"] == 0
    else:
        assert {"drift/chosen", "drift/rejected", "rewards/margins"} <= whole[-2].keys()
        assert 0 <= validated[-1]["held_out/accuracy"] <= 1
        assert validated[0]["held_out/margin"] != validated[-1]["held_out/margin"]


def test_the_first_loss_of_dpo_is_that_of_a_model_equal_to_its_reference(home: Path, tmp_path: Path) -> None:
    """Also after a micro batch of another size; and the stored log-probabilities are those of the model."""
    run = train(recipe(home, "dpo", steps=1), tmp_path / "run").folder
    assert steps_of(run)[0]["loss"] == pytest.approx(np.log(2), rel=1e-6)
    store = Dpo(recipe(home, "dpo"), run)
    store.prepare(None)
    found = store.build_trainer().reference_store.read("train", 24)
    assert found is not None
    tokenizer = transformers.AutoTokenizer.from_pretrained(home / "model")
    model = transformers.AutoModelForCausalLM.from_pretrained(home / "model", dtype=torch.float32)
    for number in (0, 17):
        prompt = tokenizer(pair(number)["prompt"])["input_ids"]
        ids = torch.tensor([tokenizer(pair(number)["prompt"] + pair(number)["chosen"] + "<eos>")["input_ids"]])
        with torch.no_grad():
            scores = model(input_ids=ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
        assert float(found["chosen"][number]) == pytest.approx(float(scores[len(prompt) - 1 :].sum()), rel=1e-5)


def test_chosen_answers_that_fall_are_told(home: Path, tmp_path: Path) -> None:
    kind = Dpo(recipe(home, "dpo"), tmp_path / "run")
    assert kind.warnings([{"drift/chosen": -1.0}] * 15) == []
    assert kind.warnings([{"drift/chosen": -0.1}] * 16) == []
    assert "fall" in kind.warnings([{"drift/chosen": -1.0}] * 16)[0]


def test_pairs_that_cannot_be_trained_on(home: Path, tmp_path: Path) -> None:
    bad = [
        {"id": "same", "prompt": "ba", "chosen": " be", "rejected": " be"},
        {"id": "half", "prompt": "ba", "chosen": " be"},
        {"id": "long", "prompt": "ba " * 90, "chosen": " be", "rejected": " bi"},
        {"id": "forged", "prompt": "<|im_end|>", "chosen": " be", "rejected": " bi"},
        {"id": "margin", "prompt": "ba", "chosen": " be", "rejected": " bi", "margin": "much"},
        {"id": "empty", "prompt": "ba", "chosen": "", "rejected": " bi"},
    ]
    rows = write_lines(tmp_path / "pairs.jsonl", [pair(0), *bad])
    for kind in RECIPES:
        with pytest.raises(RecipeError, match="6 of 7 rows cannot be trained on"):
            train(recipe(home, kind, rows=rows), tmp_path / "run")
        assert not (tmp_path / "run" / "training.json").exists()
    with pytest.raises(
        RecipeError, match="the columns are messages; expected for kind dpo prompt and chosen and rejected"
    ):
        train(recipe(home, "dpo", rows=write_lines(tmp_path / "rows.jsonl", [{"messages": []}])), tmp_path / "run")


def test_figures_of_pairs() -> None:
    """A calibrated model is found calibrated, one that only counts words is found out."""
    draw = np.random.default_rng(0)
    margins = draw.normal(0, 1.5, 20_000)
    signs = np.where(draw.random(20_000) < 1 / (1 + np.exp(-np.abs(margins))), 1, -1)
    found = figures_of(np.abs(margins) * signs, draw.integers(-9, 10, 20_000))
    assert found["held_out/calibration_error"] < 0.02
    assert figures_of(20 * np.abs(margins) * signs, np.zeros(20_000))["held_out/calibration_error"] > 0.1
    assert found["held_out/prefers_longer"] == pytest.approx(0.5, abs=0.02)
    lengths = draw.integers(-9, 10, 2_000)
    biased = figures_of(lengths * 0.3, lengths)
    assert biased["held_out/prefers_longer"] == 1.0
    assert biased["held_out/length_correlation"] == pytest.approx(1.0)
    assert figures_of(np.zeros(4), np.ones(4))["held_out/accuracy"] == 0.5


def test_a_margin_asks_for_more(home: Path, tmp_path: Path) -> None:
    plain = train(recipe(home, "reward", steps=1, validation=None), tmp_path / "plain").folder
    rows = write_lines(tmp_path / "pairs.jsonl", [{**pair(number), "margin": 2.0} for number in range(24)])
    wide = train(recipe(home, "reward", steps=1, validation=None, rows=rows), tmp_path / "wide").folder
    losses = [next(iter(logs.read(run / logs.LOG)))["loss"] for run in (plain, wide)]
    assert losses[1] > losses[0] + 1
