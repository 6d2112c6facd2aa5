"""Scores by models: formulas against plain references, answers found in templates, resume, several processes, and the way back
into a recipe."""

import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
import transformers
from gristmill import build
from gristmill.chat.templates import CHATML
from gristmill.console import Console
from gristmill.schemas.errors import GristmillError, ModelError, RecipeError, RunError
from gristmill.schemas.scores import ScoreOptions
from gristmill.training.data.row_files import UnusableRow
from gristmill.training.models.finished import load_scorer, load_tokenizer
from gristmill.training.rewards.scoring import ModelScorer
from gristmill.training.score import folder as score_folder
from gristmill.training.score import run as score_run
from gristmill.training.score.answers import AnswerEncoder, asked_of
from gristmill.training.score.run import score_rows

from tests.training.kinds.tiny_models import WORDS, model_of, tokenizer_of, write_lines
from tests.training.processes import two_processes

LLAMA_STYLE = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a chat template that marks nothing, as most have."""
    folder = tmp_path_factory.mktemp("scores")
    model_of(tokenizer_of(WORDS, folder / "model"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "model")
    tokenizer.chat_template = LLAMA_STYLE.replace("{{ bos_token }}", "")
    tokenizer.save_pretrained(folder / "model")
    return folder


def conversation(number: int, length: int = 3) -> dict[str, Any]:
    answer = " ".join(WORDS[(number * 5 + place * 3) % 60] for place in range(length))
    asked = " ".join(WORDS[(number + place) % 60] for place in range(4))
    turns = [("user", asked), ("assistant", WORDS[number]), ("user", WORDS[number + 1]), ("assistant", answer)]
    return {
        "id": f"row-{number}",
        "messages": [{"role": role, "content": text} for role, text in turns[2 * (number % 2) :]],
    }


def scores(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["doc_id"]: row for row in pq.read_table(folder / "scores.parquet").to_pylist()}


def plain_loss(model: Any, ids: list[int], first: int) -> float:
    """The mean of -log p of the ids from `first` on, as the formula says it."""
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double()
    return -sum(float(torch.log_softmax(logits[k - 1], -1)[ids[k]]) for k in range(first, len(ids))) / (
        len(ids) - first
    )


def test_ifd_is_the_ratio_of_perplexities(home: Path, tmp_path: Path) -> None:
    """Against the formula of the paper, row by row, without batches or padding."""
    rows = [conversation(number, 2 + number % 5) for number in range(12)]
    found = score_rows(write_lines(tmp_path / "rows.jsonl", rows), home / "model", tmp_path / "out")
    assert (found.rows, found.unscored) == (12, {})
    assert found.columns == ("ifd", "ifd_of_losses", "perplexity", "answer_tokens", "perplexity_alone")
    model = transformers.AutoModelForCausalLM.from_pretrained(home / "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(home / "model")
    by_id = scores(tmp_path / "out")
    for row in rows:
        before = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>" for m in row["messages"][:-1])
        answer = tokenizer(row["messages"][-1]["content"])["input_ids"]
        given = tokenizer(before + "<|im_start|>assistant\n")["input_ids"]
        with_prompt = plain_loss(model, given + answer, len(given))
        alone = plain_loss(model, [tokenizer.eos_token_id, *answer], 1)
        mine = by_id[row["id"]]
        assert mine["answer_tokens"] == len(answer)
        assert mine["perplexity"] == pytest.approx(math.exp(with_prompt), rel=1e-4)
        assert mine["perplexity_alone"] == pytest.approx(math.exp(alone), rel=1e-4)
        assert mine["ifd"] == pytest.approx(math.exp(with_prompt) / math.exp(alone), rel=1e-4)
        assert mine["ifd_of_losses"] == pytest.approx(with_prompt / alone, rel=1e-4)
        assert mine["ifd"] != pytest.approx(mine["ifd_of_losses"], rel=1e-6)


def test_the_answer_is_found_in_every_template(home: Path) -> None:
    """Its own characters only: no tokens that open or close its turn, and not where the prompt says the same."""
    tokenizer = load_tokenizer(home / "model")
    row = {"messages": [{"role": "user", "content": "ba be"}, {"role": "assistant", "content": "ba be"}]}
    for template in (LLAMA_STYLE, CHATML.jinja, None):
        tokenizer.chat_template = template
        encoder = AnswerEncoder(tokenizer, "own" if template else "plain", 64)
        (one,) = encoder.with_prompt(asked_of(row)[0])
        assert tokenizer.decode(one.ids[one.first :]) == "ba be"
        assert len(one.ids) > 4
        assert tokenizer.decode(encoder.alone([one])[0].ids) == "<eos>ba be"
    tokenizer.chat_template = "{% for m in messages %}{{ m.content | upper }}{% endfor %}"
    with pytest.raises(UnusableRow, match="does not write the answer"):
        AnswerEncoder(tokenizer, "own", 64).with_prompt(asked_of(row)[0])


def test_rows_without_a_score_say_why(home: Path, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        conversation(0),
        {"id": "a", "messages": [{"role": "user", "content": "ba"}]},
        {"id": "b", "messages": [{"role": "user", "content": "ba"}, {"role": "assistant", "content": " "}]},
        {"id": "c", "messages": [{"role": "user", "content": "<eos>"}, {"role": "assistant", "content": "ba"}]},
        {"id": "d", "messages": [{"role": "user", "content": "ba " * 99}, {"role": "assistant", "content": "ba"}]},
        {"id": "e", "messages": "nothing"},
        {"id": "f", "other": 1},
        {"id": "g", "prompt": "ba", "chosen": "be", "rejected": "bi"},
        {"id": "h", "messages": [{"role": "assistant", "content": "ba be"}]},
        {"id": "i", "text": "ba " * 99},
    ]
    options = ScoreOptions(max_tokens=64)
    found = score_rows(write_lines(tmp_path / "rows.jsonl", rows), home / "model", tmp_path / "out", options)
    by_id = scores(tmp_path / "out")
    reasons = {name: row["unscored"] for name, row in by_id.items() if row["unscored"]}
    assert {name: reason.split(":")[0] for name, reason in reasons.items()} == {
        "a": "no answer",
        "b": "no answer",
        "c": "a special token written out in a text",
        "d": "more than max_tokens 64 tokens",
        "e": "messages that are text",
        "f": "none of the columns messages, prompt, text",
        "g": "a row of another kind than the first",
    }
    assert sum(found.unscored.values()) == 7
    for name in ("h", "i"):  # answers to nothing have a perplexity, a long text in windows, and no ratio
        assert by_id[name]["perplexity"] > 0
        assert by_id[name]["ifd"] is None
    assert by_id["i"]["answer_tokens"] == 100


def test_an_interrupted_call_goes_on(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_folder, "UNIT_ROWS", 4)
    rows = write_lines(tmp_path / "rows.jsonl", [conversation(number) for number in range(14)])
    whole = score_rows(rows, home / "model", tmp_path / "whole")
    calls = []
    scorer = score_run.LikelihoodScorer.__call__

    def failing(self: Any, records: Any, ids: Any) -> Any:
        calls.append(list(ids))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return scorer(self, records, ids)

    monkeypatch.setattr(score_run.LikelihoodScorer, "__call__", failing)
    with pytest.raises(KeyboardInterrupt):
        score_rows(rows, home / "model", tmp_path / "out")
    assert not (tmp_path / "out/scores.json").exists()
    found = score_rows(rows, home / "model", tmp_path / "out")
    assert [len(call) for call in calls] == [4, 4, 4, 4, 2]
    assert scores(tmp_path / "out") == scores(tmp_path / "whole")
    assert found.rows == whole.rows == 14
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "scores.json",
        "scores.parquet",
        "scoring.json",
    ]
    score_rows(rows, home / "model", tmp_path / "out")
    assert len(calls) == 5
    with pytest.raises(RunError, match="other options"):
        score_rows(rows, home / "model", tmp_path / "out", ScoreOptions(max_tokens=32))


def test_only_rows_that_are_new_or_changed_are_scored_again(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_folder, "UNIT_ROWS", 4)
    rows = [conversation(number) for number in range(10)]
    path = write_lines(tmp_path / "rows.jsonl", rows)
    score_rows(path, home / "model", tmp_path / "out")
    before = scores(tmp_path / "out")
    scored: list[str] = []
    scorer = score_run.LikelihoodScorer.__call__

    def noting(self: Any, records: Any, ids: Any) -> Any:
        scored.extend(ids)
        if len(scored) <= 2:  # both stand in one unit
            raise KeyboardInterrupt
        return scorer(self, records, ids)

    monkeypatch.setattr(score_run.LikelihoodScorer, "__call__", noting)
    changed = {**conversation(20), "id": "row-3"}
    write_lines(tmp_path / "rows.jsonl", [rows[2], changed, conversation(30), *rows[5:]][::-1])
    with pytest.raises(KeyboardInterrupt):
        score_rows(path, home / "model", tmp_path / "out")
    found = score_rows(path, home / "model", tmp_path / "out")
    assert set(scored) == {"row-3", "row-30"}
    after = scores(tmp_path / "out")
    assert found.rows == len(after) == 8
    assert all(after[name] == before[name] for name in after if name not in ("row-3", "row-30"))
    assert after["row-3"]["perplexity"] != before["row-3"]["perplexity"]
    assert not (tmp_path / "out/earlier.parquet").exists()
    with pytest.raises(RunError, match="other options"):
        score_rows(path, home / "model", tmp_path / "out", ScoreOptions(max_tokens=32))


@pytest.mark.slow
def test_two_processes_score_what_one_does(home: Path, tmp_path: Path) -> None:
    rows = write_lines(
        tmp_path / "rows.jsonl", [conversation(number % 59) | {"id": str(number)} for number in range(300)]
    )
    score_rows(rows, home / "model", tmp_path / "one")
    script = tmp_path / "script.py"
    script.write_text(
        "from gristmill.training.score.run import score_rows\n"
        f"score_rows({rows!r}, {str(home / 'model')!r}, {str(tmp_path / 'two')!r})\n"
    )
    two_processes(script)
    assert scores(tmp_path / "two") == scores(tmp_path / "one")


def test_rewards_are_those_that_training_is_given(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"score\.weight among them; expected all weights of LlamaForSequenceClass"):
        ModelScorer(str(home / "model"))  # no reward model: its head would be drawn at random
    tokenizer = load_tokenizer(home / "model")
    load_scorer(home / "model", tokenizer, 64, seed=3).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    prompt = [{"role": "user", "content": "ba be"}]
    sides = {
        name: [{"role": "assistant", "content": text}] for name, text in (("chosen", "bi"), ("rejected", "bo da de"))
    }
    rows = [
        {"id": "messages", "prompt": prompt, **sides},
        {"id": "texts", "prompt": "ba", "chosen": " di", "rejected": " do"},
    ]
    options = ScoreOptions(scores=("reward",), max_tokens=64)
    score_rows(write_lines(tmp_path / "rows.jsonl", rows), tmp_path / "model", tmp_path / "out", options)
    by_id = scores(tmp_path / "out")
    given = ModelScorer(str(tmp_path / "model"), 64)
    expected = given([""] * 2, ["bi", "bo da de"], [{"prompt": prompt}] * 2) + given(
        ["ba"] * 2, [" di", " do"], [{}] * 2
    )
    found = [by_id[name][f"reward_{side}"] for name in ("messages", "texts") for side in ("chosen", "rejected")]
    assert found == pytest.approx(expected, rel=1e-5)
    assert (given.cut, given.max_tokens) == (0, 64)
    short = ModelScorer(str(tmp_path / "model"), 3)
    assert short(["ba be bi bo"] * 2, [" da", ""], [{}] * 2)[0] == pytest.approx(
        short([" bo"], [" da"], [{}])[0], rel=1e-5
    )
    assert short.cut == 0
    short(["ba be bi bo", "ba"], [" da", ""], [{}] * 2)
    assert short.cut == 1
    assert ModelScorer(str(tmp_path / "model")).max_tokens == 256
    margins = [by_id[name]["reward_margin"] for name in ("messages", "texts")]
    assert margins == pytest.approx([found[0] - found[1], found[2] - found[3]])


def test_pass_rates_of_sampled_answers(home: Path, tmp_path: Path) -> None:
    """Draws depend on the row's id, not on its neighbours; what nobody can check is left out."""
    checks = [{"kind": "length", "unit": "words", "at_least": 1}, {"kind": "length", "unit": "words", "at_most": 0}]
    checks += [{"kind": "regex", "pattern": "b"}] * 6
    rows = [
        {"id": str(number), "prompt": [{"role": "user", "content": WORDS[number]}], "checker": spec}
        for number, spec in enumerate(checks)
    ]
    rows += [{"id": "none", "prompt": "ba"}, {"id": "bad", "prompt": "ba", "checker": {"kind": "nothing"}}]
    options = ScoreOptions(scores=("pass_rate",), samples=4, max_new_tokens=8, max_tokens=64)
    score_rows(write_lines(tmp_path / "a.jsonl", rows), home / "model", tmp_path / "a", options)
    score_rows(write_lines(tmp_path / "b.jsonl", rows[::-1][1:6]), home / "model", tmp_path / "b", options)
    first, second = scores(tmp_path / "a"), scores(tmp_path / "b")
    assert first["0"]["pass_rate"] == 1.0
    assert first["1"]["pass_rate"] == 0.0
    assert all(row["samples"] == 4 for row in first.values() if not row["unscored"])
    assert any(0 < first[str(number)]["pass_rate"] < 1 for number in range(2, 8))
    assert {name: row["pass_rate"] for name, row in second.items()} == {
        name: first[name]["pass_rate"] for name in second
    }
    assert first["none"]["unscored"] == "without a checker"
    assert "a checker that is none" in first["bad"]["unscored"]


