"""One completion with whether it is wanted: `prompt`, `completion` and `label`, or messages and `label` (KTO).

A row of it is a conversation with `label`, true or false, beside it; or a prompt. Sources: trl, LLaMA-Factory.
"""

from collections.abc import Sequence

from gristmill.pipelines.sources.forms.chat import LISTS, as_row, assistant, chat_keys, read_chat, with_system
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row
from gristmill.pipelines.sources.forms.preference import prompt_of
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_LABELS = ("label", "kto_tag", "is_desirable")
_COMPLETIONS = ("completion", "response", "answer", "output")


def _label(record: Record) -> str | None:
    return next((name for name in _LABELS if isinstance(record.get(name), bool)), None)


def _list(record: Record) -> str | None:
    return next((name for name in LISTS if chat_keys(record.get(name)) is not None), None)


def _completion(record: Record) -> str | None:
    return next(
        (n for n in _COMPLETIONS if isinstance(record.get(n), str) or chat_keys(record.get(n)) is not None), None
    )


def _matches(record: Record) -> bool:
    return _label(record) is not None and (
        _list(record) is not None or ("prompt" in record and _completion(record) is not None)
    )


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    label, name = _label(record), _list(record)
    if label is None:
        raise RowError("missing_label", f"none of {', '.join(_LABELS)} is true or false")
    if name is not None:
        row = as_row(with_system(read_chat(record[name], name, source), record), record, kind, label, name)
        return [_with_label(row, record[label], kind)]
    completion = _completion(record)
    prompt, read = prompt_of(record, source)
    if not prompt or completion is None:
        raise RowError("no_prompt_or_completion", f"a prompt, and one of {', '.join(_COMPLETIONS)}, are wanted")
    answer = record[completion]
    messages = [
        *prompt,
        *([assistant(answer)] if isinstance(answer, str) else read_chat(answer, completion, source)),
    ]
    return [_with_label(as_row(messages, record, kind, label, completion, *read), record[label], kind)]


def _with_label(row: Row, label: bool, kind: str) -> Row:
    """The row with its label; an answer that nobody wants is no reference answer."""
    if kind == "prompt" and not label and "answer" in row:
        row["unwanted_answer"] = row.pop("answer")
    return {**row, "label": label}


FORM = Form("labelled", ("conversation", "prompt"), _matches, _rows)
