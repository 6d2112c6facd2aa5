"""Messages with `role` and `content`, as chat models take them; `tools` beside them where a model could call some."""

from typing import Any

from gristmill.pipelines.sources.forms.form import Form, Record
from gristmill.schemas.recipe.source import Source


def _matches(record: Record) -> bool:
    messages = record.get("messages")
    return isinstance(messages, list) and bool(messages) and all(isinstance(m, dict) and "role" in m for m in messages)


def _rows(record: Record, kind: str, source: Source) -> list[dict[str, Any]]:
    return [dict(record)]


FORM = Form("messages", ("conversation",), _matches, _rows)
