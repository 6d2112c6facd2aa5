"""Models of five shapes: built from sizes, saved and loaded, checked against the tokenizer, losses that add up."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from gristmill.schemas.errors import ModelError, RecipeError
from gristmill.training.models.build import build_model, load_model, shape_of
from gristmill.training.models.packed import ReplacedTokenConfig, sample
from gristmill.training.objectives.registry import make
from gristmill.training.objectives.tensors import batch_loss

from tests.training.objective_cases import EOS, MASK, PAD, SHAPES, TOKENIZER, random_windows, tiny

WIDTH = 64


@pytest.mark.parametrize("shape", SHAPES)
def test_built_saved_loaded(shape: str, tmp_path: Path) -> None:
    model = build_model(tiny(shape), TOKENIZER, WIDTH, seed=3)
    again = build_model(tiny(shape), TOKENIZER, WIDTH, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    assert shape_of(model) == shape
    model.save_pretrained(str(tmp_path))
    loaded = load_model(tmp_path, TOKENIZER)
    objective = make(SHAPES[shape], TOKENIZER, WIDTH)
    inputs = objective(random_windows(0, 2, WIDTH), np.arange(2))
    with torch.no_grad():
        assert torch.equal(model(**inputs).loss, loaded.eval()(**inputs).loss)
    assert type(loaded) is type(model)
    assert list(tmp_path.glob("*.safetensors"))
    assert not list(tmp_path.glob("*.bin"))


def test_building_leaves_the_random_state_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    build_model(tiny("llama"), TOKENIZER, WIDTH)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(("shape", "automatic"), [("bert", "AutoModelForMaskedLM"), ("t5", "AutoModelForSeq2SeqLM")])
def test_what_is_saved_loads_as_transformers_own(shape: str, automatic: str, tmp_path: Path) -> None:
    model = build_model(tiny(shape), TOKENIZER, WIDTH)
    model.save_pretrained(str(tmp_path))
    theirs = getattr(transformers, automatic).from_pretrained(str(tmp_path))
    assert type(theirs).__module__.startswith("transformers.")
    assert type(theirs).__name__ == type(model).__name__
    ids = torch.arange(20)[None, :]
    extra = {"decoder_input_ids": ids} if shape == "t5" else {}
    with torch.no_grad():
        assert torch.equal(model.eval()(input_ids=ids, **extra).logits, theirs.eval()(input_ids=ids, **extra).logits)


def test_parts_of_electra_share_embeddings_and_load_alone(tmp_path: Path) -> None:
    model = build_model(tiny("electra", hidden_size=64, generator_fraction=0.5), TOKENIZER, WIDTH)
    assert model.generator.config.hidden_size == 32
    assert model.discriminator.config.hidden_size == 64
    shared, own = model.discriminator.electra.embeddings, model.generator.electra.embeddings
    for name, parameter in own.named_parameters():
        assert parameter is shared.get_parameter(name), name
    assert model.generator.generator_lm_head.weight is shared.word_embeddings.weight
    model.save_parts(tmp_path)
    discriminator = transformers.ElectraForPreTraining.from_pretrained(str(tmp_path))
    generator = transformers.ElectraForMaskedLM.from_pretrained(str(tmp_path / "generator"))
    ids = torch.arange(20)[None, :]
    with torch.no_grad():
        assert torch.equal(discriminator.eval()(ids).logits, model.eval().discriminator(ids).logits)
        assert torch.equal(generator.eval()(ids).logits, model.generator(ids).logits)


def test_embeddings_of_electra_stay_shared_after_loading_and_a_step(tmp_path: Path) -> None:
    build_model(tiny("electra"), TOKENIZER, WIDTH).save_pretrained(str(tmp_path))
    model = load_model(tmp_path, TOKENIZER).train()
    inputs = make("replaced_token", TOKENIZER, WIDTH)(random_windows(0, 2, WIDTH), np.arange(2))
    model(**inputs).loss.backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    shared = model.discriminator.electra.embeddings.word_embeddings.weight
    assert model.generator.electra.embeddings.word_embeddings.weight is shared
    assert model.generator.generator_lm_head.weight is shared


def test_the_discriminator_sends_no_gradient_into_the_generator() -> None:
    model = build_model(tiny("electra"), TOKENIZER, WIDTH)
    inputs = make("replaced_token", TOKENIZER, WIDTH)(random_windows(0, 2, WIDTH), np.arange(2))
    output = model(**inputs)
    output.discriminator_losses.sum().backward()
    own = [p for name, p in model.generator.named_parameters() if "embeddings." not in name and "lm_head.w" not in name]
    assert own
    assert all(parameter.grad is None for parameter in own)
    assert model.discriminator.discriminator_predictions.dense.weight.grad is not None


def test_loss_of_electra_is_the_papers() -> None:
    """Cross-entropy of the generator over masked tokens + 50 times the discriminator's over all, from their logits."""
    model = build_model(tiny("electra"), TOKENIZER, WIDTH).eval()
    windows = random_windows(0, 1, WIDTH)
    inputs = make("replaced_token", TOKENIZER, WIDTH)(windows, np.arange(1))
    with torch.no_grad():
        output = model(**inputs)
        masked, judged = inputs["labels"] != -100, inputs["judged"]
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            output.logits[judged], output.replaced[judged].float()
        )
        generator = output.generator_losses[masked].mean()
        assert float(output.loss) == pytest.approx(float(generator + 50 * losses), rel=1e-5)
    assert not output.replaced[~masked].any()
    assert output.replaced[masked].float().mean() > 0.5  # an untrained generator seldom draws the original