def test_scores_of_a_run_select_its_rows(home: Path, tmp_path: Path) -> None:
    """Build, score the corpus, build again with the scores as signals."""
    source = {"name": "a", "path": write_lines(tmp_path / "rows.jsonl", [conversation(number) for number in range(9)])}
    recipe = {"name": "r", "rows": "conversation", "sources": [source]}
    quiet = Console(quiet=True)
    run = build(recipe, tmp_path / "run", console=quiet, report=False)
    found = score_rows(tmp_path / "run", home / "model", tmp_path / "ifd")
    assert found.rows == 9
    ranked = sorted(scores(tmp_path / "ifd").values(), key=lambda row: -row["ifd"])
    more = {"scores": {"ifd": str(tmp_path / "ifd")}, "embed": {"view": "prompt", "dimension": 8}}
    more["select"] = {"budget": 3, "by": "scored_ifd", "max_similarity": 1.0}
    run = build({**recipe, **more}, tmp_path / "run", console=quiet, report=False)
    assert {row["doc_id"] for row in run.corpus.to_arrow().to_pylist()} == {row["doc_id"] for row in ranked[:3]}
    (tmp_path / "ifd/units").mkdir()
    (tmp_path / "ifd/scores.json").unlink()
    with pytest.raises(GristmillError, match="are not finished"):
        build({**recipe, **more}, tmp_path / "run", console=quiet, report=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"scores": ["ifd", "reward"]}, "alone"), ({"scores": ["quality"]}, "quality"), ({"max_tokens": 1}, "max_tokens")],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScoreOptions.model_validate(options)


