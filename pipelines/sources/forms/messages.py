"""Messages with `role` and `content`, as chat models take them; `tools` beside them where a model could call some.

The list stands under `messages`, `conversations`, `conversation` or `dialogue`. Contents are texts or lists of typed parts.
"""

from collections.abc import Sequence

from gristmill.pipelines.sources.forms.chat import LISTS, OPENAI, as_row, is_chat, read_chat, with_system
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError


def _list(record: Record) -> str | None:
    return next((name for name in LISTS if is_chat(record.get(name), OPENAI)), None)


def _matches(record: Record) -> bool:
    return _list(record) is not None


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    name = _list(record)
    if name is None:
        raise RowError("missing_messages", f"no list of messages with {' and '.join(OPENAI)} under {', '.join(LISTS)}")
    messages = with_system(read_chat(record[name], name, source), record)
    return [as_row(messages, record, kind, name)]


FORM = Form("messages", ("conversation", "prompt"), _matches, _rows)
