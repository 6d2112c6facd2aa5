"""Adapters: each trains, resumes exactly, leaves the model's weights alone, loads, and merges into what it was."""

import re
import shutil
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from gristmill.pipelines.cli.main import app
from gristmill.schemas.errors import GristmillError, InputError, ModelError, RecipeError, RunError
from gristmill.schemas.training.adapter import Adapter
from gristmill.schemas.training.dpo import DpoRecipe
from gristmill.schemas.training.ppo import PpoRecipe
from gristmill.schemas.training.rollouts import GrpoRecipe
from gristmill.schemas.training.rows import RowRecipe
from gristmill.schemas.training.sft import SftRecipe
from gristmill.training.kinds.registry import load_kind
from gristmill.training.models.adapters import quantization, with_adapter
from gristmill.training.models.build import open_model
from gristmill.training.models.merge import adapter_info, adapters_below, merge_adapter, write_base
from gristmill.training.run.train import train
from pydantic import ValidationError
from typer.testing import CliRunner

from tests.training.kinds.tiny_models import WORDS, model_of, options_of, steps_of, tokenizer_of, write_lines
from tests.training.training_runs import go_back

METHODS = ("lora", "rslora", "pissa", "dora", "qlora", "qdora", "prompt", "prefix", "p_tuning", "ia3")
PROMPTS = ("prompt", "prefix", "p_tuning")
SLOW = ("rslora", "qdora", "prefix", "prompt", "pissa")  # as others that are among the fast tests
LOW_RANK = ("lora", "rslora", "pissa", "dora", "qlora", "qdora")
pytestmark = pytest.mark.filterwarnings(
    "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
)  # peft reads it


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapters")
    model_of(tokenizer_of(WORDS, folder / "model"), hidden=64)
    rows = [{"prompt": WORDS[number], "completion": f" {WORDS[number + 1]}"} for number in range(8)]
    write_lines(folder / "rows.jsonl", rows)
    return folder


def recipe(home: Path, method: str, **changes: Any) -> SftRecipe:
    adapter = {"method": method} | ({"rank": 4} if method in LOW_RANK else {})
    defaults = {"kind": "sft", "model": str(home / "model"), "rows": str(home / "rows.jsonl"), "adapter": adapter}
    defaults |= {"packing": method not in PROMPTS, "optimizer": {"learning_rate": 5e-2, "warmup_steps": 0}}
    defaults |= {"batch_sequences": 1 if defaults["packing"] else 8, "micro_batch_sequences": 1}
    return SftRecipe.model_validate(options_of(**defaults | changes))


@pytest.mark.parametrize("method", [pytest.param(m, marks=pytest.mark.slow) if m in SLOW else m for m in METHODS])
def test_it_trains_resumes_and_loads(home: Path, tmp_path: Path, method: str) -> None:
    run = train(recipe(home, method), tmp_path / "run").folder
    whole = steps_of(run)
    assert whole[-1]["loss"] < whole[0]["loss"]
    weights = (run / "model" / "adapter_model.safetensors").read_bytes()
    go_back(run, 2)
    shutil.rmtree(run / "set-aside", ignore_errors=True)
    assert train(recipe(home, method), run).resumed_from == 2
    assert steps_of(run) == whole
    assert (run / "model" / "adapter_model.safetensors").read_bytes() == weights
    assert not (run / "model" / "model.safetensors").exists()
    assert [one.folder for one in adapters_below(tmp_path)] == [run / "model"]
    trained = outputs(peft.AutoPeftModelForCausalLM.from_pretrained(run / "model"))
    assert (trained - outputs(transformers.AutoModelForCausalLM.from_pretrained(home / "model"))).abs().max() > 1e-3
    if method in PROMPTS:
        with pytest.raises(ModelError, match="vectors in front of a text"):
            merge_adapter(run / "model", tmp_path / "merged")
        return
    assert merge_adapter(run / "model", tmp_path / "merged") < 1e-4
    merged = outputs(transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "merged"))
    if method not in ("qlora", "qdora"):  # those two were trained over weights that lost digits
        assert (merged - trained).abs().max() < 1e-4
    with pytest.raises(InputError, match="exists already"):
        merge_adapter(run / "model", tmp_path / "merged")


def test_weights_in_four_bits_let_gradients_through_after_an_evaluation(home: Path) -> None:
    """bitsandbytes changes their layout at the first call in evaluation mode, where the processor has AVX-512."""
    adapter = Adapter(method="qlora", rank=4)
    found = []
    for evaluates in (False, True):
        model = with_adapter(open_model(home / "model", **quantization(adapter)), adapter, seed=0)
        if evaluates:
            outputs(model)
            model.train()
        model(input_ids=torch.arange(10, 40)[None], labels=torch.arange(10, 40)[None]).loss.backward()
        found.append({name: value.grad for name, value in model.named_parameters() if value.requires_grad})
    assert all(torch.equal(gradient, found[1][name]) for name, gradient in found[0].items())
    first = next(gradient for name, gradient in found[1].items() if "layers.0.self_attn.q_proj.lora_B" in name)
    assert float(first.abs().max()) > 0


