"""Prompts that a model completes, and what completions are checked by: the columns `prompt`, `checker`, `answer`, `reference`.

A prompt is a text, or messages.
"""

from collections.abc import Mapping
from typing import Any

from gristmill.answers.registry import checker
from gristmill.schemas.errors import RecipeError
from gristmill.training.data.conversations import ConversationEncoder, checked_messages
from gristmill.training.data.row_files import UnusableRow

REFERENCES = ("answer", "reference")  # the column of the right answer


def prompt_of(record: Mapping[str, Any]) -> str | list[dict[str, Any]]:
    """The prompt of a row: a text, or its messages. Raises UnusableRow."""
    prompt = record.get("prompt")
    if prompt is None:
        raise UnusableRow("without a prompt")
    return prompt if isinstance(prompt, str) else checked_messages(prompt)


def prompt_text(prompt: Any) -> str:
    """A prompt, or a completion, as a reward reads it: of messages, their contents."""
    return prompt if isinstance(prompt, str) else "\n".join(str(message.get("content") or "") for message in prompt)


def prompt_ids(prompt: Any, tools: Any, encoder: ConversationEncoder, max_new_tokens: int) -> list[int]:
    """The ids of a prompt (see `prompt_of`), up to where its completion begins.

    Raises UnusableRow, also where a completion of `max_new_tokens` would go beyond the encoder's `max_tokens`.
    """
    ids = list(encoder.prompt_ids(prompt, tools))
    room = encoder.max_tokens - max_new_tokens
    if len(ids) > room:
        raise UnusableRow(f"a prompt of more than {room:,} tokens, max_tokens less max_new_tokens")
    if not ids:
        raise UnusableRow("a prompt without a token")
    return ids


def require_checker(spec: Any) -> None:
    """Raise UnusableRow for what stands for no checker, or for one that cannot be had here."""
    try:
        checker(spec).require()
    except RecipeError as error:
        raise UnusableRow(f"a checker that is none ({error.found})") from error


def reference_of(record: Mapping[str, Any]) -> Any:
    """The right answer that a row names; None where it names none."""
    return next((record[name] for name in REFERENCES if name in record), None)