def test_other_folders_are_left_alone(home: Path, tmp_path: Path) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", [conversation(0)])
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty"):
        score_rows(rows, home / "model", tmp_path / "out")
    with pytest.raises(RecipeError, match="stand twice"):
        score_rows(write_lines(tmp_path / "two.jsonl", [conversation(0)] * 2), home / "model", tmp_path / "new")
    with pytest.raises(GristmillError, match="no such folder"):
        score_rows(rows, tmp_path / "nowhere", tmp_path / "new")
    assert json.loads((tmp_path / "new/scoring.json").read_text())["unit_rows"] == score_folder.UNIT_ROWS


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b"3"])
def test_a_damaged_record_of_scores_is_said_and_left(content: bytes, tmp_path: Path) -> None:
    (tmp_path / score_folder.STARTED).write_bytes(content)
    with pytest.raises(RunError, match="choose another --out"):
        score_folder.claim(tmp_path, {"rows": "x"})
    assert (tmp_path / score_folder.STARTED).read_bytes() == content


def test_damaged_files_of_scores_are_said(tmp_path: Path) -> None:
    assert score_folder.claim(tmp_path, {"rows": "x"}) is None
    unit = score_folder.unit_path(tmp_path, 0)
    unit.write_bytes(bytes(100))
    with pytest.raises(RunError, match=r"00000000\.parquet: no table of scores.*scores its rows again"):
        score_folder.finish(tmp_path, ["a"], ["ifd"], {"rows": "x"})
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["scoring.json", "units"]
    score_folder.write_table(tmp_path / "scores.parquet", score_folder.score_schema(["ifd"]).empty_table())
    (tmp_path / "scores.json").write_text('{"count": 1}')
    with pytest.raises(RunError, match="no record of scores"):
        score_folder.claim(tmp_path, {"rows": "x"})
