"""What was called otherwise before is an error that says the name to write now: recipe keys, commands, options, readers."""

from pathlib import Path

import pytest
from gristmill.pipelines.cli.main import app
from gristmill.pipelines.cli.renamed import RENAMED
from gristmill.pipelines.policy.compile import compile_policy
from gristmill.pipelines.policy.load import load_recipe
from gristmill.pipelines.sources.readers.registry import reader
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.policy import Floor, Policy
from gristmill.training.kinds.registry import load_training_recipe
from typer.testing import CliRunner

PRETRAIN = """
name: a
shards: shards
model: {shape: llama, hidden_size: 16, layers: 1, heads: 1}
stream: {window: 64, cut: packed}
batch_sequences: 1
steps: 1
optimizer: {learning_rate: 0.1}
"""


@pytest.mark.parametrize(("old", "now"), RENAMED.items(), ids=" ".join)
def test_an_old_command_or_option_names_the_new_one(old: tuple[str, ...], now: str) -> None:
    command, *rest = old
    found = CliRunner().invoke(app, [command, *(["RUN", *rest] if rest and rest[0].startswith("-") else rest)])
    assert isinstance(found.exception, RecipeError)
    assert now in str(found.exception)
    words = now.split()[1:]
    path = [word for word in words[:2] if word.islower()]
    helped = CliRunner().invoke(app, [*path, "--help"])  # what it names exists
    assert helped.exit_code == 0
    assert all(word in helped.output for word in words if word.startswith("--"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nsources: []\nforeign: []\n", r"foreign.*datatrove_steps"),
        ("name: a\nsources: [{name: s, path: p, columns: {joint: x}}]\n", r"joint.*separator"),
        ("name: a\nsources: [{name: s, path: p}]\nsignals: [cut_ends]\n", r"recipe.yaml:3: .*cut_ends.*truncation"),
        ("name: a\nsources: [{name: s, path: p}]\nmix: {upweight: {by: x, least: 1}}\n", r"least.*min_weight"),
    ],
)
def test_an_old_key_of_a_recipe_names_the_new_one(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        load_recipe(tmp_path / "recipe.yaml")


def test_an_old_signal_of_a_rule_names_the_new_one() -> None:
    rule = {"name": "whole", "signal": "cut_by_length@response", "keep": "!= true"}
    with pytest.raises(RecipeError, match="it is called `truncated_by_length` now"):
        compile_policy(Policy.model_validate({"rules": [rule]}), Floor())


def test_an_old_key_of_a_training_recipe_names_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(PRETRAIN)
    with pytest.raises(RecipeError, match=r"recipe.yaml:5: stream: unknown key `cut`.*`packing: true \| false`"):
        load_training_recipe(tmp_path / "recipe.yaml")


def test_a_reader_with_the_old_functions_names_the_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old_reader.py").write_text("def plan(source, file, split_bytes): ...\ndef read(*given): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RecipeError, match=r"without `splits`.*formerly `plan`"):
        reader("old_reader:")
