"""Conversations as one text: paragraphs of `Human:` and `Assistant:` (HH-RLHF), `### Human:` (Guanaco), ChatML.

Under `chosen` and `rejected` they are a pair, whose prompt is what both begin with; under `text` or `transcript`, a
conversation. What stands before the first speaker is the system prompt. A speaker's name that somebody quotes at the
beginning of a paragraph cannot be told from a turn.
"""

import re
from collections.abc import Sequence

from gristmill.pipelines.sources.forms.chat import as_row
from gristmill.pipelines.sources.forms.contents import Message
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row
from gristmill.pipelines.sources.forms.preference import as_kind, with_tools
from gristmill.pipelines.sources.forms.roles import ROLES
from gristmill.pipelines.sources.forms.shared_prompt import split_shared
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_TEXTS = ("text", "transcript")
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


def _conversation(record: Record) -> str | None:
    return next((name for name in _TEXTS if is_transcript(record.get(name))), None)


def _is_pair(record: Record) -> bool:
    return is_transcript(record.get("chosen")) and is_transcript(record.get("rejected"))


def _matches(record: Record) -> bool:
    return _is_pair(record) or ("chosen" not in record and _conversation(record) is not None)


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    sides = ("chosen", "rejected")
    if all(isinstance(record.get(name), str) for name in sides):
        prompt, chosen, rejected = split_shared(
            turns_of(record["chosen"], "chosen"), turns_of(record["rejected"], "rejected")
        )
        row = {**with_tools(record, *sides), "prompt": prompt, "chosen": chosen, "rejected": rejected}
        return [as_kind(row, kind)]
    if kind == "pair":
        raise RowError("missing_chosen_or_rejected", "'chosen' or 'rejected' is no text")
    text = _conversation(record)
    if text is None:
        raise RowError("no_transcript", f"no text with turns of Human and Assistant under {' or '.join(_TEXTS)}")
    return [as_row(turns_of(record[text], text), record, kind, text)]


FORM = Form("transcripts", ("conversation", "pair", "prompt"), _matches, _rows)
