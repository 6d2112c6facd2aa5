"""ShareGPT: `conversations` of turns with `from` and `value`; the speakers are human, gpt, system, function_call, observation.

A turn of `function_call` holds a call of a tool, or a list of calls, as JSON. Source: the files of FastChat and
LLaMA-Factory.
"""

from collections.abc import Sequence

from gristmill.pipelines.sources.forms.chat import LISTS, SHAREGPT, SPEAKERS, as_row, is_chat, read_chat, with_system
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError


def _list(record: Record) -> str | None:
    return next((name for name in LISTS if any(is_chat(record.get(name), keys) for keys in (SHAREGPT, SPEAKERS))), None)


def _matches(record: Record) -> bool:
    return _list(record) is not None


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    name = _list(record)
    if name is None:
        raise RowError("missing_conversations", f"no list of turns with {' and '.join(SHAREGPT)}")
    messages = with_system(read_chat(record[name], name, source), record)
    return [as_row(messages, record, kind, name)]


FORM = Form("sharegpt", ("conversation", "prompt"), _matches, _rows)