def outputs(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=torch.arange(10, 40)[None]).logits[:, -30:]  # of prompts, not those in front


def test_an_adapter_for_another_base(home: Path, tmp_path: Path) -> None:
    run = train(recipe(home, "lora", steps=1), tmp_path / "run").folder
    other = model_of(tokenizer_of(WORDS, tmp_path / "other"), hidden=64, seed=1)
    with pytest.raises(ModelError, match="not those that the adapter was trained over"):
        merge_adapter(run / "model", tmp_path / "merged", other)
    (run / "model" / "base.json").unlink()
    narrow = model_of(tokenizer_of(WORDS, tmp_path / "narrow"), hidden=32)
    with pytest.raises(ModelError, match="does not fit the model"):
        merge_adapter(run / "model", tmp_path / "merged", narrow)
    assert not (tmp_path / "merged").exists()
    with pytest.raises(ModelError, match=r"no adapter_config.json"):
        adapter_info(other)


def test_adapters_that_cannot_be_read_do_not_hide_the_others(home: Path, tmp_path: Path) -> None:
    """And a base that has moved is told as that."""
    model = with_adapter(open_model(home / "model"), Adapter(rank=2), seed=0)
    for name in ("a", "b", "c"):
        model.save_pretrained(tmp_path / name)
    (tmp_path / "a" / "adapter_model.safetensors").write_bytes(b"cut")
    (tmp_path / "b" / "adapter_config.json").write_text("{")
    listed = CliRunner().invoke(app, ["adapters", "list", str(tmp_path)])
    assert listed.exit_code == 1
    for name, said in (
        ("a", "adapter_model.safetensors cannot be read"),
        ("b", "cannot be read"),
        ("c", "lora, rank 2"),
    ):
        assert re.search(f"{tmp_path / name}: .*{said}", listed.stdout)
    with pytest.raises(ModelError, match=r"a: adapter_model.safetensors cannot be read"):
        merge_adapter(tmp_path / "a", tmp_path / "merged")
    write_base(tmp_path / "c", tmp_path / "moved", "0" * 32)
    with pytest.raises(ModelError, match=r"moved: no such folder; expected the model .* --base"):
        merge_adapter(tmp_path / "c", tmp_path / "merged", tmp_path / "moved")


def test_a_run_does_not_go_on_over_another_base(home: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(home / "model", tmp_path / "base"))
    begun = load_kind("sft")(recipe(home, "lora", model=str(base)), tmp_path / "run")
    begun.prepare(None)
    earlier = {"plan_id": begun.plan.plan_id, **begun.made_of()}
    load_kind("sft")(recipe(home, "lora", model=str(base)), tmp_path / "run").prepare(earlier)
    model_of(base, hidden=32, seed=5)
    with pytest.raises(RunError, match="the weights of the model are not those that the run was begun over"):
        load_kind("sft")(recipe(home, "lora", model=str(base)), tmp_path / "run").prepare(earlier)


def test_what_is_no_adapter_for_the_model_or_the_data(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found packing with adapter prompt"):
        recipe(home, "prompt", packing=True)
    with pytest.raises(ValueError, match="targets with prefix"):
        recipe(home, "prefix", adapter={"method": "prefix", "targets": ["q_proj"]})
    with pytest.raises(ValueError, match="rank with ia3"):
        recipe(home, "ia3", adapter={"method": "ia3", "rank": 3})
    with pytest.raises(RecipeError, match="does not fit the model"):
        train(recipe(home, "lora", adapter={"method": "lora", "targets": ["nothing"]}), tmp_path / "run")
    with pytest.raises(GristmillError, match="no new ones are trained here"):
        train(recipe(home, "lora", chat_template="gristmill"), tmp_path / "run")
    assert not (tmp_path / "run" / "training.json").exists()


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (DpoRecipe, {}),
        (PpoRecipe, {"rewards": [{"checker": "exact"}], "max_new_tokens": 8}),
        (GrpoRecipe, {"rewards": [{"checker": "exact"}], "max_new_tokens": 8, "kl": 0.1}),
    ],
)
def test_pissa_has_no_reference_under_it(home: Path, kind: type[RowRecipe], more: dict[str, Any]) -> None:
    name = kind.__name__.removesuffix("Recipe").lower()
    options = options_of(
        kind=name, model=str(home / "model"), rows=str(home / "rows.jsonl"), adapter={"method": "pissa"}
    )
    with pytest.raises(ValidationError) as found:
        kind.model_validate(options | more)
    assert "found adapter pissa, which takes the main directions out of the weights" in str(found.value)
    if kind is GrpoRecipe:
        assert "pissa, which" not in _errors(kind, options | more | {"kl": 0})
    assert "pissa, which" not in _errors(kind, options | more | {"adapter": {"method": "lora"}})


def _errors(kind: type[RowRecipe], options: dict[str, Any]) -> str:
    try:
        kind.model_validate(options)
    except ValidationError as error:
        return str(error)
    return ""
