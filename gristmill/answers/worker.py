"""A worker process of `answers.pool`: a line of JSON in for each row, a line of JSON out, in order; no pickle.

It limits its own memory, and an alarm ends it when a row lasts too long, also where nobody is left to stop it.
"""

import json
import os
import resource
import signal
from collections.abc import Mapping
from typing import Any

MEMORY_BYTES = 4 << 30  # of address space; a check that wants more is not scored
ALARM_GRACE_SECONDS = 5.0  # the parent process stops a slow row first, where it is there


def answer(row: Mapping[str, Any]) -> list[Any]:
    """The verdict, or with `self_test` the outcome, of one row as a list; every failure is a verdict."""
    from gristmill.answers.registry import checker
    from gristmill.answers.self_test import reference_of, self_test
    from gristmill.answers.verdict import not_scored
    from gristmill.schemas.errors import GristmillError

    try:
        chosen = checker(row.get("checker", ""))
        signal.setitimer(signal.ITIMER_REAL, chosen.seconds + ALARM_GRACE_SECONDS)
        if row.get("self_test"):
            return list(self_test(row, check=type(chosen).check_here))
        return list(chosen.check_here(row.get("completion"), reference_of(row)))
    except GristmillError as error:
        return list(not_scored(str(error), "reference"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    """Answer rows until the input ends. What checks print goes to the standard error output, never among the answers."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    rows = os.fdopen(os.dup(0), "r", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES if hard < 0 else min(MEMORY_BYTES, hard), hard))
    for line in rows:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
