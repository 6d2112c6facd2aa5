"""Options of a recipe's own steps are typed: checked when it is loaded, with file and line, and by its JSON Schema."""

import json
import sys
from pathlib import Path
from typing import Any

import gristmill
import jsonschema
import pytest
import yaml
from gristmill.pipelines.cli.main import app
from gristmill.pipelines.cli.schema import json_schema, recipe_schema
from gristmill.schemas.errors import RecipeError
from typer.testing import CliRunner

MODULE = """
from gristmill import Family, RecipePath, Signal, Step, StrictOptions
from pydantic import Field


class Listed(StrictOptions):
    path: RecipePath
    most: int = Field(3, ge=1)
    words: tuple[str, ...] = ()


class CountListed(Step):
    name = "listed"
    Options = Listed

    def update(self, context): ...


class CountAll(Step):
    name = "all"

    def update(self, context): ...


class Untyped(Step):
    name = "untyped"
    Options = dict


class FamilyOptions(StrictOptions):
    prefix: str = "http"


FAMILY = Family(
    "typed_links", 1, (Signal("typed_link_count", "int", "links", "Links."),), "typed_step:measure", "here",
    options=FamilyOptions,
)
"""
HEAD = "name: r\nsources:\n  - {name: a, path: a.jsonl}\nsteps:\n"
LISTED = "  - use: typed_step:CountListed\n"


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "typed_step.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "typed_step", raising=False)


def written(folder: Path, text: str) -> Path:
    (folder / "r.yaml").write_text(text)
    return folder / "r.yaml"


@pytest.mark.parametrize(
    ("steps", "line", "told"),
    [
        (
            LISTED + "    options: {path: w.txt, mots: 3}\n",
            6,
            "steps.0.options: unknown key `mots`; did you mean `most`?",
        ),
        (
            LISTED + "    options:\n      path: w.txt\n      most: 0\n",
            8,
            "steps.0.options.most: Input should be greater",
        ),
        (LISTED + "    options:\n      path: w.txt\n      most: many\n", 8, "most: Input should be a valid integer"),
        (
            LISTED + "    options: {path: w.txt, words: [a, 3]}\n",
            6,
            "steps.0.options.words.1: Input should be a valid str",
        ),
        (LISTED, 5, "steps.0.options.path: Field required"),
        (LISTED + "    options:\n", 6, "steps.0.options.path: Field required"),
        (LISTED + "    options: 3\n", 6, "steps.0.options: Input should be a valid dictionary"),
        ("  - {use: 'typed_step:CountAll', options: {most: 3}}\n", 5, "unknown key `most`; valid keys: none"),
        ("  - use: typed_step:CountMost\n", 5, "steps.0.use: step 'typed_step:CountMost' cannot be loaded"),
        ("  - use: typed_steps:CountAll\n", 5, "No module named 'typed_steps'"),
        ("  - use: count_all\n", 5, "steps.0.use: step 'count_all' is unknown"),
        ("  - use: typed_step:FAMILY\n", 5, "steps.0.use: 'typed_step:FAMILY' is no step"),
        (
            "  - use: typed_step:Untyped\n",
            5,
            "steps.0.use: the step 'typed_step:Untyped' has `Options` that are no model",
        ),
        ("  - option: 3\n", 5, "steps.0: unknown key `option`; did you mean `options`?"),
    ],
)
def test_wrong_options_are_named_with_their_line(tmp_path: Path, steps: str, line: int, told: str) -> None:
    path = written(tmp_path, HEAD + steps)
    with pytest.raises(RecipeError) as raised:
        gristmill.load_recipe(path)
    found = next(one for one in str(raised.value).splitlines() if told in one)
    assert f"r.yaml:{line}: " in found
    with pytest.raises(RecipeError):  # a mapping has no lines, but is checked before anything is written
        gristmill.build(yaml.safe_load(HEAD + steps), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    path = written(
        tmp_path, HEAD.replace("seed", "") + LISTED + "  - {use: 'typed_step:CountAll', options: {a: 1}}\npolcy: {}\n"
    )
    with pytest.raises(RecipeError, match="3 problems in the recipe") as raised:
        gristmill.load_recipe(path)
    assert [f"r.yaml:{line}: " in str(raised.value) for line in (5, 6, 7)] == [True] * 3


def test_a_path_among_the_options_is_one_of_the_recipe_s_folder(tmp_path: Path) -> None:
    (step,) = gristmill.load_recipe(written(tmp_path, HEAD + LISTED + "    options: {path: lists/w.txt}\n")).steps
    assert step.options == {"path": str(tmp_path / "lists/w.txt")}


def test_the_schema_of_a_recipe_knows_the_steps_and_families_that_it_names(tmp_path: Path) -> None:
    right = (
        HEAD
        + LISTED
        + "    options: {path: w.txt}\n  - use: typed_step:CountAll\nsignals: {'typed_step:FAMILY': {prefix: f}}\n"
    )
    schema = json_schema(str(written(tmp_path, right)))
    jsonschema.validate(yaml.safe_load(right), schema)
    for wrong in (
        right.replace("path: w.txt", "paths: w.txt"),
        right.replace("path: w.txt", "path: w.txt, most: 0"),
        right.replace("    options: {path: w.txt}\n", ""),
        right.replace("prefix: f", "prefixes: f"),
        right.replace("CountAll\n", "CountAll\n    options: {most: 3}\n"),
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.safe_load(wrong), schema)
    printed = CliRunner().invoke(app, ["schema", str(tmp_path / "r.yaml")])
    assert json.loads(printed.output)["$defs"] == json.loads(json.dumps(schema["$defs"]))


def test_the_schema_knows_installed_steps_and_takes_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from gristmill.schemas import lookup

    named: dict[str, Any] = {"listed": "typed_step:CountListed"}
    monkeypatch.setattr(lookup, "installed_names", lambda group: named if group == "gristmill.steps" else {})
    monkeypatch.setattr("gristmill.pipelines.cli.schema.installed_names", lambda group: named)
    schema = recipe_schema()
    sources = [{"name": "a", "path": "a.jsonl"}]
    for entry in ({"use": "listed", "options": {"path": "w"}}, {"use": "other.steps:Mine", "options": {"anything": 1}}):
        jsonschema.validate({"name": "r", "sources": sources, "steps": [entry]}, schema)
    for entry in ({"use": "listed", "options": {"most": 1}}, {"use": "listed"}, {"use": "nothing"}, {"options": {}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"name": "r", "sources": sources, "steps": [entry]}, schema)
