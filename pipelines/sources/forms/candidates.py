"""Several answers to one prompt in one record: a list of objects, or a list of texts with lists of facts as long."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gristmill.pipelines.sources.forms.chat import assistant, chat_keys, read_chat
from gristmill.pipelines.sources.forms.contents import Message
from gristmill.pipelines.sources.forms.form import Record, Row
from gristmill.schemas.recipe.source import Source

_LISTS = (
    *("completions", "responses", "generations", "candidates", "answers", "outputs", "samples", "model_answers"),
    *("response", "completion", "solutions", "code"),
)
_TEXTS = ("response", "completion", "text", "answer", "content", "output", "generation", "solution")


class CandidateAnswers(NamedTuple):
    """The answers, what is known of each, and the columns they were read from."""

    texts: list[Any]  # texts or lists of messages
    facts: list[Row]
    read: tuple[str, ...]


def candidates_of(record: Record) -> CandidateAnswers | None:
    """The answers that a record holds; None where it holds no list of at least two."""
    for name in _LISTS:
        value = record.get(name)
        if not isinstance(value, list) or len(value) < 2:
            continue
        if all(isinstance(one, Mapping) and _text_name(one) is not None for one in value):
            return _objects(value, name)
        if all(isinstance(one, str) or chat_keys(one) is not None for one in value):
            return _parallel(record, value, name)
    return None


def _objects(values: Sequence[Mapping[str, Any]], name: str) -> CandidateAnswers:
    texts, facts = [], []
    for one in values:
        text = _text_name(one)
        texts.append(one[text])  # type: ignore[index]
        facts.append({key: value for key, value in one.items() if key != text})
    return CandidateAnswers(texts, facts, (name,))


def _parallel(record: Record, values: Sequence[Any], name: str) -> CandidateAnswers:
    """Other lists of the same length say something of each answer; their names lose the plural, as they speak of one."""
    beside = [
        key
        for key, value in record.items()
        if key != name and isinstance(value, list) and len(value) == len(values) and chat_keys(value) is None
    ]
    facts = [{_of_one(key): record[key][number] for key in beside} for number in range(len(values))]
    return CandidateAnswers(list(values), facts, (name, *beside))


def _of_one(name: str) -> str:
    """`scores` of several answers are the `score` of each.

    >>> _of_one("scores"), _of_one("is_correct"), _of_one("correctness")
    ('score', 'is_correct', 'correctness')
    """
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def _text_name(answer: Mapping[str, Any]) -> str | None:
    return next(
        (name for name in _TEXTS if isinstance(answer.get(name), str) or chat_keys(answer.get(name)) is not None), None
    )


def messages_of(text: Any, name: str, source: Source) -> list[Message]:
    """An answer as messages."""
    return [assistant(text)] if isinstance(text, str) else read_chat(text, name, source)
