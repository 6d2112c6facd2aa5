"""Multiple choice: a question, its options, and which of them is right, by letter, number or text.

Options: a list of texts, `{"text": [...], "label": [...]}`, a list of `{"text", "label"}`, columns A to J, or lines of
`(A) ...` in the question itself (BIG-Bench Hard). The prompt is the question with the options on lines of their own,
the answer a letter. Sources: MMLU, MMLU-Pro, ARC, OpenBookQA, CommonsenseQA, HellaSwag, C-Eval, BIG-Bench Hard.
"""

import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from gristmill.pipelines.sources.forms.chat import user
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, beside, filled
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_QUESTIONS = ("question", "question_stem", "ctx", "input", "prompt", "query", "problem")
_PASSAGES = ("passage", "article", "context", "support")
_OPTIONS = ("choices", "options", "endings")
_ANSWERS = ("answer", "answerKey", "answer_key", "label", "target", "answer_index", "gold", "correct_answer", "cop")
_LINES = re.compile(r"^\(?([A-Z])[).:][ \t]+(.+?)[ \t]*$", re.MULTILINE)
_LETTER = re.compile(r"\(?([A-Z])\)?[.:]?")
_OWN_LETTER = re.compile(r"\(?[A-Z][).:]\s+")


def _inner(record: Record) -> Record:
    """The record, with a question that is an object (ARC: stem and choices) opened."""
    question = record.get("question")
    if not isinstance(question, Mapping) or not isinstance(question.get("stem"), str):
        return record
    inner = {name: value for name, value in question.items() if name != "stem"}
    return {**record, **inner, "question": question["stem"]}


def _options(record: Record) -> tuple[list[str], list[str], tuple[str, ...]] | None:
    """(the options' texts, their labels as published, the columns read); None where there are none."""
    for name in _OPTIONS:
        value = record.get(name)
        if isinstance(value, Mapping) and isinstance(value.get("text"), list):
            texts, labels = value["text"], value.get("label")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            texts, labels = [one.get("text") for one in value], [one.get("label") for one in value]
        else:
            texts, labels = value, None
        if isinstance(texts, list) and 2 <= len(texts) <= len(ascii_uppercase) and all(map(_is_text, texts)):
            whole = isinstance(labels, list) and len(labels) == len(texts)
            return [str(text) for text in texts], list(map(str, labels or ())) if whole else [], (name,)
    columns = [letter for letter in ascii_uppercase[:10] if _is_text(record.get(letter))]
    if columns[:2] == ["A", "B"]:
        return [str(record[letter]) for letter in columns], columns, tuple(columns)
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _question(record: Record) -> str | None:
    return next((name for name in _QUESTIONS if filled(record, name)), None)


def _matches(record: Record) -> bool:
    record = _inner(record)
    question = _question(record)
    if question is None:
        return False
    options = _options(record)
    if options is not None:
        return _right(record, options[0], options[1]) is not None
    return _in_lines(record, question) is not None


def _in_lines(record: Record, question: str) -> tuple[str, str] | None:
    """(column, letter) of the right one among options that stand in the question itself."""
    letters = [found.group(1) for found in _LINES.finditer(record[question])]
    if len(letters) < 2 or letters != list(ascii_uppercase[: len(letters)]):
        return None
    for name in _ANSWERS:
        found = _LETTER.fullmatch(record[name].strip()) if isinstance(record.get(name), str) else None
        if found and found.group(1) in letters:
            return name, found.group(1)
    return None


def _right(record: Record, texts: list[str], labels: list[str]) -> tuple[str, int] | None:
    """(column, place) of the right option: by its label, letter, text or number, which counts from 0."""
    for name in _ANSWERS:
        value = record.get(name)
        place = _place(value, texts, labels)
        if place is not None:
            return name, place
    return None


def _place(value: Any, texts: list[str], labels: list[str]) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, str):
        text = value.strip()
        if text in labels:
            return labels.index(text)
        letter = _LETTER.fullmatch(text)
        if letter and ascii_uppercase.index(letter.group(1)) < len(texts) and text not in texts:
            return ascii_uppercase.index(letter.group(1))
        if texts.count(text) == 1:
            return texts.index(text)
        if not text.isdecimal():
            return None
        value = int(text)
    return value if 0 <= value < len(texts) else None


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    record = _inner(record)
    question, options = _question(record), _options(record)
    if question is None:
        raise RowError("missing_question", f"no text under {', '.join(_QUESTIONS)}")
    if options is None:
        return [_of_lines(record, kind, question)]
    texts, labels, read = options
    right = _right(record, texts, labels)
    if right is None:
        raise RowError("no_right_choice", f"none of {', '.join(_ANSWERS)} names one of {len(texts)} options")
    name, place = right
    passage = next((one for one in _PASSAGES if filled(record, one)), None)
    letters = ascii_uppercase[: len(texts)]
    bare = [_OWN_LETTER.sub("", text, count=1) if _has_letters(texts) else text for text in texts]
    lines = "\n".join(f"{letter}. {text}" for letter, text in zip(letters, bare, strict=True))
    asked = "\n\n".join([*([record[passage]] if passage else []), f"{record[question]}\n{lines}"])
    row = {**beside(record, kind, question, name, passage, *read), "prompt": [user(asked)], "answer": letters[place]}
    return [{**row, "checker": _checker(bare)}]


def _has_letters(texts: list[str]) -> bool:
    """Whether the options bring their letters with them (`(A) a mill`)."""
    return all(re.match(rf"\(?{letter}[).:]\s+", text) for letter, text in zip(ascii_uppercase, texts, strict=False))


def _of_lines(record: Record, kind: str, question: str) -> Row:
    right = _in_lines(record, question)
    if right is None:
        raise RowError("missing_choices", f"no options under {', '.join(_OPTIONS)}, A to J, or in the question's lines")
    name, letter = right
    texts = [found.group(2) for found in _LINES.finditer(record[question])]
    row = {**beside(record, kind, question, name), "prompt": [user(record[question])], "answer": letter}
    return {**row, "checker": _checker(texts)}


def _checker(texts: list[str]) -> Row:
    return {"kind": "choice", "choices": texts}


FORM = Form("choices", ("prompt",), _matches, _rows)
