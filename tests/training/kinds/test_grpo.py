"""GRPO: completions that are drawn again after a kill, rewards that cannot be had or are wrong, prompts that do not fit."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.lookup import load_object
from gristmill.schemas.training.rollouts import GrpoRecipe, RewardChoice
from gristmill.training.kinds import groups
from gristmill.training.kinds.grpo import Grpo
from gristmill.training.kinds.registry import recipe_model
from gristmill.training.kinds.rloo import Rloo
from gristmill.training.kinds.rollouts import figures_of_completions
from gristmill.training.models.libraries import quiet_libraries
from gristmill.training.models.sampling import Sampling, draw_completions, key_of
from gristmill.training.rewards import scoring
from gristmill.training.rewards.scoring import FunctionScorer, Rewards
from gristmill.training.run.samples import read_samples
from gristmill.training.run.train import train

from tests.training.kinds.tiny_models import WORDS, model_of, options_of, steps_of, tokenizer_of, write_lines
from tests.training.training_runs import go_back


def prompt(number: int) -> dict[str, Any]:
    return {"id": f"row-{number}", "prompt": WORDS[number % 60], "answer": WORDS[(number + 1) % 60]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grpo")
    model_of(tokenizer_of(WORDS, folder / "model"))
    write_lines(folder / "prompts.jsonl", [prompt(number) for number in range(16)])
    return folder


def recipe(home: Path, **changes: Any) -> GrpoRecipe:
    defaults = {"kind": "grpo", "model": str(home / "model"), "rows": str(home / "prompts.jsonl")}
    defaults |= {"rewards": [{"function": "rewards_for_tests:noise"}], "generations": 4, "max_new_tokens": 4}
    defaults |= {"samples": {"every_steps": 1, "completions": 2}, "micro_batch_sequences": 2}
    return GrpoRecipe.model_validate(options_of(**defaults) | changes)


def held_out(home: Path) -> dict[str, Any]:
    rows = write_lines(home / "held-out.jsonl", [prompt(number) for number in range(16, 21)])
    return {"validation_rows": rows, "validation": {"every_steps": 2, "sequences": 4}}


LORA = {"adapter": {"method": "lora", "rank": 4}, "kl": 0.05, "loss": "dr_grpo"}


@pytest.mark.parametrize("changes", [{"kl": 0.05}, pytest.param(LORA, marks=pytest.mark.slow)])
def test_resumed_it_writes_the_same_completions(home: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    chosen = recipe(home, **changes, **held_out(home))
    run = train(chosen, tmp_path / "run").folder
    whole, samples = steps_of(run), list(read_samples(run))
    assert len(samples) == 8
    go_back(run, 2)
    shutil.rmtree(run / "set-aside", ignore_errors=True)
    assert train(chosen, run).resumed_from == 2
    assert steps_of(run) == whole
    assert list(read_samples(run)) == samples
    assert {"kl", "entropy", "reward", "completions/mean_length", "not_scored", "completions/repeated"} <= whole[
        -2
    ].keys()
    validated = [line for line in whole if "held_out/reward" in line]
    assert [line["step"] for line in validated] == [2, 4]
    assert all(0 <= line["held_out/reward"] <= 1 and line["held_out/not_scored"] == 0 for line in validated)
    assert "validation_loss" not in validated[0]
    assert "Completions, the last ones first" in (run / "training.html").read_text()


def test_a_completion_depends_on_its_key_alone(home: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(home / "model")
    model = transformers.AutoModelForCausalLM.from_pretrained(home / "model")
    prompts = [tokenizer(WORDS[number] + " ba" * (number % 3))["input_ids"] for number in range(6)]
    keys = [key_of(0, 1, number) for number in range(6)]
    state = torch.get_rng_state()
    together = draw_completions(model, prompts, keys, Sampling(5, rows=6), [1], 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert draw_completions(model, prompts, keys, Sampling(5, rows=1), [1], 0) == together
    assert draw_completions(model, prompts, keys[::-1], Sampling(5), [1], 0) != together
    assert draw_completions(model, prompts, keys, Sampling(5, top_k=1), [1], 0) == draw_completions(
        model, prompts, keys[::-1], Sampling(5, top_p=1e-6), [1], 0
    )


def test_draws_follow_the_model(home: Path) -> None:
    """Frequencies of first tokens over many keys are the model's probabilities."""
    model = transformers.AutoModelForCausalLM.from_pretrained(home / "model")
    ids, draws = [300, 310], 4000
    with torch.no_grad():
        expected = (model(input_ids=torch.tensor([ids])).logits[0, -1] / 0.3).softmax(-1)
    found = draw_completions(
        model, [ids] * draws, [key_of(7, n) for n in range(draws)], Sampling(1, 0.3, rows=500), [1], 0
    )
    counts = torch.bincount(torch.tensor([one[0] for one in found]), minlength=len(expected)) / draws
    assert float((counts - expected).abs().max()) < 5 * float((expected.max() / draws).sqrt())


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("short", RunError, "gives 1 values; expected a list of 16"),
        ("infinite", RunError, "gives inf for completion 0"),
        ("wrong_arguments", RecipeError, r"takes text; expected completions and \*\*columns"),
        ("nothing", RecipeError, "cannot be loaded"),
    ],
)
def test_rewards_that_are_wrong(home: Path, tmp_path: Path, name: str, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        train(recipe(home, rewards=[{"function": f"rewards_for_tests:{name}"}]), tmp_path / "run")
    assert (tmp_path / "run" / "training.json").exists() == (error is RunError)


def test_held_out_prompts_are_completed_under_the_same_noise(home: Path, tmp_path: Path) -> None:
    """With a learning rate of almost nothing every validation finds the same, that before step 1 too, which a run that begins
    again writes again; and what is not scored is counted."""
    changes = held_out(home) | {"rewards": [{"function": "rewards_for_tests:by_length"}], "steps": 2}
    changes |= {
        "validation": {"every_steps": 1, "sequences": 5, "before_step_1": True},
        "optimizer": {"learning_rate": 1e-12},
    }
    run = train(recipe(home, **changes), tmp_path / "run").folder
    lines = steps_of(run)
    validated = [line for line in lines if len(line) < 8]
    assert [line["step"] for line in validated] == [0, 1, 2]
    first, second, third = ({k: v for k, v in line.items() if k.startswith("held_out/")} for line in validated)
    assert first == second == third
    go_back(run, 0)
    assert train(recipe(home, **changes), run).resumed_from is None
    assert steps_of(run) == lines
    assert first["held_out/mean_length"] > 0
    kind = Grpo(recipe(home, **changes | {"rewards": [{"function": "rewards_for_tests:raises"}]}), tmp_path / "run")
    kind.prepare(None)
    trainer = kind.build_trainer()
    asked = kind.validation_loss(trainer)
    assert asked is not None
    with quiet_libraries():
        assert asked(trainer.model) is None
    assert trainer.held_out_figures["held_out/not_scored"] == 0
    assert trainer.held_out_figures["held_out/reward"] == 1


def scores_given(found: Any) -> Any:
    """What becomes of what a reward function gives for two completions."""
    load_object("rewards_for_tests:GIVEN").append(found)
    return FunctionScorer("rewards_for_tests:given", 1.0)(["", ""], ["", ""], [{}, {}])


class Odd:
    """What cannot be shown, and is no number."""

    def __repr__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (["good", 1.0], "gives 'good' for completion 0; expected a finite number"),
        (["1.5", 1.0], "gives '1.5' for completion 0"),
        ([1.0, {"reward": 1}], "gives {'reward': 1} for completion 1"),
        ([1.0, 10**400], "gives a value of type int for completion 1"),
        ([1.0, Odd()], "gives a value of type Odd for completion 1"),
        ([1.0, 1j], "gives 1j for completion 1"),
        (np.array([[1.0], [2.0]]), r"gives \[1.0\] for completion 0"),
        (np.array([1.0, np.nan]), "gives nan for completion 1"),
        (np.array(1.0), r"gives no list, but array\(1.\); expected a list of 2"),
        (None, "gives no list, but None"),
        (iter([1.0, 2.0]), "gives no list, but <list_iterator"),
        ("ab", "gives no list, but 'ab'"),
    ],
)
def test_values_that_are_no_rewards(found: Any, message: str) -> None:
    with pytest.raises(RunError, match=f"reward function given {message}"):
        scores_given(found)


