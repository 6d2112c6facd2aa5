"""Numbers: GSM8K's `####`, a box, "the answer is", or the last number, compared exactly.

Currencies and units around a number are not compared. A percentage equals the bare number and the fraction that it is
(50 % is 50 and 0.5), because references are written in both ways.
"""

from fractions import Fraction
from typing import Any, Literal

from gristmill.answers.contract import AnswerKind
from gristmill.answers.final_answer import AnswerIn, final_answers, without_thinking
from gristmill.answers.numerals import Number, numbers_in, with_plain_digits, without_latex
from gristmill.answers.verdict import UnusableReference, Verdict, excerpt, judged, wrong
from gristmill.schemas.strict import Strict
from pydantic import Field


class NumberOptions(Strict):
    """answer_in: where the answer must stand. `anywhere` takes the last number of a completion that marks no answer.

    tolerance: the largest absolute difference. relative_tolerance: the largest difference as a fraction of the reference, for
    numbers that are not both whole. decimal: the decimal mark where `1.234` or `1,234` is ambiguous.
    """

    answer_in: AnswerIn = "anywhere"
    tolerance: float = Field(0.0, ge=0)
    relative_tolerance: float = Field(1e-9, ge=0)
    decimal: Literal[".", ","] = "."


def check(completion: str, reference: Any, options: NumberOptions) -> Verdict:
    """Compare the final number of a completion with the reference: a number, or a text whose final answer is one."""
    wanted = reference_number(reference, options)
    found = final_number(completion, options)
    if found is None:
        return wrong("no answer found")
    number, text = found
    equal = same_number(number, wanted, options)
    return judged(equal, f"{text} is {'' if equal else 'not '}{shown(wanted)}", text)


def reference_number(reference: Any, options: NumberOptions) -> Number:
    """The number of a reference; a text may be a whole worked solution. UnusableReference where there is none."""
    if isinstance(reference, int | float) and not isinstance(reference, bool):
        try:
            return Number(0, 0, Fraction(str(reference)), False)
        except ValueError:
            raise UnusableReference(f"the reference {reference} is no finite number") from None
    found = final_number(reference, NumberOptions(decimal=options.decimal)) if isinstance(reference, str) else None
    if found is None:
        raise UnusableReference(f"the reference {excerpt(str(reference))!r} holds no number")
    return found[0]


def final_number(completion: str, options: NumberOptions) -> tuple[Number, str] | None:
    """The number that a completion ends in, with its text; None where there is none.

    Behind a mark it is the first number, or the first behind the last `=` where the answer is a calculation.
    """
    for answer in final_answers(completion, options.answer_in):
        text = with_plain_digits(without_latex(answer.text))
        numbers = numbers_in(text, options.decimal)
        if answer.mark == "phrase" and not _begins_with_number(text, numbers):
            numbers = []
        if numbers:
            return _chosen(text, numbers)
    if options.answer_in != "anywhere":
        return None
    text = with_plain_digits(without_latex(without_thinking(completion)[-TAIL_CHARACTERS:]))
    numbers = numbers_in(text, options.decimal)
    return (numbers[-1], _text_of(text, numbers[-1])) if numbers else None


TAIL_CHARACTERS = 20_000  # of a completion that marks no answer: its last number is looked for there
MAX_WORDS_BEFORE_NUMBER = 60  # characters between "the answer is" and the number that it announces


def _begins_with_number(text: str, numbers: list[Number]) -> bool:
    return bool(numbers) and numbers[0].start <= MAX_WORDS_BEFORE_NUMBER


def _chosen(text: str, numbers: list[Number]) -> tuple[Number, str]:
    sentence_end = min((place for mark in (". ", "; ", "\n") if (place := text.find(mark)) >= 0), default=len(text))
    equals = max(text.rfind(mark, 0, sentence_end) for mark in "=≈")
    behind = [number for number in numbers if number.start > equals and number.start < sentence_end]
    chosen = behind[0] if equals >= 0 and behind else numbers[0]
    return chosen, _text_of(text, chosen)


def _text_of(text: str, number: Number) -> str:
    return excerpt(text[number.start : number.end].strip())


def same_number(found: Number, wanted: Number, options: NumberOptions) -> bool:
    """Whether two numbers are equal, within the tolerances; a percentage also equals its bare number and its fraction."""
    if found.percent == wanted.percent:
        return _near(found.value, wanted.value, options)
    scaled = found.value / 100 if found.percent else found.value * 100
    return _near(found.value, wanted.value, options) or _near(scaled, wanted.value, options)


def _near(found: Fraction, wanted: Fraction, options: NumberOptions) -> bool:
    if found == wanted:
        return True
    allowed = Fraction(options.tolerance)
    if found.denominator != 1 or wanted.denominator != 1:
        allowed = max(allowed, Fraction(options.relative_tolerance) * abs(wanted))
    return abs(found - wanted) <= allowed


def shown(number: Number) -> str:
    """A number as a reason shows it."""
    value = number.value
    text = str(value.numerator) if value.denominator == 1 else _decimal_text(value)
    return text + ("%" if number.percent else "")


def _decimal_text(value: Fraction) -> str:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    try:
        return f"{float(value):g}" if rest == 1 else f"{value.numerator}/{value.denominator}"
    except OverflowError:
        return excerpt(f"{value.numerator}/{value.denominator}")


def _completion_of(reference: Any, _options: NumberOptions) -> str | None:
    if isinstance(reference, str):
        return reference
    return None if reference is None else f"#### {reference}"


KIND = AnswerKind("number", NumberOptions, check, completion_of=_completion_of)
