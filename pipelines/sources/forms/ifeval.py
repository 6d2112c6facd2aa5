"""IFEval: a `prompt` whose instructions a program can verify, by `instruction_id_list` and `kwargs`.

Source: google-research/instruction_following_eval.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.pipelines.sources.forms.contents import parsed
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, beside
from gristmill.pipelines.sources.forms.prompt_completion import prompt_name, said
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_IDS, _OPTIONS = "instruction_id_list", "kwargs"


def _matches(record: Record) -> bool:
    return isinstance(record.get(_IDS), list) and prompt_name(record) is not None


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    prompt, names = prompt_name(record), record.get(_IDS)
    if prompt is None or not isinstance(names, list) or not names:
        raise RowError("missing_instructions", f"a prompt and a list {_IDS!r} are wanted")
    row = beside(record, kind, prompt, _IDS, _OPTIONS)
    checker = {"kind": "ifeval", _IDS: names, _OPTIONS: _options(record.get(_OPTIONS), len(names))}
    return [{**row, "prompt": said(record[prompt], prompt, source), "checker": checker}]


def _options(value: Any, count: int) -> list[dict[str, Any]]:
    """The options of each instruction, without nulls, which tables write for every option that an instruction lacks."""
    found = parsed(value) if isinstance(value, str) else value
    options = [parsed(one) if isinstance(one, str) else one or {} for one in found] if isinstance(found, list) else []
    if len(options) != count or not all(isinstance(one, Mapping) for one in options):
        raise RowError("instructions_without_options", f"{count} instructions, {_OPTIONS!r} is {str(value)[:80]!r}")
    return [{name: item for name, item in one.items() if item is not None} for one in options]


FORM = Form("ifeval", ("prompt",), _matches, _rows)
