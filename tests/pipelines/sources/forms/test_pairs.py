"""Forms that become preference pairs: which pairs are made, what is dropped and counted, what stays beside them."""

import random
from pathlib import Path
from typing import Any

import pytest
from gristmill.schemas.recipe.source import PairOptions

from tests.pipelines.sources.forms.made_records import assistant, read, rows_of, user

PAIR = {"prompt": [user("Why?")], "chosen": [assistant("Because.")], "rejected": [assistant("No.")]}
TALK = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?\n\nAssistant:"
EARLIER = [user("Hi"), assistant("Hello")]

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("preference", {"prompt": "Why?", "chosen": "Because.", "rejected": "No.", "n": 1}, {**PAIR, "n": 1}),
    (
        "preference",
        {"instruction": "Why?", "input": "x", "chosen": "Because.", "rejected": "No.", "chosen_score": 2, "margin": 1},
        {**PAIR, "prompt": [user("Why?\n\nx")], "score_chosen": 2, "margin": 1},
    ),
    (  # an implicit prompt, repeated beside the messages
        "preference",
        {
            "prompt": "Why?",
            "chosen": [user("Why?"), assistant("Because.")],
            "rejected": [user("Why?"), assistant("No.")],
        },
        PAIR,
    ),
    (  # beside them stands another prompt
        "preference",
        {
            "prompt": "Who?",
            "chosen": [user("Why?"), assistant("Because.")],
            "rejected": [user("Why?"), assistant("No.")],
        },
        {**PAIR, "source_prompt": "Who?"},
    ),
    (  # LLaMA-Factory
        "preference",
        {
            "conversations": [{"from": "system", "value": "Short."}, {"from": "human", "value": "Why?"}],
            "chosen": {"from": "gpt", "value": "Because."},
            "rejected": {"from": "gpt", "value": "No."},
        },
        {**PAIR, "prompt": [{"role": "system", "content": "Short."}, user("Why?")]},
    ),
    (  # OpenAI's layout
        "preference",
        {
            "input": {"messages": [user("Why?")], "parallel_tool_calls": True},
            "preferred_output": [assistant("Because.")],
            "non_preferred_output": [assistant("No.")],
        },
        {**PAIR, "parallel_tool_calls": True},
    ),
    (  # a prompt in which it is the assistant's turn; ratings of more answers are beside what was chosen
        "preference",
        {
            "prompt": TALK,
            "chosen": "Because.",
            "rejected": "No.",
            "generations": ["x", "y"],
            "ratings": [1, 2],
        },
        {**PAIR, "prompt": [*EARLIER, user("Why?")], "generations": ["x", "y"], "ratings": [1, 2]},
    ),
    (  # they part at a message of the user: the answer before it is compared too
        "preference",
        {
            "chosen": [user("Hi"), assistant("Hello"), user("Why?"), assistant("Because.")],
            "rejected": [user("Hi"), assistant("Hello"), user("Who?"), assistant("You.")],
        },
        {
            "prompt": [user("Hi")],
            "chosen": [assistant("Hello"), user("Why?"), assistant("Because.")],
            "rejected": [assistant("Hello"), user("Who?"), assistant("You.")],
        },
    ),
    (  # both are the same
        "preference",
        {"chosen": [user("Why?"), assistant("No.")], "rejected": [user("Why?"), assistant("No.")]},
        {**PAIR, "chosen": [assistant("No.")]},
    ),
    (
        "transcripts",
        {"chosen": TALK + " Because.", "rejected": TALK + " No.", "split": "a"},
        {**PAIR, "prompt": [*EARLIER, user("Why?")], "split": "a"},
    ),
    (
        "votes",
        {"input": "Why?", "output_1": "No.", "output_2": "Because.", "label": 2, "subset": "s"},
        {**PAIR, "subset": "s", "label": 2, "chosen_position": 2, "votes": 1},
    ),
    (
        "votes",
        {
            "conversation_a": [user("Why?"), assistant("Because.")],
            "conversation_b": [user("Why?"), assistant("No.")],
            "winner": "model_a",
        },
        {**PAIR, "winner": "model_a", "chosen_position": 1, "votes": 1},
    ),
    (  # HelpSteer3: below zero the first is better
        "votes",
        {"context": [user("Why?")], "response1": "Because.", "response2": "No.", "overall_preference": -2},
        {**PAIR, "overall_preference": -2, "chosen_position": 1, "votes": 1},
    ),
    (  # the name of the model; two orders that agree
        "votes",
        {
            "prompt": "Why?",
            "response_a": "Because.",
            "response_b": "No.",
            "model_a": "mill-7b",
            "model_b": "b",
            "winner": "mill-7b",
            "winner_swapped": "model_b",
        },
        {
            **PAIR,
            "model_a": "mill-7b",
            "model_b": "b",
            "winner": "mill-7b",
            "winner_swapped": "model_b",
            "chosen_position": 1,
            "votes": 2,
        },
    ),
    (
        "votes",
        {"history": "x", "question": "Why?", "human_ref_A": "No.", "human_ref_B": "Because.", "labels": 0},
        {**PAIR, "history": "x", "labels": 0, "chosen_position": 2, "votes": 1},
    ),
    (
        "votes",
        {"question": "Why?", "answer_0": "No.", "answer_1": "Because.", "score_0": -1.0, "score_1": 0.5},
        {**PAIR, "score_0": -1.0, "score_1": 0.5, "chosen_position": 2, "votes": 1},
    ),
    (
        "outcomes",
        {
            "question": "Why?",
            "truth": "x",
            "a": {"is_correct": False, "solution": "No."},
            "b": {"is_correct": True, "solution": "Because.", "t": 1},
        },
        {
            **PAIR,
            "truth": "x",
            "sample_chosen": "b",
            "t_chosen": 1,
            "sample_rejected": "a",
            "score_chosen": 1.0,
            "score_rejected": 0.0,
        },
    ),
    (
        "ratings",  # ranks: the least is best
        {
            "prompt": "Why?",
            "answers": [
                {"answer": "No.", "rank": 3.0},
                {"answer": "Because.", "rank": 1.0},
                {"answer": "Eh", "rank": None},
            ],
        },
        {**PAIR, "rank_chosen": 1.0, "score_chosen": -1.0, "rank_rejected": 3.0, "score_rejected": -3.0},
    ),
    (
        "ratings",
        {
            "instruction": "Why?",
            "generations": ["No.", "Because.", "Eh"],
            "ratings": [1.0, 5.0, 4.0],
            "models": ["m", "n", "o"],
        },
        {
            **PAIR,
            "model_chosen": "n",
            "rating_chosen": 5.0,
            "score_chosen": 5.0,
            "model_rejected": "m",
            "rating_rejected": 1.0,
            "score_rejected": 1.0,
        },
    ),
]


