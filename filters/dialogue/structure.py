# mypy: disallow-untyped-defs=False
"""How a conversation is built: whose turns follow whose, what is empty, which tool calls have no result, lengths.

A message without text (a tool call whose content is null) is no piece of the text; it stands in `fields`, and is counted
here as the message it is. Conversations without such messages, nearly all, are measured by a kernel; the others in
Python, by the function that is the kernel's reference (`structure_plainly`).

Order of turns: system messages first; then user and assistant in turns, a user first; between an assistant's turn and the
next one, results of tools.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.dialogue.turns import ASSISTANT, OTHER, SYSTEM, TOOL, USER, Turns, role_of, turns_of
from gristmill.filters.text.blank import is_blank
from gristmill.filters.text.unicode_tables import CLASS
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import next_code_point
from gristmill.schemas.signals import Family, Signal

LENGTH_REASONS = frozenset({"length", "max_tokens", "max_length", "max_output_tokens", "model_length"})

# Columns of the integer matrix.
MESSAGES, USERS, ASSISTANTS, EMPTY, OUT_OF_TURN, LATE_SYSTEM, UNKNOWN = range(7)
UNANSWERED, ORPHANS, LAST_ROLE, LONGEST, RESPONSE_CHARACTERS, PROMPT_CHARACTERS, CUT = range(7, 14)
COLUMNS = 14

FAMILY = Family(
    name="conversation_structure",
    version=1,
    signals=(
        Signal("message_count", "int", "messages", "messages of the conversation, tool calls without text included"),
        Signal("user_turn_count", "int", "messages", "messages of the user"),
        Signal("assistant_turn_count", "int", "messages", "messages of the assistant"),
        Signal(
            "empty_turn_count",
            "int",
            "messages",
            "messages without a character but white space, and without a tool call",
        ),
        Signal(
            "out_of_turn_count",
            "int",
            "messages",
            "messages of a user, an assistant or a tool where another role was due: 0 where roles alternate",
        ),
        Signal("late_system_count", "int", "messages", "system messages after the first message of another role"),
        Signal("unknown_role_count", "int", "messages", "messages of no system, user, assistant or tool"),
        Signal(
            "unanswered_tool_call_count",
            "int",
            "calls",
            "tool calls that no result follows before the next turn; calls of the last message wait for none",
        ),
        Signal("orphan_tool_result_count", "int", "messages", "results of tools that no assistant's turn called for"),
        Signal("ends_with_assistant", "bool", "", "the last message is the assistant's"),
        Signal(
            "truncated_by_length",
            "bool",
            "",
            "the row says that its answer ended at a limit of length (`finish_reason` or `stop_reason`)",
            "it says no reason",
        ),
        Signal("longest_turn_characters", "int", "characters", "characters of the longest message"),
        Signal("response_characters", "int", "characters", "characters of the last assistant's turn"),
        Signal("prompt_characters", "int", "characters", "characters of all messages before the last assistant's turn"),
    ),
    measure="gristmill.filters.dialogue.structure:measure",
    source="this file; the order is that of trl's and OpenAI's chat formats",
    reads=("text", "pieces", "fields"),
    rows=("conversation",),
)


@helper
def _characters(data, start, end):
    """Code points of data[start:end]."""
    count, i = 0, start
    while i < end:
        count += 1
        _, i = next_code_point(data, i)
    return count


@helper
def _fits(previous, role):
    """Whether a message of `role` may follow one of `previous` (SYSTEM: nothing but system messages came yet)."""
    if role == USER:
        return previous in (SYSTEM, ASSISTANT)
    if role == ASSISTANT:
        return previous in (USER, TOOL)
    return previous in (ASSISTANT, TOOL)


@kernel
def structures(data, edges, roles, starts, ends, classes, out):
    """Fill out (rows, COLUMNS) for conversations in which every message has a text."""
    for row in range(len(edges) - 1):
        counts = out[row]
        previous, last = SYSTEM, -1
        total, at_answer, answer = 0, -1, 0
        for turn in range(edges[row], edges[row + 1]):
            role = roles[turn]
            size = _characters(data, starts[turn], ends[turn])
            counts[MESSAGES] += 1
            counts[EMPTY] += is_blank(data, starts[turn], ends[turn], classes)
            counts[LONGEST] = max(counts[LONGEST], size)
            last = role
            if role == SYSTEM:
                counts[LATE_SYSTEM] += previous != SYSTEM
            elif role == OTHER:
                counts[UNKNOWN] += 1
            else:
                counts[USERS] += role == USER
                counts[ASSISTANTS] += role == ASSISTANT
                counts[OUT_OF_TURN] += not _fits(previous, role)
                counts[ORPHANS] += role == TOOL and previous != ASSISTANT and previous != TOOL
                previous = role
            if role == ASSISTANT:
                at_answer, answer = total, size
            total += size
        counts[LAST_ROLE] = last
        counts[RESPONSE_CHARACTERS] = answer
        counts[PROMPT_CHARACTERS] = at_answer if at_answer >= 0 else total


def structure_plainly(messages: Sequence[Mapping[str, Any]]) -> list[int]:
    """The columns of one conversation, from its messages; the reference of `structures`, and what it cannot see."""
    counts = [0] * COLUMNS
    counts[LAST_ROLE] = -1
    previous, total, before_answer = SYSTEM, 0, None
    for number, message in enumerate(messages):
        role, content = role_of(message["role"]), message.get("content") or ""
        calls = _calls(message)
        counts[MESSAGES] += 1
        counts[EMPTY] += not content.strip() and not calls
        counts[LONGEST] = max(counts[LONGEST], len(content))
        counts[LAST_ROLE] = role
        if role == SYSTEM:
            counts[LATE_SYSTEM] += previous != SYSTEM
        elif role == OTHER:
            counts[UNKNOWN] += 1
        else:
            counts[USERS] += role == USER
            counts[ASSISTANTS] += role == ASSISTANT
            counts[OUT_OF_TURN] += previous not in _MAY_FOLLOW[role]
            counts[ORPHANS] += role == TOOL and previous not in (ASSISTANT, TOOL)
            previous = role
        if calls and number + 1 < len(messages):
            counts[UNANSWERED] += _unanswered(calls, messages[number + 1 :])
        if role == ASSISTANT:
            before_answer, counts[RESPONSE_CHARACTERS] = total, len(content)
        total += len(content)
    counts[PROMPT_CHARACTERS] = total if before_answer is None else before_answer
    return counts


_MAY_FOLLOW = {USER: (SYSTEM, ASSISTANT), ASSISTANT: (USER, TOOL), TOOL: (ASSISTANT, TOOL)}


def _calls(message: Mapping[str, Any]) -> list[Any]:
    calls = message.get("tool_calls") or message.get("function_call") or []
    return list(calls) if isinstance(calls, list) else [calls]


def _unanswered(calls: Sequence[Any], later: Sequence[Mapping[str, Any]]) -> int:
    """How many calls have no result among the tool messages that follow at once: by id where both sides have ids."""
    results = []
    for message in later:
        if role_of(message["role"]) != TOOL:
            break
        results.append(message.get("tool_call_id"))
    asked = [call.get("id") if isinstance(call, Mapping) else None for call in calls]
    if all(asked) and all(results):
        return len(set(asked) - set(results))
    return max(0, len(asked) - len(results))


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of conversations; see FAMILY for the columns."""
    turns = turns_of(batch)
    counts = np.zeros((batch.num_rows, COLUMNS), np.int64)
    structures(turns.data, turns.edges, turns.roles, turns.starts, turns.ends, CLASS, counts)
    cut = np.zeros(batch.num_rows, np.int64)  # 0: no reason is given, 1: another, 2: a limit of length
    for row, fields in _with_fields(batch.column("fields")):
        beside = fields.get("messages")
        if isinstance(beside, list):
            counts[row] = structure_plainly(_messages(beside, turns, row))
        cut[row] = _finish(fields, beside)
    columns = {
        "ends_with_assistant": pa.array(counts[:, LAST_ROLE] == ASSISTANT),
        "truncated_by_length": pa.array(cut == 2, mask=cut == 0),
    }
    numbers = (
        *(MESSAGES, USERS, ASSISTANTS, EMPTY, OUT_OF_TURN, LATE_SYSTEM, UNKNOWN, UNANSWERED, ORPHANS),
        *(LONGEST, RESPONSE_CHARACTERS, PROMPT_CHARACTERS),
    )
    names = [signal.name for signal in FAMILY.signals if signal.type == "int"]
    columns |= {name: pa.array(counts[:, number]) for name, number in zip(names, numbers, strict=True)}
    return pa.RecordBatch.from_arrays([columns[name] for name in FAMILY.schema.names], schema=FAMILY.schema)


