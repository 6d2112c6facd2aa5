"""`gristmill evaluate`: prompts completed with the likeliest tokens, each checked, models and adapters alike."""

import json
import shutil
from pathlib import Path

import pytest
import transformers
from gristmill.pipelines.cli.main import app, main
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.training.adapter import Adapter
from gristmill.training.inspect.answers import answers_of
from gristmill.training.models.adapters import with_adapter
from gristmill.training.models.build import copy_tokenizer, open_model
from gristmill.training.models.libraries import quiet_libraries
from typer.testing import CliRunner

from tests.training.kinds.tiny_models import WORDS, model_of, tokenizer_of, write_lines


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answers")
    model = model_of(tokenizer_of(WORDS, folder / "model"))
    with quiet_libraries():
        with_adapter(open_model(model), Adapter(method="lora", rank=2), seed=0).save_pretrained(str(folder / "adapter"))
    copy_tokenizer(model, folder / "adapter")
    write_lines(folder / "rows.jsonl", [{"id": word, "prompt": f"{word} be", "answer": "x"} for word in WORDS[:5]])
    return folder


def test_a_completion_is_the_same_each_time_and_checked(home: Path, tmp_path: Path) -> None:
    any_text = {"kind": "length", "at_least": 0}
    found = answers_of(home / "model", home / "rows.jsonl", any_text, max_new_tokens=3, max_tokens=64)
    again = answers_of(home / "adapter", home / "rows.jsonl", any_text, max_new_tokens=3, max_tokens=64)
    assert found.passed == 5
    assert found.answers == again.answers  # a new adapter changes nothing
    assert [one.row for one in found.answers] == WORDS[:5]
    assert all(1 <= one.tokens <= 3 for one in found.answers)
    text = found.answers[0].completion
    rows = [{"prompt": f"{WORDS[0]} be", "answer": right, "checker": {"kind": "exact"}} for right in (text, "nothing")]
    path = write_lines(tmp_path / "rows.jsonl", rows)
    command = ["evaluate", str(home / "model"), "--rows", path, "--max-tokens", "64", "--max-new-tokens", "3"]
    told = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out.jsonl")])
    assert told.exit_code == 0, told.output
    assert "1 of 2 pass; mean reward 0.500" in told.stdout
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["score"] for line in lines] == [1.0, 0.0]


def test_rows_that_cannot_be_completed(home: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"5 of 5 rows cannot be completed: 5 no checker.* Next: mend them\."):
        answers_of(home / "model", home / "rows.jsonl")
    bad = [
        {"prompt": "ba be", "id": "good", "answer": "3"},
        {"answer": "3"},
        {"prompt": "ba " * 80, "answer": "3"},
        {"prompt": "", "answer": "3"},
        {"prompt": "\ud800", "answer": "3"},
        {"prompt": "ba be", "answer": "no number"},
    ]
    rows = write_lines(tmp_path / "rows.jsonl", bad)
    with pytest.raises(RecipeError, match="5 of 6 rows cannot be completed") as told:
        answers_of(home / "model", rows, "number", max_new_tokens=3, max_tokens=64)
    for reason in ("without a prompt", "a prompt of more than 61 tokens", "a prompt without a token"):
        assert reason in str(told.value)
    with pytest.raises(
        RecipeError, match=r"1 of 2 rows .* 1 no right answer that a checker of kind number could compare with"
    ):
        answers_of(
            home / "model",
            write_lines(tmp_path / "two.jsonl", [bad[0], bad[-1]]),
            "number",
            max_tokens=64,
            max_new_tokens=3,
        )
    with pytest.raises(RecipeError, match="max_new_tokens 64; expected fewer than the 64 tokens"):
        answers_of(home / "model", rows, "number", max_new_tokens=64, max_tokens=64)


def test_a_completion_ends_where_the_model_says(home: Path, tmp_path: Path) -> None:
    """Chat models name the end of a turn in their configuration, and keep the tokenizer's end for the end of a text."""
    any_text = {"kind": "length", "at_least": 0}
    shutil.copytree(home / "model", tmp_path / "model")
    rows = home / "rows.jsonl"
    (before, *_) = answers_of(tmp_path / "model", rows, any_text, max_new_tokens=3, max_tokens=64).answers
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    first = tokenizer(before.completion)["input_ids"][0]
    config = json.loads((tmp_path / "model/config.json").read_text())
    (tmp_path / "model/config.json").write_text(json.dumps(config | {"eos_token_id": [1, first]}))
    (after, *_) = answers_of(tmp_path / "model", rows, any_text, max_new_tokens=3, max_tokens=64).answers
    assert (before.tokens, after.tokens) == (3, 1)


def test_what_disks_do_to_a_command_is_no_traceback(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "gristmill",
        "evaluate",
        str(home / "model"),
        "--rows",
        "rows.jsonl",
        "--out",
        str(tmp_path / "no/out.jsonl"),
    ]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 5  # of a RunError
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/no/out.jsonl")
