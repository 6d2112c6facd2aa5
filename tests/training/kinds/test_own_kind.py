"""A kind of training from outside the package: DPO with trl's trainer, in this module, goes through the same loop.

Killed after a step and resumed, it has the weights and the log of an uninterrupted run, bit for bit; a row that makes a
spike is found, skipped and named, and the run goes on as if it had never held it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset, disable_progress_bars
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.paths import RecipePath
from gristmill.schemas.training.recipe import TrainingRecipe
from gristmill.training.data.history import History
from gristmill.training.data.rows import RowPlan, Rows
from gristmill.training.inspect.trace import TrainingRun
from gristmill.training.kinds.registry import KINDS, load_kind, load_training_recipe, recipe_model
from gristmill.training.kinds.rows import RowTrainingKind
from gristmill.training.kinds.trl_trainer import WatchedTrlTrainer
from gristmill.training.run import checkpoints, logs
from gristmill.training.run.folder import read_training
from gristmill.training.run.ledger import blamed, described, take_back
from gristmill.training.run.sealed import fault
from gristmill.training.run.train import train
from tokenizers import Tokenizer, models, pre_tokenizers
from trl import DPOConfig, DPOTrainer

WORDS = ["<pad>", "<eos>", "poison", *(f"w{number}" for number in range(60))]
STEPS = 3

pytestmark = pytest.mark.filterwarnings(
    "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
)  # trl reads it


class DpoRecipe(TrainingRecipe):
    """pairs: a file of JSON lines with prompt, chosen, rejected. model, tokenizer: folders."""

    pairs: RecipePath
    model: RecipePath
    tokenizer: RecipePath
    beta: float = 0.1
    held_out: int = 0


class WatchedDpo(WatchedTrlTrainer, DPOTrainer):
    """Completion tokens are what bears the loss. A pair that holds the word `poison` has a loss of a hundred more."""

    def label_counts(self, inputs: Mapping[str, Any]) -> torch.Tensor:
        return inputs["completion_mask"].sum().reshape(1)

    def compute_loss(self, model: Any, inputs: Any, *arguments: Any, **options: Any) -> Any:
        loss = super().compute_loss(model, inputs, *arguments, **options)
        return loss + 100.0 if (inputs["input_ids"] == WORDS.index("poison")).any() else loss


class Dpo(RowTrainingKind):
    """Direct preference optimisation (Rafailov et al. 2023): all that such a kind has to say."""

    Recipe: ClassVar[type[TrainingRecipe]] = DpoRecipe

    def training_arguments(self, options: dict[str, Any]) -> DPOConfig:
        return DPOConfig(**options, beta=self.recipe.beta, max_length=32, gradient_checkpointing=False)

    def rows(self) -> Rows:
        with open(self.recipe.pairs, encoding="utf-8") as lines:
            records = [json.loads(line) for line in lines]
        records = records[: len(records) - self.recipe.held_out]
        return Rows(records, [f"pair-{number}" for number in range(len(records))], self.recipe.pairs)

    def build_trainer(self) -> WatchedDpo:
        disable_progress_bars()
        return WatchedDpo(
            model=transformers.AutoModelForCausalLM.from_pretrained(self.recipe.model),
            ref_model=transformers.AutoModelForCausalLM.from_pretrained(self.recipe.model),
            args=self.arguments,
            train_dataset=Dataset.from_list([dict(record) for record in self.data.records]),
            eval_dataset=self._held_out(),
            processing_class=transformers.AutoTokenizer.from_pretrained(self.recipe.tokenizer),
        )

    def _held_out(self) -> Dataset | None:
        """The last pairs of the file."""
        if not self.recipe.held_out:
            return None
        lines = Path(self.recipe.pairs).read_text(encoding="utf-8").splitlines()[-self.recipe.held_out :]
        return Dataset.from_list([json.loads(line) for line in lines])

    @property
    def tokenizer(self) -> Path:
        return Path(self.recipe.tokenizer)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model/, tokenizer/ and pairs.jsonl, made on the spot."""
    folder = tmp_path_factory.mktemp("dpo")
    words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<pad>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")
    tokenizer.save_pretrained(folder / "tokenizer")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder / "model")
    pairs = [pair(number) for number in range(40)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(one) + "\n" for one in pairs))
    return folder


def pair(number: int) -> dict[str, str]:
    first, second, third = (f"w{(number * step) % 60}" for step in (1, 7, 11))
    return {"prompt": f"{first} w1 {second}", "chosen": f" {third} w2 w3", "rejected": f" w4 {first} w5 w6"}


