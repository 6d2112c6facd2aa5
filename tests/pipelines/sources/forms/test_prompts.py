"""Forms that become prompts with a checker: the prompt, the reference answer, how it is checked, what stays beside."""

from pathlib import Path
from typing import Any

import pytest
from gristmill.pipelines.sources.forms.references import boxed_answer, marked_answer, reference_of

from tests.pipelines.sources.forms.made_records import assistant, rows_of, user

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "gsm8k",
        {"question": "How many?", "answer": "40 and 2 are <<40+2=42>>42.\n#### 1,042", "id": 3},
        {
            "prompt": [user("How many?")],
            "answer": "1,042",
            "checker": {"kind": "number"},
            "solution": "40 and 2 are <<40+2=42>>42.\n#### 1,042",
            "id": 3,
        },
    ),
    (
        "math",
        {"problem": "Half?", "solution": r"It is $\boxed{\frac{1}{2}}$.", "level": "Level 1"},
        {
            "prompt": [user("Half?")],
            "answer": r"\frac{1}{2}",
            "checker": {"kind": "expression"},
            "solution": r"It is $\boxed{\frac{1}{2}}$.",
            "level": "Level 1",
        },
    ),
    (
        "math",
        {"problem": "Half?", "solution": r"It is $\boxed{0.50}$.", "answer": "1/2"},
        {
            "prompt": [user("Half?")],
            "answer": "1/2",
            "checker": {"kind": "expression"},
            "solution": r"It is $\boxed{0.50}$.",
        },
    ),
    (
        "ifeval",
        {
            "key": 1,
            "prompt": "No commas.",
            "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
            "kwargs": [{"num_words": None}, {"num_words": 300, "relation": "at least"}],
        },
        {
            "prompt": [user("No commas.")],
            "checker": {
                "kind": "ifeval",
                "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
                "kwargs": [{}, {"num_words": 300, "relation": "at least"}],
            },
            "key": 1,
        },
    ),
    (  # MMLU
        "choices",
        {"question": "Which?", "choices": ["rye", "oats"], "answer": 1, "subject": "grain"},
        {"prompt": [user("Which?\nA. rye\nB. oats")], "answer": "B", "subject": "grain"},
    ),
    (  # ARC
        "choices",
        {"question": "Which?", "choices": {"text": ["rye", "oats"], "label": ["1", "2"]}, "answerKey": "1"},
        {"prompt": [user("Which?\nA. rye\nB. oats")], "answer": "A"},
    ),
    (
        "choices",
        {
            "question": {"stem": "Which?", "choices": [{"text": "rye", "label": "A"}, {"text": "oats", "label": "B"}]},
            "answerKey": "B",
        },
        {"prompt": [user("Which?\nA. rye\nB. oats")], "answer": "B"},
    ),
    (  # C-Eval
        "choices",
        {"question": "Which?", "A": "rye", "B": "oats", "answer": "B"},
        {"prompt": [user("Which?\nA. rye\nB. oats")], "answer": "B"},
    ),
    (  # AGIEval: a passage, options that bring their letters
        "choices",
        {"passage": "Long ago.", "question": "Which?", "options": ["(A) rye", "(B) oats"], "label": "A"},
        {"prompt": [user("Long ago.\n\nWhich?\nA. rye\nB. oats")], "answer": "A"},
    ),
    (  # HellaSwag: a number as text
        "choices",
        {"ctx": "He", "endings": ["eats", "drinks", "mills"], "label": "2"},
        {"prompt": [user("He\nA. eats\nB. drinks\nC. mills")], "answer": "C"},
    ),
    (  # BIG-Bench Hard
        "choices",
        {"input": "Which?\nOptions:\n(A) rye\n(B) oats", "target": "(B)", "task": "t"},
        {"prompt": [user("Which?\nOptions:\n(A) rye\n(B) oats")], "answer": "B", "task": "t"},
    ),
    (
        "code_tests",
        {
            "task_id": "HumanEval/0",
            "prompt": "def one():\n",
            "canonical_solution": "    return 1\n",
            "test": "def check(f):\n    assert f() == 1\n",
            "entry_point": "one",
        },
        {"prompt": [user("def one():\n")], "solution": "def one():\n    return 1\n", "task_id": "HumanEval/0"},
    ),
    (
        "code_tests",
        {"text": "Return one.", "code": "def one(): return 1", "test_list": ["assert one() == 1"], "task_id": 2},
        {
            "prompt": [user("Return one.\nYour code should pass these tests:\nassert one() == 1")],
            "solution": "def one(): return 1",
            "task_id": 2,
        },
    ),
    (
        "outcomes",
        {"question": "3 + 4?", "gt": "7", "response": ["7", "8", "7", "9"], "score": [True, False, True, False]},
        {
            "prompt": [user("3 + 4?")],
            "answer": "7",
            "checker": {"kind": "number"},
            "response": ["7", "8", "7", "9"],
            "score": [True, False, True, False],
            "pass_rate": 0.5,
            "samples": 4,
        },
    ),
    ("messages", {"messages": [user("a"), assistant("b")]}, {"prompt": [user("a")], "answer": "b"}),
    (
        "messages",
        {"messages": [user("a")], "checker": {"kind": "x"}},
        {"prompt": [user("a")], "checker": {"kind": "x"}},
    ),
    ("sharegpt", {"conversations": [{"from": "human", "value": "a"}]}, {"prompt": [user("a")]}),
    ("alpaca", {"instruction": "a", "output": "b"}, {"prompt": [user("a")], "answer": "b"}),
    ("prompt_completion", {"turns": [{"content": "a"}], "id": 1}, {"prompt": [user("a")], "id": 1}),
    ("prompt_completion", {"question": [[user("a")]], "function": []}, {"prompt": [user("a")], "function": []}),
    (
        "prompt_completion",
        {"input": "2 * 12", "target": "24", "task": "t"},
        {"prompt": [user("2 * 12")], "answer": "24", "checker": {"kind": "number"}, "task": "t"},
    ),
    (
        "prompt_completion",
        {"problem": "2 * 12", "answer": 24},
        {"prompt": [user("2 * 12")], "answer": "24", "checker": {"kind": "number"}},
    ),
    (
        "code_tests",  # APPS
        {"question": "Double it.", "input_output": '{"inputs": ["2"], "outputs": ["4"]}', "solutions": '["print(4)"]'},
        {
            "prompt": [user("Double it.")],
            "solution": "print(4)",
            "input_output": '{"inputs": ["2"], "outputs": ["4"]}',
            "solutions": '["print(4)"]',
        },
    ),
    (
        "prompt_completion",  # verl
        {"prompt": [user("a")], "reward_model": {"ground_truth": "7", "style": "rule"}},
        {"prompt": [user("a")], "answer": "7", "reward_model": {"ground_truth": "7", "style": "rule"}},
    ),
    (
        "openassistant",
        {"text": "a", "role": "prompter", "replies": [], "lang": "en"},
        {"prompt": [{**user("a"), "lang": "en"}], "lang": "en"},
    ),
]