def answer(prompt: str, text: str, **said: Any) -> dict[str, Any]:
    return {"prompt": prompt, "response": text, **said}


def test_neighbours_of_one_prompt_are_compared(tmp_path: Path) -> None:
    """One rated answer in each record: the first three meet, the fourth stands alone, of the last two one is right."""
    records = [
        answer("Why?", "No.", score=1, model="m", topic="x"),
        answer("Why?", "Because.", score=3, model="n", topic="x"),
        answer("Why?", "Eh", score=2, model="o", topic="x"),
        answer("Who?", "I", score=2),
        answer("How?", "So", is_correct=False),
        answer("How?", "Thus", is_correct=True),
    ]
    found = rows_of(tmp_path, "pair", records)
    assert found.quarantined == []
    assert found.records == [
        {**PAIR, "topic": "x", "model_chosen": "n", "score_chosen": 3.0, "model_rejected": "m", "score_rejected": 1.0},
        {
            "prompt": [user("How?")],
            "chosen": [assistant("Thus")],
            "rejected": [assistant("So")],
            "score_chosen": 1.0,
            "score_rejected": 0.0,
        },
    ]
    assert dict(found.tally.forms) == {"rated_answers": 6}
    assert dict(found.tally.skipped) == {"joined": 3, "fewer_than_two_rated": 1}
    every = rows_of(tmp_path, "pair", records, pairs=PairOptions(choose="all"))
    assert len(every.records) == 4


