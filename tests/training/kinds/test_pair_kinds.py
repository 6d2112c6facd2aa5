"""Reward models, DPO and ORPO: resumed exactly, references stored, figures of held-out pairs, bad pairs named."""

import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
import trl
from datasets import Dataset
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.training.dpo import DpoRecipe
from gristmill.schemas.training.orpo import OrpoRecipe
from gristmill.schemas.training.reward import RewardRecipe
from gristmill.training.kinds.dpo import Dpo
from gristmill.training.kinds.orpo import Orpo
from gristmill.training.kinds.registry import load_kind, recipe_model
from gristmill.training.objectives.odds_ratio import odds_ratio_losses
from gristmill.training.run import logs
from gristmill.training.run.train import train
from gristmill.training.score.pair_figures import figures_of
from pydantic import ValidationError

from tests.training.kinds.tiny_models import WORDS, model_of, options_of, steps_of, tokenizer_of, write_lines
from tests.training.training_runs import go_back

LORA = {"method": "lora", "rank": 4}
pytestmark = pytest.mark.filterwarnings(
    "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
)  # trl reads it
RECIPES: dict[str, Any] = {"reward": RewardRecipe, "dpo": DpoRecipe, "orpo": OrpoRecipe}


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
        ("orpo", None),
        pytest.param("reward", LORA, marks=pytest.mark.slow),
        pytest.param("dpo", None, marks=pytest.mark.slow),
        pytest.param("orpo", LORA, marks=pytest.mark.slow),
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
    elif kind == "orpo":
        assert {"loss/answers", "loss/odds_ratio", "accuracy", "logps/chosen"} <= whole[-2].keys()
        assert validated[0]["held_out/log_odds_ratio"] != validated[-1]["held_out/log_odds_ratio"]
        assert not (run / "reference").exists()
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


def tool_named(name: str, **properties: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def call_of(name: str, **arguments: Any) -> list[dict[str, Any]]:
    call = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return [{"role": "assistant", "tool_calls": [call]}]


@pytest.mark.parametrize("kind", ["dpo", "reward"])
def test_rows_with_tools_of_their_own_and_texts_beside_messages(home: Path, tmp_path: Path, kind: str) -> None:
    """What a step is given is what each row says, whatever the others are."""
    asked, plain = [{"role": "user", "content": "ba be"}], [{"role": "assistant", "content": "bi"}]
    rows: list[dict[str, Any]] = [
        {"prompt": asked, "chosen": call_of("ba", x=1), "rejected": plain, "tools": [tool_named("ba", x="integer")]},
        {"prompt": asked, "chosen": call_of("be", y="bo"), "rejected": plain, "tools": [tool_named("be", y="string")]},
        {"prompt": asked, "chosen": [{"role": "assistant", "content": "bu"}], "rejected": plain, "margin": 1},
        {"prompt": "ba bi", "chosen": " bu", "rejected": " bo"},
    ]
    changes = {"rows": write_lines(tmp_path / "pairs.jsonl", rows), "chat_template": "chatml", "max_tokens": 256}
    chosen = load_kind(kind)(recipe(home, kind, validation=None, **changes), tmp_path / "run")
    chosen.prepare(None)
    served = chosen.build_trainer().train_dataset
    tokenizer = chosen.vocabulary
    for row, found in zip(rows, served, strict=True):
        for side in ("chosen", "rejected"):
            if isinstance(row["prompt"], str):
                wanted = tokenizer(row["prompt"] + row[side] + tokenizer.eos_token)["input_ids"]
            else:
                messages = [*row["prompt"], *row[side]]
                wanted = tokenizer.apply_chat_template(messages, tools=row.get("tools"), return_dict=True)["input_ids"]
            assert [*found.get("prompt_ids", []), *found[f"{side}_ids"]] == wanted


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["dpo", "reward"])
@pytest.mark.parametrize("messages", [False, True])
def test_pairs_have_the_ids_that_trl_gives_them(home: Path, tmp_path: Path, kind: str, messages: bool) -> None:
    rows = [pair(number) for number in range(8)]
    if messages:
        roles = {"prompt": "user", "chosen": "assistant", "rejected": "assistant"}
        rows = [{name: [{"role": role, "content": row[name]}] for name, role in roles.items()} for row in rows]
    changes = {"rows": write_lines(tmp_path / "pairs.jsonl", rows), "chat_template": "chatml", "validation": None}
    chosen = load_kind(kind)(recipe(home, kind, **changes), tmp_path / "run")
    chosen.prepare(None)
    trainer, configuration = {
        "dpo": (trl.DPOTrainer, trl.DPOConfig),
        "reward": (trl.RewardTrainer, trl.RewardConfig),
    }[kind]
    options = {"use_cpu": True, "bf16": False, "report_to": [], "max_length": 64}
    theirs = trainer(
        model=chosen.model(),
        args=configuration(output_dir=str(tmp_path / "trl"), **options),
        train_dataset=Dataset.from_list(rows),
        processing_class=chosen.vocabulary,
    ).train_dataset
    for mine, other in zip(chosen.build_trainer().train_dataset, theirs, strict=True):
        for name in ("prompt_ids", "chosen_ids", "rejected_ids"):
            assert mine.get(name) == other.get(name)


