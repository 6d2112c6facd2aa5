"""The recipes on the page of training on rows are valid, and a recipe file is read as that of its kind."""

import re
from pathlib import Path

import pytest
import yaml
from gristmill.schemas.errors import RecipeError
from gristmill.training.kinds.registry import load_training_recipe, recipe_model

_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHORTEST = {"name": "page", "rows": "rows.jsonl", "model": "model", "steps": 10}  # of blocks that show what is theirs


def test_recipes_in_the_page_are_valid(repository: Path) -> None:
    page = (repository / "docs" / "post-training.md").read_text(encoding="utf-8")
    found = [SHORTEST | yaml.safe_load(block) for block in _BLOCK.findall(page)]
    assert [recipe["kind"] for recipe in found] == ["sft", "reward", "dpo", "orpo", "grpo"]
    for recipe in found:
        recipe_model(recipe["kind"]).model_validate(recipe)


def test_a_recipe_file_names_line_and_nearest_key(tmp_path: Path) -> None:
    path = tmp_path / "sft.yaml"
    path.write_text("name: a\nkind: sft\nrows: rows.jsonl\nmodel: base\nsteps: 3\npackng: true\n")
    with pytest.raises(RecipeError, match=r"sft.yaml:6.*did you mean `packing`"):
        load_training_recipe(path)
    path.write_text("name: a\nkind: sft\nrows: rows.jsonl\nmodel: base\nsteps: 3\noptimizer: {warmup_steps: 2}\n")
    loaded = load_training_recipe(path)
    assert (loaded.optimizer.learning_rate, loaded.optimizer.weight_decay) == (2e-5, 0.0)  # defaults of fine-tuning
    assert loaded.model_dump()["rows"] == str(tmp_path / "rows.jsonl")