def test_the_same_answers_apart_make_no_pair(tmp_path: Path) -> None:
    """Only neighbours meet, so a file in another order says what it could not compare."""
    records = [answer(f"{number % 2}?", f"{number}.", score=number) for number in range(4)]
    found = rows_of(tmp_path, "pair", records)
    assert found.records == []
    assert dict(found.tally.skipped) == {"fewer_than_two_rated": 4}
    assert len(rows_of(tmp_path, "pair", sorted(records, key=lambda one: one["prompt"])).records) == 2
    named = rows_of(tmp_path, "pair", [{"prompt": "Why?", "response": "x"}], format="rated_answers")
    assert [reason for reason, _ in named.quarantined] == ["no_rated_answer"]


@pytest.mark.parametrize(("form", "record", "row"), CASES)
def test_a_record_becomes_a_pair(tmp_path: Path, form: str, record: dict[str, Any], row: dict[str, Any]) -> None:
    for options in ({}, {"format": form}):
        found = rows_of(tmp_path, "pair", [record], **options)
        assert found.quarantined == []
        assert found.records == [row]
        assert dict(found.tally.forms) == {form: 1}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"prompt": "Why?", "output_1": "a", "output_2": "b", "winner": "tie"}, "tie"),
        ({"prompt": "Why?", "output_1": "a", "output_2": "b", "winner": "tie (bothbad)"}, "tie"),
        ({"prompt": "Why?", "output_1": "a", "output_2": "b", "winner": ["output_1", "output_2"]}, "votes_disagree"),
        (
            {"prompt": "Why?", "output_1": "a", "output_2": "b", "winner": "output_1", "winner_swapped": "output_1"},
            "votes_disagree",
        ),
        (
            {"prompt": "Why?", "output_1": "a", "output_2": "b", "g1_winner": "model_1", "g2_winner": "tie"},
            "votes_disagree",
        ),
        ({"prompt": "Why?", "completions": [{"text": "a", "score": 1}, {"text": "b", "score": 1}]}, "tie"),
        (
            {"prompt": "Why?", "completions": [{"text": "a", "score": 1}, {"text": "b", "score": "N/A"}]},
            "fewer_than_two_rated",
        ),
        ({"prompt": "Why?", "responses": ["a", "b"], "is_correct": [True, True]}, "all_right"),
        ({"prompt": "Why?", "responses": ["a", "b"], "is_correct": [False, False]}, "all_wrong"),
    ],
)
def test_what_is_no_preference_is_counted(tmp_path: Path, record: dict[str, Any], reason: str) -> None:
    found = rows_of(tmp_path, "pair", [record])
    assert (found.records, found.quarantined, dict(found.tally.skipped)) == ([], [], {reason: 1})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"chosen": "a", "rejected": "b"}, "no_prompt"),
        ({"prompt": "Why?", "output_1": "a", "output_2": "b", "label": 1, "winner": "nobody"}, "unknown_form"),
        ({"chosen": [user("a"), assistant("b")], "rejected": [user("c"), assistant("d")]}, "no_shared_prompt"),
        ({"completions": [{"text": "a", "score": 1}, {"text": "b", "score": 2}]}, "no_prompt"),
        ({"text": "a"}, "unknown_form"),
    ],
)
def test_what_is_no_pair_is_quarantined(tmp_path: Path, record: dict[str, Any], reason: str) -> None:
    assert [found for found, _ in rows_of(tmp_path, "pair", [record]).quarantined] == [reason]


RATED = {
    "instruction": "Why?",
    "completions": [
        {
            "response": text,
            "model": text,
            "overall_score": overall,
            "annotations": {"help": {"Rating": str(rating)}, "truth": {"Rating": "N/A"}},
        }
        for text, rating, overall in (("a", 5, 1), ("b", 4, 10), ("c", 2, 5), ("d", 2, 4))
    ],
}


