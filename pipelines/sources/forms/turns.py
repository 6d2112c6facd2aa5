"""Turns of a conversation that is written as one text, by the marks of its speakers."""

import re

from gristmill.pipelines.sources.forms.contents import Message
from gristmill.pipelines.sources.forms.roles import ROLES
from gristmill.schemas.rows.kind import RowError

_PARAGRAPHS = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant): ?")
_HASHES = re.compile(r"### ?(Human|Assistant|System): ?")
_CHATML = re.compile(r"<\|im_start\|>(system|user|assistant|tool)\n")
_END = "<|im_end|>"


def is_transcript(value: object) -> bool:
    """Whether a text holds a turn of the user and one of the assistant behind it."""
    return isinstance(value, str) and _style(value) is not None


def _style(text: str) -> re.Pattern[str] | None:
    if _CHATML.match(text.lstrip()):
        return _CHATML
    for style in (_HASHES, _PARAGRAPHS):
        if {found.group(1) for found in style.finditer(text)} >= {"Human", "Assistant"}:
            return style
    return None


def turns_of(text: str, name: str) -> list[Message]:
    """The messages of a transcript. name: of its column. RowError where it is none."""
    style = _style(text)
    if style is None:
        raise RowError("no_transcript", f"{name!r} has no turns of Human and Assistant: {text[:80]!r}")
    turns = list(style.finditer(text))
    ends = [*(turn.start() for turn in turns[1:]), len(text)]
    before = text[: turns[0].start()].strip()
    messages: list[Message] = [{"role": "system", "content": before}] if before else []
    for turn, end in zip(turns, ends, strict=True):
        said = text[turn.end() : end]
        if style is _CHATML:
            said = said.rstrip().removesuffix(_END)
        elif style is _HASHES:
            said = said.rstrip("\n")
        messages.append({"role": ROLES[turn.group(1).lower()], "content": said})
    return messages


def is_open_transcript(text: str) -> bool:
    """Whether a text is a conversation from its first to its last character, in which it is the assistant's turn.

    So are prompts of HH-RLHF and of what was made with it written: they begin with `Human:` and end with `Assistant:`.
    """
    return text.lstrip().startswith("Human:") and text.rstrip().endswith("\n\nAssistant:")


def open_turns(text: str, name: str) -> list[Message]:
    """The messages of a conversation in which it is the assistant's turn."""
    return turns_of(text, name)[:-1]
