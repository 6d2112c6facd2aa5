"""The final answer of a response, where it has one that can be compared: a number, yes or no, or the letter of an option.

Read is what a mark names (a box, `####`, a tag, "the answer is"), else a response of at most SHORT characters, else a yes or no
that it begins with. What is not so short and clear has no final answer here; two answers of one kind that differ contradict
each other when their prompts are the same.
"""

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from gristmill.answers.final_answer import final_answers, without_thinking
from gristmill.answers.numerals import numbers_in, with_plain_digits, without_latex
from gristmill.schemas.signals import Family, Signal

SHORT = 80
_OPTION = re.compile(r"\(?([A-J])(?:[).:]|\s*\Z)")
_WORDS = {
    "yes": "yes true correct ja oui vrai sí si sì verdadero vero sim verdadeiro да верно tak evet 是 是的 对 はい 네",
    "no": "no false incorrect nein non faux falso não nee нет nie hayır 不 不是 否 いいえ 아니요",
}
_YES, _NO = (frozenset(words.split()) for words in _WORDS.values())
_WORD = re.compile(r"[^\W\d_]+")
_FIRST_WORD = re.compile(r"[\s*_\"'(]*([^\W\d_]+)\s*(?:[.,!;:*\"'。，！)–—-]|\Z)")

FAMILY = Family(
    name="final_answer",
    version=1,
    signals=(
        Signal(
            "final_answer",
            "string",
            "",
            "`number 42`, `option B`, `yes` or `no`",
            "the text has no final answer of these kinds",
        ),
    ),
    measure="gristmill.filters.dialogue.final_answer:measure",
    source="this file; marks of answers as in gristmill/answers",
)


def final_answer(text: str) -> str | None:
    """The final answer of a response, in one form for each value; None where it has none."""
    text = without_thinking(text).strip()
    if not text:
        return None
    marked = final_answers(text)
    answer = marked[0].text if marked else text if len(text) <= SHORT else ""
    option = _OPTION.match(answer.strip())
    if option:
        return f"option {option[1]}"
    numbers = numbers_in(without_latex(with_plain_digits(answer)))
    if len(numbers) == 1:
        return f"number {numbers[0].value}"
    if marked or len(text) <= SHORT:
        words = [word.lower() for word in _WORD.findall(answer)]
        found = {"yes" if word in _YES else "no" for word in words[:1] if word in _YES | _NO}
        return found.pop() if found else None
    first = _FIRST_WORD.match(text)
    word = first[1].lower() if first else ""
    return "yes" if word in _YES else "no" if word in _NO else None


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The final answer of `text`; see FAMILY for the column."""
    answers = [final_answer(text) if text else None for text in batch.column("text").to_pylist()]
    return pa.RecordBatch.from_arrays([pa.array(answers, pa.large_string())], schema=FAMILY.schema)
