"""Conversations: messages of a system, a user, an assistant and tools; what supervised fine-tuning trains on.

A record: `messages` (objects with `role`, `content` and whatever else, such as `tool_calls`), `tools` where there are any.
"""

from gristmill.schemas.rows.kind import RowKind, View

KIND = RowKind(
    "conversation",
    message_lists=("messages",),
    required=("messages",),
    exported=("tools",),
    views={
        "prompt": View(("assistant",), "before_last"),  # what the last answer was given to
        "response": View(("assistant",), "last"),
        "assistant": View(("assistant",)),
        "user": View(("user",)),
        "system": View(("system",)),
        "tool": View(("tool",)),
    },
)
