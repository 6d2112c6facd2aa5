"""Datasets of a whole build, shards, the order of a plan and a training curve are those that were recorded.

The corpus of tests/engines is compared with its record there, on every engine. Nothing here rests on a model whose
numbers depend on the processor but the curve, whose losses are compared to a tenth of a percent.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.shards.write import write_shards
from gristmill.schemas.training.pretrain import PretrainRecipe

from tests.builds import COLUMNS, digests, rows, write_jsonl, write_recipe
from tests.recording import recorded

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with everything that a recipe can ask for and that the corpus of tests/engines leaves out."""
    base = tmp_path_factory.mktemp("recorded")
    write_jsonl(base / "web.jsonl", rows(200, seed=21))
    for number, row in enumerate(rows(30, seed=22)):
        path = base / "pages" / f"{number:03d}.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"<html><body><p>{row['text']}</p></body></html>", encoding="utf-8")
    (base / "personal.txt").write_text("Write to anna.weber@example.org or call +49 30 901820.\n" * 3)
    recipe = write_recipe(
        base / "recipe.yaml",
        [
            {"name": "web", "path": "web.jsonl", "columns": COLUMNS},
            {"name": "pages", "path": "pages/*.html", "extract": "none"},
            {"name": "mail", "path": "personal.txt"},
        ],
        policy={"profiles": ["gopher@dclm"]},
        dedup={"exact": {"normalise": []}, "near": {"link": "component", "shingle": {"words": 2}}, "lines": {}},
        pii={"email": "mask", "others": "mask"},
        signals={"redpajama": {}, "c4_paper": {}, "fineweb_lines": {}, "refinedweb": {}},
        datatrove_steps=[{"datatrove": "filters.GopherRepetitionFilter"}],
    )
    build(recipe, base / "run", console=QUIET, report=False)
    return base / "run"


def test_every_dataset_of_a_build(run: Path) -> None:
    left_out = ("ids/rows", "after-cuts")  # ids before colliding ones were separated; a folder named by its key
    found = {name: digest for name, digest in digests(run).items() if not any(part in name for part in left_out)}
    assert found == recorded("build", found)


@pytest.fixture(scope="module")
def shards(run: Path) -> Path:
    """The corpus of that run by a tokenizer of bytes and a few merges that need no training."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<eos>": 0} | {character: number + 1 for number, character in enumerate(alphabet)}
    merges = [("t", "h"), ("th", "e"), ("e", "n"), ("Ġ", "the"), ("e", "r"), ("i", "n")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<eos>"])
    tokenizer.save(str(run.parent / "tokenizer.json"))
    options = {"tokenizer": str(run.parent / "tokenizer.json"), "validation_fraction": 0.1, "tokens_per_shard": 9000}
    write_shards(str(run), run.parent / "shards", options, console=QUIET)
    return run.parent / "shards"


def test_shards(shards: Path) -> None:
    manifest = json.loads((shards / "manifest.json").read_text())
    checksums = {
        shard["name"] + extension: file["checksum"]
        for shard in manifest["shards"]
        for extension, file in shard["files"].items()
        if extension in (".bin", ".idx", ".loss")
    }
    assert checksums == recorded("shards", checksums)


@pytest.mark.parametrize("packing", [False, True])
def test_the_order_of_a_plan(shards: Path, packing: bool, tmp_path: Path) -> None:
    from gristmill.training.data.stream.dataset import PlanDataset
    from gristmill.training.data.stream.plan import Plan, PlanConfig
    from gristmill.training.data.stream.shards import ShardSet

    plan = Plan.build(ShardSet.open(str(shards)), PlanConfig(window=65, packing=packing, seed=3), tmp_path)
    ids = PlanDataset(plan).batch(0, plan.sequences)["input_ids"]
    sequences = hashlib.sha256(ids.astype("<i8").tobytes()).hexdigest()
    found = {"plan_id": plan.plan_id, "sequences": sequences}
    assert found == recorded("plan packed" if packing else "plan windows", found)


def test_a_training_curve(shards: Path, tmp_path: Path) -> None:
    from gristmill.training.run import logs
    from gristmill.training.run.train import train

    recipe = PretrainRecipe.model_validate(
        {
            "name": "recorded",
            "shards": str(shards),
            "model": {"shape": "llama", "hidden_size": 32, "layers": 2, "heads": 2},
            "stream": {"window": 64},
            "steps": 8,
            "batch_sequences": 4,
            "micro_batch_sequences": 2,
            "optimizer": {"learning_rate": 3e-3, "warmup_steps": 2},
            "validation": {"every_steps": 4, "sequences": 4},
            "log": {"tensorboard": False},
        }
    )
    folder = train(recipe, tmp_path / "run").folder
    found = [record["loss"] for record in logs.read(folder / logs.LOG) if "loss" in record]
    assert len(found) == 8
    np.testing.assert_allclose(found, recorded("curve", found), rtol=1e-3)
