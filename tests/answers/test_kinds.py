"""Every kind of checker on right, wrong and unusable input."""

from typing import Any

import pytest
from gristmill.answers.kinds import reasoning_gym as gym
from gristmill.answers.latex import plain_latex
from gristmill.answers.registry import KINDS, answer_kind, checker
from gristmill.answers.self_test import self_test
from gristmill.schemas.errors import RecipeError

Row = tuple[dict[str, Any], str, Any, float | None]
RIGHT, WRONG, NONE = 1.0, 0.0, None

EXPRESSIONS: list[Row] = [
    ({}, r"so $\boxed{\frac{3}{4}}$", r"\dfrac34", RIGHT),
    ({}, r"\boxed{0.75}", r"\frac{3}{4}", RIGHT),
    ({}, r"\boxed{x = 5}", "5", RIGHT),
    ({}, r"\boxed{\left( 3, \frac{\pi}{2} \right)}", r"(3,\pi/2)", RIGHT),
    ({}, r"The answer is $2\sqrt{3}$.", r"\sqrt{12}", RIGHT),
    ({}, r"\boxed{x^2 + 2x + 1}", r"(x+1)^2", RIGHT),
    ({}, r"\boxed{[0, 1)}", r"[0,1)", RIGHT),
    ({}, r"\boxed{[0, 1]}", r"[0,1)", WRONG),
    ({}, r"\boxed{\text{Evelyn}}", "Evelyn", RIGHT),
    ({}, r"\boxed{90^\circ}", "90", RIGHT),
    ({}, r"\boxed{10,000}", "10000", RIGHT),
    ({}, r"\boxed{\{1, 2, 3\}}", r"\{3,2,1\}", RIGHT),
    ({}, r"\boxed{7}", r"a worked solution, so it is $\boxed{8}$", WRONG),
    ({}, "It follows that the sum is $\\frac{1}{2}$.", r"\frac12", RIGHT),
    ({}, r"\boxed{1,2}", "2,1", RIGHT),
    ({}, r"\boxed{1,2}", "1.2", WRONG),
    ({}, r"\boxed{1,234}", "1234", RIGHT),
    ({}, r"\boxed{-\infty}", r"\infty", WRONG),
    ({}, "I do not know", "5", WRONG),
    ({}, "", "5", WRONG),
    ({"answer_in": "box"}, "The answer is 5", "5", WRONG),
    ({}, r"\boxed{5}", "", NONE),
    ({}, r"\boxed{5}", None, NONE),
]
CHOICES: list[Row] = [
    ({}, "B", "B", RIGHT),
    ({}, "(B)", "B", RIGHT),
    ({}, "Answer: B", "(B)", RIGHT),
    ({}, "**B**", "B", RIGHT),
    ({}, "B. Paris", "B", RIGHT),
    ({}, "The best option is (C), because (B) is not.", "C", RIGHT),
    ({}, r"\boxed{\text{D}}", "D", RIGHT),
    ({}, "答案：Ｃ", "C", RIGHT),
    ({}, "b)", "B", RIGHT),
    ({}, "<think>A or B</think>\n\nC", "C", RIGHT),
    ({}, "A man walks into a bar", "A", WRONG),
    ({}, "I think it is raining", "I", WRONG),
    ({}, "C", "B", WRONG),
    ({}, "", "B", WRONG),
    ({"choices": ["Paris", "Paris, Texas"]}, "It is Paris, Texas.", "B", RIGHT),
    ({"choices": ["Paris", "Rome"]}, "Rome", 1, RIGHT),
    ({"choices": ["Paris", "Rome"]}, "Rome or Paris", 1, WRONG),
    ({"choices": ["A and B", "neither"]}, "Answer: A and B", 0, RIGHT),
    ({"choices": ["As", "B"]}, "B", "B", RIGHT),
    ({"labels": ["1", "2", "3"]}, "Option 2", "2", RIGHT),
    ({"choices": ["Paris", "Rome"]}, "C", "C", NONE),
    ({}, "B", "none of them", NONE),
    ({}, "B", 3, NONE),
]
YES_NO: list[Row] = [
    ({}, "Yes.", True, RIGHT),
    ({}, "No, it is not.", "no", RIGHT),
    ({}, "The answer is: **yes**", "Yes", RIGHT),
    ({}, "It is not easy to say; on the whole, yes", True, RIGHT),
    ({}, "Nein", False, RIGHT),
    ({}, "答案：不是", "no", RIGHT),
    ({}, "はい", True, RIGHT),
    ({}, "True", "true", RIGHT),
    ({}, "I know nothing", True, WRONG),
    ({}, "<think>yes</think>no", "yes", WRONG),
    ({}, "yes", "perhaps", NONE),
]
WORDS: list[Row] = [
    ({}, "The answer is Paris.", "paris", RIGHT),
    ({}, "  Paris ", ["Rome", "Paris"], RIGHT),
    ({}, "Paris, France", "Paris", WRONG),
    ({"ignore": []}, "paris", "Paris", WRONG),
    ({"ignore": ["case", "articles", "whitespace"]}, "the Beatles", "Beatles", RIGHT),
    ({}, "Paris", "", NONE),
    ({}, "Paris", [], NONE),
]
HOLDS: list[Row] = [
    ({}, "Paris is the capital of FRANCE", ["paris", "france"], RIGHT),
    ({}, "Paris", ["Paris", "France"], WRONG),
    ({"every": False}, "Paris", ["Paris", "France"], RIGHT),
    ({"whole_words": True}, "cats", "cat", WRONG),
    ({"whole_words": True}, "a cat.", "cat", RIGHT),
    ({"absent": True}, "a dog", "cat", RIGHT),
    ({"absent": True}, "a cat", "cat", WRONG),
    ({}, "<think>Paris</think>", "Paris", WRONG),
    ({}, "Paris", None, NONE),
]
PATTERNS: list[Row] = [
    ({"pattern": r"\d{3}"}, "a 123", None, RIGHT),
    ({"pattern": r"\d{3}", "whole": True}, "a 123", None, WRONG),
    ({"pattern": "a", "absent": True}, "b", None, RIGHT),
    ({"pattern": "A", "ignore_case": True}, "a", None, RIGHT),
    ({"pattern": "^b", "multiline": True}, "a\nb", None, RIGHT),
    ({"pattern": "b", "after_thinking": True}, "<think>b</think>a", None, WRONG),
    ({}, "xyz", "y", RIGHT),
    ({"pattern": "("}, "a", None, NONE),
    ({}, "a", None, NONE),
    ({"pattern": r"(a|aa|b)+\d", "seconds": 0.1}, "a" * 5000 + "b" * 5000, None, None),
]
JSONS: list[Row] = [
    ({}, '{"a": [1, null]}', None, RIGHT),
    ({}, 'Here:\n```json\n{"a": 1}\n```\nDone.', None, RIGHT),
    ({"bare": True}, '```json\n{"a": 1}\n```', None, WRONG),
    ({}, "{'a': 1}", None, WRONG),
    ({}, "NaN", None, WRONG),
    ({}, "", None, WRONG),
    ({}, "[" * 100_000, None, WRONG),
    ({}, '{"b": 1.0, "a": 2}', {"a": 2, "b": 1}, RIGHT),
    ({}, '{"a": true}', {"a": 1}, WRONG),
    ({}, "[1]", "[1]", RIGHT),
    ({"json_schema": {"type": "object", "required": ["a"]}}, "{}", None, WRONG),
    ({"json_schema": {"type": "object", "required": ["a"]}}, '{"a": 1}', None, RIGHT),
    ({"json_schema": {"type": "nothing"}}, "{}", None, NONE),
    ({"json_schema": {"$ref": "http://127.0.0.1:9/schema"}}, "{}", None, NONE),
    ({}, "[1]", "[1", NONE),
]
LENGTHS: list[Row] = [
    ({"at_most": 3}, "one two three", None, RIGHT),
    ({"at_most": 2}, "one two three", None, WRONG),
    ({"at_least": 4}, "one two three", None, WRONG),
    ({"at_most": 2, "falloff": 4}, "one two three", None, 0.75),
    ({"unit": "characters", "at_least": 3, "at_most": 3}, "<think>long</think>abc", None, RIGHT),
    ({"unit": "sentences", "at_least": 3, "at_most": 3}, "One. Two! Three", None, RIGHT),
    ({"unit": "lines", "at_most": 2}, "a\n\nb\n", None, RIGHT),
    ({"unit": "paragraphs", "at_least": 2}, "a\nb\n\nc", None, RIGHT),
]
FORMATS: list[Row] = [
    ({}, "<think>a</think>\n<answer>b</answer>", None, RIGHT),
    ({}, "<think>a</think> so <answer>b</answer>", None, WRONG),
    ({"only": False}, "<think>a</think> so <answer>b</answer>", None, RIGHT),
    ({"begun": True}, "a</think><answer>b</answer>", None, RIGHT),
    ({}, "a</think><answer>b</answer>", None, WRONG),
    ({}, "<think>a</think><answer></answer>", None, WRONG),
    ({}, "<answer>b</answer><think>a</think>", None, WRONG),
    ({}, "<think>a</think><answer>b</answer><answer>c</answer>", None, WRONG),
    ({}, "<think>a<answer>b</answer></think>", None, WRONG),
    ({"tags": ["sql"]}, "<sql>select</sql>", None, RIGHT),
]
TABLE = {
    "expression": EXPRESSIONS,
    "choice": CHOICES,
    "yes_no": YES_NO,
    "exact": WORDS,
    "contains": HOLDS,
    "regex": PATTERNS,
    "json": JSONS,
    "length": LENGTHS,
    "format": FORMATS,
}
ROWS = [(kind, *row) for kind, rows in TABLE.items() for row in rows]


