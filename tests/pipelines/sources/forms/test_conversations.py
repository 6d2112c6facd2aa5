"""Forms of whole conversations: what each record becomes, and that nothing beside the messages is lost."""

from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.sources.forms.made_records import assistant, rows_of, user

CALL = {"type": "function", "function": {"name": "weigh", "arguments": {"grain": "rye"}}}
TOOLS = [{"type": "function", "function": {"name": "weigh", "parameters": {"type": "object"}}}]

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "messages",
        {"messages": [user("Is it wheat?"), assistant("It is rye.")], "split": "a"},
        {"messages": [user("Is it wheat?"), assistant("It is rye.")], "split": "a"},
    ),
    (
        "messages",  # under another name, with facts of each turn, a system prompt of its own, tools as JSON
        {
            "conversation": [{**user("Hello"), "language": "en"}, assistant("Good day")],
            "system": "You grind.",
            "tools": '[{"name": "weigh"}]',
            "messages": "a column that is no list",
        },
        {
            "messages": [
                {"role": "system", "content": "You grind."},
                {**user("Hello"), "language": "en"},
                assistant("Good day"),
            ],
            "tools": [{"name": "weigh"}],
            "source_messages": "a column that is no list",
        },
    ),
    (
        "messages",  # typed parts: text, reasoning, a call as JSON; the call's answer
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "How "}, {"type": "text", "text": "heavy?"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "reasoning", "value": "I must weigh it."},
                        {"type": "tool_call", "value": '{"name": "weigh", "arguments": {"grain": "rye"}}'},
                    ],
                },
                {"role": "tool", "content": {"grams": 40}},
                assistant("40 grams"),
            ],
            "tools": TOOLS,
        },
        {
            "messages": [
                user("How heavy?"),
                {
                    "role": "assistant",
                    "content": None,
                    "reasoning_content": "I must weigh it.",
                    "tool_calls": [CALL],
                },
                {"role": "tool", "content": '{"grams": 40}'},
                assistant("40 grams"),
            ],
            "tools": TOOLS,
        },
    ),
    (
        "messages",  # a result of a tool inside a message of the user; the old way of calling functions
        {
            "messages": [
                user("How heavy?"),
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "t1", "name": "weigh", "input": {"grain": "rye"}}],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "40"}]},
                {
                    "role": "assistant",
                    "content": None,
                    "function_call": {"name": "weigh", "arguments": '{"grain": "rye"}'},
                },
                {"role": "function", "name": "weigh", "content": "40"},
            ]
        },
        {
            "messages": [
                user("How heavy?"),
                {"role": "assistant", "content": None, "tool_calls": [{"id": "t1", **CALL}]},
                {"role": "tool", "content": "40", "tool_call_id": "t1"},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "content": "40", "name": "weigh"},
            ]
        },
    ),
    (
        "sharegpt",
        {
            "id": "s1",
            "conversations": [
                {"from": "system", "value": "Short."},
                {"from": "human", "value": "How heavy?"},
                {"from": "function_call", "value": '{"name": "weigh", "arguments": {"grain": "rye"}}'},
                {"from": "observation", "value": "40"},
                {"from": "gpt", "value": "40 g", "weight": 1},
            ],
            "tools": "[]",
        },
        {
            "id": "s1",
            "messages": [
                {"role": "system", "content": "Short."},
                user("How heavy?"),
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "content": "40"},
                {**assistant("40 g"), "weight": 1},
            ],
        },
    ),
    (
        "sharegpt",  # other names of what is said
        {"conversations": [{"from": "user", "text": "a"}, {"from": "assistant", "content": "b"}]},
        {"messages": [user("a"), assistant("b")]},
    ),
    (
        "sharegpt",
        {"dialogue": [{"speaker": "Human", "text": "a"}, {"speaker": "AI", "text": "b", "mood": "calm"}]},
        {"messages": [user("a"), {**assistant("b"), "mood": "calm"}]},
    ),
    (
        "messages",  # Gemini
        {"messages": [{"role": "user", "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}]},
        {"messages": [user("a"), assistant("b")]},
    ),
    (
        "alpaca",
        {"instruction": "Reverse it.", "input": "abc", "output": "cba", "topic": "letters"},
        {"messages": [user("Reverse it.\n\nabc"), assistant("cba")], "topic": "letters"},
    ),
    (
        "alpaca",
        {"instruction": "Greet.", "input": "", "output": "Hi", "system": "Be brief.", "history": [["a", "b"]]},
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                user("a"),
                assistant("b"),
                user("Greet."),
                assistant("Hi"),
            ]
        },
    ),
    (
        "prompt_completion",
        {"system_prompt": "Be kind.", "question": "Why?", "response": "Because.", "score": 5},
        {
            "messages": [{"role": "system", "content": "Be kind."}, user("Why?"), assistant("Because.")],
            "score": 5,
        },
    ),
    (
        "prompt_completion",
        {"prompt": [user("Why?")], "completion": [assistant("Because.")]},
        {"messages": [user("Why?"), assistant("Because.")]},
    ),
    (
        "labelled",
        {"prompt": "Why?", "completion": "Because.", "label": False, "n": 1},
        {"messages": [user("Why?"), assistant("Because.")], "label": False, "n": 1},
    ),
    (
        "labelled",
        {"messages": [user("Why?"), assistant("Because.")], "label": True},
        {"messages": [user("Why?"), assistant("Because.")], "label": True},
    ),
    (
        "transcripts",
        {"text": "### Human: Why?### Assistant: Because.\n### Human: Oh."},
        {"messages": [user("Why?"), assistant("Because."), user("Oh.")]},
    ),
    (
        "transcripts",
        {"text": "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\nBecause.\n<|im_end|>\n", "k": [1]},
        {"messages": [user("Why?"), assistant("Because.\n")], "k": [1]},
    ),
    (
        "prometheus",
        {
            "instruction": "###Task Description:\nJudge.\n\n###The instruction to evaluate:\nWhy?\n\n###Response to evaluate:"
            "\nBecause.\n\n###Reference Answer (Score 5):\nSo.\n\n###Score Rubrics:\n[Good?]\n\n###Feedback: ",
            "gpt4_score": [5, 4],
        },
        {
            "messages": [user("Why?"), assistant("Because.")],
            "reference_answer": "So.",
            "rubric": "[Good?]",
            "gpt4_score": [5, 4],
            "score": 4.5,
        },
    ),
    (
        "gsm8k",
        {"question": "3 + 4?", "answer": "It is 7.\n#### 7"},
        {"messages": [user("3 + 4?"), assistant("It is 7.\n#### 7")]},
    ),
]


