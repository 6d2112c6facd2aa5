"""Preference pairs: a prompt with a chosen and a rejected completion; what reward models and DPO train on.

A record: `prompt`, `chosen` and `rejected`, each a list of messages; beside them whatever the source says of them, such as
`score_chosen` and `score_rejected`.
"""

from gristmill.schemas.rows.kind import RowKind, View

KIND = RowKind(
    "pair",
    message_lists=("prompt", "chosen", "rejected"),
    required=("prompt", "chosen", "rejected"),
    exported=("score_chosen", "score_rejected"),
    views={"prompt": View(("prompt.",)), "chosen": View(("chosen.",)), "rejected": View(("rejected.",))},
)