def test_values_that_are_rewards() -> None:
    for found in (
        [1, None],
        (True, None),
        torch.tensor([1.0, 0.0]),
        np.array([1, 0]),
        [np.float32(1), torch.tensor(0.0)],
    ):
        assert scores_given(found) in ([1.0, None], [1.0, 0.0])


def test_rewards_of_one_name_are_both_counted() -> None:
    """Two checkers of a kind, as two regular expressions are: each has its weight, and a name of its own in the log."""
    choices = [({"kind": "regex", "pattern": "ba"}, 1.0), ({"kind": "regex", "pattern": "be"}, 0.25)]
    chosen = [RewardChoice(checker=checker, weight=weight) for checker, weight in choices]
    total, by_name = Rewards.of(chosen, 1.0)(["", ""], ["ba be", "be"], [{}, {}])
    assert total == [1.25, 0.25]
    assert by_name == {"regex": [1.0, 0.0], "regex-2": [1.0, 1.0]}


def test_what_raises_or_is_late_is_not_scored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "AGAIN_SECONDS", 0.05)
    rows = [prompt(number) for number in range(3)]
    texts = [row["prompt"] for row in rows]
    for name in ("raises", "slow", "exits", "stubborn"):
        scorer = FunctionScorer(f"rewards_for_tests:{name}", 0.05)
        assert scorer(texts, texts, rows) == [None, 1.0, 1.0]
    figures = figures_of_completions(texts, [None, 1.0, 0.0], [1, 2, 3])
    assert figures["not_scored"] == pytest.approx(1 / 3)
    assert figures["reward/passed"] == 0.5


