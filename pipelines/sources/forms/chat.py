"""Lists of messages as data sets write them, in the one way that rows hold them: `role`, `content`, and what is beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.pipelines.sources.forms.contents import Message, as_json, from_parts, tool_calls, tools_of
from gristmill.pipelines.sources.forms.form import Record, Row, beside
from gristmill.pipelines.sources.forms.roles import FUNCTION_CALL, role_of
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

LISTS = ("messages", "conversations", "conversation", "dialog", "dialogue")
OPENAI = ("role", "content")
SHAREGPT = ("from", "value")
SPEAKERS = ("speaker", "text")
_CONTENTS = ("content", "value", "text", "parts")  # where what is said stands, if not where the others have it
SYSTEM = ("system", "system_prompt", "system_message")


def is_chat(value: Any, keys: tuple[str, str]) -> bool:
    """Whether a value is a list of messages with a role under these keys; one of them may lack it."""
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(message, Mapping) for message in value)
        and any(keys[0] in message for message in value)
    )


def chat_keys(value: Any) -> tuple[str, str] | None:
    """Under which keys the messages of a list hold who speaks and what is said; None where it is no such list."""
    return next((keys for keys in (OPENAI, SHAREGPT, SPEAKERS) if is_chat(value, keys)), None)


def read_chat(value: Any, name: str, source: Source) -> list[Message]:
    """The messages of a list in either way of writing. name: of its column. RowError for what is no list of messages."""
    keys = chat_keys(value)
    if keys is None:
        raise RowError(f"{name}_not_messages", f"{name!r} is {str(value)[:80]!r}; expected a list of messages")
    return [
        message for number, one in enumerate(value) for message in _read_message(one, keys, f"{name}[{number}]", source)
    ]


def _read_message(raw: Message, keys: tuple[str, str], place: str, source: Source) -> list[Message]:
    role = role_of(raw.get(keys[0]), place, source)
    name = next((name for name in (keys[1], *_CONTENTS) if raw.get(name) is not None), keys[1])
    content = raw.get(name)
    rest = {key: value for key, value in raw.items() if key not in (keys[0], keys[1], name) and value is not None}
    if role == FUNCTION_CALL:
        calls = tool_calls(content, place)
        return [{"role": "assistant", "content": None, "tool_calls": calls, **rest}]
    if isinstance(rest.get("function_call"), Mapping):
        rest["tool_calls"] = tool_calls(rest.pop("function_call"), place)
    if isinstance(content, list | tuple):
        made = from_parts(role, content, place)
        made[-1] |= rest
        return made
    if isinstance(content, Mapping) and role == "tool":
        content = as_json(content)
    if not isinstance(content, str | None):
        raise RowError("content_not_string", f"{place} holds a {type(content).__name__}: {str(content)[:80]}")
    return [{"role": role, "content": content, **rest}]


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def with_system(messages: list[Message], record: Record) -> list[Message]:
    """The messages after the record's own system prompt, where it has one and they do not begin with one."""
    name = system_name(record)
    if name is None or (messages and messages[0]["role"] == "system"):
        return messages
    return [{"role": "system", "content": record[name]}, *messages]


def system_name(record: Record) -> str | None:
    """The column with a system prompt that says something."""
    return next((name for name in SYSTEM if isinstance(record.get(name), str) and record[name].strip()), None)


def as_row(messages: list[Message], record: Record, kind: str, *read: str | None) -> Row:
    """A row of a kind of whole conversations: `conversation`, or `prompt` with the last answer as `answer`.

    read: the columns that the messages were made of; the others stay beside them.
    """
    system = system_name(record)
    is_read = system is not None and bool(messages) and messages[0].get("content") == record[system]
    row = beside(record, kind, "tools", system if is_read else None, *read)
    tools = tools_of(record.get("tools"))
    if tools is not None:
        row["tools"] = tools
    if kind == "conversation":
        return {"messages": messages, **row}
    prompt, answer = split_answer(messages)
    if not prompt:
        raise RowError("no_prompt", "nothing stands before the assistant's last message")
    text = answer[0]["content"] if answer else None
    return {"prompt": prompt, **({} if text is None else {"answer": text}), **row}


def split_answer(messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
    """(what the last message was given to, that message) where it is the assistant's; else (all messages, none)."""
    ends = bool(messages) and messages[-1]["role"] == "assistant"
    return (list(messages[:-1]), list(messages[-1:])) if ends else (list(messages), [])
