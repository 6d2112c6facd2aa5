"""Final answers and task classes: tables of texts."""

import pyarrow as pa
import pytest
from gristmill.filters.dialogue.final_answer import final_answer
from gristmill.filters.dialogue.task_class import measure


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("There are 3 + 4 = 7 mills.\n#### 7", "number 7"),
        ("So we get \\boxed{1{,}000}.", "number 1000"),
        ("The answer is 0.50", "number 1/2"),
        ("42", "number 42"),
        ("<think>maybe 3</think> 4", "number 4"),
        ("The answer is (B).", "option B"),
        ("B) a river", "option B"),
        ("Yes, because the mill stands by the river and its wheel is turned by the water all year long.", "yes"),
        ("No.", "no"),
        ("Nein, das ist falsch, denn die Mühle steht nicht am Fluss, sondern oben auf dem alten Berg im Wind.", "no"),
        ("是的", "yes"),
        ("Between 3 and 5", None),
        ("A mill stands by the river", None),
        (
            "No mill stands by the river, and there are 3 of them in the valley, which is long and narrow and cold.",
            None,
        ),
        ("Lima", None),
        ("", None),
    ],
)
def test_final_answers(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        ("Translate this into German: bread", "translation"),
        ("Übersetze das bitte", "translation"),
        ("Write a Python function that adds", "code"),
        ("How many apples are 3 + 4?", "mathematics"),
        ("Summarize the text below.", "summarisation"),
        ("Classify the sentiment of this review", "classification"),
        ("Rewrite this sentence", "rewriting"),
        ("Act as a pirate", "role play"),
        ("Give me 5 names for a boat", "brainstorming"),
        ("Write me a short poem of the sea", "writing"),
        ("Who built the mill?", "question"),
        ("The mill.", "other"),
        (" ", None),
    ],
)
def test_task_classes(prompt: str, task: str | None) -> None:
    batch = pa.record_batch({"text": pa.array([prompt], pa.large_string())})
    assert measure(batch, {}).column("task_class").to_pylist() == [task]
