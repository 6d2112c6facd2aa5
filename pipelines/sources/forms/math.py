r"""MATH: `problem` and `solution` with the final answer in `\boxed{}`; also under `question` and `answer`.

As a prompt: what is in the last box is `answer`, the whole text `solution`, the checker compares expressions. As a
conversation: the whole text is the answer. A column of its own with the final answer (`answer`, `final_answer`, `gt`)
wins over the box.
"""

from collections.abc import Sequence

from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, filled
from gristmill.pipelines.sources.forms.gsm8k import worked
from gristmill.pipelines.sources.forms.prompt_completion import prompt_name
from gristmill.pipelines.sources.forms.references import boxed_answer
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_SOLUTIONS = ("solution", "answer", "response", "output", "completion", "gt_cot", "generated_solution")
_FINALS = ("answer", "final_answer", "expected_answer", "gt")


def _solution(record: Record) -> str | None:
    return next((n for n in _SOLUTIONS if (text := filled(record, n)) and boxed_answer(text) is not None), None)


def _matches(record: Record) -> bool:
    return _solution(record) is not None and prompt_name(record) is not None


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    solution, prompt = _solution(record), prompt_name(record)
    if solution is None or prompt is None:
        raise RowError("no_final_answer", f"no text under {', '.join(_SOLUTIONS)} has an answer in a box")
    row = worked(record, kind, source, prompt, solution)
    final = next((name for name in _FINALS if name != solution and filled(record, name)), None)
    if kind != "prompt" or final is None:
        return [row]
    row.pop(f"source_{final}" if final == "answer" else final, None)
    return [{**row, "answer": record[final]}]


FORM = Form("math", ("conversation", "prompt"), _matches, _rows)
