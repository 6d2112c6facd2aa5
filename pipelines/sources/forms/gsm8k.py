"""GSM8K: `question`, and `answer`, a worked solution that ends with `#### ` and the final number.

As a prompt: the final number is `answer`, the whole text `solution`, the checker compares numbers. As a conversation:
the whole text is the answer.
"""

from collections.abc import Sequence

from gristmill.pipelines.sources.forms.chat import as_row, assistant
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, beside, filled
from gristmill.pipelines.sources.forms.prompt_completion import prompt_name, said
from gristmill.pipelines.sources.forms.references import marked_answer, reference_of
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_ANSWERS = ("answer", "solution", "response", "output", "completion")


def _answer(record: Record) -> str | None:
    return next((n for n in _ANSWERS if (text := filled(record, n)) and marked_answer(text) is not None), None)


def _matches(record: Record) -> bool:
    return _answer(record) is not None and prompt_name(record) is not None


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    answer, prompt = _answer(record), prompt_name(record)
    if answer is None or prompt is None:
        raise RowError("no_final_answer", f"no text under {', '.join(_ANSWERS)} has a line of `#### ` and an answer")
    return [worked(record, kind, source, prompt, answer)]


def worked(record: Record, kind: str, source: Source, prompt: str, solution: str) -> Row:
    """The row of a problem with its worked solution."""
    asked = said(record[prompt], prompt, source)
    if kind == "conversation":
        return as_row([*asked, assistant(record[solution])], record, kind, prompt, solution)
    return {**beside(record, kind, prompt, solution), "prompt": asked, **reference_of(record[solution])}


FORM = Form("gsm8k", ("conversation", "prompt"), _matches, _rows)
