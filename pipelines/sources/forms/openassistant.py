"""OpenAssistant: trees of messages with `text`, `role` (prompter or assistant) and `replies`, which people ranked.

A record is a tree (`message_tree_id` and `prompt`, or the first message itself). As conversations: every thread from
the first message to the last answer of a branch. As pairs: at each message of the user with several ranked answers. As
prompts: the first message.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gristmill.pipelines.sources.forms.comparisons import Answer, pairs_of
from gristmill.pipelines.sources.forms.contents import Message
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, beside
from gristmill.pipelines.sources.forms.roles import role_of
from gristmill.pipelines.sources.forms.scores import number
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_READ = ("text", "role", "replies")
Node = Mapping[str, Any]
Thread = tuple[Node, ...]  # messages from the first one down


def _is_node(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("text"), str)
        and isinstance(value.get("role"), str)
        and isinstance(value.get("replies"), list)
    )


def _root(record: Record) -> Node | None:
    if _is_node(record.get("prompt")):
        return record["prompt"]  # type: ignore[no-any-return]
    return record if _is_node(record) else None


def _is_table_row(record: Record) -> bool:
    return "parent_id" in record and "message_id" in record and isinstance(record.get("text"), str)


def _matches(record: Record) -> bool:
    return _root(record) is not None or (_is_table_row(record) and "replies" not in record)


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    root = _root(record)
    if root is None:
        raise RowError(
            *(
                (
                    "message_of_a_table",
                    "one message with a parent; put each tree into one record (`replies` of `replies`)",
                )
                if _is_table_row(record)
                else ("missing_tree", "no message with text, role and replies")
            )
        )
    tree = beside(record, kind, "prompt") if root is not record else beside(record, kind, *_READ)
    if kind == "prompt":
        return [{**tree, "prompt": [_message(root, source)]}]
    if kind == "pair":
        return [one for thread in _threads(root) for one in _pairs(thread, tree, source)]
    made: list[Row | Dropped] = []
    for thread in _threads(root):
        if not _replies(thread[-1]):
            made += _conversation(thread, tree, source)
    return made


def _threads(root: Node) -> Iterator[Thread]:
    """The thread that ends at each message, the first message's first; without recursion, as threads may be long."""
    waiting: list[Thread] = [(root,)]
    while waiting:
        thread = waiting.pop()
        yield thread
        waiting += [(*thread, reply) for reply in reversed(_replies(thread[-1]))]


def _replies(node: Node) -> list[Node]:
    """The replies that are messages and were not deleted."""
    return [reply for reply in node.get("replies") or () if _is_message(reply) and not reply.get("deleted")]


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("text"), str) and isinstance(value.get("role"), str)


def _message(node: Node, source: Source) -> Message:
    """A message with what its node says beside text and role, without its replies and without nulls."""
    rest = {name: value for name, value in node.items() if name not in _READ and value is not None}
    return {"role": role_of(node["role"], "a reply", source), "content": node["text"], **rest}


def _conversation(thread: Thread, tree: Row, source: Source) -> list[Row | Dropped]:
    """The row of a branch: without a last message that nobody answered. Nothing is left of a tree without answers."""
    messages = [_message(node, source) for node in thread]
    while messages and messages[-1]["role"] != "assistant":
        messages.pop()
    return [{**tree, "messages": messages}] if messages else [Dropped("unanswered")]


def _pairs(thread: Thread, tree: Row, source: Source) -> list[Row | Dropped]:
    """The pairs among the answers to the last message of a thread."""
    replies = [reply for reply in _replies(thread[-1]) if role_of(reply["role"], "a reply", source) == "assistant"]
    if len(replies) < 2:
        return []
    answers = []
    for reply in replies:
        rank = number(reply.get("rank"))
        answers.append(Answer([_message(reply, source)], None if rank is None else -rank, {}))
    return pairs_of([_message(node, source) for node in thread], answers, source.pairs, tree)


FORM = Form("openassistant", ("conversation", "pair", "prompt"), _matches, _rows)
