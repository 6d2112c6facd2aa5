"""Conversations as token ids and targets: which tokens bear the loss.

A row is one of
- `messages` [, `tools`]: every turn of an assistant bears the loss, with the token that ends it (`{% generation %}` in the
  chat template);
- `prompt`, `completion`: text or messages; the completion bears the loss;
- `text`: all of it does.

The tokens are those that trl's SFTTrainer makes of the same row. A row that cannot be trained on
raises UnusableRow, which says why.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gristmill.training.data.row_files import UnusableRow

COLUMNS = (("messages",), ("prompt", "completion"), ("text",))
HALF_CHARACTER = "half a character (a lone surrogate) in its text"
NO_TARGET = "no target: nothing in the row bears the loss"
NO_END = "an assistant's turn whose last target is not the token that ends it"
TWICE_BOS = "the token of the beginning twice"
SPECIAL_IN_TEXT = "a special token written out in a text"
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class EncodedRow:
    """ids: int32. targets: bool, True where the token bears the loss."""

    ids: np.ndarray
    targets: np.ndarray


class ConversationEncoder:
    """Rows to tokens. tokenizer: transformers' own, with a chat template where rows have messages."""

    def __init__(self, tokenizer: Any, max_tokens: int) -> None:
        self.tokenizer, self.max_tokens = tokenizer, max_tokens
        self._special = special_tokens_of(tokenizer)
        self._special_ids = set(tokenizer.convert_tokens_to_ids(self._special))

    def __call__(self, record: Mapping[str, Any]) -> EncodedRow:
        """Raises UnusableRow."""
        if "messages" in record:
            row = self._of_messages(record)
        elif "prompt" in record and "completion" in record:
            row = self._of_completion(record)
        elif "text" in record:
            row = self._of_text(record)
        else:
            raise UnusableRow("none of the columns messages, prompt and completion, text")
        if len(row.ids) > self.max_tokens:
            raise UnusableRow(f"more than max_tokens {self.max_tokens:,} tokens")
        bos = self.tokenizer.bos_token_id
        if bos is not None and bos != self.tokenizer.eos_token_id and row.ids[:2].tolist() == [bos, bos]:
            raise UnusableRow(TWICE_BOS)
        if not row.targets[1:].any():
            raise UnusableRow(NO_TARGET)
        return row

    def render(self, messages: Any, **options: Any) -> Any:
        """The ids of messages, or, asked for their mask, a dict of both. Raises UnusableRow for messages that are none."""
        checked = checked_messages(messages)
        refuse_texts((text for message in checked for text in texts_of(message)), self._special)
        try:
            return self.tokenizer.apply_chat_template(checked, tokenize=True, return_dict=True, **options)
        except Exception as error:  # a template raises what it likes
            said = next(iter(str(error).splitlines()), type(error).__name__)
            raise UnusableRow(f"the chat template refuses it ({said})") from error

    def ids_of(self, prompt: Any, answer: Any, tools: Any = None) -> list[int]:
        """The ids of a prompt and its answer, both texts or both messages. Raises UnusableRow."""
        if isinstance(prompt, str):
            refuse_texts((prompt, answer), self._special)
            ids: list[int] = self.tokenizer(prompt + self._ended(answer))["input_ids"]
            return ids
        rendered: list[int] = self.render([*prompt, *answer], tools=tools_of({"tools": tools}))["input_ids"]
        return rendered

    def prompt_ids(self, prompt: Any, tools: Any = None) -> list[int]:
        """The ids of a prompt, a text or messages, up to where an answer begins. Raises UnusableRow."""
        if isinstance(prompt, str):
            refuse_texts((prompt,), self._special)
            ids: list[int] = self.tokenizer(prompt)["input_ids"]
            return ids
        options = {"tools": tools_of({"tools": tools}), "add_generation_prompt": True}
        rendered: list[int] = self.render(prompt, **options)["input_ids"]
        return rendered

    def _of_messages(self, record: Mapping[str, Any]) -> EncodedRow:
        found = self.render(record["messages"], tools=tools_of(record), return_assistant_tokens_mask=True)
        ids, targets = _row(found["input_ids"]), np.asarray(found["assistant_masks"], bool)
        ends = np.flatnonzero(targets & ~np.append(targets[1:], False))
        if not all(int(ids[end]) in self._special_ids for end in ends):
            raise UnusableRow(NO_END)
        return EncodedRow(ids, targets)

    def _of_completion(self, record: Mapping[str, Any]) -> EncodedRow:
        prompt, completion, options = record["prompt"], record["completion"], {"tools": tools_of(record)}
        if isinstance(prompt, str) and isinstance(completion, str):
            refuse_texts((prompt, completion), self._special)
            before = self.tokenizer(prompt)["input_ids"]
            whole = self.tokenizer(prompt + self._ended(completion))["input_ids"]
        else:
            both = [*checked_messages(prompt), *checked_messages(completion)]
            before = self.render(prompt, add_generation_prompt=True, **options)["input_ids"]
            whole = self.render(both, **options)["input_ids"]
        first = common_prefix(before, whole)
        return EncodedRow(_row(whole), np.arange(len(whole)) >= first)

    def _of_text(self, record: Mapping[str, Any]) -> EncodedRow:
        if not isinstance(record["text"], str):
            raise UnusableRow("text that is no string")
        refuse_texts((record["text"],), self._special)
        ids = _row(self.tokenizer(self._ended(record["text"]))["input_ids"])
        return EncodedRow(ids, np.ones(len(ids), bool))

    def _ended(self, text: str) -> str:
        end: str = self.tokenizer.eos_token
        return text if text.endswith(end) else text + end


