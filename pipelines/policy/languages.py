"""The languages that a recipe names, as labels that its detectors can give; a label that never comes is an error."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from gristmill.filters.language.options import LANGUAGE_SIGNALS, LanguageOptions
from gristmill.pipelines.policy.load import signal_options
from gristmill.pipelines.policy.named_rule import NamedRule
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.mix import Mix
from gristmill.schemas.recipe.policy import Floor, Policy
from gristmill.schemas.recipe.rules import Rule
from gristmill.schemas.rows.mixed import UNKNOWN_GROUP
from gristmill.schemas.yaml_files import validated

Options = Mapping[str, Any]  # of the family `language`
# Options of families whose keys are languages: they are compared as they stand, so they must be labels already.
_KEYED_BY_LANGUAGE = (("toxic_words", "lists"), ("perplexity", "models"))


def language_options(recipe: Recipe) -> Options:
    """The recipe's options of the family `language`."""
    given = dict(recipe.signals.get("language", {}))
    return validated(LanguageOptions, given, at=("signals", "language")).model_dump(mode="json")


def policy_with_labels(policy: Policy, options: Options) -> Policy:
    """The policy with `languages` and the keys of `by_language` as labels."""
    if not policy.languages and not policy.by_language:
        return policy
    by_language = _keys(policy.by_language, options, "policy.by_language")
    languages = _labels(policy.languages, options, "policy.languages")
    return policy.model_copy(update={"languages": languages, "by_language": by_language})


def floor_with_labels(floor: Floor, options: Options) -> Floor:
    """The floor with `languages` as labels."""
    if not floor.languages:
        return floor
    return floor.model_copy(update={"languages": _labels(floor.languages, options, "floor.languages")})


def mix_with_labels(mix: Mix, options: Options) -> Mix:
    """A mix by language with the keys of `shares` and `limits` as labels."""
    if mix.by != "language":
        return mix
    updates = {name: _keys(getattr(mix, name), options, f"mix.{name}") for name in ("shares", "limits")}
    return mix.model_copy(update=updates)


def rule_with_labels(named: NamedRule, options: Options) -> NamedRule:
    """A rule over a language with its values as labels."""
    rule = named.rule
    if rule.signal_name not in LANGUAGE_SIGNALS or rule.operator not in ("==", "!=", "in", "not in"):
        return named
    known = _known(options, rule.signal_name)
    where = f"rule `{named.name}`"
    if isinstance(rule.operand, list):
        values = [_resolved(str(value), known, where) for value in rule.operand]
        keep = f"{rule.operator} [{', '.join(dict.fromkeys(values))}]"
    else:
        keep = f"{rule.operator} {_resolved(str(rule.operand), known, where)}"
    return named if keep == rule.keep else replace(named, rule=Rule.model_validate({**rule.model_dump(), "keep": keep}))


def check_keys_of_signals(recipe: Recipe) -> None:
    """RecipeError for word lists and language models of a language that no document will have."""
    options = signal_options(recipe)
    for name, option in _KEYED_BY_LANGUAGE:
        where = f"signals.{name}.{option}"
        for label in options.get(name, {}).get(option, ()):
            meant = _resolved(label, _known(language_options(recipe)), where)
            if meant != label:
                raise RecipeError(f"found the language {label!r}", where=where, expected=f"the label `{meant}`")


def _known(options: Options, signal: str = "language") -> frozenset[str]:
    """The labels that a signal can hold. The detectors are imported for recipes that name a language."""
    from gristmill.filters.language.named import known_languages

    return known_languages(options, signal)


def _resolved(label: str, known: Collection[str], where: str) -> str:
    """The label of `known` that `label` means; RecipeError when it means none."""
    from gristmill.filters.language.named import resolve_language

    return resolve_language(label, known, where)


def _labels(languages: Iterable[str], options: Options, where: str) -> tuple[str, ...]:
    known = _known(options)
    return tuple(dict.fromkeys(_resolved(language, known, where) for language in languages))


def _keys(by_language: Mapping[str, Any], options: Options, where: str) -> dict[str, Any]:
    if not by_language:
        return {}
    known = _known(options) | {UNKNOWN_GROUP}
    found: dict[str, Any] = {}
    named: dict[str, str] = {}
    for key, value in by_language.items():
        label = _resolved(key, known, where)
        if label in named:
            raise RecipeError(
                f"{named[label]!r} and {key!r} are both `{label}`", where=where, expected="each language once"
            )
        found[label], named[label] = value, key
    return found