@pytest.mark.parametrize("kind", ["dpo", "orpo"])
def test_an_adapter_on_the_output_layer(home: Path, tmp_path: Path, kind: str) -> None:
    """trl's log-probabilities are computed from the layer's own weights: told before the folder is claimed."""
    adapter = {"method": "lora", "rank": 2, "targets": ["q_proj", "lm_head"]}
    with pytest.raises(
        RecipeError, match=f"an adapter on the output layer, for kind {kind}; expected targets without it"
    ):
        train(recipe(home, kind, adapter=adapter), tmp_path / "run")
    assert not (tmp_path / "run" / "training.json").exists()


def test_numbers_that_are_not_finite_are_no_options(home: Path) -> None:
    for changes in (
        {"beta": float("inf")},
        {"loss_weights": (float("nan"),)},
        {"optimizer": {"learning_rate": float("nan")}},
    ):
        with pytest.raises(ValidationError, match="finite number"):
            recipe(home, "dpo", **changes)


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


@pytest.mark.parametrize(("kind", "losses"), [("dpo", ["sigmoid", "sft"]), ("orpo", None)])
def test_micro_batches_of_answers_of_unequal_lengths_add_up(
    home: Path, tmp_path: Path, kind: str, losses: list[str] | None
) -> None:
    """Means over tokens are those of the whole batch, however long the answers of a micro batch are."""
    pairs = [{**pair(n), "chosen": pair(n)["chosen"] * (1 + 5 * (n % 4 == 0))} for n in range(8)]
    rows = write_lines(tmp_path / "pairs.jsonl", pairs)
    changes = {"rows": rows, "steps": 2, "validation": None} | ({"losses": losses} if losses else {})
    whole, parts = (
        steps_of(train(recipe(home, kind, micro_batch_sequences=size, **changes), tmp_path / f"of-{size}").folder)
        for size in (4, 1)
    )
    for mine, theirs in zip(whole, parts, strict=True):
        for name in ("loss", "grad_norm", "labels"):
            assert theirs[name] == pytest.approx(mine[name], rel=1e-5), name


@pytest.mark.parametrize(
    ("kind", "losses"),
    [
        ("dpo", ["sigmoid", "sft", "aot", "aot_unpaired"]),
        pytest.param("dpo", ["aot"], marks=pytest.mark.slow),
        ("orpo", None),
    ],
)
def test_validation_is_that_of_the_held_out_pairs_as_one_batch(
    home: Path, tmp_path: Path, kind: str, losses: list[str] | None
) -> None:
    """However the rows are batched: trl's own loss of all of them at once, answers of unequal lengths, under a moved model."""
    held_out = [{**pair(n), "chosen": pair(n)["chosen"] * (1 + 3 * (n % 3 == 0))} for n in range(24, 36)]
    rows = write_lines(tmp_path / "held-out.jsonl", held_out)
    changes = {"validation_rows": rows} | ({"losses": losses, "label_smoothing": 0.1} if losses else {})
    found = []
    for size in (12, 5, 1):
        run = recipe(home, kind, batch_sequences=size, micro_batch_sequences=size, **changes)
        chosen = {"dpo": Dpo, "orpo": Orpo}[kind](run, tmp_path / "run")
        chosen.prepare(None)
        trainer = chosen.build_trainer()
        torch.manual_seed(0)
        with torch.no_grad():
            for parameter in trainer.model.parameters():
                parameter += 0.05 * torch.randn_like(parameter)
        measure = chosen.validation_loss(trainer)
        assert measure is not None
        found.append((measure(trainer.model), trainer.held_out_figures))
        if size == 12:
            inputs = trainer.data_collator([trainer.eval_dataset[number] for number in range(12)])
            counts = {"num_items_in_batch": trainer.label_counts(inputs)} if kind == "orpo" else {}
            trainer.model.eval()
            with torch.no_grad():
                whole = float(trainer.compute_loss(trainer.model, inputs, **counts))
    for loss, figures in found:
        assert loss == pytest.approx(whole, rel=1e-5)
        assert figures == pytest.approx(found[0][1], rel=1e-5)


