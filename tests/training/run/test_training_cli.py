"""`gristmill train` and `gristmill ledger` from the shell, and errors that say what to do."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from gristmill.pipelines.cli.main import app
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.training.pretrain import PretrainRecipe
from gristmill.schemas.training.recipe import Optimizer
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.kinds.registry import load_training_recipe
from gristmill.training.run import logs
from gristmill.training.run.folder import TrainingFolder, read_training
from gristmill.training.run.settings import check_devices, check_fsdp, training_options
from gristmill.training.run.train import train
from safetensors.torch import load_file
from transformers import TrainingArguments
from typer.testing import CliRunner

from tests.training.poison import corpus, plant, random_tokens, stream_of
from tests.training.training_runs import BATCH, curve, go_back, skipped, tiny


def write(path: Path, **content: object) -> Path:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"optimizer": {"learning_rat": 1}},
            r"pretrain recipe\n .*recipe\.yaml:7: optimizer: unknown key `learning_rat`; did you mean `learning_rate`",
        ),
        ({"steps": 0}, r"recipe\.yaml:5: steps: .*greater than or equal to 1"),
        ({"batch_sequences": 12, "micro_batch_sequences": 8}, "12 is not a multiple of micro_batch_sequences 8"),
        ({"model": {"checkpoint": "a", "shape": "llama"}}, "found both or neither of shape and checkpoint"),
        ({"fsdp": True, "averaging": {"ema_decay": 0.9}}, "found averaging.ema_decay with fsdp"),
        ({"model": {"shape": "llama", "hidden_size": 100, "heads": 3}}, "hidden_size 100 is not a multiple of heads 3"),
    ],
)
def test_recipes_that_cannot_run(tmp_path: Path, content: dict[str, object], message: str) -> None:
    model = {"shape": "llama"}
    path = write(tmp_path / "recipe.yaml", **{"name": "a", "shards": "s", "model": model, "steps": 9, **content})
    with pytest.raises(RecipeError, match=message):
        load_training_recipe(path)


def test_defaults_and_paths(tmp_path: Path) -> None:
    model = {"checkpoint": "old"}
    path = write(tmp_path / "recipe.yaml", name="a", shards="../s", model=model, objective="mlm", steps=9)
    recipe = load_training_recipe(path)
    assert recipe.shards == str(tmp_path.parent / "s")
    assert recipe.model.checkpoint == str(tmp_path / "old")
    assert recipe.objective.name == "mlm"
    assert (recipe.optimizer.learning_rate, recipe.optimizer.warmup_steps, recipe.optimizer.clip) == (3e-4, 2000, 1.0)
    assert (recipe.optimizer.schedule, recipe.optimizer.min_learning_rate_fraction) == ("cosine", 0.1)


def test_settings_of_the_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"schedule": "wsd", "decay_fraction": 0.5}
    recipe = tiny(tmp_path, micro_batch_sequences=2, activation_checkpointing=True, optimizer=options)
    arguments = TrainingArguments(**training_options(recipe, tmp_path))
    assert arguments.gradient_accumulation_steps == 4
    assert arguments.logging_nan_inf_filter is False
    assert arguments.activation_checkpointing is True
    assert arguments.lr_scheduler_kwargs["num_decay_steps"] == 30
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RecipeError, match="fsdp: true without a GPU"):
        training_options(recipe.model_copy(update={"fsdp": True}), tmp_path)
    with pytest.raises(RecipeError, match="fsdp: true in one process"):
        check_fsdp(gpu=True, processes=1)
    with pytest.raises(RecipeError, match=r"4 GPUs seen by one process.*torchrun --nproc-per-node 4"):
        check_devices(gpus=4, processes=1)
    for gpus, processes in ((0, 1), (1, 1), (4, 4)):
        check_devices(gpus, processes)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(RecipeError, match="multiple of micro_batch_sequences x processes = 2 x 3"):
        training_options(recipe, tmp_path)


def test_an_objective_the_model_cannot_learn(tmp_path: Path) -> None:
    recipe = tiny(corpus(tmp_path / "shards", web=(5_000, 0.5)), objective="mlm")
    with pytest.raises(RecipeError, match="objective mlm with a llama model"):
        train(recipe, tmp_path / "run")


def test_one_run_one_process(tmp_path: Path) -> None:
    held = TrainingFolder(tmp_path / "run")
    with pytest.raises(RunError, match="another process trains here"):
        TrainingFolder(tmp_path / "run")
    held.close()
    TrainingFolder(tmp_path / "run").close()
    with pytest.raises(RunError, match="the folder of a training run"):
        read_training(tmp_path / "run")


def test_train_ledger_and_taking_a_skip_back(tmp_path: Path) -> None:
    """From the shell: train past poison, read the ledger, take the skip back, go on: the poison is served again."""
    shards = corpus(tmp_path / "shards", validation=2_000, web=(30_000, 0.5))
    recipe = tiny(
        shards,
        steps=50,
        validation={"every_steps": 25, "sequences": 8},
        stability={"min_steps": 16, "skip_updates": 0},
        log={"tensorboard": True, "peak_tflops": 1},
    )
    bad = range(35 * BATCH, 36 * BATCH)
    plant(recipe, bad, random_tokens(np.random.default_rng(1)))
    path = write(tmp_path / "tiny.yaml", **recipe.model_dump(mode="json"))
    run = tmp_path / "run"
    shell = CliRunner()
    trained = shell.invoke(app, ["train", str(path), "--out", str(run)], catch_exceptions=False)
    assert f"{run}/model: 50 steps, 1 rollbacks" in trained.output
    assert len(curve(run)) == 50
    assert list((run / "tensorboard").iterdir())
    steps = [record for record in logs.read(run / "log.jsonl") if "loss" in record]
    parameters = sum(weight.numel() for weight in load_file(run / "model" / "model.safetensors").values())
    assert steps[9]["tokens"] == 10 * BATCH * 64
    assert steps[9]["mfu"] == pytest.approx(6 * parameters * steps[9]["tokens_per_second"] / 1e12)
    assert [r["step"] for r in logs.read(run / "log.jsonl") if "validation_loss" in r] == [25, 50]
    assert (run / "training.html").read_text(encoding="utf-8").count("rolled back to step") == 1
    listed = shell.invoke(app, ["ledger", str(run)], catch_exceptions=False).output.splitlines()
    number = next(n for n, line in enumerate(listed, 1) if "sequences skipped (bad data)" in line)
    with pytest.raises(RunError, match=r"event 1 is not a skip"):
        shell.invoke(app, ["ledger", str(run), "--unskip", "1"], catch_exceptions=False)
    shell.invoke(app, ["ledger", str(run), "--unskip", str(number)], catch_exceptions=False)
    history = StreamHistory.open(run / "history.jsonl", stream_of(recipe).plan)
    assert sorted(skipped(history)) == history.positions(50 * BATCH, 50 * BATCH + len(skipped(history))).tolist()
    assert read_training(run)["launches"][0]["from_step"] == 1


def test_quiet_says_whether_it_resumed_and_nothing_else(tmp_path: Path) -> None:
    shards = corpus(tmp_path / "shards", web=(5_000, 0.5))
    model = {"shape": "llama", "hidden_size": 16, "layers": 1, "heads": 2}
    recipe = tiny(shards, steps=4, model=model, checkpoints={"every_steps": 2, "stable_after_steps": 1})
    path, run = write(tmp_path / "tiny.yaml", **recipe.model_dump(mode="json")), tmp_path / "run"
    shell = CliRunner()

    def quietly(*more: str) -> str:
        return shell.invoke(
            app, ["train", str(path), "--out", str(run), "--quiet", *more], catch_exceptions=False
        ).output

    assert quietly() == "training tiny: 4 steps of 8 sequences; 0.405 epochs of 5,000 tokens\n"
    assert quietly() == "training tiny: finished before, after 4 steps\n"
    go_back(run, 2)
    assert quietly() == "training tiny: going on from step 2 of 4; 0.405 epochs of 5,000 tokens\n"
    assert quietly("--restart") == "training tiny: 4 steps of 8 sequences; 0.405 epochs of 5,000 tokens\n"
    assert (run / "set-aside" / "run-1" / "training.json").exists()


def test_recipe_in_the_documentation(repository: Path) -> None:
    page = (repository / "docs" / "training.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    recipe = PretrainRecipe.model_validate(yaml.safe_load(block))
    assert recipe.optimizer == Optimizer()


def test_a_run_needs_a_folder_unless_nothing_is_started(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("name: r\n")
    found = CliRunner().invoke(app, ["train", str(tmp_path / "recipe.yaml")])
    assert isinstance(found.exception, RecipeError)
    assert "expected --out FOLDER" in str(found.exception)
    assert "--dry-run" in str(found.exception)
