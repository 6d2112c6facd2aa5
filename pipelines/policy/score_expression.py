"""What a selection orders rows by: a signal, or an expression of several, such as `scored_complexity * scored_quality`.

Operators are `+ - * /` with their usual precedence, and parentheses; they stand between spaces, because a text version may
hold a `+` (`perplexity@response+clean`). A row where a signal is undefined, or something is divided by 0, has no value.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gristmill.schemas.errors import RecipeError

Values = Callable[[str], np.ndarray]  # signal as written -> float64 (rows,), nan where undefined
_SIGNAL = re.compile(r"[A-Za-z_]\w*(@[\w+]+)?\Z")
_NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?\Z")
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}
_FUNCTION: dict[str, Any] = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}


@dataclass(frozen=True)
class ScoreExpression:
    """postfix: signals, numbers and operators in the order in which they are worked off."""

    postfix: tuple[str, ...]

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that are read, each once, as `name` or `name@version`."""
        return tuple(dict.fromkeys(token for token in self.postfix if _SIGNAL.match(token)))

    def evaluate(self, values: Values) -> np.ndarray:
        """float64 (rows,), nan where there is no finite value.

        >>> parse_score("2 * ( a + b )").evaluate(lambda name: np.array([1.0, np.nan]))
        array([ 4., nan])
        """
        stack: list[Any] = []
        with np.errstate(all="ignore"):
            for token in self.postfix:
                if token in _FUNCTION:
                    right = stack.pop()
                    stack.append(_FUNCTION[token](stack.pop(), right))
                else:
                    stack.append(values(token) if _SIGNAL.match(token) else float(token))
        found: np.ndarray = stack.pop()
        return np.where(np.isfinite(found), found, np.nan)


def parse_score(text: str, where: str = "select.by") -> ScoreExpression:
    """The expression; RecipeError for one that is none, or that reads no signal."""
    tokens = text.replace("(", " ( ").replace(")", " ) ").split()
    output: list[str] = []
    waiting: list[str] = []
    operand_next = True
    for token in tokens:
        if token == "(" and operand_next:
            waiting.append(token)
        elif token == ")" and not operand_next:
            while waiting and waiting[-1] != "(":
                output.append(waiting.pop())
            if not waiting:
                raise _error(text, "a `)` that no `(` opens", where)
            waiting.pop()
        elif token in _PRECEDENCE and not operand_next:
            while waiting and _PRECEDENCE.get(waiting[-1], 0) >= _PRECEDENCE[token]:
                output.append(waiting.pop())
            waiting.append(token)
            operand_next = True
        elif operand_next and (_SIGNAL.match(token) or _NUMBER.match(token)):
            output.append(token)
            operand_next = False
        else:
            raise _error(text, f"{token!r} where {'a signal' if operand_next else 'an operator'} is expected", where)
    if operand_next or "(" in waiting:
        raise _error(text, "nothing where it ends" if operand_next else "a `(` that nothing closes", where)
    expression = ScoreExpression((*output, *reversed(waiting)))
    if not expression.signals:
        raise _error(text, "no signal", where)
    return expression


def _error(text: str, found: str, where: str) -> RecipeError:
    return RecipeError(
        f"{text!r} has {found}",
        where=where,
        expected="a numeric signal, or several with + - * / between spaces, such as `scored_complexity * scored_quality`",
    )
