"""Conversations as one text: paragraphs of `Human:` and `Assistant:` (HH-RLHF), `### Human:` (Guanaco), ChatML.

Under `chosen` and `rejected` they are a pair, whose prompt is what both begin with; under `text` or `transcript`, a
conversation. What stands before the first speaker is the system prompt. A speaker's name that somebody quotes at the
beginning of a paragraph cannot be told from a turn.
"""

from collections.abc import Sequence

from gristmill.pipelines.sources.forms.chat import as_row
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row
from gristmill.pipelines.sources.forms.preference import as_kind, with_tools
from gristmill.pipelines.sources.forms.shared_prompt import split_shared
from gristmill.pipelines.sources.forms.turns import is_transcript, turns_of
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_TEXTS = ("text", "transcript")


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