@pytest.mark.parametrize(("form", "record", "row"), CASES)
def test_a_record_becomes_a_conversation(
    tmp_path: Path, form: str, record: dict[str, Any], row: dict[str, Any]
) -> None:
    for options in ({}, {"format": form}):
        found = rows_of(tmp_path, "conversation", [record], **options)
        assert found.quarantined == []
        assert found.records == [row]
        assert dict(found.tally.forms) == {form: 1}


def test_instances_of_an_instruction_are_rows_of_their_own(tmp_path: Path) -> None:
    instances = [{"input": "2", "output": "4"}, {"input": "3", "output": "9"}, {"input": "", "output": "?"}]
    found = rows_of(tmp_path, "conversation", [{"id": 7, "instruction": "Square it.", "instances": instances}])
    assert [row["messages"][0]["content"] for row in found.records] == [
        "Square it.\n\n2",
        "Square it.\n\n3",
        "Square it.",
    ]
    assert [row["id"] for row in found.records] == [7, 7, 7]
    assert (found.tally.records_framed, found.tally.documents) == (3, 3)
    assert len({row["doc_id"] for row in found.stored}) == 3


def tree(text: str, *replies: dict[str, Any], role: str = "prompter", **facts: Any) -> dict[str, Any]:
    return {"text": text, "role": role, "replies": list(replies), "parent_id": None, **facts}