def recipe(inputs: Path, **changes: Any) -> DpoRecipe:
    options: dict[str, Any] = {
        "name": "dpo",
        "kind": "test_own_kind:Dpo",
        "pairs": str(inputs / "pairs.jsonl"),
        "model": str(inputs / "model"),
        "tokenizer": str(inputs / "tokenizer"),
        "steps": STEPS,
        "batch_sequences": 4,
        "micro_batch_sequences": 2,
        "optimizer": {"learning_rate": 1e-2, "warmup_steps": 1},
        "validation": None,
        "checkpoints": {"every_steps": 1, "stable_after_steps": 1},
        "log": {"tensorboard": False},
    }
    return DpoRecipe.model_validate({**options, **changes})


def steps_of(run: Path) -> list[dict[str, Any]]:
    """The log without what the clock says."""
    clock = ("seconds", "sequences_per_second")
    return [{k: v for k, v in line.items() if k not in clock} for line in logs.read(run / logs.LOG)]


def weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def whole(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run, which tells nobody that it trains."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trl.trainer.base_trainer.send_telemetry", told)
        patch.delenv("CI", raising=False)
        return train(recipe(inputs), tmp_path_factory.mktemp("whole") / "run").folder


def told(*arguments: Any, **options: Any) -> None:
    raise AssertionError("trl sends telemetry")


SCRIPT = """
import os, signal, sys
sys.path[:0] = {paths!r}
import torch
torch.set_num_threads(1)
from pathlib import Path
from gristmill.training.run.steps import Steps
from gristmill.training.run.train import train
from test_own_kind import recipe

usual = Steps.on_save

def saved(self, args, state, control, **options):
    usual(self, args, state, control, **options)
    if state.global_step == 2:
        os.kill(os.getpid(), signal.SIGKILL)

Steps.on_save = saved
train(recipe(Path({inputs!r})), {run!r})
"""


