"""What of a row is scored: an answer and what it answers to, as token ids and the place where the answer begins.

- `messages`: the last one, the assistant's, given those before it;
- `prompt` and `chosen`, `rejected`: both answers, each given the prompt;
- `prompt` and `completion` or `answer`; `text`: given nothing.

Texts are rendered by a chat template, and the answer's tokens are those that hold its characters: not the tokens that open and
close its turn, which every answer has alike. With the template `plain` texts stand with a blank line between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.chat.templates import CHAT_TEMPLATES
from gristmill.schemas.scores import SIDES
from gristmill.training.data.conversations import (
    checked_messages,
    refuse_texts,
    special_tokens_of,
    texts_of,
    tools_of,
)
from gristmill.training.data.row_files import UnusableRow

PLAIN = "plain"
BETWEEN = "\n\n"
NO_ANSWER = "no answer: its last message is no text of an assistant"
ANSWERS = ("completion", "answer")


@dataclass(frozen=True)
class Asked:
    """side: "", `chosen` or `rejected`. prompt: messages, a text, or None. answer: messages or a text, as the prompt is."""

    side: str
    prompt: Any
    answer: Any
    tools: Any = None


@dataclass(frozen=True)
class ScoredSequence:
    """ids of a text; those from `first` on are scored, each given all before it."""

    ids: Sequence[int]
    first: int


def asked_of(record: Mapping[str, Any]) -> list[Asked]:
    """The answers of a row. Raises UnusableRow for a row that has none."""
    tools = tools_of(record)
    if all(side in record for side in SIDES):
        return [Asked(side, record.get("prompt"), record[side], tools) for side in SIDES]
    if "messages" in record:
        messages = checked_messages(record["messages"])
        return [Asked("", messages[:-1], messages[-1:], tools)]
    if "prompt" in record:
        name = next((name for name in ANSWERS if record.get(name) is not None), None)
        if name is None:
            raise UnusableRow("a prompt without an answer")
        return [Asked("", record["prompt"], record[name], tools)]
    if isinstance(record.get("text"), str):
        return [Asked("", None, record["text"])]
    raise UnusableRow("none of the columns messages, prompt, text")


class AnswerEncoder:
    """Answers to tokens. tokenizer: a fast one. template: PLAIN, or anything else for the tokenizer's own."""

    def __init__(self, tokenizer: Any, template: str | None, max_tokens: int) -> None:
        self.tokenizer, self.max_tokens = tokenizer, max_tokens
        self.plain = template == PLAIN
        self._special = special_tokens_of(tokenizer)
        bos = tokenizer.bos_token_id
        self.start: int = tokenizer.eos_token_id if bos is None else bos  # before a text that nothing stands before

    def with_prompt(self, asked: Asked) -> list[ScoredSequence]:
        """The answer given its prompt; of a text alone, windows of `max_tokens`, each token in one. Raises UnusableRow."""
        if asked.prompt is None and isinstance(asked.answer, str):
            refuse_texts([asked.answer], self._special)
            return self._windows(self._ids(asked.answer))
        text, start, end, by_template = self._rendered(asked)
        found = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        inside = [place for place, (first, last) in enumerate(found["offset_mapping"]) if first < end and last > start]
        if not inside:
            raise UnusableRow(NO_ANSWER)
        ids = found["input_ids"][: inside[-1] + 1]
        first = inside[0]
        if not by_template or first == 0:
            ids, first = [self.start, *ids], first + 1
        if len(ids) > self.max_tokens:
            raise UnusableRow(f"more than max_tokens {self.max_tokens:,} tokens")
        return [ScoredSequence(ids, first)]

    def alone(self, given: Sequence[ScoredSequence]) -> list[ScoredSequence]:
        """The same tokens of the answer with nothing before them but the token that begins a text."""
        return [ScoredSequence([self.start, *one.ids[one.first :]], 1) for one in given]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        if not ids:
            raise UnusableRow("a text without a token")
        return ids

    def _windows(self, ids: Sequence[int]) -> list[ScoredSequence]:
        step = self.max_tokens - 1
        return [ScoredSequence([self.start, *ids[first : first + step]], 1) for first in range(0, len(ids), step)]

    def _rendered(self, asked: Asked) -> tuple[str, int, int, bool]:
        """(prompt and answer as one text, where the answer's characters begin and end in it, whether by a template)."""
        if isinstance(asked.prompt, str | None) and isinstance(asked.answer, str):
            refuse_texts([asked.prompt or "", asked.answer], self._special)
            before = "" if asked.prompt is None else asked.prompt
            if self.plain and before:
                before += BETWEEN
            if not asked.answer:
                raise UnusableRow(NO_ANSWER)
            return before + asked.answer, len(before), len(before) + len(asked.answer), False
        prompt = _messages(asked.prompt, "user") if asked.prompt else []
        answer = _messages(asked.answer, "assistant")
        content = answer[-1]["content"]
        if answer[-1]["role"] != "assistant" or not content.strip():
            raise UnusableRow(NO_ANSWER)
        before_answer = [*prompt, *answer[:-1]]
        refuse_texts((text for message in [*before_answer, answer[-1]] for text in texts_of(message)), self._special)
        if self.plain:
            before = BETWEEN.join([*(message["content"] for message in before_answer), ""])
            return before + content, len(before), len(before) + len(content), False
        return *self._by_template(before_answer, answer[-1], content, asked.tools), True

    def _by_template(self, before: list[Any], answer: Any, content: str, tools: Any) -> tuple[str, int, int]:
        try:
            whole = self.tokenizer.apply_chat_template([*before, answer], tools=tools, tokenize=False)
            opened = self.tokenizer.apply_chat_template(
                before, tools=tools, tokenize=False, add_generation_prompt=True
            ) if before else ""  # fmt: skip
        except Exception as error:  # a template raises what it likes
            raise UnusableRow(f"the chat template refuses it ({str(error).splitlines()[0]})") from error
        shared = next(
            (place for place, (one, other) in enumerate(zip(whole, opened, strict=False)) if one != other),
            min(len(whole), len(opened)),
        )
        for text in (content, content.strip()):
            start = whole.find(text, shared)
            if start >= 0:
                return whole, start, start + len(text)
        raise UnusableRow("the chat template does not write the answer as it is")


def _messages(value: Any, role: str) -> list[dict[str, Any]]:
    return [{"role": role, "content": value}] if isinstance(value, str) else checked_messages(value)


def template_of(tokenizer: Any, asked: str | None) -> str:
    """The name of the template that is used: the one asked for, the tokenizer's `own`, or PLAIN where it has none."""
    if asked is not None:
        return asked
    return "own" if tokenizer.chat_template else PLAIN


def own_template(template: str | None) -> str | None:
    """The template of gristmill's that the tokenizer shall have; None for its own and for PLAIN."""
    return template if template in CHAT_TEMPLATES else None