@pytest.mark.parametrize("kind", [Grpo, pytest.param(Rloo, marks=pytest.mark.slow)])
def test_the_policy_is_asked_what_the_rows_say(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    """With the tools of a row, and with texts beside messages whose keys are not all the same."""
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
    call = {
        "role": "assistant",
        "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"x": 1}}}],
    }
    asked = [{"role": "user", "content": "ba be"}]
    rows = [
        {"prompt": asked, "tools": [tool]},
        {"prompt": [*asked, call, {"role": "tool", "content": "3"}], "tools": [tool]},
        {"prompt": asked},
        {"prompt": "bi bo"},
    ]
    changes = {
        "rows": write_lines(tmp_path / "rows.jsonl", rows),
        "chat_template": "chatml",
        "steps": 1,
        "max_tokens": 256,
    }
    options = recipe(home, **changes).model_dump(exclude_unset=True) | {"kind": kind.__name__.lower(), "generations": 2}
    chosen = recipe_model(options["kind"]).model_validate(options)
    prompts: list[list[int]] = []

    def drawn(model: Any, ids: list[list[int]], *arguments: Any) -> list[list[int]]:
        prompts.extend(ids)
        return draw_completions(model, ids, *arguments)

    monkeypatch.setattr(groups, "draw_completions", drawn)
    train(chosen, tmp_path / "run")
    prepared = kind(chosen, tmp_path / "run")
    prepared.open_rows()
    wanted = [row["ids"] for row in prepared.usable.prepared]
    assert sorted(prompts) == sorted([*wanted, *wanted])
    assert [len(ids) > 60 for ids in wanted] == [True, True, False, False]  # a tool is many tokens


def test_a_step_without_a_score_is_no_update(home: Path, tmp_path: Path) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", [{"prompt": "ba", "answer": "be"}] * 4)
    run = train(recipe(home, rows=rows, rewards=[{"function": "rewards_for_tests:raises"}], steps=1), tmp_path / "run")
    assert steps_of(run.folder)[0]["not_scored"] == 1
    first, last = (run.folder / "checkpoints" / f"checkpoint-{step}" / "model.safetensors" for step in (0, 1))
    assert first.read_bytes() == last.read_bytes()


def test_rows_with_checkers_of_their_own(home: Path, tmp_path: Path) -> None:
    good = [{"prompt": "ba", "answer": "3", "checker": {"kind": "number"}}] * 4
    run = train(
        recipe(home, rows=write_lines(tmp_path / "a.jsonl", good), rewards=[], steps=1), tmp_path / "run"
    ).folder
    assert steps_of(run)[0]["reward"] >= 0
    bad = [*good, {"prompt": "ba", "checker": {"kind": "numbre"}}, {"prompt": "ba"}, {"prompt": "ba " * 70}]
    with pytest.raises(RecipeError, match=r"3 of 7 rows cannot be trained on.*did you mean"):
        train(recipe(home, rows=write_lines(tmp_path / "b.jsonl", bad), rewards=[]), tmp_path / "none")
    never = [{"prompt": "ba"}, {"prompt": "ba", "answer": "no number"}, {"prompt": "ba", "answer": 3}]
    with pytest.raises(
        RecipeError, match=r"2 of 3 rows .*: 2 no right answer that a checker of kind number could compare"
    ):
        train(
            recipe(home, rows=write_lines(tmp_path / "d.jsonl", never), rewards=[{"checker": "number"}]),
            tmp_path / "none",
        )
    with pytest.raises(RecipeError, match=r"16 of 16 rows .* a checker of kind regex could compare"):
        train(recipe(home, rewards=[{"checker": {"kind": "regex", "pattern": "("}}]), tmp_path / "none")
    with pytest.raises(RecipeError, match="the columns are text; expected for kind grpo prompt"):
        train(recipe(home, rows=write_lines(tmp_path / "c.jsonl", [{"text": "ba"}])), tmp_path / "none")
    assert not (tmp_path / "none" / "training.json").exists()


def test_without_vllm_it_is_refused_with_what_to_install(home: Path, tmp_path: Path) -> None:
    assert find_spec("vllm") is None, "vLLM is there: this test says nothing"
    with pytest.raises(RecipeError, match=r"vLLM is not installed.*pip install vllm"):
        train(recipe(home, vllm=True), tmp_path / "run")
    assert not (tmp_path / "run" / "training.json").exists()


def test_what_is_watched(home: Path, tmp_path: Path) -> None:
    kind = Grpo(recipe(home), tmp_path / "run")
    line = {"completions/repeated": 0.9, "reward/length_correlation": 0.8, "not_scored": 0.5}
    assert len(kind.warnings([line] * 16)) == 3
    assert kind.warnings([line] * 15) == []
    assert kind.warnings([{"completions/repeated": 0.1, "not_scored": 0.0}] * 16) == []
    (cut,) = kind.warnings([{"step": 1}, {"step": 2, "reward/texts_cut": 3.0}])
    assert "`reward/texts_cut` in the log counts them" in cut