def test_the_odds_ratio_is_that_of_trl() -> None:
    """Losses, ratios and gradients on random log-probabilities, from nearly certain to nearly impossible."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # trl says that what is experimental may change
        from trl.experimental.orpo import ORPOTrainer

    class Beta:
        beta, accelerator = 1.0, SimpleNamespace(device="cpu")

    draw = torch.Generator().manual_seed(0)
    values = -torch.exp(12 * torch.rand(2, 500, generator=draw) - 8)
    mine, theirs = (values.clone().requires_grad_() for _ in range(2))
    losses, ratios = odds_ratio_losses(*mine)
    signed, _, _, _, ratio = ORPOTrainer.odds_ratio_loss(Beta(), *theirs)  # type: ignore[arg-type]
    torch.testing.assert_close(losses, -signed)
    assert float(ratios.mean().detach()) == pytest.approx(float(ratio.detach()), rel=1e-5)
    losses.sum().backward()
    signed.sum().neg().backward()
    torch.testing.assert_close(mine.grad, theirs.grad)
    certain = torch.zeros(2, 1, requires_grad=True)
    found, _ = odds_ratio_losses(*certain)
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(certain.grad).all()  # type: ignore[arg-type]


def test_the_loss_of_orpo_is_written_out(home: Path, tmp_path: Path) -> None:
    """Of a batch of pairs, with transformers' own logits: the tokens of the chosen answers, and the odds of both."""
    kind = Orpo(recipe(home, "orpo", odds_weight=0.7), tmp_path / "run")
    kind.prepare(None)
    trainer = kind.build_trainer()
    inputs = trainer.data_collator([trainer.train_dataset[number] for number in range(4)])
    with torch.no_grad():
        found = trainer.compute_loss(trainer.model, inputs, num_items_in_batch=trainer.label_counts(inputs))
        logits = trainer.model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
    means, tokens, total = [], 0, 0.0
    for row, (ids, mask) in enumerate(zip(inputs["input_ids"], inputs["completion_mask"], strict=True)):
        places = [place for place in range(1, len(ids)) if mask[place]]
        scores = [float(logits[row, place - 1].double().log_softmax(-1)[ids[place]]) for place in places]
        means.append(np.mean(scores))
        if row < 4:
            tokens, total = tokens + len(scores), total - sum(scores)
    odds = [np.log(np.exp(mean) / (1 - np.exp(mean))) for mean in means]
    term = np.mean([np.log1p(np.exp(-(odds[n] - odds[n + 4]))) for n in range(4)])
    assert float(found) == pytest.approx(total / tokens + 0.7 * term, rel=1e-4)


def test_a_loss_that_sorts_the_batch_wants_it_whole(home: Path) -> None:
    with pytest.raises(ValidationError, match=r"found loss aot, which sorts .* micro_batch_sequences 2; expected .* 4"):
        recipe(home, "dpo", losses=["sigmoid", "aot"])
    recipe(home, "dpo", losses=["aot"], micro_batch_sequences=4)
    with pytest.raises(ValidationError, match=r"found loss exo_pair with label_smoothing 0, .* expected more"):
        recipe(home, "dpo", losses=["exo_pair"])


def test_what_stands_in_for_a_kind_that_is_not_there() -> None:
    with pytest.raises(
        RecipeError, match=r"kind of training 'kto'; expected one of .*micro batch.*pairs for `dpo` or `orpo`"
    ):
        recipe_model("kto")
