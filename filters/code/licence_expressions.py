"""Licences as SPDX expressions: their canonical form, and whether they can be met with allowed licences alone."""

from functools import cache, lru_cache

from gristmill.filters.code.licence_phrases import SPOKEN
from license_expression import ExpressionError, Licensing, get_spdx_licensing

_LONGEST_EXPRESSION = 1000  # characters; of longer ones a part would say something else


@cache
def _licensing() -> Licensing:
    return get_spdx_licensing()  # a tenth of a second


def normalised(expression: str) -> str | None:
    """An SPDX expression in its canonical form; None where it holds what is no SPDX name, or is longer than any is.

    >>> normalised("mit or apache-2.0"), normalised("see file")
    ('MIT OR Apache-2.0', None)
    """
    expression = expression.strip()
    return _normalised(expression) if len(expression) <= _LONGEST_EXPRESSION else None


@lru_cache(maxsize=4096)
def _normalised(expression: str) -> str | None:
    spoken = SPOKEN.get(expression.lower())
    if spoken:
        return spoken
    licensing = _licensing()
    try:
        parsed = licensing.parse(
            expression.replace("/", " OR ") if " " not in expression else expression, validate=True
        )
    except (ExpressionError, ValueError, RecursionError, AttributeError, TypeError):
        return None
    return str(parsed) if parsed is not None else None


def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    """Whether an expression can be met with allowed licences alone: one side of OR, both of AND; exceptions widen a licence.

    >>> is_allowed("MIT OR GPL-3.0-only", frozenset({"MIT"})), is_allowed("MIT AND GPL-3.0-only", frozenset({"MIT"}))
    (True, False)
    """
    known = _is_allowed if len(expression) <= _LONGEST_EXPRESSION else _is_allowed.__wrapped__
    return known(expression, allowed)


@lru_cache(maxsize=4096)
def _is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    try:
        parsed = _licensing().parse(expression)
    except (ExpressionError, ValueError, RecursionError):
        return False
    return parsed is not None and _met(parsed, allowed)


def _met(node: object, allowed: frozenset[str]) -> bool:
    arguments = getattr(node, "args", ())
    operator = type(node).__name__
    if operator == "OR":
        return any(_met(one, allowed) for one in arguments)
    if operator == "AND":
        return all(_met(one, allowed) for one in arguments)
    licence = getattr(node, "license_symbol", node)
    return str(getattr(licence, "key", licence)) in allowed
