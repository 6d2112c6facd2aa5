"""Averages of weights: by hand, across a kill, and the folders that must not be averaged."""

import json
from pathlib import Path

import pytest
import torch
from gristmill.pipelines.cli.main import app
from gristmill.schemas.errors import InputError, ModelError, RecipeError
from gristmill.training.run import checkpoints
from gristmill.training.run.averaging import (
    MOVING,
    RECORD,
    WEIGHTS,
    ExponentialAverage,
    average_checkpoints,
    export_moving,
    last_checkpoints,
)
from gristmill.training.run.train import train
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from tests.training.poison import corpus
from tests.training.training_runs import tiny


def _layer(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))


def _step(model: torch.nn.Module, number: int) -> None:
    torch.manual_seed(1000 + number)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)


def _folder(path: Path, weights: dict[str, torch.Tensor]) -> Path:
    path.mkdir()
    save_file(weights, path / WEIGHTS, {"format": "pt"})
    (path / "config.json").write_text("{}")
    return path


def test_the_moving_average_is_the_formula() -> None:
    model = _layer()
    average = ExponentialAverage(model, 0.6)
    expected = {name: weight.detach().double().clone() for name, weight in model.named_parameters()}
    for number in range(1, 30):
        _step(model, number)
        average.update(model)
        kept = min(0.6, (1 + number) / (10 + number))
        for name, weight in model.named_parameters():
            expected[name] = kept * expected[name] + (1 - kept) * weight.detach().double()
    for name, weight in average.weights.items():
        assert torch.allclose(weight.double(), expected[name], atol=1e-5), name


def test_the_moving_average_survives_a_kill_bit_for_bit(tmp_path: Path) -> None:
    whole, model = _layer(), _layer()
    unbroken = ExponentialAverage(whole, 0.9)
    for number in range(20):
        _step(whole, number)
        unbroken.update(whole)
    first = ExponentialAverage(model, 0.9)
    for number in range(7):
        _step(model, number)
        first.update(model)
    first.save(tmp_path)
    again = ExponentialAverage(model, 0.9)  # a new process: built from other weights, then restored
    again.restore(tmp_path)
    for number in range(7, 20):
        _step(model, number)
        again.update(model)
    assert again.updates == unbroken.updates
    for name, weight in unbroken.weights.items():
        assert torch.equal(weight, again.weights[name]), name


def test_names_are_those_of_the_bare_model() -> None:
    model = _layer()
    average = ExponentialAverage(model, 0.5)
    wrapped = torch.nn.Module()
    wrapped.module = model
    average.update(wrapped)
    assert set(average.weights) == set(dict(model.named_parameters()))


def test_half_precision_weights_are_averaged_in_full() -> None:
    model = torch.nn.Linear(1, 1, bias=False).to(torch.bfloat16)
    average = ExponentialAverage(model, 0.999)
    average.updates = 10**6  # past the ramp
    with torch.no_grad():
        model.weight.copy_(torch.ones_like(model.weight) * 2)
    average.weights["weight"].fill_(1.0)
    average.update(model)
    assert float(average.weights["weight"]) == pytest.approx(1.001, abs=1e-6)  # bfloat16 would have stayed at 1


def test_a_strange_average_is_refused(tmp_path: Path) -> None:
    average = ExponentialAverage(_layer(), 0.9)
    with pytest.raises(ModelError, match="no moving average"):
        average.restore(tmp_path)
    average.save(tmp_path)
    with pytest.raises(ModelError, match=r"ema_decay 0\.8.*0\.9"):
        ExponentialAverage(_layer(), 0.8).restore(tmp_path)
    with pytest.raises(ModelError, match="another model"):
        ExponentialAverage(torch.nn.Linear(2, 2), 0.9).restore(tmp_path)
    (tmp_path / MOVING).write_bytes(b"not safetensors")
    with pytest.raises(ModelError, match="no moving average"):
        average.restore(tmp_path)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_mean_of_checkpoints(tmp_path: Path, kind: torch.dtype) -> None:
    parts = [torch.randn(5, 4, dtype=torch.float64) for _ in range(3)]
    folders = [
        _folder(tmp_path / f"checkpoint-{n}", {"w": part.to(kind), "steps": torch.tensor([n])})
        for n, part in enumerate(parts)
    ]
    out = average_checkpoints(folders, tmp_path / "mean")
    saved = load_file(out / WEIGHTS)
    expected = sum(part.to(kind).double() for part in parts) / 3
    assert saved["w"].dtype == kind
    assert torch.equal(saved["w"], expected.to(kind))
    assert saved["steps"].tolist() == [2]
    assert (out / "config.json").is_file()
    assert json.loads((out / RECORD).read_text())["mean_of"] == ["checkpoint-0", "checkpoint-1", "checkpoint-2"]
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_weights_in_several_files(tmp_path: Path) -> None:
    whole = _folder(tmp_path / "a", {"w": torch.ones(3), "v": torch.zeros(2)})
    split = tmp_path / "b"
    split.mkdir()
    save_file({"w": torch.full((3,), 3.0)}, split / "one.safetensors")
    save_file({"v": torch.ones(2)}, split / "two.safetensors")
    index = {"weight_map": {"w": "one.safetensors", "v": "two.safetensors"}}
    (split / "model.safetensors.index.json").write_text(json.dumps(index))
    saved = load_file(average_checkpoints([whole, split], tmp_path / "mean") / WEIGHTS)
    assert saved["w"].tolist() == [2, 2, 2]
    assert saved["v"].tolist() == [0.5, 0.5]
    index["weight_map"]["w"] = "../a/model.safetensors"
    (split / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="outside the folder"):
        average_checkpoints([whole, split], tmp_path / "other")


