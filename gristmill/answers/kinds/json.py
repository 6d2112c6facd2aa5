"""JSON: valid, as a schema wants it, or equal to a reference."""

import json
import re
from typing import Any

from gristmill.answers.contract import AnswerKind, package_missing
from gristmill.answers.final_answer import final_answers, without_thinking
from gristmill.answers.verdict import UnusableReference, Verdict, excerpt, judged, right, wrong
from gristmill.schemas.errors import PackageError
from gristmill.schemas.strict import Strict

_FENCE = re.compile(r"```[ \t]*(?:json|JSON)?[ \t]*\n(.*?)```", re.DOTALL)


class JsonOptions(Strict):
    """json_schema: a JSON Schema that the value must fulfil (package jsonschema). bare: nothing but the value, no fence.

    With a reference the value must equal it, too; the order of keys makes no difference, `1` and `1.0` are equal.
    """

    json_schema: dict[str, Any] | None = None
    bare: bool = False


def check(completion: str, reference: Any, options: JsonOptions) -> Verdict:
    """Whether the JSON in a completion is valid, fulfils the schema and equals the reference (a value, or JSON text)."""
    source = json_text(completion, options)
    if source is None:
        return wrong("no JSON found")
    try:
        value = _loaded(source)
    except ValueError as error:
        return wrong(f"not valid JSON: {error}", excerpt(source, 200))
    except RecursionError:
        return wrong("nested too deeply", excerpt(source, 200))
    if options.json_schema is not None:
        fault = schema_fault(value, options.json_schema)
        if fault:
            return wrong(fault, excerpt(source, 200))
    if reference is None:
        return right("valid JSON", excerpt(source, 200))
    equal = same_value(value, reference_value(reference))
    return judged(equal, "equals the reference" if equal else "does not equal the reference", excerpt(source, 200))


def json_text(completion: str, options: JsonOptions) -> str | None:
    """The text that should be JSON: of a tag, of the last fenced block, or the whole completion without its thinking."""
    text = without_thinking(completion).strip()
    if options.bare:
        return text or None
    tags = final_answers(completion, "tag")
    if tags:
        text = tags[0].text.strip()
    fences = _FENCE.findall(text)
    if fences:
        return str(fences[-1]).strip()
    return text or None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _loaded(source: str) -> Any:
    return json.loads(source, parse_constant=_refuse_constant)


def reference_value(reference: Any) -> Any:
    """The value of a reference: JSON text, or what JSON can hold."""
    if not isinstance(reference, str):
        return reference
    try:
        return _loaded(reference)
    except (ValueError, RecursionError) as error:
        raise UnusableReference(f"the reference is no JSON: {error}") from None


def same_value(one: Any, other: Any) -> bool:
    """Whether two values of JSON are equal; true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_value, one, other))
    return bool(one == other)


def schema_fault(value: Any, schema: dict[str, Any]) -> str:
    """What of a schema a value does not fulfil; empty where it does. No reference in a schema is fetched."""
    import jsonschema
    from jsonschema.validators import validator_for
    from referencing import Registry

    kind = validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise UnusableReference(f"the schema is none: {error.message}") from None
    fault = next(iter(kind(schema, registry=Registry()).iter_errors(value)), None)
    return f"{fault.json_path}: {excerpt(fault.message, 200)}" if fault else ""


def _missing(options: JsonOptions) -> PackageError | None:
    return package_missing("jsonschema") if options.json_schema is not None else None


def _completion_of(reference: Any, _options: JsonOptions) -> str | None:
    if reference is None or isinstance(reference, str):
        return reference
    return json.dumps(reference)


KIND = AnswerKind("json", JsonOptions, check, in_process=True, missing=_missing, completion_of=_completion_of)