@pytest.mark.parametrize(("form", "record", "row"), CASES)
def test_a_record_becomes_a_prompt(tmp_path: Path, form: str, record: dict[str, Any], row: dict[str, Any]) -> None:
    found = rows_of(tmp_path, "prompt", [record])
    assert found.quarantined == []
    if form in ("choices", "code_tests"):  # what their checkers hold: below
        found.records[0].pop("checker")
    assert found.records == [row]
    assert dict(found.tally.forms) == {form: 1}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"question": "Which?", "choices": ["rye", "oats"], "answer": 7}, "no_right_choice"),
        ({"prompt": "a", "instruction_id_list": ["x", "y"], "kwargs": [{}]}, "instructions_without_options"),
        ({"messages": [assistant("b")]}, "no_prompt"),
        ({"n": 1}, "unknown_form"),
    ],
)
def test_what_is_no_prompt_is_quarantined(tmp_path: Path, record: dict[str, Any], reason: str) -> None:
    options = {"format": "choices"} if "choices" in record else {}
    assert [found for found, _ in rows_of(tmp_path, "prompt", [record], **options).quarantined] == [reason]


def test_references() -> None:
    assert marked_answer("a #### 3") is None
    assert marked_answer("#### 3\nno\n#### 4 apples") == "4 apples"
    assert boxed_answer(r"\boxed{1} then \boxed{\{2\}}") == r"\{2\}"
    assert boxed_answer(r"\boxed{never closed") is None
    assert reference_of("The sum.\nA: 18") == {
        "answer": "18",
        "checker": {"kind": "number"},
        "solution": "The sum.\nA: 18",
    }
    assert reference_of("$1,200") == {"answer": "$1,200", "checker": {"kind": "number"}}
    assert reference_of("seven") == {"answer": "seven"}


def test_checkers_of_code(tmp_path: Path) -> None:
    """Python has a checker; the tests of another language stay among the fields."""
    task = {"prompt": "a", "canonical_solution": "b", "test": "t", "entry_point": "f"}
    mbpp = {"text": "a", "code": "b", "test_list": ["t", "u"], "test_setup_code": "import os"}
    records = [{**task, "task_id": "HumanEval/0"}, {**task, "task_id": "CPP/0"}, mbpp]
    records.append({"description": "a", "public_tests": {"input": ["2", "3"], "output": ["4", "6"]}})
    python, cpp, second, whole = rows_of(tmp_path, "prompt", records).records
    assert whole["checker"] == {"kind": "code", "cases": [{"input": "2", "output": "4"}, {"input": "3", "output": "6"}]}
    assert python["checker"] == {"kind": "code", "tests": ["t"], "prompt": "a", "entry_point": "f"}
    assert "checker" not in cpp
    assert (cpp["test"], cpp["entry_point"], cpp["solution"]) == ("t", "f", "ab")
    assert second["checker"] == {"kind": "code", "tests": ["t", "u"], "setup": "import os"}
