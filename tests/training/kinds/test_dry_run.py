"""The numbers of a plan: memory by formula is what tensors take, for each method."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from gristmill.pipelines.cli.main import app
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.training.adapter import Adapter
from gristmill.schemas.training.ppo import PpoRecipe
from gristmill.schemas.training.sft import SftRecipe
from gristmill.training.kinds.dry_run import derived_numbers
from gristmill.training.kinds.measure import measure
from gristmill.training.kinds.registry import load_kind, recipe_model
from gristmill.training.models.adapters import quantization, with_adapter
from gristmill.training.models.build import open_model
from gristmill.training.models.libraries import quiet_libraries
from gristmill.training.models.memory import memory
from typer.testing import CliRunner

from tests.training.kinds.tiny_models import WORDS, model_of, options_of, tokenizer_of, write_lines

pytestmark = pytest.mark.filterwarnings(
    "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
)  # peft reads it
ADAPTERS: dict[str, dict[str, Any] | None] = {
    "every weight": None,
    "lora": {"method": "lora", "rank": 8},
    "dora": {"method": "dora", "rank": 8},
    "qlora": {"method": "qlora", "rank": 8},
    "ia3": {"method": "ia3"},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan") / "model"
    return model_of(tokenizer_of(WORDS, folder), hidden=256, tie_word_embeddings=False)


def size(tensors: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@pytest.mark.parametrize("name", ADAPTERS)
def test_memory_is_what_tensors_take(model: Path, name: str) -> None:
    options = ADAPTERS[name]
    adapter = None if options is None else Adapter.model_validate(options)
    net = open_model(model, **quantization(adapter))
    if adapter is not None:
        net = with_adapter(net, adapter, seed=0)
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3)
    net(input_ids=torch.arange(10, 30)[None], labels=torch.arange(10, 30)[None]).loss.backward()
    optimizer.step()
    scales = [
        tensor
        for module in net.modules()
        if type(module).__module__.startswith("bitsandbytes")  # and not peft's layers around them
        if (state := getattr(getattr(module, "weight", None), "quant_state", None)) is not None
        for tensor in (state.absmax, state.code, state.offset, state.state2.absmax, state.state2.code)
    ]
    states = [value for state in optimizer.state.values() for key, value in state.items() if key != "step"]
    found = memory(model, adapter)
    assert found.trained == sum(parameter.numel() for parameter in trained)
    assert found.weights == pytest.approx(size(net.parameters()) + size(scales), rel=1e-3 if name == "qlora" else 0)
    assert found.gradients == size(parameter.grad for parameter in trained)
    assert found.moments == size(states)
    assert found.total < memory(model, None).total or adapter is None


def test_a_plan_of_a_recipe(model: Path, tmp_path: Path) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", [{"text": "ba be"}, {"text": "bi " * 90}] * 10)
    options = options_of(kind="sft", model=str(model), rows=rows, packing=False, unusable_rows="leave_out", steps=5)
    text = derived_numbers(SftRecipe.model_validate(options | {"micro_batch_sequences": 2}), processes=2)
    assert "4 sequences = 2 at once x 1 accumulated x 2 processes" in text
    assert "epochs    2 = 5 steps x 4 / 10 sequences; 10 rows left out" in text
    assert "1 steps of warm-up (20.0% of all)" in text
    assert text.count("trained of") == 5
    (tmp_path / "pretrain.yaml").write_text("name: a\nshards: s\nmodel: {shape: llama}\nsteps: 3\n")
    with pytest.raises(RecipeError, match="a dry run of kind pretrain"):
        derived_numbers(tmp_path / "pretrain.yaml")


def test_copies_count(model: Path, tmp_path: Path) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", [{"prompt": "ba", "checker": "number", "answer": "1"}] * 4)
    options = options_of(kind="ppo", model=str(model), rows=rows, max_new_tokens=4, value="separate")
    text = derived_numbers(PpoRecipe.model_validate(options))
    one = memory(model, None)
    assert memory(model, None, frozen=1, trunks=1).weights > 2.5 * one.weights
    assert "x 1 accumulated" in text


MEASURED: dict[str, dict[str, Any]] = {
    "sft": {"adapter": {"method": "lora", "rank": 4}},
    "sft-qlora": {"adapter": {"method": "qlora", "rank": 4}},
    "ppo": {"max_new_tokens": 4, "value": "separate"},
    "grpo": {"max_new_tokens": 4, "generations": 2, "kl": 0.1},
    "rloo": {"max_new_tokens": 4, "generations": 2, "kl": 0.1},
    "dpo": {},
    "orpo": {},
    "reward": {},
}


@pytest.mark.parametrize(
    "name", [n if n in ("sft", "ppo") else pytest.param(n, marks=pytest.mark.slow) for n in MEASURED]
)
def test_what_a_run_holds_is_what_the_formula_says(model: Path, tmp_path: Path, name: str) -> None:
    """All copies of the weights: of PPO without an adapter policy, reference and value."""
    kind = name.partition("-")[0]
    row = {"prompt": "ba", "completion": " be", "chosen": " be", "rejected": " bi", "checker": "number", "answer": "1"}
    columns = {"sft": ("prompt", "completion"), "ppo": ("prompt", "checker", "answer")}
    columns |= {
        "grpo": columns["ppo"],
        "rloo": columns["ppo"],
        "dpo": ("prompt", "chosen", "rejected"),
        "orpo": ("prompt", "chosen", "rejected"),
        "reward": ("prompt", "chosen", "rejected"),
    }
    rows = write_lines(tmp_path / "rows.jsonl", [{key: row[key] for key in columns[kind]}] * 4)
    options = options_of(kind=kind, model=str(model), rows=rows) | MEASURED[name]
    recipe = recipe_model(kind).model_validate(options)
    run = load_kind(kind)(recipe, tmp_path / "run")
    with quiet_libraries():
        found, computed = measure(run), run.memory_of(recipe.adapter)
    near = 1e-3 if name == "sft-qlora" else 0
    assert found.held.trained == computed.trained
    assert found.held.weights == pytest.approx(computed.weights, rel=near)
    assert (found.held.gradients, found.held.moments) == (computed.gradients, computed.moments)
    assert found.peak > found.held.weights + found.held.moments


def test_the_command_prints_measured_beside_computed(model: Path, tmp_path: Path) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", [{"text": "ba be"}] * 4)
    recipe = {"name": "a", "kind": "sft", "model": str(model), "rows": rows, "max_tokens": 64, "steps": 2}
    recipe |= {"adapter": {"method": "ia3"}, "batch_sequences": 1, "micro_batch_sequences": 1}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    told = CliRunner().invoke(app, ["train", str(tmp_path / "recipe.yaml"), "--dry-run", "--measure"])
    assert told.exit_code == 0, told.output
    assert told.stdout.count("; peak ") == 5
    assert len(re.findall(r"measured is [+-]0\.000% of it", told.stdout)) == 5
    told = CliRunner().invoke(
        app, ["train", str(tmp_path / "recipe.yaml"), "--measure", "--out", str(tmp_path / "run")]
    )
    assert "expected --dry-run --measure" in str(told.exception)
    assert not (tmp_path / "run").exists()
