"""Where the final answer of a completion is found."""

import pytest
from gristmill.answers.final_answer import boxes, final_answers, without_thinking
from hypothesis import given
from hypothesis import strategies as st

CASES = [
    ("The answer is 5.", "5.", "phrase"),
    ("Final Answer: **5**", "5**", "phrase"),
    ("The answer to this question is 5", "5", "phrase"),
    ("A: 26", "26", "phrase"),
    ("Die Antwort lautet: Ja", "Ja", "phrase"),
    ("La réponse est 5", "5", "phrase"),
    ("La respuesta final es 5", "5", "phrase"),
    ("Ответ: 5", "5", "phrase"),
    ("答案是5", "5", "phrase"),
    ("答え：5", "5", "phrase"),
    ("정답은 5", "5", "phrase"),
    ("الجواب هو 5", "5", "phrase"),
    ("उत्तर है 5", "5", "phrase"),
    ("Đáp án là 5", "5", "phrase"),
    ("x\n#### 5", "5", "hashes"),
    (r"so \boxed{\frac{1}{2}} it is", r"\frac{1}{2}", "box"),
    (r"\boxed{\text{a\}b}}", r"\text{a\}b}", "box"),
    (r"\boxed{1} and \boxed{2}", "2", "box"),
    (r"\boxed{1}, so the answer is 2", "2", "phrase"),
    (r"The answer is \boxed{3}", "3", "box"),
    ("<answer>\n7\n</answer> and 8, the answer is 9", "7", "tag"),
    ("<answer>7", "7", "tag"),
    ("<answer>1</answer><answer>2</answer>", "2", "tag"),
]


@pytest.mark.parametrize(("completion", "text", "mark"), CASES)
def test_the_answer_that_counts(completion: str, text: str, mark: str) -> None:
    answer = final_answers(completion)[0]
    assert (answer.text, answer.mark) == (text, mark)


@pytest.mark.parametrize(
    "text", ["", "nothing here", "a question was answered", "#### ", r"\boxed{1", r"\boxed", "##### 5"]
)
def test_no_answer_is_marked(text: str) -> None:
    assert final_answers(text) == []


@pytest.mark.parametrize(
    ("completion", "rest"),
    [
        ("a", "a"),
        ("<think>a</think>b", "b"),
        ("<think>a", ""),
        ("a</think>b", "b"),
        ("<think>a</think>b</think>c", "c"),
    ],
)
def test_thinking_is_left_out(completion: str, rest: str) -> None:
    assert without_thinking(completion) == rest


def test_boxes_do_not_nest() -> None:
    assert [box.text for box in boxes(r"\boxed{a \boxed{b}} \fbox{c} \boxed 5")] == [r"a \boxed{b}", "c", "5"]


@given(st.text(alphabet="\\boxed{}#<>/answerthinkis: =\n15.$", max_size=60))
def test_any_text_is_read(text: str) -> None:
    for answer in final_answers(text):
        assert answer.text in text or answer.text.strip() in text


@pytest.mark.parametrize(
    "unit", ["\\boxed{", "<answer>", "answer", "answer is ", "#### ", "{", " ", "1 ", "1,111", "-", "1/", "<think>"]
)
def test_long_texts_take_time_in_proportion(unit: str) -> None:
    """A repeated piece of 40,000 characters: quadratic reading would take long."""
    from gristmill.answers.registry import checker

    text = unit * (40_000 // len(unit))
    assert len(final_answers(text)) <= len(text)
    assert checker("number").check(text, "5").score in (0.0, 1.0)
