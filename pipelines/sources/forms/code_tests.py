"""Code tasks with their unit tests: HumanEval, HumanEval-X and MBPP.

HumanEval: `prompt` (the beginning of a program), `canonical_solution`, `test`, `entry_point`; in HumanEval-X the language
stands before the slash of `task_id`. MBPP: `text` or `prompt`, `code`, `test_list`,
`test_setup_code` or `test_imports`. APPS and CodeContests: inputs and outputs of whole programs (`input_output`,
`private_tests`, `public_tests`). As a prompt: the checker runs the tests, `solution` is the reference program. As a
conversation: the reference program is the answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.pipelines.sources.forms.chat import as_row, assistant, user
from gristmill.pipelines.sources.forms.contents import parsed
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, beside, filled
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_CASES = ("input_output", "private_tests", "public_tests")


def _is_humaneval(record: Record) -> bool:
    return all(filled(record, name) for name in ("prompt", "test")) and isinstance(
        record.get("canonical_solution"), str
    )


def _is_mbpp(record: Record) -> bool:
    tests = record.get("test_list")
    return (
        isinstance(tests, list)
        and bool(tests)
        and all(isinstance(test, str) for test in tests)
        and (filled(record, "text") or filled(record, "prompt")) is not None
    )


def _cases(record: Record) -> list[Row] | None:
    """What a program reads and must print, in the layouts of APPS and CodeContests; None where there is none."""
    for name in _CASES:
        value = parsed(record[name]) if isinstance(record.get(name), str) else record.get(name)
        if not isinstance(value, Mapping) or value.get("fn_name"):
            continue
        inputs, outputs = (value.get(f"{side}s", value.get(side)) for side in ("input", "output"))
        if isinstance(inputs, list) and isinstance(outputs, list) and len(inputs) == len(outputs) > 0:
            cases = [{"input": a, "output": b} for a, b in zip(inputs, outputs, strict=True)]
            return cases if all(isinstance(side, str) for case in cases for side in case.values()) else None
    return None


def _matches(record: Record) -> bool:
    return _is_humaneval(record) or _is_mbpp(record) or (_task(record) is not None and _cases(record) is not None)


def _task(record: Record) -> str | None:
    return next((name for name in ("question", "description", "problem", "prompt") if filled(record, name)), None)


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    if _is_humaneval(record):
        return [_humaneval(record, kind)]
    if _is_mbpp(record):
        return [_mbpp(record, kind)]
    task, cases = _task(record), _cases(record)
    if task is not None and cases is not None:
        solutions = parsed(record["solutions"]) if isinstance(record.get("solutions"), str) else record.get("solutions")
        whole = isinstance(solutions, list) and bool(solutions) and isinstance(solutions[0], str)
        checker = {"kind": "code", "cases": cases}
        return [_row(record, kind, record[task], solutions[0] if whole else None, checker, (task,))]
    raise RowError("missing_tests", "neither prompt, canonical_solution and test nor a text with a test_list")


def _humaneval(record: Record, kind: str) -> Row:
    """A task whose prompt is the beginning of a program. The checker runs Python; tests in another language stay as fields."""
    solution = record["prompt"] + record["canonical_solution"]
    language = str(record.get("task_id")).partition("/")[0].lower()
    if language not in ("humaneval", "python", "none"):
        return _row(record, kind, record["prompt"], solution, {}, ("prompt", "canonical_solution"))
    checker: Row = {"kind": "code", "tests": [record["test"]], "prompt": record["prompt"]}
    if filled(record, "entry_point"):
        checker["entry_point"] = record["entry_point"]
    read = ("prompt", "canonical_solution", "test", "entry_point")
    return _row(record, kind, record["prompt"], solution, checker, read)


def _mbpp(record: Record, kind: str) -> Row:
    text = "text" if filled(record, "text") else "prompt"
    setup = filled(record, "test_setup_code") or "\n".join(_texts(record.get("test_imports")))
    asked = f"{record[text]}\nYour code should pass these tests:\n" + "\n".join(record["test_list"])
    checker: Row = {"kind": "code", "tests": record["test_list"], **({"setup": setup} if setup else {})}
    read = (text, "code", "test_list", "test_setup_code", "test_imports")
    return _row(record, kind, asked, filled(record, "code"), checker, read)


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _row(record: Record, kind: str, asked: str, solution: str | None, checker: Row, read: tuple[str, ...]) -> Row:
    if kind == "conversation":
        if solution is None:
            raise RowError("no_solution", "the task has no reference program")
        return as_row([user(asked), assistant(solution)], record, kind, *read)
    row = {**beside(record, kind, *read), "prompt": [user(asked)], **({"checker": checker} if checker else {})}
    return row if solution is None else {**row, "solution": solution}


FORM = Form("code_tests", ("conversation", "prompt"), _matches, _rows)