def test_threads_of_a_tree(tmp_path: Path) -> None:
    """Every thread that ends in an answer; what was deleted and what nobody answered is left out."""
    root = tree(
        "Why?",
        tree("Because.", tree("Really?"), role="assistant", rank=1),
        tree("So.", tree("And?", tree("Nothing.", role="assistant")), role="assistant", rank=0),
        tree("No.", role="assistant", rank=2, deleted=True),
    )
    found = rows_of(tmp_path, "conversation", [{"message_tree_id": "t", "prompt": root}, root, tree("Alone?")])
    threads = [[message["content"] for message in row["messages"]] for row in found.records]
    assert threads == 2 * [["Why?", "Because."], ["Why?", "So.", "And?", "Nothing."]]
    assert found.records[0]["message_tree_id"] == "t"
    assert found.records[0]["messages"][1]["rank"] == 1
    assert dict(found.tally.skipped) == {"unanswered": 1}


def flat(
    name: str, parent: str | None, text: str, role: str = "assistant", tree_id: str = "t", **facts: Any
) -> dict[str, Any]:
    return {"message_id": name, "parent_id": parent, "message_tree_id": tree_id, "text": text, "role": role, **facts}


def test_a_table_of_messages_is_put_together(tmp_path: Path) -> None:
    """Neighbours of one tree are one record; what hangs on no root is quarantined; an id that stands twice too."""
    table = [
        flat("a", None, "Why?", "prompter"),
        flat("b", "a", "Because.", rank=0),
        flat("c", "b", "And?", "prompter"),
        flat("e", "c", "Nothing."),
        flat("d", "a", "So.", rank=1),
        flat("d", "a", "Again."),
        flat("z", "lost", "Hanging."),
        flat("u", None, "Who?", "prompter", "t2"),
        flat("v", "u", "You.", tree_id="t2"),
        {"messages": [user("Hi"), assistant("Hello")]},
        flat("w", "gone", "No root.", tree_id="t3"),
    ]
    found = rows_of(tmp_path, "conversation", table)
    threads = [[message["content"] for message in row["messages"]] for row in found.records]
    assert threads == [["Why?", "Because.", "And?", "Nothing."], ["Why?", "So."], ["Who?", "You."], ["Hi", "Hello"]]
    assert [reason for reason, _ in found.quarantined] == 3 * ["not_in_the_tree"]
    assert dict(found.tally.skipped) == {"joined": 5}
    assert dict(found.tally.forms) == {"messages": 1, "openassistant": 10}
    pairs = rows_of(tmp_path, "pair", table[:7])
    assert [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in pairs.records] == [
        ("Because.", "So.")
    ]
    assert found.stored[0]["location"].endswith("#0")
    assert len({row["doc_id"] for row in found.stored}) == 4


def test_long_threads_cost_their_length(tmp_path: Path) -> None:
    table = [flat("0", None, "a", "prompter")]
    table += [flat(str(n), str(n - 1), "b", ("prompter", "assistant")[n % 2]) for n in range(1, 4000)]
    (row,) = rows_of(tmp_path, "conversation", table).records
    assert len(row["messages"]) == 4000


def test_ratings_as_conversations(tmp_path: Path) -> None:
    record = {"instruction": "Why?", "completions": [{"response": "a", "model": "m", "score": "4"}, {"response": "b"}]}
    record["completions"][1]["annotations"] = {"helpfulness": {"Rating": "2"}, "honesty": {"Rating": "N/A"}}
    found = rows_of(tmp_path, "conversation", [record])
    assert [row["score"] for row in found.records] == [4.0, 2.0]
    assert found.records[0]["model"] == "m"


def test_only_right_answers_become_conversations(tmp_path: Path) -> None:
    record = {
        "problem": "3 + 4?",
        "generations": ["7", "8", "6"],
        "correctness": [True, False, True],
        "seed": [1, 2, 3],
    }
    found = rows_of(tmp_path, "conversation", [record])
    assert [row["messages"][1]["content"] for row in found.records] == ["7", "6"]
    assert [row["seed"] for row in found.records] == [1, 3]
    assert dict(found.tally.skipped) == {"wrong_answer": 1}


def test_speakers_of_other_names(tmp_path: Path) -> None:
    record = {"messages": [{"role": "narrator", "content": "Once"}, assistant("upon")]}
    assert rows_of(tmp_path, "conversation", [record]).quarantined == [
        ("unknown_role", "messages[0] has role 'narrator'; say what it is with `roles: {narrator: user}`")
    ]
    found = rows_of(tmp_path, "conversation", [record], roles={"narrator": "user"})
    assert found.records == [{"messages": [user("Once"), assistant("upon")]}]
