"""Numbers: where they are found in a completion, and what equals what."""

import pytest
from gristmill.answers.registry import checker

RIGHT = [
    ("#### 18", "Some text\n#### 18"),
    ("The answer is $9 * 2 = $18 a day. There were 77 of them", "18"),
    ("so it's 1,000 dollars", "1000"),
    (r"thus \boxed{\frac{3}{4}}", "0.75"),
    (r"\boxed{1{,}234}", "1234"),
    ("**Answer:** 3,5", "3.5"),
    ("答案是：１２", "12"),
    ("答案是12", "12"),
    ("答え：12", "12"),
    ("정답은 5입니다 9", "5"),
    ("الجواب هو ١٢٫٥", "12.5"),
    ("La réponse est 5 et non 6", "5"),
    ("Ответ: 5", "5"),
    ("The final answer is: \n\n -7", "-7"),
    ("50%", "0.5"),
    ("50%", "50"),
    ("0.5", "50%"),
    ("<think>5</think><answer>6</answer> 7", "6"),
    ("2 million", "2000000"),
    ("A: 26", "26"),
    ("He has 2 1/2", "2.5"),
    ("1 000 000", "1000000"),
    ("It costs €1.234,50", "1234.5"),
    ("#### $1,234.00.", "1234"),
    ("The answer is 1. No: the answer is 2.", "2"),
    ("10 - 3 = 7", "7"),
    ("COVID-19", "19"),
    ("-$5", "-5"),
    ("1.5.", "3/2"),
    ("It is 2½.", "2.5"),
    ("¾", "0.75"),
    ("7.0", "7"),
    ("2.5e3", "2500"),
    ("0.333333333333", "1/3"),
    ("18", 18),
    ("0.1", 0.1),
]
WRONG = [
    ("no idea", "18", "no answer found"),
    ("17", "18", "17 is not 18"),
    ("The answer is 17. 18", "18", "17 is not 18"),
    ("<think>18", "18", "no answer found"),
    ("<think>it is 18</think> 17", "18", "17 is not 18"),
    ("-18", "18", "-18 is not 18"),
    ("1,8", "18", "1,8 is not 18"),
    ("1.234", "1234", "1.234 is not 1234"),
    ("0.33", "1/3", "0.33 is not 1/3"),
    ("1000001", "1000000", "1000001 is not 1000000"),
    ("1/0", "1", "no answer found"),
    ("9" * 5000, "9", "no answer found"),
]


@pytest.mark.parametrize(("completion", "reference"), RIGHT)
def test_right(completion: str, reference: object) -> None:
    verdict = checker("number").check(completion, reference)
    assert verdict.score == 1.0, verdict


@pytest.mark.parametrize(("completion", "reference", "why"), WRONG)
def test_wrong(completion: str, reference: str, why: str) -> None:
    verdict = checker("number").check(completion, reference)
    assert (verdict.score, verdict.why) == (0.0, why)


@pytest.mark.parametrize("reference", ["no number", "", None, True, [1], float("nan"), float("inf")])
def test_a_reference_without_a_number_is_not_scored(reference: object) -> None:
    verdict = checker("number").check("#### 1", reference)
    assert (verdict.score, verdict.cause) == (None, "reference")


def test_options() -> None:
    german = checker({"kind": "number", "decimal": ","})
    assert german.check("1.234", "1234").score == 1.0
    assert german.check("1,234", "1234").score == 0.0
    near = checker({"kind": "number", "tolerance": 0.5})
    assert [near.check(text, "10").score for text in ("10.5", "9.5", "10.51")] == [1.0, 1.0, 0.0]
    boxed = checker({"kind": "number", "answer_in": "box"})
    assert [boxed.check(text, "5").score for text in ("5", "#### 5", r"\boxed{5}")] == [0.0, 0.0, 1.0]
