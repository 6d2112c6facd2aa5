"""`gristmill evaluate`: prompts completed with the likeliest tokens, each checked, models and adapters alike."""

import json
from pathlib import Path

import pytest
from gristmill.pipelines.cli.main import app
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


def test_rows_that_cannot_be_checked(home: Path) -> None:
    with pytest.raises(RecipeError, match="5 of 5 rows cannot be trained on: 5 no checker"):
        answers_of(home / "model", home / "rows.jsonl")
