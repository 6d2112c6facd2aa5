"""model/ and averages load in transformers' own classes with the weights that were trained, for every shape; and a run
may go on from any of them with the tokenizer that belongs to it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from gristmill.pipelines.cli.main import app
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.shards.encoding.tokenizer import prepare_tokenizer, write_tokenizer
from gristmill.schemas.errors import ModelError
from gristmill.schemas.recipe.shards import ShardOptions
from gristmill.schemas.shards.format import TokenizerRecord
from gristmill.training.data.stream.shards import ShardSet
from gristmill.training.models.build import load_model
from gristmill.training.run import checkpoints, logs
from gristmill.training.run.averaging import average_checkpoints
from gristmill.training.run.train import train
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from typer.testing import CliRunner

from tests.training.poison import VOCABULARY, corpus
from tests.training.training_runs import tiny

AUTOMATIC = {
    "llama": ("clm", {".": "AutoModelForCausalLM"}),
    "qwen": ("clm", {".": "AutoModelForCausalLM"}),
    "bert": ("mlm", {".": "AutoModelForMaskedLM"}),
    "t5": ("span_corruption", {".": "AutoModelForSeq2SeqLM"}),
    "electra": ("replaced_token", {".": "AutoModelForPreTraining", "generator": "AutoModelForMaskedLM"}),
}
FAST = ("bert", "electra")
IDS = torch.arange(10, 30)[None, :]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("exported") / "shards", web=(20_000, 0.5))


def logits(model: torch.nn.Module) -> torch.Tensor:
    extra = {"decoder_input_ids": IDS} if model.config.model_type == "t5" else {}
    with torch.no_grad():
        return model.eval()(input_ids=IDS, **extra).logits


def parts(model: Any) -> dict[str, torch.nn.Module]:
    """The models of an exported folder, by the folder below it in which they lie."""
    if hasattr(model, "discriminator"):
        return {".": model.discriminator, "generator": model.generator}
    return {".": model}


def assert_loads(folder: Path, shape: str, trained: Any) -> None:
    """In transformers' own class, with no weight made up, and with the logits of what was trained."""
    for name, automatic in AUTOMATIC[shape][1].items():
        loaded, found = getattr(transformers, automatic).from_pretrained(str(folder / name), output_loading_info=True)
        assert type(loaded).__module__.startswith("transformers.")
        assert not found["missing_keys"]
        assert not found["unexpected_keys"]
        assert torch.equal(logits(loaded), logits(parts(trained)[name])), name
        fresh = getattr(transformers, automatic).from_config(loaded.config)
        assert not torch.allclose(logits(fresh), logits(loaded))


@pytest.mark.parametrize("shape", [pytest.param(s, marks=[] if s in FAST else pytest.mark.slow) for s in AUTOMATIC])
def test_what_was_trained_is_what_loads(shape: str, shards: Path, tmp_path: Path) -> None:
    recipe = tiny(
        shards,
        model={"shape": shape, "hidden_size": 32, "layers": 1, "heads": 2, "generator_fraction": 0.5},
        objective=AUTOMATIC[shape][0],
        stream={"window": 32},
        steps=4,
        checkpoints={"every_steps": 2, "stable_after_steps": 1},
        averaging={"ema_decay": 0.5, "last": 2},
    )
    run = train(recipe, tmp_path / "run").folder
    record = ShardSet.open(shards).manifest.tokenizer
    saved = checkpoints.complete(run / "checkpoints")
    assert_loads(run / "model", shape, load_model(saved[-1].folder, record))
    for name in ("mean", "moving"):
        options = ["--ema"] if name == "moving" else []
        assert not CliRunner().invoke(app, ["average", str(run), "--out", str(tmp_path / name), *options]).exception
        assert_loads(tmp_path / name, shape, load_model(tmp_path / name, record))
    (step_2, step_4), mean = (
        (load_model(one.folder, record) for one in saved[-2:]),
        load_model(tmp_path / "mean", record),
    )
    two, four = step_2.state_dict(), step_4.state_dict()
    for key, weight in mean.state_dict().items():
        assert torch.equal(weight, ((two[key].double() + four[key].double()) / 2).float()), key
    both = average_checkpoints([run / "model", tmp_path / "mean"], tmp_path / "both")
    assert_loads(both, shape, load_model(both, record))
    again = train(tiny(shards, **_same(recipe) | {"model": {"checkpoint": str(run / "model")}}), tmp_path / "again")
    first = next(line["loss"] for line in logs.read(again.folder / logs.LOG))
    assert first < next(line["loss"] for line in logs.read(run / logs.LOG))


def _same(recipe: Any) -> dict[str, Any]:
    return {key: value for key, value in recipe.model_dump(mode="json").items() if key not in ("name", "shards")}


