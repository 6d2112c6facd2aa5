"""Prompts with what their answers are checked against: what GRPO and PPO with verifiable rewards train on.

A record: `prompt`, a list of messages; `answer`, the reference answer, where there is one; `checker`, an object that says how
a completion is checked (see docs/answers.md), where there is one; beside them whatever the source says.
"""

from gristmill.schemas.rows.kind import RowKind, View

KIND = RowKind(
    "prompt",
    message_lists=("prompt",),
    texts=("answer",),
    required=("prompt",),
    exported=("checker",),
    views={"prompt": View(("prompt.",)), "answer": View(("answer",))},
)