@pytest.mark.parametrize(("kind", "options", "completion", "reference", "score"), ROWS)
def test_scores(kind: str, options: dict[str, Any], completion: str, reference: Any, score: float | None) -> None:
    verdict = checker({"kind": kind, **options}).check(completion, reference)
    assert verdict.score == score, verdict
    assert (verdict.cause is None) == (score is not None)
    assert verdict.why


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_registered_under_its_name(kind: str) -> None:
    assert answer_kind(kind).name == kind


BAD = [
    ("nmber", "did you mean 'number'"),
    ({"kind": "number", "tolerence": 1}, "did you mean `tolerance`"),
    ({"kind": "number", "tolerance": -1}, "tolerance"),
    ({"tolerance": 1}, "expected a mapping with a kind"),
    ("{", "is no JSON"),
    ([1], "expected a mapping"),
    ({"kind": "length"}, "`at_least` or `at_most`"),
    ({"kind": "length", "at_least": 3, "at_most": 2}, "no text is of such a length"),
    ({"kind": "format", "tags": ["a b"]}, "tags are names"),
    ({"kind": "ifeval", "instruction_id_list": []}, "instruction_id_list"),
]


@pytest.mark.parametrize(("spec", "message"), BAD)
def test_data_that_is_no_checker(spec: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        checker(spec)


def test_a_checker_is_data() -> None:
    spec = {"kind": "number", "tolerance": 0.5, "decimal": None}
    chosen = checker(spec)
    assert chosen.spec() == {"kind": "number", "tolerance": 0.5}
    assert checker('{"tolerance": 0.5, "kind": "number"}') is checker({"kind": "number", "tolerance": 0.5})
    assert checker(chosen.spec()) == chosen


@pytest.mark.parametrize("completion", [None, 5, ["text"], [{"role": "assistant", "content": "5"}]])
def test_what_is_no_text_is_not_scored(completion: Any) -> None:
    verdict = checker("number").check(completion, "5")
    assert (verdict.score, verdict.cause) == (None, "error")


SELF_TESTS = [
    ({"checker": "number", "reference": "He has 3.\n#### 3"}, "passes"),
    ({"checker": "number", "reference": 3.5}, "passes"),
    ({"checker": "number", "reference": "3", "solution": "It is 4."}, "fails"),
    ({"checker": "number", "reference": "unknown"}, "fails"),
    ({"checker": "number"}, "cannot be tested"),
    ({"checker": "expression", "reference": r"\frac{1}{2}"}, "passes"),
    ({"checker": "choice", "reference": "(B)"}, "passes"),
    ({"checker": {"kind": "choice", "choices": ["a", "b"]}, "reference": 1}, "passes"),
    ({"checker": {"kind": "choice", "choices": ["a", "b"]}, "reference": 2}, "fails"),
    ({"checker": "yes_no", "reference": True}, "passes"),
    ({"checker": "exact", "reference": ["x", "y"]}, "passes"),
    ({"checker": "contains", "reference": ["x", "y"]}, "passes"),
    ({"checker": {"kind": "regex", "pattern": r"\d"}, "reference": "a"}, "fails"),
    ({"checker": "regex", "reference": r"\d"}, "cannot be tested"),
    ({"checker": "json", "reference": {"a": 1}}, "passes"),
    ({"checker": {"kind": "length", "at_most": 1}, "reference": "one two"}, "fails"),
    ({"checker": {"kind": "ifeval", "instruction_id_list": ["punctuation:no_comma"]}, "solution": "a, b"}, "fails"),
]


@pytest.mark.parametrize(("row", "outcome"), SELF_TESTS)
def test_self_tests(row: dict[str, Any], outcome: str) -> None:
    assert self_test(row).outcome == outcome


def test_one_spelling_of_latex() -> None:
    assert plain_latex(r"\[ x = \tfrac 1 2 \]") == plain_latex("1/2") == "1/2"
    assert plain_latex("(1,234)") == "(1,234)"  # a pair, not a thousand
    assert plain_latex("1,234") == "1234"


class TestReasoningGym:
    def entry(self, task: str) -> dict[str, Any]:
        reasoning_gym = pytest.importorskip("reasoning_gym")
        return dict(reasoning_gym.create_dataset(task, size=1, seed=3)[0])

    def test_its_own_score_is_given(self) -> None:
        entry = self.entry("basic_arithmetic")
        tested = checker({"kind": "reasoning_gym", "task": "basic_arithmetic", "entry": entry})
        assert tested.check(f"<think>hm</think><answer>{entry['answer']}</answer>").score == 1.0
        assert tested.check(entry["answer"]).score == 1.0
        assert tested.check("<answer>1e9</answer>").score != 1.0
        assert self_test({"checker": tested.spec()}).outcome == "passes"

    def test_unknown_tasks_and_entries_are_not_scored(self) -> None:
        entry = self.entry("basic_arithmetic")
        unknown = checker({"kind": "reasoning_gym", "task": "nothing_of_it", "entry": entry}).check("1")
        assert (unknown.score, unknown.cause) == (None, "reference")
        lacking = checker({"kind": "reasoning_gym", "task": "basic_arithmetic", "entry": {"answer": "1"}}).check("1")
        assert (lacking.score, lacking.cause) == (None, "reference")

    def test_answers_are_not_run(self, tmp_path: Any) -> None:
        mark = tmp_path / "run"
        entry = self.entry("countdown")
        tested = checker({"kind": "reasoning_gym", "task": "countdown", "entry": entry})
        for answer in (
            f"__import__('os').system('touch {mark}')",
            f"open({str(mark)!r}, 'w')",
            "().__class__",
            "lambda: 1",
        ):
            assert tested.check(answer).score == 0.0
        assert not mark.exists()


@pytest.mark.parametrize(
    ("answer", "given"),
    [
        ("1 + 2*(3 - 4)", True),
        ("2*x**3/3 + sin(x) + C", True),
        ("[[1, 2], [3]]", True),
        ("'abc'", True),
        ("x.__class__", False),
        ("exit()", False),
        ("f'{1}'", False),
        ("[a for a in b]", False),
        ("1" * 5000, False),
        ("1" * 1000 + "!", False),
    ],
)
def test_what_is_given_to_scorers_that_evaluate(answer: str, given: bool) -> None:
    options = gym.ReasoningGymOptions(task="countdown", entry={"question": "", "answer": "z", "metadata": {}})
    assert gym.may_be_given(answer, options) is given
    assert gym.may_be_given(answer, options.model_copy(update={"task": "basic_arithmetic"}))