def _with_fields(column: pa.Array) -> list[tuple[int, dict[str, Any]]]:
    """(row, fields) of the rows whose fields say anything that is read here."""
    told = pc.match_substring_regex(column, '"(messages|finish_reason|stop_reason)"').fill_null(False)
    rows = np.flatnonzero(told.to_numpy(zero_copy_only=False)).tolist()
    return [(row, json.loads(column[row].as_py())) for row in rows]


def _messages(beside: Sequence[Mapping[str, Any]], turns: Turns, row: int) -> list[dict[str, Any]]:
    """The messages of a row: those with a text from its turns, those without from its fields (`RowKind.decode`)."""
    names = {SYSTEM: "system", USER: "user", ASSISTANT: "assistant", TOOL: "tool", OTHER: "other"}
    turn = int(turns.edges[row])
    found = []
    for extra in beside:
        if "role" in extra:
            found.append(dict(extra))
            continue
        content = bytes(turns.data[turns.starts[turn] : turns.ends[turn]]).decode()
        found.append({"role": names[int(turns.roles[turn])], "content": content, **extra})
        turn += 1
    return found


def _finish(fields: Mapping[str, Any], beside: Any) -> int:
    last = beside[-1] if isinstance(beside, list) and beside and isinstance(beside[-1], Mapping) else {}
    for one in (last, fields):
        reason = one.get("finish_reason") or one.get("stop_reason")
        if isinstance(reason, str):
            return 2 if reason.lower() in LENGTH_REASONS else 1
    return 0
