"""What a message says: a text, or typed parts (text, reasoning, calls of tools and their results)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.schemas.rows.kind import RowError

_TEXT = ("text", "input_text", "output_text")
_REASONING = ("reasoning", "thinking", "think")
_CALL = ("tool_call", "tool_use", "function_call")
_RESULT = ("tool_result", "tool_response", "function_response")

Message = dict[str, Any]


def from_parts(role: str, parts: Sequence[Any], place: str) -> list[Message]:
    """The messages that typed parts make: one, or more where results of tools stand in a message of the user.

    Texts follow each other without anything between, as chat templates write them. Reasoning becomes `reasoning_content`,
    calls become `tool_calls`, results become messages of the role `tool`. RowError for parts that are no text (images).
    """
    texts: list[str] = []
    reasoning: list[str] = []
    calls: list[Message] = []
    results: list[Message] = []
    for number, part in enumerate(parts):
        kind = "text" if isinstance(part, str) else part.get("type") or "text" if isinstance(part, Mapping) else None
        value = _value(part, kind)
        if kind in _TEXT and isinstance(value, str):
            texts.append(value)
        elif kind in _REASONING and isinstance(value, str):
            reasoning.append(value)
        elif kind in _CALL:
            calls += tool_calls(part if value is None else value, f"{place}.content[{number}]")
        elif kind in _RESULT:
            results.append(_result(part, value, f"{place}.content[{number}]"))
        else:
            raise RowError("content_not_text", f"{place}.content[{number}] is a part of type {str(kind)[:40]!r}")
    message: Message = {"role": role, "content": "".join(texts) if texts else None}
    if reasoning:
        message["reasoning_content"] = "".join(reasoning)
    if calls:
        message["tool_calls"] = calls
    says = bool(texts or reasoning or calls)
    return [*results, message] if says or not results else results


def _value(part: Any, kind: Any) -> Any:
    """What a part holds, under whichever name its publisher chose."""
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        return None
    names = (kind, "text", "value", "content") if kind in (*_TEXT, *_REASONING) else ("value", "content")
    return next((part[name] for name in names if part.get(name) is not None), None)


def _result(part: Mapping[str, Any], value: Any, place: str) -> Message:
    """The message of a tool's result. A result of several parts of text is one text."""
    if isinstance(value, list):
        value = from_parts("tool", value, place)[0]["content"]
    message: Message = {"role": "tool", "content": value if isinstance(value, str) else as_json(value)}
    identity = part.get("tool_use_id") or part.get("tool_call_id")
    return message if identity is None else {**message, "tool_call_id": identity}


def tool_calls(value: Any, place: str) -> list[Message]:
    """Calls of tools as models take them: `{"type": "function", "function": {"name", "arguments"}}`.

    value: a call or a list of calls, as objects or as JSON. RowError for what is no call.
    """
    found = parsed(value) if isinstance(value, str) else value
    calls = found if isinstance(found, list) else [found]
    return [_tool_call(call, place) for call in calls]


def _tool_call(call: Any, place: str) -> Message:
    inner = call.get("function") if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping) else call
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
        raise RowError("invalid_tool_call", f"{place} is {str(call)[:80]!r}; expected name and arguments")
    arguments = inner.get("arguments", inner.get("parameters", inner.get("input", {})))
    if isinstance(arguments, str) and isinstance(parsed(arguments), Mapping):
        arguments = parsed(arguments)
    made: Message = {"type": "function", "function": {"name": inner["name"], "arguments": arguments}}
    return {"id": call["id"], **made} if isinstance(call.get("id"), str) else made


def tools_of(value: Any) -> Any:
    """The tools of a conversation: a list as it is, JSON as what it says. RowError for text that is no JSON."""
    if not isinstance(value, str) or not value.strip():
        return value or None
    found = parsed(value)
    if not isinstance(found, list | Mapping):
        raise RowError("tools_not_json", f"'tools' is {value[:80]!r}; expected a JSON list of tools")
    return (found if isinstance(found, list) else [found]) or None


def parsed(text: str) -> Any:
    """The value of a JSON text; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