def sides(found: Any) -> set[tuple[str, str]]:
    return {(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in found.records}


def test_which_pairs_are_made(tmp_path: Path) -> None:
    assert sides(rows_of(tmp_path, "pair", [RATED])) in ({("a", "c")}, {("a", "d")})
    every = rows_of(tmp_path, "pair", [RATED], pairs=PairOptions(choose="all"))
    assert sides(every) == {("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")}
    assert dict(every.tally.skipped) == {"tie": 1}
    assert every.tally.records_framed == 6
    assert len({row["doc_id"] for row in every.stored}) == 5
    wide = rows_of(tmp_path, "pair", [RATED], pairs=PairOptions(choose="all", min_margin=3))
    assert sides(wide) == {("a", "c"), ("a", "d")}
    assert dict(wide.tally.skipped) == {"tie": 1, "below_min_margin": 3}
    named = rows_of(tmp_path, "pair", [RATED], pairs=PairOptions(score="overall_score"))
    assert sides(named) == {("b", "a")}
    aspect = rows_of(tmp_path, "pair", [RATED], pairs=PairOptions(score="help", choose="all", max_pairs=2))
    assert len(aspect.records) == 2
    assert aspect.tally.skipped["above_max_pairs"] == 3
    assert rows_of(tmp_path, "pair", [RATED], pairs=PairOptions(min_margin=9)).tally.skipped == {"below_min_margin": 1}


def test_draws_depend_on_content_and_seed_alone(tmp_path: Path) -> None:
    """Not on the order of the answers, nor on where the record stands; every lower answer is drawn by some seed."""
    drawn = set()
    for seed in range(12):
        options = PairOptions(choose="best_random_lower", seed=seed)
        first = sides(rows_of(tmp_path, "pair", [RATED], pairs=options))
        shuffled = random.Random(seed).sample(RATED["completions"], 4)
        again = rows_of(
            tmp_path,
            "pair",
            [{"prompt": "x", "chosen": "y", "rejected": "z"}, {**RATED, "completions": shuffled}],
            pairs=options,
        )
        assert sides(again) == first | {("y", "z")}
        drawn |= first
    assert drawn == {("a", "b"), ("a", "c"), ("a", "d")}


def test_ranks_of_a_tree(tmp_path: Path) -> None:
    def node(text: str, rank: int | None, *replies: Any, role: str = "assistant") -> dict[str, Any]:
        return {"text": text, "role": role, "rank": rank, "replies": list(replies)}

    root = node(
        "Why?",
        None,
        node("b", 1),
        node("a", 0, node("And?", None, node("c", None), node("d", None), role="prompter")),
        role="prompter",
    )
    found = rows_of(tmp_path, "pair", [{"message_tree_id": "t", "prompt": root}, node("Alone?", None, role="prompter")])
    assert sides(found) == {("a", "b")}
    assert found.records[0]["score_chosen"] == 0.0
    assert found.records[0]["message_tree_id"] == "t"
    assert dict(found.tally.skipped) == {"fewer_than_two_rated": 1, "no_rows": 1}


def test_a_table_gives_the_same_pairs_as_lines(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = [{"prompt": "Why?", "chosen": "Because.", "rejected": "Nö.", "score_chosen": 2.0, "tags": ["a", "b"]}] * 3
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "made.parquet")
    assert read(tmp_path / "made.parquet", "pair").records == rows_of(tmp_path, "pair", records).records


def test_pairs_as_conversations_and_prompts(tmp_path: Path) -> None:
    """The chosen answer ends a conversation; the rejected one stays beside it."""
    for record in (
        {"prompt": "Why?", "chosen": "Because.", "rejected": "No.", "n": 1},
        {"chosen": TALK + " Because.", "rejected": TALK + " No."},
    ):
        (pair,) = rows_of(tmp_path, "pair", [record]).records
        rest = {name: value for name, value in pair.items() if name not in ("prompt", "chosen")}
        talk = {**rest, "messages": [*pair["prompt"], *pair["chosen"]]}
        assert rows_of(tmp_path, "conversation", [record]).records == [talk]
        assert rows_of(tmp_path, "prompt", [record]).records == [pair]
