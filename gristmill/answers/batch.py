"""Many rows at once: verdicts and self-tests in worker processes, in order, with bounded memory and a time limit a row."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gristmill.answers.pool import answers_in_processes
from gristmill.answers.self_test import SelfTest, from_verdict
from gristmill.answers.verdict import Verdict
from gristmill.schemas.errors import InputError


def check_many(rows: Iterable[Mapping[str, Any]], workers: int | None = None) -> Iterator[Verdict]:
    """The verdict of every row, in the order of the rows.

    rows: mappings with `checker` (data, or JSON), `completion` and, where the kind compares with one, `reference` or `answer`;
    values are what JSON can hold. They are read as they are needed. workers: processes at once; by default one for each core.
    Processes are kept for the next call. A row that fails, or whose checker is none, is not scored; its reason says why.
    """
    for answer in answers_in_processes(rows, _workers(workers)):
        yield Verdict(*answer)


def self_test_many(rows: Iterable[Mapping[str, Any]], workers: int | None = None) -> Iterator[SelfTest]:
    """The self-test of every row (see `self_test.self_test`), in the order of the rows; as `check_many` otherwise."""
    for answer in answers_in_processes(({**row, "self_test": True} for row in rows), _workers(workers)):
        yield SelfTest(*answer) if len(answer) == len(SelfTest._fields) else from_verdict(Verdict(*answer))


def _workers(workers: int | None) -> int:
    if workers is None:
        return len(os.sched_getaffinity(0))
    if workers < 1:
        raise InputError(f"workers is {workers}", expected="1 or more")
    return workers