def refuse_texts(texts: Iterable[str], special: Sequence[str]) -> None:
    """Raise UnusableRow where a text spells a special token, which would open or close a turn that nobody wrote, and where it
    holds half a character, which no tokenizer reads."""
    for text in texts:
        if any(token in text for token in special):
            raise UnusableRow(SPECIAL_IN_TEXT)
        if not text.isascii() and _SURROGATE.search(text):
            raise UnusableRow(HALF_CHARACTER)


def special_tokens_of(tokenizer: Any) -> list[str]:
    """The tokens that a text must not spell, because the tokenizer would read them as its own."""
    added = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    return sorted({*(token for token in tokenizer.all_special_tokens if token), *added})


def checked_messages(value: Any) -> list[dict[str, Any]]:
    """Messages as a list of dicts with a role and, but for calls of tools, a content; also of their JSON text.

    Raises UnusableRow.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise UnusableRow("messages that are text") from error
    if not isinstance(value, list) or not value:
        raise UnusableRow("no messages")
    for message in value:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise UnusableRow("a message without a role")
        if not isinstance(message.get("content"), str) and not message.get("tool_calls"):
            raise UnusableRow("a message whose content is no text")
    return [message | ({} if "content" in message else {"content": ""}) for message in value]


def texts_of(message: Mapping[str, Any]) -> list[str]:
    """What a message says: its content, and its calls of tools."""
    calls = message.get("tool_calls")
    return [message["content"] or "", *([json.dumps(calls, ensure_ascii=False)] if calls else [])]


def tools_of(record: Mapping[str, Any]) -> Any:
    """The tools of a row, None without any. Raises UnusableRow."""
    tools = record.get("tools")
    if not isinstance(tools, str):
        return tools or None
    try:
        return json.loads(tools) or None
    except (ValueError, RecursionError) as error:
        raise UnusableRow("tools that are no JSON") from error


def _row(ids: Sequence[int]) -> np.ndarray:
    return np.asarray(ids, np.int32)


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids two rows have in common at their beginning."""
    differing = (place for place, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    return next(differing, min(len(first), len(second)))