def test_samples_follow_the_distribution() -> None:
    scores = torch.log(torch.tensor([0.5, 0.25, 0.0, 0.25]))
    draws = torch.linspace(0, 1, 10_001)[:-1]
    counts = torch.bincount(sample(scores.expand(10_000, -1), draws), minlength=4)
    assert counts.tolist() == pytest.approx([5000, 2500, 0, 2500], abs=2)


@pytest.mark.parametrize("shape", SHAPES)
def test_micro_batches_add_up_to_the_batch(shape: str) -> None:
    """What the Trainer does with a batch in parts gives the loss of the batch at once."""
    model = build_model(tiny(shape), TOKENIZER, WIDTH).eval()
    objective = make(SHAPES[shape], TOKENIZER, WIDTH)
    windows = random_windows(0, 4, WIDTH)
    whole = objective(windows, np.arange(4))
    parts = [
        objective({key: value[part] for key, value in windows.items()}, np.arange(4)[part])
        for part in (slice(0, 2), slice(2, 4))
    ]
    counts = objective.label_counts(whole)
    assert torch.equal(counts, sum(objective.label_counts(part) for part in parts))
    with torch.no_grad():
        summed = sum(batch_loss(model, part, counts) for part in parts)
        at_once = batch_loss(model, whole, counts)
        assert float(at_once) == pytest.approx(float(model(**whole).loss), rel=1e-5)
    assert float(summed) == pytest.approx(float(at_once), rel=1e-5)


def test_checkpoints_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    model = build_model(tiny("llama"), TOKENIZER, WIDTH)
    model.save_pretrained(str(tmp_path / "model"))
    with pytest.raises(ModelError, match="145 ids; expected at least 146: the text of the shards has ids up to 145"):
        load_model(tmp_path / "model", TOKENIZER.model_copy(update={"vocab_size": 146}))
    with pytest.raises(ModelError, match="eos id 100; expected 99"):
        load_model(tmp_path / "model", TOKENIZER.model_copy(update={"eos_id": 99}))
    with pytest.raises(ModelError, match=r"no such folder; expected the folder of a model on this machine"):
        load_model(tmp_path / "elsewhere", TOKENIZER)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(ModelError, match=r"no config\.json"):
        load_model(tmp_path / "elsewhere", TOKENIZER)
    (tmp_path / "elsewhere" / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"an adapter, not a model; .*gristmill adapters merge"):
        load_model(tmp_path / "elsewhere", TOKENIZER)
    settings = tmp_path / "model" / "config.json"
    before = settings.read_text()
    settings.write_text(json.dumps({**json.loads(before), "intermediate_size": 7}))
    with pytest.raises(
        ModelError, match=r"mlp\..*_proj\.weight has the shape \(.*\); expected \(.*7.*\), as its config"
    ):
        load_model(tmp_path / "model", TOKENIZER)
    settings.write_text(before)
    (tmp_path / "model" / "model.safetensors").rename(tmp_path / "model" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        load_model(tmp_path / "model", TOKENIZER)


def test_a_damaged_checkpoint_is_an_error(tmp_path: Path) -> None:
    build_model(tiny("llama"), TOKENIZER, WIDTH).save_pretrained(str(tmp_path))
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(tmp_path, TOKENIZER)


def test_half_of_electra_is_refused(tmp_path: Path) -> None:
    build_model(tiny("electra"), TOKENIZER, WIDTH).save_parts(tmp_path)
    shutil.rmtree(tmp_path / "generator")
    with pytest.raises(ModelError, match="ElectraForPreTraining alone; expected a discriminator, with its generator"):
        load_model(tmp_path, TOKENIZER)


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RecipeError, match="kv_heads 3"):
        build_model(tiny("llama", kv_heads=3), TOKENIZER, WIDTH)
    with pytest.raises(RecipeError, match="tie_embeddings"):
        build_model(tiny("bert", tie_embeddings=False), TOKENIZER, WIDTH)


def test_special_ids_reach_the_configuration() -> None:
    for shape in SHAPES:
        config = build_model(tiny(shape), TOKENIZER, WIDTH).config
        assert (config.vocab_size, config.eos_token_id, config.pad_token_id) == (TOKENIZER.vocab_size, EOS, PAD)
        assert config.vocab_size > MASK


def test_the_generator_is_smaller() -> None:
    sizes = {"hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 1024}
    config = ReplacedTokenConfig(**sizes, generator_fraction=0.25)
    smaller = config.of_generator()
    assert (smaller.hidden_size, smaller.num_attention_heads, smaller.intermediate_size) == (64, 1, 256)
    assert smaller.embedding_size == config.embedding_size
