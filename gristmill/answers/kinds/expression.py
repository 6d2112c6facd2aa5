r"""Mathematical expressions: MATH's `\boxed{…}`, compared as texts in one spelling, as numbers, and by math-verify.

math-verify (sympy) decides whether two expressions are equal where their texts are not; it may take long, so the check runs
in a process that can be stopped. It reads the final answer, not the whole completion, unless nothing marks one.
"""

import re
from typing import Any

from gristmill.answers.contract import AnswerKind, package_missing
from gristmill.answers.final_answer import AnswerIn, final_answers, without_thinking
from gristmill.answers.kinds.number import NumberOptions, same_number
from gristmill.answers.latex import plain_latex
from gristmill.answers.numerals import NUMBER, numbers_in, with_plain_digits, without_latex
from gristmill.answers.verdict import UnusableReference, Verdict, excerpt, judged, right, wrong
from gristmill.schemas.strict import Strict
from pydantic import Field

MAX_ANSWER_CHARACTERS = 2_000  # longer ones are no final answer, and sympy would take for ever
TAIL_CHARACTERS = 4_000  # of a completion that marks no answer


class ExpressionOptions(Strict):
    """answer_in: where the answer must stand. rounding: decimals to which numbers must agree. seconds: of one comparison."""

    answer_in: AnswerIn = "anywhere"
    rounding: int = Field(6, ge=0, le=30)
    seconds: float = Field(10.0, gt=0, le=600)


def check(completion: str, reference: Any, options: ExpressionOptions) -> Verdict:
    """Compare the final expression of a completion with the reference: LaTeX or plain, or a solution with a box."""
    wanted = reference_expression(reference)
    answers = [answer.text for answer in final_answers(completion, options.answer_in) if answer.text]
    if not answers:
        if options.answer_in != "anywhere":
            return wrong("no answer found")
        return _unmarked(without_thinking(completion)[-TAIL_CHARACTERS:], wanted, options)
    answer = answers[0]
    if len(answer) > MAX_ANSWER_CHARACTERS:
        return wrong(f"the answer has {len(answer)} characters", excerpt(answer))
    equal = same_expression(answer, wanted, options)
    return judged(equal, f"{excerpt(answer)} is {'' if equal else 'not '}{excerpt(wanted)}", answer)


def reference_expression(reference: Any) -> str:
    """The expression of a reference; UnusableReference where there is none."""
    if isinstance(reference, int | float) and not isinstance(reference, bool):
        return str(reference)
    if not isinstance(reference, str) or not reference.strip():
        raise UnusableReference(f"the reference is {reference!r}, no expression")
    answers = final_answers(reference)
    boxed = [answer.text for answer in answers if answer.mark == "box"]
    text = (boxed or [answer.text for answer in answers] or [reference])[0].strip()
    if not text or len(text) > MAX_ANSWER_CHARACTERS:
        raise UnusableReference(f"the reference has {len(text)} characters, expected 1 to {MAX_ANSWER_CHARACTERS}")
    return text


def same_expression(answer: str, wanted: str, options: ExpressionOptions) -> bool:
    """Whether two expressions are equal: as texts in one spelling, as numbers, or by math-verify."""
    if plain_latex(answer) == plain_latex(wanted):
        return True
    numbers = _only_number(answer), _only_number(wanted)
    if numbers[0] is not None and numbers[1] is not None:
        return same_number(numbers[0], numbers[1], NumberOptions(tolerance=0.5 * 10.0**-options.rounding))
    return _verified(f"${_bare(answer)}$", wanted, options)


_THOUSANDS = re.compile(r"[^\d]*\d{1,3}(?:,\d{3})+(?:\.\d+)?[^\d]*")


def _only_number(text: str) -> Any:
    """The number that a text is, and nothing else; None for anything else, and for what may be several: `1,2`."""
    plain = with_plain_digits(without_latex(text.strip().strip("$"))).strip().rstrip(".")
    if "," in plain and not _THOUSANDS.fullmatch(plain):
        return None
    found = NUMBER.fullmatch(plain)
    numbers = numbers_in(plain) if found else []
    return numbers[0] if len(numbers) == 1 else None


def _bare(text: str) -> str:
    return text.strip().strip("$").strip()


def _unmarked(text: str, wanted: str, options: ExpressionOptions) -> Verdict:
    """A completion that marks no answer: math-verify looks for an expression in it; the whole text may be the answer."""
    if not text.strip():
        return wrong("no answer found")
    if plain_latex(text) == plain_latex(wanted) or _verified(text, wanted, options):
        return right(f"the last expression is {excerpt(wanted)}")
    return wrong(f"no expression is {excerpt(wanted)}")


def _verified(text: str, wanted: str, options: ExpressionOptions) -> bool:
    from math_verify import parse, verify

    gold = parse(f"${_bare(wanted)}$", parsing_timeout=0)
    found = parse(text, parsing_timeout=0)
    if not gold or not found:
        return False
    return bool(verify(gold, found, float_rounding=options.rounding, timeout_seconds=None))


def _completion_of(reference: Any, _options: ExpressionOptions) -> str | None:
    if isinstance(reference, str):
        return reference if final_answers(reference) else f"\\boxed{{{reference}}}"
    return None if reference is None else str(reference)


KIND = AnswerKind(
    "expression",
    ExpressionOptions,
    check,
    in_process=True,
    seconds=lambda options: options.seconds,
    missing=lambda _options: package_missing("math_verify"),
    completion_of=_completion_of,
)
