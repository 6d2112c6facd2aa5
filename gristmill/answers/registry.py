"""Every kind of checker, by name; adding one is its own file plus a line here, or an entry point of another package."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gristmill.answers.contract import AnswerKind, Checker, spec_text
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import load_registered
from pydantic import ValidationError

KINDS: dict[str, str] = {
    "number": "gristmill.answers.kinds.number:KIND",
    "expression": "gristmill.answers.kinds.expression:KIND",
    "choice": "gristmill.answers.kinds.choice:KIND",
    "yes_no": "gristmill.answers.kinds.yes_no:KIND",
    "exact": "gristmill.answers.kinds.words:EXACT",
    "contains": "gristmill.answers.kinds.words:CONTAINS",
    "regex": "gristmill.answers.kinds.regex:KIND",
    "json": "gristmill.answers.kinds.json:KIND",
    "length": "gristmill.answers.kinds.length:KIND",
    "format": "gristmill.answers.kinds.format:KIND",
    "ifeval": "gristmill.answers.kinds.ifeval:KIND",
    "reasoning_gym": "gristmill.answers.kinds.reasoning_gym:KIND",
    "code": "gristmill.answers.kinds.code:KIND",
}
GROUP = "gristmill.answer_kinds"


def answer_kind(name: str) -> AnswerKind:
    """The kind of checker that a name stands for.

    name: one of KINDS, of an installed package's entry points in the group `gristmill.answer_kinds`, or `module:attribute`.
    Raises RecipeError, with the nearest name, where there is none, and for what is no kind.
    """
    found = load_registered(KINDS, "kind of checker", name, default_attribute="KIND", group=GROUP)
    if not isinstance(found, AnswerKind):
        raise RecipeError(
            f"kind of checker {name!r} is a {type(found).__name__}",
            expected="a gristmill.answers.contract.AnswerKind",
        )
    return found


def checker(spec: Mapping[str, Any] | str) -> Checker:
    """The checker that a row's data stands for.

    spec: a mapping with `kind` and the kind's options, the same as JSON text, or the name of a kind alone.
    Raises RecipeError for data that is no checker: what was found, what was expected, the nearest name.

    >>> checker("number").check("#### 18", "18")
    Verdict(score=1.0, why='18 is 18', answer='18', cause=None)
    """
    data = json_of(spec) if isinstance(spec, str) else spec
    if not isinstance(data, Mapping) or not isinstance(data.get("kind"), str):
        raise RecipeError(f"a checker is {data!r}", expected='a mapping with a kind, such as {"kind": "number"}')
    try:
        text = spec_text(dict(data))
    except (TypeError, ValueError) as error:
        raise RecipeError(
            f"a checker cannot be written as JSON: {error}", expected="texts, numbers, lists, mappings"
        ) from None
    return _checker(text)


def json_of(spec: str) -> Any:
    """The data of a checker that is given as text: JSON, or the bare name of a kind."""
    if not spec.lstrip().startswith("{"):
        return {"kind": spec.strip()}
    try:
        return json.loads(spec)
    except ValueError as error:
        raise RecipeError(f"a checker is no JSON: {error}", expected='text such as {"kind": "number"}') from None


@lru_cache(maxsize=4096)
def _checker(text: str) -> Checker:
    data = json.loads(text)
    name = data.pop("kind")
    kind = answer_kind(name)
    # Rows of one table have the keys of every kind, null where they are not of theirs.
    given = {key: value for key, value in data.items() if value is not None}
    try:
        return Checker(kind, kind.options.model_validate(given), name)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        where = f"checker of kind {kind.name}" + (f", {place}" if place else "")
        raise RecipeError(
            str(first["msg"]), where=where, expected=f"keys {', '.join(kind.options.model_fields)}"
        ) from None
