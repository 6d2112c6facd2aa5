"""Alpaca: `instruction`, perhaps `input`, and `output`; also several `instances` of one instruction, as in self-instruct.

The message of the user is the instruction, then the input after an empty line where there is one. `system` and `history`
(earlier exchanges, [question, answer] each) come before it. Sources: the files of Stanford Alpaca, self-instruct, Dolly and
LLaMA-Factory.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.pipelines.sources.forms.chat import as_row, assistant, user, with_system
from gristmill.pipelines.sources.forms.contents import Message
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, filled, first_of
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

INPUTS = ("input", "context", "inputs")
OUTPUTS = ("output", "response", "completion", "answer", "target")


def _matches(record: Record) -> bool:
    return isinstance(record.get("instruction"), str) and (
        first_of(record, OUTPUTS, str) is not None or _instances(record) is not None
    )


def _instances(record: Record) -> list[Mapping[str, Any]] | None:
    found = record.get("instances")
    whole = isinstance(found, list) and bool(found) and all(isinstance(one, Mapping) for one in found)
    return found if whole and all(isinstance(one.get("output"), str) for one in found) else None  # type: ignore[union-attr]


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    instances = _instances(record)
    if instances is None:
        return [_row(record, kind)]
    rest = {name: value for name, value in record.items() if name != "instances"}
    return [_row({**rest, **one}, kind) for one in instances]


def _row(record: Record, kind: str) -> Row:
    output = first_of(record, OUTPUTS, str)
    if not isinstance(record.get("instruction"), str) or output is None:
        raise RowError("missing_instruction_or_output", f"'instruction' or {' or '.join(OUTPUTS)} is no text")
    messages = [*_history(record), user(asked(record)), assistant(record[output])]
    return as_row(with_system(messages, record), record, kind, "instruction", input_name(record), output, "history")


def input_name(record: Record) -> str | None:
    """The column with the instruction's input: the first that says something, else the first there is."""
    said = next((name for name in INPUTS if filled(record, name)), None)
    return said or first_of(record, INPUTS, str)


def asked(record: Record) -> str:
    """What the user says: the instruction, and the input after an empty line."""
    name = input_name(record)
    return "\n\n".join(filter(None, (record["instruction"], None if name is None else record[name])))


def _history(record: Record) -> list[Message]:
    """Earlier exchanges. RowError where they are none."""
    messages: list[Message] = []
    for exchange in record.get("history") or ():
        if not isinstance(exchange, list) or len(exchange) != 2 or not all(isinstance(text, str) for text in exchange):
            raise RowError("history_not_exchanges", f"'history' holds {str(exchange)[:80]!r}; expected two texts each")
        messages += [user(exchange[0]), assistant(exchange[1])]
    return messages


FORM = Form("alpaca", ("conversation", "prompt"), _matches, _rows)