def test_what_cannot_be_averaged(tmp_path: Path) -> None:
    first = _folder(tmp_path / "first", {"w": torch.ones(3)})
    cases = {
        "name": ({"v": torch.ones(3)}, "v is in one of them only"),
        "shape": ({"w": torch.ones(4)}, r"expected \(\[3\]"),
        "kind": ({"w": torch.ones(3, dtype=torch.float16)}, "F16"),
        "nan": ({"w": torch.tensor([1.0, float("nan"), 1.0])}, "not finite"),
    }
    for name, (weights, message) in cases.items():
        with pytest.raises(ModelError, match=message):
            average_checkpoints([first, _folder(tmp_path / name, weights)], tmp_path / "out")
    with pytest.raises(InputError, match="1 checkpoints"):
        average_checkpoints([first], tmp_path / "out")
    with pytest.raises(InputError, match="twice"):
        average_checkpoints([first, first], tmp_path / "out")
    with pytest.raises(ModelError, match="no weights"):
        average_checkpoints([first, tmp_path / "missing"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    second = _folder(tmp_path / "second", {"w": torch.ones(3)})
    with pytest.raises(InputError, match="exists already"):
        average_checkpoints([first, second], tmp_path / "nan")


@pytest.mark.parametrize("tied", [True, False])
def test_the_moving_average_becomes_a_model(tmp_path: Path, tied: bool) -> None:
    import transformers

    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=30, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, tie_word_embeddings=tied,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    average = ExponentialAverage(model, 0.9)
    for number in range(3):
        _step(model, number)
        average.update(model)
    checkpoint = tmp_path / "checkpoint-3"
    model.save_pretrained(str(checkpoint))
    average.save(checkpoint)
    loaded = transformers.LlamaForCausalLM.from_pretrained(str(export_moving(checkpoint, tmp_path / "out")))
    for name, weight in loaded.named_parameters():
        assert torch.equal(weight, average.weights[name]), name
    assert json.loads((tmp_path / "out" / RECORD).read_text())["updates"] == 3
    with pytest.raises(ModelError, match="no moving average"):
        export_moving(tmp_path / "out", tmp_path / "again")


def test_only_complete_checkpoints_of_steps_count(tmp_path: Path) -> None:
    """Neither one that is not whole, nor that of before the first step, whose weights have learned nothing."""
    root = tmp_path / "checkpoints"
    for step in (0, 10, 20, 30):
        folder = checkpoints.begin(root, step)
        (folder / "weights").write_bytes(b"weights")
        checkpoints.finish(folder, step=step, position=step, plan_id="p", head="h")
    (root / "checkpoint-30" / "weights").unlink()
    assert [path.name for path in last_checkpoints(tmp_path, 2)] == ["checkpoint-10", "checkpoint-20"]
    with pytest.raises(InputError, match="2 complete checkpoints of a step or more; expected at least 3"):
        last_checkpoints(tmp_path, 3)
    (root / "checkpoint-20" / "weights").write_bytes(b"wei\0\0\0\0")
    with pytest.raises(InputError, match="checkpoint-20: weights is not as it was written"):
        last_checkpoints(tmp_path, 2)


def test_the_command_averages_a_run(tmp_path: Path) -> None:
    shards = corpus(tmp_path / "shards", web=(20_000, 0.5))
    recipe = tiny(
        shards,
        steps=8,
        checkpoints={"every_steps": 2, "stable_after_steps": 1, "keep_stable": 1},
        averaging={"ema_decay": 0.5, "last": 3},
    )
    run = train(recipe, tmp_path / "run").folder

    def call(*words: str) -> Path:
        result = CliRunner().invoke(app, ["average", *words])
        if result.exception:
            raise result.exception
        return Path(result.output.strip())

    parts = [load_file(run / "checkpoints" / f"checkpoint-{step}" / WEIGHTS) for step in (4, 6, 8)]
    mean = load_file(call(str(run), "--out", str(tmp_path / "mean")) / WEIGHTS)
    for name, weight in mean.items():
        assert torch.equal(weight, (sum(part[name].double() for part in parts) / 3).float()), name
    last_two = [str(run / "checkpoints" / f"checkpoint-{step}") for step in (6, 8)]
    two = load_file(call(str(run), "--last", "2", "--out", str(tmp_path / "two")) / WEIGHTS)
    named = load_file(call(*last_two, "--out", str(tmp_path / "named")) / WEIGHTS)
    assert all(torch.equal(two[name], named[name]) for name in two)
    moving = load_file(call(str(run), "--ema", "--out", str(tmp_path / "ema")) / WEIGHTS)
    kept = load_file(run / "checkpoints" / "checkpoint-8" / MOVING)
    assert all(torch.equal(moving[name], kept[name]) for name in moving)
    with pytest.raises(RecipeError, match="one of them"):
        call(str(run), "--ema", "--last", "2", "--out", "x")
    with pytest.raises(InputError, match="no recipe of a training run"):
        call(last_two[0], "--out", "x")
