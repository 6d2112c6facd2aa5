"""Function tests of a completion: two sandboxes, a channel between them, and what became of each test."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gristmill.sandbox.limits import Limits
from gristmill.sandbox.run import Program, run_together

_HERE = Path(__file__).parent
_SHARED = ("messages.py", "values.py")


class Tested(NamedTuple):
    """How many of the tests passed, why the first did not (else empty), and what is wrong with the tests themselves."""

    passed: int
    total: int
    why: str
    broken: str = ""


def run_function_tests(
    parts: Sequence[str],
    tests: Sequence[str],
    *,
    entry_point: str | None = None,
    setup: str = "",
    prompt: str = "",
    limits: Limits,
    packages: bool = False,
) -> Tested:
    """Run tests on code.

    parts: the code's sources, executed in order. tests: Python, each run on its own behind `setup`; they call the code's
    functions by name. entry_point: a name that is the code's even where the prompt defines it. prompt: code that tests may use.
    limits: of the code and of the tests, each; real time is that of both.
    """
    data = {"parts": list(parts), "tests": list(tests), "entry_point": entry_point, "setup": setup, "context": prompt}
    to_code, from_tests = os.pipe()
    to_tests, from_code = os.pipe()
    code = Program("candidate.py", _files("candidate.py"), stdin=to_code, stdout=from_code, packages=packages)
    tester = Program(
        "tester.py",
        {**_files("tester.py"), "tests.json": json.dumps(data).encode("ascii")},
        arguments=(str(to_tests), str(from_tests)),
        descriptors=(to_tests, from_tests),
        packages=packages,
    )
    descriptors = [to_code, from_tests, to_tests, from_code]
    try:
        outcomes = run_together([code, tester], limits, close_after_start=descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    return _tested(outcomes[-1].stdout, _stop_text([outcome.stopped for outcome in outcomes], limits), len(tests))


def _files(script: str) -> dict[str, bytes]:
    inside = {f"gristmill/answers/code/{name}": (_HERE / name).read_bytes() for name in _SHARED}
    return {**inside, script: (_HERE / script).read_bytes()}


def _stop_text(stops: list[str | None], limits: Limits) -> str:
    why = next((stop for stop in stops if stop and stop != "ended"), None)
    if why == "time":
        return f"the time limit of {limits.wall_seconds:g} s"
    return f"the limit of {why}" if why else ""


def _tested(printed: bytes, stopped: str, total: int) -> Tested:
    passed = 0
    why = ""
    complete = False
    for line in printed.decode("utf-8", "replace").splitlines():
        try:
            what, detail = json.loads(line)
        except ValueError:
            break  # the last line of a tester that was stopped
        if what == "broken":
            return Tested(0, total, "", str(detail))
        if what == "failed":
            return Tested(passed, total, why or str(detail))
        if what == "end":
            complete = True
        elif detail:
            why = why or str(detail)
        else:
            passed += 1
    if not complete:
        why = why or (f"stopped at {stopped}" if stopped else "the tests ended before they were through")
    return Tested(passed, total, why)
