"""PPO: resumed exactly whatever is shared, gradients of micro batches add up, the first step is that of an unchanged policy."""

import shutil
from pathlib import Path
from typing import Any

import peft
import pytest
import transformers
from gristmill.schemas.training.ppo import PpoRecipe
from gristmill.training.kinds.ppo import Ppo
from gristmill.training.run.samples import read_samples
from gristmill.training.run.train import train

from tests.training.kinds.tiny_models import WORDS, model_of, options_of, steps_of, tokenizer_of, write_lines
from tests.training.training_runs import go_back

CASES: dict[str, dict[str, Any]] = {
    "lora": {"adapter": {"method": "lora", "rank": 4}, "minibatches": 2, "kl": {"target": 1.0, "horizon": 50}},
    "copies": {"value": "separate", "whiten_rewards": True, "clip_score": 0.5, "penalty_without_end": 0.2},
}

pytestmark = pytest.mark.filterwarnings(
    "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
)  # peft reads it


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ppo")
    model_of(tokenizer_of(WORDS, folder / "model"))
    rows = [{"id": f"row-{number}", "prompt": WORDS[number], "answer": WORDS[number + 1]} for number in range(16)]
    write_lines(folder / "prompts.jsonl", rows)
    return folder


def recipe(home: Path, **changes: Any) -> PpoRecipe:
    defaults = {"kind": "ppo", "model": str(home / "model"), "rows": str(home / "prompts.jsonl")}
    defaults |= {"rewards": [{"function": "rewards_for_tests:noise"}], "max_new_tokens": 4, "epochs": 2}
    defaults |= {"samples": {"every_steps": 1, "completions": 2}, "micro_batch_sequences": 2}
    return PpoRecipe.model_validate(options_of(**defaults) | changes)


@pytest.mark.parametrize("name", ["lora", pytest.param("copies", marks=pytest.mark.slow)])
def test_resumed_it_is_the_run_that_never_stopped(home: Path, tmp_path: Path, name: str) -> None:
    validation = {"validation_rows": str(home / "prompts.jsonl"), "validation": {"every_steps": 2, "sequences": 3}}
    chosen = recipe(home, **CASES[name], **validation)
    run = train(chosen, tmp_path / "run").folder
    whole, samples = steps_of(run), list(read_samples(run))
    weights = "adapter_model.safetensors" if name == "lora" else "model.safetensors"
    trained = (run / "model" / weights).read_bytes()
    assert whole[0]["kl"] == pytest.approx(0, abs=1e-5)
    assert whole[-2]["kl"] != whole[0]["kl"]
    assert {"reward", "entropy", "kl_coefficient", "loss/value", "clip_ratio", "completions/mean_length"} <= whole[
        -2
    ].keys()
    assert {"held_out/reward", "held_out/passed", "held_out/mean_length"} <= whole[-1].keys()
    go_back(run, 2)
    shutil.rmtree(run / "set-aside", ignore_errors=True)
    assert train(chosen, run).resumed_from == 2
    assert steps_of(run) == whole
    assert list(read_samples(run)) == samples
    assert (run / "model" / weights).read_bytes() == trained
    kind: Any = peft.AutoPeftModelForCausalLM if name == "lora" else transformers.AutoModelForCausalLM
    assert kind.from_pretrained(run / "model").config.vocab_size
    assert not (run / "model" / "value.safetensors").exists()


@pytest.mark.slow
def test_micro_batches_change_nothing(home: Path, tmp_path: Path) -> None:
    found = {}
    for micro in (1, 4):
        run = train(recipe(home, micro_batch_sequences=micro, steps=2), tmp_path / str(micro)).folder
        found[micro] = steps_of(run)
    for one, other in zip(found[1], found[4], strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4, abs=1e-6)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-3)
        assert one["reward"] == other["reward"]


def test_how_many_copies_of_the_weights(home: Path, tmp_path: Path) -> None:
    copies = {name: list(Ppo(recipe(home, **CASES[name]), tmp_path).weight_copies()) for name in CASES}
    assert copies == {"lora": ["policy"], "copies": ["policy", "reference", "value"]}


def test_recipes_that_cannot_be(home: Path) -> None:
    with pytest.raises(ValueError, match="multiple of minibatches x micro_batch_sequences, 4 x 2"):
        recipe(home, minibatches=4)
    with pytest.raises(ValueError, match="found averaging with ppo"):
        recipe(home, averaging={"ema_decay": 0.9})
    with pytest.raises(ValueError, match="found adapter prefix"):
        recipe(home, adapter={"method": "prefix"})
    with pytest.raises(ValueError, match="found max_new_tokens 64"):
        recipe(home, max_new_tokens=64)
