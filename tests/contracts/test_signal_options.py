"""Options of signal families are typed: a recipe's `signals` is checked before a run starts, and by its JSON Schema."""

from pathlib import Path
from typing import Any

import gristmill
import jsonschema
import pytest
import yaml
from gristmill.filters.registry import FAMILIES, NAMED_FAMILIES, family
from gristmill.pipelines.cli.schema import json_schema
from gristmill.schemas.errors import GristmillError, RecipeError
from gristmill.schemas.strict import Strict

SOURCES = "name: r\nsources:\n  - {name: a, path: a.jsonl}\n"
EVERY_FAMILY = [*FAMILIES, *(f"{prefix}_x" for prefix in NAMED_FAMILIES)]


@pytest.mark.parametrize("name", EVERY_FAMILY)
def test_every_option_says_what_it_is(name: str) -> None:
    options = family(name).options
    assert issubclass(options, Strict)
    assert [key for key, field in options.model_fields.items() if not field.description] == []
    if family(name).recipe_key:
        with pytest.raises(RecipeError, match=f"expected it under `{family(name).recipe_key[:8]}"):
            family(name).complete_options({})


def _recipe(signals: Any) -> dict[str, Any]:
    return {"name": "r", "sources": [{"name": "a", "path": "a.jsonl"}], "signals": signals}


@pytest.mark.parametrize(
    "signals",
    [
        {"language": {"detector": "cld2", "min_score": 0.5}},
        {"language": None},
        {"language": {}, "c4_paper": {}, "pii": {"model": "en_core_web_sm"}},
        ["language", "gopher_quality"],
        {"toxic_words": {"lists": {"en": "w.txt"}, "other": "en"}},
        {"url_rules": {"domains": ["a.txt", "b.txt"], "urls": "c.txt"}},
        {"quality_edu": {"model": "m"}, "toxicity_x": {"model": "m", "threshold": 0.9}},
        {"my_package.links:FAMILY": {"anything": 1}},
    ],
)
def test_the_schema_takes_what_a_recipe_takes(signals: Any) -> None:
    jsonschema.validate(_recipe(signals), json_schema("recipe"))


@pytest.mark.parametrize(
    ("signals", "line", "told"),
    [
        (
            "signals:\n  language: {detector: cld2, min_scores: 0.5}\n",
            5,
            "signals.language: unknown key `min_scores`; did you",
        ),
        (
            "signals:\n  language:\n    min_score: high\n",
            6,
            "signals.language.min_score: Input should be a valid number",
        ),
        ("signals:\n  language:\n    detector: both\n", 6, "signals.language.detector: Input should be 'combined', 'f"),
        (
            "signals:\n  language: {windows: 0}\n",
            5,
            "signals.language.windows: Input should be greater than or equal to 1",
        ),
        (
            "signals:\n  languages: {}\n",
            5,
            "signals.languages: signal family 'languages' is unknown; did you mean 'language'",
        ),
        ("signals:\n  c4_paper: {exact: true}\n", 5, "signals.c4_paper: unknown key `exact`; valid keys: none"),
        ("signals:\n  tokens: {}\n", 5, "signals.tokens.tokenizer: Field required"),
        ("signals: [tokens]\n", 4, "signals.tokens.tokenizer: Field required"),
        (
            "signals:\n  quality_x: {model: m, pareto_alpha: 0}\n",
            5,
            "signals.quality_x.pareto_alpha: Input should be greater",
        ),
        (
            "signals:\n  toxic_words: {lists: {}}\n",
            5,
            "signals.toxic_words.lists: Dictionary should have at least 1 item",
        ),
        (
            "signals:\n  toxic_words: {lists: [w.txt]}\n",
            5,
            "signals.toxic_words.lists: Input should be a valid dictionary",
        ),
        (
            "signals:\n  url_rules: {case_rule: upper}\n",
            5,
            "signals.url_rules.case_rule: Input should be 'lower' or 'data",
        ),
        (
            "signals:\n  contamination_x: {}\n",
            5,
            "signals.contamination_x: `contamination_x` is no family to list under",
        ),
        ("signals:\n  language: 3\n", 5, "signals.language: Input should be a valid dictionary"),
    ],
)
def test_wrong_options_are_named_with_their_line(tmp_path: Path, signals: str, line: int, told: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(SOURCES + signals)
    with pytest.raises(RecipeError) as raised:
        gristmill.load_recipe(path)
    assert f"r.yaml:{line}: {told}" in str(raised.value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(SOURCES + signals), json_schema("recipe"))
    with pytest.raises(
        GristmillError
    ):  # a recipe that is a mapping has no lines, but is checked before anything is written
        gristmill.build(yaml.safe_load(SOURCES + signals), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(SOURCES + "polcy: {}\nsignals:\n  language: {windows: 0}\n  tokens: {}\n  nothing: {}\n")
    with pytest.raises(RecipeError, match=r"4 problems in the recipe") as raised:
        gristmill.load_recipe(path)
    assert [f"r.yaml:{line}: " in str(raised.value) for line in (4, 6, 7, 8)] == [True] * 4


def test_paths_are_those_of_the_recipe_s_folder_and_words_are_not(tmp_path: Path) -> None:
    """A file that happens to be called as a word of an option changes nothing."""
    (tmp_path / "en").mkdir()
    (tmp_path / "cld2").write_text("")
    (tmp_path / "w.txt").write_text("darn\n")
    path = tmp_path / "r.yaml"
    path.write_text(SOURCES + "signals:\n  language: {detector: cld2}\n  bad_words: {path: w.txt, language: en}\n")
    assert gristmill.load_recipe(path).signals == {
        "language": {"detector": "cld2"},
        "bad_words": {"path": str(tmp_path / "w.txt"), "language": "en"},
    }


def test_norwegian_is_not_false(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(SOURCES + "signals:\n  toxic_words: {lists: {no: w.txt}}\n")
    assert gristmill.load_recipe(path).signals["toxic_words"]["lists"] == {"no": str(tmp_path / "w.txt")}


def test_a_missing_list_is_an_error_before_the_run(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(SOURCES + "signals:\n  bad_words: {path: missing.txt}\n")
    with pytest.raises(RecipeError, match="bad_words list"):
        gristmill.build(path, tmp_path / "run")
    assert not (tmp_path / "run").exists()