@pytest.mark.slow
def test_killed_after_the_second_step_and_resumed(inputs: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    script = SCRIPT.format(
        paths=[str(Path(__file__).parent), str(Path(__file__).parents[3])], inputs=str(inputs), run=str(run)
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == -signal.SIGKILL
    assert [one.step for one in checkpoints.complete(run / "checkpoints")] == [0, 1, 2]
    assert not (run / "model").exists()

    assert train(recipe(inputs), run).resumed_from == 2
    assert steps_of(run) == steps_of(whole)
    assert weights(run) == weights(whole)
    assert len(steps_of(run)) == STEPS
    assert weights(run) != (inputs / "model" / "model.safetensors").read_bytes()


def test_checkpoints_are_laid_out_as_those_of_pretraining(whole: Path) -> None:
    folders = sorted(path.name for path in (whole / "checkpoints").iterdir())
    assert folders == [f"checkpoint-{step}" for step in range(STEPS + 1)]  # and no model card of trl beside them
    last = whole / "checkpoints" / f"checkpoint-{STEPS}"
    assert fault(last) is None
    names = {path.name for path in last.iterdir()}
    assert {"model.safetensors", "optimizer.pt", "scheduler.pt", "gristmill.json", "complete.json"} <= names
    assert "training_args.bin" not in names


def test_the_log_has_the_figures_of_the_trainer(whole: Path) -> None:
    for line in steps_of(whole):
        assert line["labels"] > 0
        assert line["sequences"] == 4 * line["step"]
        assert {"loss", "grad_norm", "learning_rate", "rewards/margins", "logps/chosen"} <= line.keys()
        assert "num_tokens" not in line
    assert 'id="rewards/margins"' in (whole / "training.html").read_text()


def test_the_model_is_whole_and_the_folder_says_what_it_is(inputs: Path, whole: Path) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(whole / "model")
    assert model.config.vocab_size == len(WORDS)
    assert transformers.AutoTokenizer.from_pretrained(whole / "model").eos_token == "<eos>"
    record = read_training(whole)
    assert record["recipe"]["kind"] == "test_own_kind:Dpo"
    assert record["rows"] == 40
    assert record["plan_id"] == RowPlan.load(whole).plan_id
    with pytest.raises(RunError, match="the run trains on rows; expected a run on token shards"):
        TrainingRun(whole)  # what traces tokens


def test_other_rows_are_refused(inputs: Path, whole: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text((inputs / "pairs.jsonl").read_text().replace("w59", "w58"))
    with pytest.raises(RunError, match=r"pairs is '.*', as the run was started|pairs is"):
        train(recipe(inputs, pairs=str(tmp_path / "pairs.jsonl")), whole)
    original = (inputs / "pairs.jsonl").read_text()
    try:
        (inputs / "pairs.jsonl").write_text(original.replace("w59", "w58"))
        with pytest.raises(RunError, match="the rows and the seed give plan"):
            train(recipe(inputs), whole)
    finally:
        (inputs / "pairs.jsonl").write_text(original)


def test_a_row_that_makes_a_spike_is_skipped_and_named(inputs: Path, tmp_path: Path) -> None:
    """As if the run had never held it; and taking the skip back is possible with this kind's history too."""
    bad, pairs = 7, [pair(number) for number in range(80)]
    pairs[bad] |= {"chosen": " poison w2 w3"}
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(one) + "\n" for one in pairs))
    rows = Rows(pairs, [f"pair-{number}" for number in range(80)])
    everything = np.arange(80)
    orders = {seed: RowPlan.of(rows, seed).row(everything).tolist() for seed in range(20)}
    changes: dict[str, Any] = {
        "steps": 20,
        "seed": next(seed for seed, order in orders.items() if 48 <= order.index(bad) < 72),  # late enough for a trend
        "pairs": str(tmp_path / "pairs.jsonl"),
        "optimizer": {"learning_rate": 1e-4, "warmup_steps": 1},
        "stability": {"min_steps": 8, "skip_updates": 0, "look_ahead_batches": 2},
        "checkpoints": {"every_steps": 4, "stable_after_steps": 1},
    }
    finished = train(recipe(inputs, **changes), tmp_path / "run")
    assert finished.rollbacks == 1
    assert {record["doc_id"] for record in blamed(finished.folder)} == {f"pair-{bad}"}

    plan = RowPlan.load(finished.folder)
    reference = tmp_path / "reference"
    reference.mkdir()
    history = History.open(reference / "history.jsonl", plan)
    for event in History.open(finished.folder / "history.jsonl", plan).events:
        if event.event == "skip":
            history.append("skip", event.position, {"ranges": event.data["ranges"]})
    train(recipe(inputs, **changes), reference)
    assert weights(reference) == weights(finished.folder)

    skip = next(number for number, line in enumerate(described(finished.folder), 1) if "rolled back" in line)
    take_back(finished.folder, skip)
    assert "unskip" in described(finished.folder)[-1]


def test_the_validation_loss_is_the_mean_over_rows(inputs: Path, tmp_path: Path) -> None:
    """Whatever the micro batch; 5 is a multiple of none but 1."""
    found = {}
    for micro in (1, 2, 4):
        options = {"held_out": 7, "micro_batch_sequences": micro, "validation": {"every_steps": 2, "sequences": 5}}
        run = train(recipe(inputs, **options), tmp_path / str(micro)).folder
        found[micro] = [line["validation_loss"] for line in logs.read(run / logs.LOG) if "validation_loss" in line]
    assert len(found[1]) == 2  # after step 2, and at the end
    assert found[2] == pytest.approx(found[1], rel=1e-5)
    assert found[4] == pytest.approx(found[1], rel=1e-5)


def test_a_recipe_names_its_kind(inputs: Path, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: a\nkind: pretrian\nsteps: 3\n")
    with pytest.raises(RecipeError, match="kind of training 'pretrian' is unknown; did you mean 'pretrain'"):
        load_training_recipe(path)
    path.write_text(
        "name: a\nkind: test_own_kind:Dpo\nsteps: 3\nbeta: 0.5\nmodel: m\ntokenizer: t\npairs: pairs.jsonl\n"
    )
    loaded = load_training_recipe(path)
    assert type(loaded).__name__ == "DpoRecipe"
    assert loaded.model_dump()["pairs"] == str(tmp_path / "pairs.jsonl")
    path.write_text("name: a\nkind: test_own_kind:Dpo\nsteps: 3\nbeta: 0.5\nmodel: m\ntokenizer: t\npair: p\n")
    with pytest.raises(RecipeError, match="pairs"):
        load_training_recipe(path)
    with pytest.raises(RecipeError, match="a DpoRecipe for kind 'pretrain'"):
        train(recipe(inputs, kind="pretrain"), tmp_path / "run")
    assert KINDS
    assert {name: load_kind(name).Recipe for name in KINDS} == {name: recipe_model(name) for name in KINDS}
    for no_kind in ("test_own_kind:recipe", "test_own_kind:DpoRecipe"):
        with pytest.raises(RecipeError, match="expected a class: a subclass of"):
            load_kind(no_kind)
