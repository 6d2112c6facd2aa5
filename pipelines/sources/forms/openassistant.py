"""OpenAssistant: trees of messages with `text`, `role` (prompter or assistant) and `replies`, which people ranked.

A record is a tree (`message_tree_id` and `prompt`, or the first message itself); or one message of a table, with
`message_id`, `parent_id` and `message_tree_id`: then neighbouring messages of one tree are put together. As
conversations: every thread from the first message to the last answer of a branch. As pairs: at each message of the user
with several ranked answers. As prompts: the first message.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gristmill.filters.pairs.judgement import finite_number
from gristmill.pipelines.sources.forms.comparisons import ComparedAnswer, pairs_of
from gristmill.pipelines.sources.forms.contents import Message
from gristmill.pipelines.sources.forms.form import Dropped, Form, Gathering, Joined, Record, Row, beside
from gristmill.pipelines.sources.forms.roles import role_of
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_READ = ("text", "role", "replies")
Node = Mapping[str, Any]


class Thread(NamedTuple):
    """A message with the thread that it answers; None above the first one."""

    node: Node
    before: "Thread | None"

    def messages(self, source: Source) -> list[Message]:
        """The messages from the first one down to this one."""
        nodes = []
        thread: Thread | None = self
        while thread is not None:
            nodes.append(thread.node)
            thread = thread.before
        return [_message(node, source) for node in reversed(nodes)]


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
    """Whether a record is one message of a table, which names its parent."""
    named = isinstance(record.get("message_id"), str) and isinstance(record.get("parent_id"), str | None)
    return named and "parent_id" in record and _is_message(record) and not isinstance(record.get("replies"), list)


def _matches(record: Record) -> bool:
    return _root(record) is not None or _is_table_row(record)


def _tree_key(record: Record) -> Any:
    """The tree of a message in a table of messages."""
    return (str(record.get("message_tree_id")),) if _is_table_row(record) else None


def _join(messages: Sequence[Record]) -> Joined:
    """The tree of neighbouring messages: replies in the order of the table. What has no way up to its root is lost."""
    places: dict[str, int] = {}
    for place, message in enumerate(messages):
        places.setdefault(message["message_id"], place)
    nodes: dict[str, Row] = {name: {**messages[place], "replies": []} for name, place in places.items()}
    for node in nodes.values():
        if node["parent_id"] in nodes:
            nodes[node["parent_id"]]["replies"].append(node)
    root = next((node for node in nodes.values() if node["parent_id"] is None), None)
    held = {node["message_id"] for node in _below(root)} if root else set()
    lost = [
        _orphan(place, message)
        for place, message in enumerate(messages)
        if message["message_id"] not in held or places[message["message_id"]] != place
    ]
    return Joined(root, lost)


def _below(root: Node) -> Iterator[Node]:
    """Every message of a tree; each has one parent, and the first has none, so none is met twice."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node["replies"]


def _orphan(place: int, message: Record) -> tuple[int, str, str]:
    return place, "not_in_the_tree", f"message {message['message_id']!r}, parent {message['parent_id']!r}"


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    root = _root(record)
    if root is None:
        raise RowError("missing_tree", "no message with text, role and replies")
    tree = beside(record, kind, "prompt") if root is not record else beside(record, kind, *_READ)
    if kind == "prompt":
        return [{**tree, "prompt": [_message(root, source)]}]
    if kind == "pair":
        return [one for thread in _threads(root) for one in _pairs(thread, tree, source)]
    leaves = (thread for thread in _threads(root) if not _replies(thread.node))
    return [one for thread in leaves for one in _conversation(thread, tree, source)]


def _threads(root: Node) -> Iterator[Thread]:
    """The thread that ends at each message, the first message's first; without recursion, as threads may be long."""
    waiting = [Thread(root, None)]
    while waiting:
        thread = waiting.pop()
        yield thread
        waiting += [Thread(reply, thread) for reply in reversed(_replies(thread.node))]


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
    messages = thread.messages(source)
    while messages and messages[-1]["role"] != "assistant":
        messages.pop()
    return [{**tree, "messages": messages}] if messages else [Dropped("unanswered")]


def _pairs(thread: Thread, tree: Row, source: Source) -> list[Row | Dropped]:
    """The pairs among the answers to the last message of a thread."""
    replies = [reply for reply in _replies(thread.node) if role_of(reply["role"], "a reply", source) == "assistant"]
    if len(replies) < 2:
        return []
    answers = []
    for reply in replies:
        rank = finite_number(reply.get("rank"))
        answers.append(ComparedAnswer([_message(reply, source)], None if rank is None else -rank, {}))
    return pairs_of(thread.messages(source), answers, source.pairs, tree)


FORM = Form("openassistant", ("conversation", "pair", "prompt"), _matches, _rows, Gathering(_tree_key, _join))
