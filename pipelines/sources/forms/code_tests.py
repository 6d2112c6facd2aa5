"""Code tasks with their unit tests: HumanEval, HumanEval-X and MBPP.

HumanEval: `prompt` (the beginning of a program), `canonical_solution`, `test`, `entry_point`; in HumanEval-X also
`declaration`, and the language before the slash of `task_id`. MBPP: `text` or `prompt`, `code`, `test_list`,
`test_setup_code` or `test_imports`. As a prompt: the checker runs the tests, `solution` is the reference program. As a
conversation: the reference program is the answer.
"""

from collections.abc import Sequence
from typing import Any

from gristmill.pipelines.sources.forms.chat import as_row, assistant, user
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, beside, filled
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_LANGUAGES = {"cpp": "cpp", "java": "java", "javascript": "javascript", "go": "go", "python": "python", "rust": "rust"}


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


def _matches(record: Record) -> bool:
    return _is_humaneval(record) or _is_mbpp(record)


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    if _is_humaneval(record):
        return [_humaneval(record, kind)]
    if _is_mbpp(record):
        return [_mbpp(record, kind)]
    raise RowError("missing_tests", "neither prompt, canonical_solution and test nor a text with a test_list")


def _humaneval(record: Record, kind: str) -> Row:
    read = ("prompt", "canonical_solution", "test", "entry_point")
    solution = record["prompt"] + record["canonical_solution"]
    language = _LANGUAGES.get(str(record.get("task_id")).partition("/")[0].lower(), "python")
    checker: Row = {"kind": "code", "language": language, "tests": record["test"]}
    if filled(record, "entry_point"):
        checker |= {"entry_point": record["entry_point"], "prefix": record["prompt"]}
    return _row(record, kind, record["prompt"], solution, checker, read)


def _mbpp(record: Record, kind: str) -> Row:
    text = "text" if filled(record, "text") else "prompt"
    setup = record.get("test_setup_code") or "\n".join(_texts(record.get("test_imports")))
    tests = "\n".join([*([setup] if setup else []), *record["test_list"]])
    asked = f"{record[text]}\nYour code should pass these tests:\n" + "\n".join(record["test_list"])
    checker: Row = {"kind": "code", "language": "python", "tests": tests}
    return _row(record, kind, asked, filled(record, "code"), checker, (text, "code", "test_list", "test_setup_code"))


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _row(record: Record, kind: str, asked: str, solution: str | None, checker: Row, read: tuple[str, ...]) -> Row:
    if kind == "conversation":
        if solution is None:
            raise RowError("no_solution", "the task has no reference program")
        return as_row([user(asked), assistant(solution)], record, kind, *read)
    row = {**beside(record, kind, *read), "prompt": [user(asked)], "checker": checker}
    return row if solution is None else {**row, "solution": solution}


FORM = Form("code_tests", ("conversation", "prompt"), _matches, _rows)
