"""Code against unit tests (HumanEval, MBPP) or against inputs and outputs, in the sandbox only.

The code that is tested never meets its tests: see `answers.code` and docs/answers.md. Code that exceeds a limit is wrong; tests
that no code could pass, and a machine without a sandbox, give no score. The reference is a solution, for self-tests only.
"""

from typing import Any

from gristmill.answers.code.function_tests import run_function_tests
from gristmill.answers.code.program_text import program_parts
from gristmill.answers.contract import AnswerKind
from gristmill.answers.verdict import UnusableReference, Verdict, excerpt, wrong
from gristmill.sandbox.bubblewrap import missing
from gristmill.sandbox.limits import Limits, Outcome
from gristmill.sandbox.run import Program, run
from gristmill.schemas.strict import Strict
from pydantic import Field, model_validator

GRACE_SECONDS = 10.0  # for starting and ending sandboxes


class Case(Strict):
    """What a program reads on its standard input, and what it must print."""

    input: str
    output: str


class CodeTestOptions(Strict):
    """Either tests or cases.

    tests: Python that fails where the code is wrong, as one text or several, each of which is one test; `check(entry_point)` is
    called where they define `check`, as HumanEval's do. entry_point: the name of the function that is tested; without it the
    names that the tests use and nothing defines are the code's. prompt: the code that the completion goes on with, or may rely
    on. setup: Python to run before every test. cases: inputs and outputs of a whole program; white space at line ends does not
    count. partial: the score is the fraction of tests passed; otherwise 1 for all and 0 for less. packages: whether installed
    packages can be imported, such as numpy. limits: of the sandbox, for all tests together, or for each case.
    """

    tests: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    entry_point: str | None = None
    prompt: str = ""
    setup: str = ""
    partial: bool = False
    packages: bool = False
    limits: Limits = Field(default_factory=Limits)

    @model_validator(mode="before")
    @classmethod
    def _one_text(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("tests"), str):
            return {**data, "tests": (data["tests"],)}
        return data

    @model_validator(mode="after")
    def _tests_or_cases(self) -> "CodeTestOptions":
        if bool(self.tests) == bool(self.cases):
            raise ValueError("a checker of kind code has either `tests` or `cases`")
        return self


def check(completion: str, _reference: Any, options: CodeTestOptions) -> Verdict:
    """Run the code of a completion against its tests or cases."""
    parts = program_parts(completion, options.entry_point, options.prompt)
    if not parts:
        return wrong("no code found")
    if options.cases:
        return _check_cases(parts, options)
    tested = run_function_tests(
        parts,
        [_with_call(test, options.entry_point) for test in options.tests],
        entry_point=options.entry_point,
        setup=options.setup,
        prompt=options.prompt,
        limits=options.limits,
        packages=options.packages,
    )
    if tested.broken:
        raise UnusableReference(tested.broken)
    return _verdict(tested.passed, tested.total, tested.why, options)


def _with_call(test: str, entry_point: str | None) -> str:
    """HumanEval's tests define `check`, and whoever runs them calls it."""
    defines_check = entry_point is not None and "def check(" in test and f"check({entry_point})" not in test
    return f"{test}\n\ncheck({entry_point})\n" if defines_check else test


def _check_cases(parts: list[str], options: CodeTestOptions) -> Verdict:
    passed, why = 0, ""
    program = "\n".join(parts).encode("utf-8", "surrogatepass")
    for number, case in enumerate(options.cases, 1):
        script = Program("main.py", {"main.py": program}, stdin=case.input.encode(), packages=options.packages)
        failure = _case_failure(run(script, options.limits), case.output, options.limits)
        if not failure:
            passed += 1
            continue
        why = why or f"case {number}: {failure}"
        if not options.partial:
            break
    return _verdict(passed, len(options.cases), why, options)


def _case_failure(outcome: Outcome, expected: str, limits: Limits) -> str:
    if outcome.stopped:
        return f"stopped at the limit of {outcome.stopped}" + (
            f" ({limits.wall_seconds:g} s)" if outcome.stopped == "time" else ""
        )
    if outcome.exit_code:
        last = outcome.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return f"exit code {outcome.exit_code}" + (f", {excerpt(last, 200)}" if last else "")
    printed = outcome.stdout.decode("utf-8", "replace")
    if _lines(printed) == _lines(expected):
        return ""
    return f"printed {excerpt(printed)!r}, not {excerpt(expected)!r}"


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _verdict(passed: int, total: int, why: str, options: CodeTestOptions) -> Verdict:
    told = f"{passed} of {total} passed" + (f"; {why}" if why else "")
    if options.partial:
        return Verdict(passed / total, told)
    return Verdict(1.0 if passed == total else 0.0, told)


def _seconds(options: CodeTestOptions) -> float:
    return (options.limits.wall_seconds + GRACE_SECONDS) * max(1, len(options.cases))


KIND = AnswerKind("code", CodeTestOptions, check, in_process=True, seconds=_seconds, missing=lambda _options: missing())
