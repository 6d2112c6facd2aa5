"""YAML files of every kind: a key that stands twice is an error that names both lines."""

from pathlib import Path

import pytest
from gristmill import load_recipe
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.load import load_mix, load_policy
from gristmill.training.kinds.registry import load_training_recipe

SHORT = "name: r\nsources:\n  - {name: a, path: a.jsonl}\n"


@pytest.mark.parametrize(
    ("text", "key", "first", "second"),
    [
        (SHORT + "name: again\n", "name", 1, 4),
        (SHORT + "policy:\n  languages: [en]\n  min_text_bytes: 3\n  languages: [de]\n", "languages", 5, 7),
        (SHORT + "policy: {languages: [en], 'languages': [de]}\n", "languages", 4, 4),
        (
            "name: r\nsources:\n  - name: a\n    path: a.jsonl\n    columns:\n      text: x\n      text: y\n",
            "text",
            6,
            7,
        ),
        (SHORT + "policy:\n  by_language:\n    de: {}\n    en: {}\n    de: {}\n", "de", 6, 8),
        (SHORT + "signals:\n  tokens: {}\n  tokens: {}\n", "tokens", 5, 6),
        (SHORT + "policy:\n  rules:\n    - {name: a, signal: b, keep: '> 1',\n       signal: c}\n", "signal", 6, 7),
    ],
)
def test_a_key_that_stands_twice(tmp_path: Path, text: str, key: str, first: int, second: int) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(
        RecipeError, match=rf"r\.yaml:{second}: the key `{key}` stands twice, in lines {first} and {second}"
    ):
        load_recipe(path)


@pytest.mark.parametrize("load", [load_policy, load_mix, load_training_recipe])
def test_in_every_kind_of_file(tmp_path: Path, load: object) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("a: 1\na: 2\n")
    with pytest.raises(RecipeError, match="lines 1 and 2"):
        load(path)  # type: ignore[operator]


def test_aliases_and_equal_keys_of_different_mappings_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("name: r\nsources:\n  - &a {name: a, path: a.jsonl}\n  - {<<: *a, name: b}\n")
    assert [source.name for source in load_recipe(path).sources] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SHORT + "foreign: []\n", "r.yaml:4: unknown key `foreign`; it is called `datatrove_steps` now"),
        (
            SHORT.replace("path: a.jsonl", "path: a.jsonl, columns: {joint: x}"),
            "r.yaml:3: sources.0.columns: unknown key `joint`; it is called `separator` now",
        ),
        (SHORT + "mix:\n  upweight: {least: 1}\n", "mix.upweight: unknown key `least`; it is called `min_weight` now"),
        (SHORT + "mix:\n  upweight: {most: 1}\n", "mix.upweight: unknown key `most`; it is called `max_weight` now"),
    ],
)
def test_a_key_that_was_renamed_says_how_it_is_called(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as raised:
        load_recipe(path)
    assert told in str(raised.value)


GOPHER = "datatrove_steps:\n  - datatrove: filters.GopherQualityFilter\n    options:\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            GOPHER + "      min_doc_words: 30\n      max_doc_word: 3\n",
            "r.yaml:8: datatrove_steps.0.options: option 'max_doc_word' is unknown; did you mean 'max_doc_words'?",
        ),
        (
            GOPHER + "      exclusion_writer: x\n",
            "r.yaml:7: datatrove_steps.0.options: option 'exclusion_writer' is unknown",
        ),
        (
            "datatrove_steps:\n  - datatrove: formatters.FTFYFormatter\n  - {datatrove: filters.RegexFilter}\n",
            "r.yaml:6: datatrove_steps.1.options: the option 'regex_exp' is missing",
        ),
        (
            "datatrove_steps:\n  - {datatrove: filters.GopherQualtyFilter}\n",
            "r.yaml:5: datatrove_steps.0.datatrove: datatrove step 'filters.GopherQualtyFilter' is unknown; did you mean",
        ),
        (
            "datatrove_steps:\n  - {datatrove: filters.LambdaFilter, options: {filter_function: print}}\n",
            "r.yaml:5: datatrove_steps.0.options: it takes a function",
        ),
    ],
)
def test_options_of_datatrove_steps(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(SHORT + text)
    with pytest.raises(RecipeError) as raised:
        load_recipe(path)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    "entry", ["3", "{datatrove: 3}", "{options: []}", "{datatrove: os.system, options: [a]}", "{}"]
)
def test_datatrove_steps_of_another_shape_are_one_error(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(SHORT + f"datatrove_steps:\n  - {entry}\n")
    with pytest.raises(RecipeError, match="datatrove_steps"):
        load_recipe(path)


def test_options_that_the_steps_of_datatrove_have_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(SHORT + GOPHER + "      min_doc_words: 30\n      stop_words: [the, of]\n")
    assert load_recipe(path).datatrove_steps[0].options == {"min_doc_words": 30, "stop_words": ["the", "of"]}


def test_without_datatrove_its_steps_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it can be is then unknown; the build says that the package is missing."""
    monkeypatch.setattr("gristmill.pipelines.policy.load.find_spec", lambda _name: None)
    path = tmp_path / "r.yaml"
    path.write_text(SHORT + GOPHER + "      anything: 30\n")
    assert load_recipe(path).datatrove_steps[0].options == {"anything": 30}
