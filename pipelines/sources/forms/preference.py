"""Preferences already made: `chosen` and `rejected`, each a text, a message or messages; their prompt beside or inside.

A prompt of its own stands under `prompt`, `question`, `instruction` (with `input`), or as a conversation under
`conversations` or `messages`. Where the two are conversations that begin with the user, what they share is the prompt
(trl calls it implicit); a prompt beside them is then kept as `source_prompt` if it says something else. As a
conversation: the prompt and the chosen answer. As a prompt: the prompt. The other answers stay beside it. Sources: trl,
UltraFeedback binarized, LLaMA-Factory.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.pipelines.sources.forms.alpaca import asked, input_name
from gristmill.pipelines.sources.forms.chat import (
    LISTS,
    assistant,
    chat_keys,
    read_chat,
    system_name,
    user,
    with_system,
)
from gristmill.pipelines.sources.forms.contents import Message, tools_of
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, beside
from gristmill.pipelines.sources.forms.prompt_completion import prompt_name, said
from gristmill.pipelines.sources.forms.shared_prompt import split_shared
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

# (better, worse), as data sets name them
_SIDES = (
    ("chosen", "rejected"),
    ("chosen_response", "rejected_response"),
    ("response_chosen", "response_rejected"),
    ("answer_chosen", "answer_rejected"),
    ("preferred", "dispreferred"),
    ("preferred_output", "non_preferred_output"),
    ("response_j", "response_k"),
)
_SCORE_NAMES = ("{}_score", "{}_rating", "{}-rating", "{}_reward", "rating_{}", "reward_{}")
_SCORES = {name.format(side): f"score_{side}" for name in _SCORE_NAMES for side in ("chosen", "rejected")}


def sides_of(record: Record) -> tuple[str, str] | None:
    """The columns with the better and the worse answer, both of one kind."""
    return next((sides for sides in _SIDES if all(_is_answer(record.get(name)) for name in sides)), None)


def _is_answer(value: Any) -> bool:
    return isinstance(value, str) or chat_keys(value) is not None or _is_message(value)


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and chat_keys([value]) is not None


def _matches(record: Record) -> bool:
    return sides_of(record) is not None


def _opened(record: Record) -> Record:
    """The record, with an `input` that is an object with the messages of the prompt (OpenAI's layout) opened."""
    inner = record.get("input")
    if not isinstance(inner, Mapping) or chat_keys(inner.get("messages")) is None:
        return record
    return {**{name: value for name, value in record.items() if name != "input"}, **inner}


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    record = _opened(record)
    sides = sides_of(record)
    if sides is None:
        raise RowError("missing_chosen_or_rejected", "no 'chosen' and 'rejected', each a text or messages")
    chosen, rejected = (_answer(record[name], name, source) for name in sides)
    prompt, read = prompt_of(record, source)
    if chosen[0]["role"] != "assistant" or rejected[0]["role"] != "assistant":
        shared, chosen, rejected = split_shared(chosen, rejected)
        prompt, read = (shared, read) if _says(shared, prompt) else (shared, ())
    elif not prompt:
        raise RowError("no_prompt", "'chosen' and 'rejected' are answers alone, and no column is their prompt")
    row = {**with_tools(record, *sides, *read), "prompt": prompt, "chosen": chosen, "rejected": rejected}
    return [as_kind(row, kind)]


def as_kind(pair: Row, kind: str) -> Row:
    """A pair as a row of another kind: a conversation that ends with the chosen answer, or the prompt alone.

    What it does not take stays beside it, under the names that it has in a pair.
    """
    if kind == "conversation":
        rest = {name: value for name, value in pair.items() if name not in ("prompt", "chosen")}
        return {**rest, "messages": [*pair["prompt"], *pair["chosen"]]}
    return pair


def _answer(value: Any, name: str, source: Source) -> list[Message]:
    if isinstance(value, str):
        return [assistant(value)]
    return read_chat([value] if _is_message(value) else value, name, source)


def prompt_of(record: Record, source: Source) -> tuple[list[Message], tuple[str, ...]]:
    """(the messages of the record's prompt, the columns they were read from); ([], ()) where it has none."""
    system = system_name(record)
    beside_it = () if system is None else (system,)
    name = next((name for name in LISTS if chat_keys(record.get(name)) is not None), None)
    if name is not None:
        return with_system(read_chat(record[name], name, source), record), (name, *beside_it)
    name = prompt_name(record)
    if name is None:
        return [], ()
    if name == "instruction" and isinstance(record[name], str):
        inner = input_name(record)
        return with_system([user(asked(record))], record), (name, *beside_it, *(() if inner is None else (inner,)))
    return with_system(said(record[name], name, source), record), (name, *beside_it)


def _says(shared: list[Message], prompt: list[Message]) -> bool:
    """Whether a prompt beside two conversations says nothing more than what they share."""
    texts = [message["content"] for message in shared]
    return all(message["content"] in texts for message in prompt)


def with_tools(record: Record, *read: str) -> Row:
    """What a pair has beside its messages: the columns not read, scores under their usual names, tools as a list."""
    row = {_SCORES.get(name, name): value for name, value in beside(record, "pair", "tools", *read).items()}
    tools = tools_of(record.get("tools"))
    return row if tools is None else {**row, "tools": tools}


FORM = Form("preference", ("pair", "conversation", "prompt"), _matches, _rows)