def test_a_checkpoint_of_electra_loads_in_no_class_with_fresh_weights(shards: Path, tmp_path: Path) -> None:
    recipe = tiny(
        shards,
        model={"shape": "electra", "hidden_size": 16, "layers": 1, "heads": 2},
        objective="replaced_token",
        steps=1,
        stream={"window": 32},
    )
    run = train(recipe, tmp_path / "run").folder
    with pytest.raises(ValueError, match="replaced_token"):
        transformers.AutoModel.from_pretrained(str(run / "checkpoints" / "checkpoint-1"))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small GPT-2 with its tokenizer, as save_pretrained writes them: 64 positions, no padding, mask or separator."""
    folder = tmp_path_factory.mktemp("own") / "gpt2"
    tokenizer = Tokenizer(
        models.BPE(vocab={**{chr(33 + n): n for n in range(VOCABULARY - 1)}, "<|endoftext|>": 63}, merges=[])
    )
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64, "vocab_size": VOCABULARY}
    config = transformers.GPT2Config(**sizes, bos_token_id=63, eos_token_id=63)
    torch.manual_seed(0)
    transformers.GPT2LMHeadModel(config).save_pretrained(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|endoftext|>"}))
    return folder


@pytest.fixture(scope="module")
def of_own_tokenizer(own: Path) -> tuple[Path, TokenizerRecord]:
    """Shards written with that tokenizer: ids for padding, mask, separator and sentinels are reserved above it."""
    prepared = prepare_tokenizer(ShardOptions(tokenizer=str(own), sentinels=10))
    record = prepared.record
    assert record.vocab_size == VOCABULARY + 13
    shards = corpus(own.parent / "shards", web=(20_000, 0.5))
    manifest = ShardSet.open(shards).manifest
    (shards / "manifest.json").write_text(manifest.model_copy(update={"tokenizer": record}).model_dump_json())
    write_tokenizer(Storage(str(shards)), prepared)
    return shards, record


def test_a_checkpoint_goes_on_with_its_own_tokenizer(
    own: Path, of_own_tokenizer: tuple[Path, TokenizerRecord], tmp_path: Path
) -> None:
    """The embedding grows by the ids that the shards reserve; the logits of text stay what they were."""
    shards, record = of_own_tokenizer
    model = load_model(own, record, window=32, tokenizer_folder=shards / "tokenizer")
    before = transformers.GPT2LMHeadModel.from_pretrained(str(own))
    assert model.config.vocab_size == record.vocab_size
    assert torch.equal(logits(model)[..., :VOCABULARY], logits(before))
    weights = model.get_input_embeddings().weight
    assert torch.allclose(weights[VOCABULARY:], weights[:VOCABULARY].mean(dim=0).expand(13, -1))
    options: dict[str, Any] = {"model": {"checkpoint": str(own)}, "steps": 3, "stream": {"window": 32}}
    run = train(tiny(shards, **options), tmp_path / "run").folder
    exported = transformers.AutoModelForCausalLM.from_pretrained(str(run / "model"))
    assert exported.config.vocab_size == record.vocab_size
    assert len(transformers.AutoTokenizer.from_pretrained(str(run / "model"))) == record.vocab_size


def test_a_window_above_the_positions_of_a_model_is_refused(
    own: Path, of_own_tokenizer: tuple[Path, TokenizerRecord], tmp_path: Path
) -> None:
    shards, record = of_own_tokenizer
    for window in (64, 65):
        recipe = tiny(shards, model={"checkpoint": str(own)}, steps=1, stream={"window": window})
        if window == 64:
            train(recipe, tmp_path / "run")
            continue
        with pytest.raises(ModelError, match=r"a window of 65 tokens for a model of 64 positions; expected at most 64"):
            train(recipe, tmp_path / "refused")
    assert record.vocab_size > VOCABULARY


def test_another_tokenizer_is_refused_whatever_its_size(
    own: Path, of_own_tokenizer: tuple[Path, TokenizerRecord], tmp_path: Path
) -> None:
    shards, record = of_own_tokenizer
    folder = tmp_path / "other"
    shutil.copytree(own, folder)
    settings = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = settings["model"]["vocab"]
    vocabulary["A"], vocabulary["B"] = vocabulary["B"], vocabulary["A"]
    (folder / "tokenizer.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match=r"id 32 is 'B' in the model's tokenizer; expected 'A', as in the shards'"):
        load_model(folder, record, tokenizer_folder=shards / "tokenizer")
    (folder / "tokenizer.json").unlink()
    assert load_model(folder, record, tokenizer_folder=shards / "tokenizer").config.vocab_size == record.vocab_size


def test_half_precision_checkpoints_are_trained_in_full(
    own: Path, of_own_tokenizer: tuple[Path, TokenizerRecord], tmp_path: Path
) -> None:
    transformers.GPT2LMHeadModel.from_pretrained(str(own)).to(torch.bfloat16).save_pretrained(str(tmp_path))
    model = load_model(tmp_path, of_own_tokenizer[1])
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_weights_that_are_missing_are_not_made_up(own: Path, tmp_path: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=80, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    transformers.BertModel(config).save_pretrained(str(tmp_path))
    record = TokenizerRecord(sha256="0" * 64, vocab_size=70, eos_id=63, pad_id=64, mask_id=65, separator_id=66)
    with pytest.raises(ModelError, match=r"\d+ weights are missing, .*; expected all weights of BertForMaskedLM"):
        load_model(tmp_path, record)
