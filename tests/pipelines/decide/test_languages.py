"""Languages that recipes name: aliases become labels, labels that never come are errors with the nearest one."""

from pathlib import Path
from typing import Any

import pytest
from gristmill import load_recipe
from gristmill.filters.language.named import codes_of, known_languages, language_of_model, resolve_language
from gristmill.pipelines.policy.compile import compile_recipe
from gristmill.pipelines.policy.languages import mix_with_labels
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.mix import Mix


def compiled(**keys: Any) -> dict[str, Any]:
    """Rule name -> (keep, by_language) of a recipe with these keys."""
    recipe = Recipe.model_validate({"name": "r", "sources": [{"name": "s", "path": "x"}], **keys})
    policy = compile_recipe(recipe)
    return {named.name: (named.rule.keep, named.by_language) for named in (*policy.floor, *policy.rules)}


ALIASES = """
en = en; english = en; English = en; eng = en; en-US = en; en_GB = en; eng_Latn = en; ger = de; deu = de;
German = de; zh-CN = zh; zh-Hant-TW = zh; cmn = zh; chi = zh; chinese = zh; Mandarin = zh; no = nb; NO = nb; nor = nb;
norwegian = nb; nob = nb; nn-NO = nn; iw = he; in = id; jw = jv; pt-BR = pt; fil = tl; farsi = fa; sr-Latn = sr; fre =
fr; dut = nl; gre = el; yue = yue; zh-yue = yue; zulu = zu; 日本語 = ja
"""


@pytest.mark.parametrize(
    ("label", "code"), [pair.strip().split(" = ") for pair in ALIASES.replace("\n", " ").split(";")]
)
def test_aliases(label: str, code: str) -> None:
    assert codes_of(label) == (code,)
    assert resolve_language(label, known_languages({}), "policy.languages") == code
    assert compiled(policy={"languages": [label]})["policy/other_language"] == (f"in [{code}]", None)
    assert compiled(floor={"languages": [label]})["floor/other_language"] == (f"in [{code}]", None)


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        ("Engish", "did you mean `en`"),
        ("enn", "did you mean `nn`"),
        ("klingon", "there are aa, ab, af"),
        ("sh", "one of `hr`, `bs`, `sr`"),
        ("als", "one of `gsw`, `sq`"),
        ("ee", "'ee'"),
        ("", "there are"),
    ],
)
@pytest.mark.parametrize("place", ["policy.languages", "floor.languages", "policy.by_language"])
def test_labels_that_never_come(label: str, hint: str, place: str) -> None:
    section, _, key = place.partition(".")
    keys = {section: {key: {label: {}} if key == "by_language" else [label]}}
    with pytest.raises(RecipeError, match=rf"{place}: no detector gives the language.*{hint}"):
        compiled(**keys)


def test_rules_over_languages() -> None:
    rules = [
        {"name": "a", "signal": "language", "keep": "in [english, ger, de]"},
        {"name": "b", "signal": "second_language", "keep": "!= no"},
        {"name": "c", "signal": "cld2_language", "keep": "not in [zu, xx-Goth]"},
    ]
    with pytest.raises(RecipeError, match="rule `policy/c`: no detector gives the language 'xx-Goth'"):
        compiled(policy={"rules": rules})
    found = compiled(policy={"rules": rules[:2]})
    assert found["policy/a"][0] == "in [en, de]"
    assert found["policy/b"][0] == "!= nb"
    with pytest.raises(RecipeError, match="'zu'"):  # which lid.176 cannot name
        compiled(policy={"rules": [{"name": "f", "signal": "fasttext_language", "keep": "== zu"}]})


def test_what_the_chosen_detector_can_say_counts() -> None:
    assert "zu" in known_languages({})
    assert "zu" not in known_languages({"detector": "fasttext"})
    assert "pms" not in known_languages({"detector": "cld2"})
    with pytest.raises(RecipeError, match=r"policy.languages: no detector gives the language 'zulu'"):
        compiled(policy={"languages": ["zulu"]}, signals={"language": {"detector": "fasttext"}})


def test_by_language_and_thresholds() -> None:
    own = {"rules": [{"name": "short", "signal": "text_bytes", "keep": ">= 9"}]}
    found = compiled(policy={"by_language": {"German": own}})
    assert found["policy/short"] == (">= 9", "de")
    with pytest.raises(RecipeError, match="'de' and 'ger' are both `de`"):
        compiled(policy={"by_language": {"de": own, "ger": own}})


def test_a_policy_is_compared_with_the_floor_by_labels() -> None:
    assert compiled(floor={"languages": ["en", "de"]}, policy={"languages": ["german"]})
    with pytest.raises(RecipeError, match="looser than the floor: languages fr are not among en, de"):
        compiled(floor={"languages": ["eng", "ger"]}, policy={"languages": ["french"]})


def test_mixes_by_language() -> None:
    mix = Mix.model_validate(
        {"by": "language", "shares": {"english": 1, "no": 2, "unknown": 1}, "limits": {"zh-CN": {}}}
    )
    found = mix_with_labels(mix, {})
    assert (dict(found.shares), list(found.limits)) == ({"en": 1, "nb": 2, "unknown": 1}, ["zh"])
    with pytest.raises(RecipeError, match=r"mix.shares: no detector gives the language 'englich'; did you mean `en`"):
        mix_with_labels(Mix.model_validate({"by": "language", "shares": {"englich": 1}}), {})
    by_source = Mix.model_validate({"shares": {"english": 1}})
    assert mix_with_labels(by_source, {}) is by_source


@pytest.mark.parametrize(("family", "option"), [("toxic_words", "lists"), ("perplexity", "models")])
def test_signals_keyed_by_language_want_labels(family: str, option: str) -> None:
    with pytest.raises(
        RecipeError, match=rf"signals.{family}.{option}: found the language 'english'; expected the label `en`"
    ):
        compiled(signals={family: {option: {"english": "x"}}})
    compiled(signals={family: {option: {"en": "x"}}})


def test_a_bare_no_in_yaml_is_norwegian(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        "name: r\nsources: [{name: s, path: x}]\npolicy:\n  languages: [no, en]\n  by_language: {no: {}}\n"
        "mix: {by: language, shares: {no: 1}}\n"
    )
    recipe = load_recipe(path)
    assert recipe.policy.languages == ("no", "en")
    assert compile_recipe(recipe).rules[0].rule.keep == "in [nb, en]"
    assert recipe.mix is not None
    assert list(recipe.mix.shares) == ["no"]


def test_languages_of_models() -> None:
    assert [language_of_model(label) for label in ("english", "no", "kbd")] == ["en", "nb", "kbd"]
    with pytest.raises(RecipeError, match="'klingonese'; expected a code"):
        language_of_model("klingonese")
