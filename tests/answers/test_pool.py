"""Worker processes: order, limits of time and memory, processes that end, bounded reading ahead."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from gristmill.answers import pool
from gristmill.answers.batch import check_many, self_test_many
from gristmill.answers.contract import AnswerKind
from gristmill.answers.registry import checker
from gristmill.answers.verdict import Verdict, right
from gristmill.schemas.errors import InputError
from gristmill.schemas.strict import Strict

HERE = "odd_checker:KIND"
SOURCE = """
import ctypes, os, sys, time
from gristmill.answers.contract import AnswerKind
from gristmill.answers.verdict import right
from gristmill.schemas.strict import Strict


class Options(Strict):
    seconds: float = 1.0


def check(completion, reference, options):
    what = completion.split()[0]
    if what == "sleep": time.sleep(60)
    if what == "loop":
        while True: pass
    if what == "exit": os._exit(3)
    if what == "crash": ctypes.string_at(0)
    if what == "raise": raise KeyError("no such thing")
    if what == "memory": bytearray(1 << 40)
    if what == "recurse": return check(completion, reference, options)
    if what == "quit": sys.exit(1)
    if what == "print": print("{}", flush=True); os.write(1, b"[1]\\n")
    return right(str(os.getpid()))


KIND = AnswerKind("odd", Options, check, in_process=True, seconds=lambda options: options.seconds)
"""


@pytest.fixture(autouse=True)
def _odd_checker(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "odd_checker.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    pool.stop_idle()
    yield
    pool.stop_idle()


def rows(*completions: str) -> list[dict[str, Any]]:
    return [{"checker": {"kind": HERE}, "completion": completion} for completion in completions]


def test_verdicts_come_in_the_order_of_the_rows() -> None:
    many = [{"checker": "number", "completion": f"#### {n}", "reference": str(n - n % 3)} for n in range(500)]
    verdicts = list(check_many(many, workers=2))
    assert [verdict.answer for verdict in verdicts] == [str(n) for n in range(500)]
    assert [verdict.score for verdict in verdicts] == [float(n % 3 == 0) for n in range(500)]


def test_nothing_waits_where_all_rows_that_were_read_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "ROWS_AHEAD", 1)
    many = [{"checker": "number", "completion": "1", "reference": "1"}] * 60
    assert len(list(check_many(many, workers=1))) == 60


def test_a_file_beside_a_script_hides_no_module(tmp_path: Any) -> None:
    (tmp_path / "select.py").write_text("raise RuntimeError")
    (tmp_path / "json.py").write_text("raise RuntimeError")
    assert [verdict.score for verdict in check_many(rows("fine"), workers=1)] == [1.0]


def test_processes_are_kept() -> None:
    first = {verdict.why for verdict in check_many(rows("a", "b"), workers=1)}
    assert first == {verdict.why for verdict in check_many(rows("c"), workers=1)}
    assert checker({"kind": HERE}).check("d").why in first


FAILURES = [
    ("sleep", "time", "longer than 1 s"),
    ("loop", "time", "longer than 1 s"),
    ("exit", "process", "exit code 3"),
    ("crash", "process", "SIGSEGV"),
    ("raise", "error", "KeyError"),
    ("memory", "process", "out of memory"),
    ("recurse", "error", "RecursionError"),
    ("quit", "process", "exit code 1"),
]


def test_a_row_that_fails_is_not_scored_and_costs_no_other_row() -> None:
    names = [part for what, _, _ in FAILURES for part in ("fine", what)]
    verdicts = list(check_many(rows(*names, "fine", "print", "fine"), workers=2))
    assert len(verdicts) == len(names) + 3
    for verdict, name in zip(verdicts, [*names, "fine", "print", "fine"], strict=True):
        expected = next(((cause, why) for what, cause, why in FAILURES if what == name), None)
        if expected is None:
            assert verdict.score == 1.0, verdict
        else:
            assert (verdict.score, verdict.cause) == (None, expected[0]), verdict
            assert expected[1] in verdict.why


def test_one_check_in_a_process() -> None:
    assert checker({"kind": HERE}).check("fine").score == 1.0
    assert checker({"kind": HERE, "seconds": 0.2}).check("sleep").cause == "time"


def test_rows_are_read_as_they_are_needed() -> None:
    read = 0

    def endless() -> Iterator[dict[str, Any]]:
        nonlocal read
        while True:
            read += 1
            yield {"checker": "number", "completion": "#### 1", "reference": "1"}

    verdicts = check_many(endless(), workers=1)
    for _ in range(100):
        next(verdicts)
    verdicts.close()  # type: ignore[attr-defined]
    assert read < 100 + 8 * pool.ROWS_AHEAD


def test_long_rows_pass_through() -> None:
    long = [{"checker": "number", "completion": "x" * 3_000_000 + f"#### {n}", "reference": n} for n in range(6)]
    assert [verdict.score for verdict in check_many(long, workers=2)] == [1.0] * 6


def test_values_of_numpy_and_odd_text_are_rows() -> None:
    many = [
        {"checker": "number", "completion": "#### 5", "reference": np.int64(5)},
        {"checker": {"kind": "contains"}, "completion": "a \ud800 b", "reference": np.array(["a", "b"], dtype=object)},
    ]
    assert [verdict.score for verdict in check_many(many, workers=1)] == [1.0, 1.0]


def test_rows_that_are_no_checkers_are_not_scored() -> None:
    many = [{"checker": "nmber", "completion": "1"}, {"completion": "1"}, {"checker": "number", "reference": "1"}]
    verdicts = list(check_many(many, workers=1))
    assert [verdict.score for verdict in verdicts] == [None] * 3
    assert [verdict.cause for verdict in verdicts] == ["reference", "reference", "error"]


def test_self_tests_of_many() -> None:
    many = [{"checker": "number", "reference": "5"}, {"checker": "number", "reference": "x"}, {"checker": "number"}]
    outcomes = [found.outcome for found in self_test_many([*many, {"checker": "nmber"}], workers=2)]
    assert outcomes == ["passes", "fails", "cannot be tested", "fails"]


def test_a_prompt_calls_its_reference_an_answer() -> None:
    prompt = {"checker": "number", "answer": "5", "solution": "It is 5."}
    assert [found.outcome for found in self_test_many([prompt, {**prompt, "answer": "6"}])] == ["passes", "fails"]
    assert [verdict.score for verdict in check_many([{**prompt, "completion": "4"}])] == [0.0]


def test_workers_are_one_or_more() -> None:
    with pytest.raises(InputError, match="workers is 0"):
        list(check_many([], workers=0))
    assert list(check_many([])) == []


def test_a_forked_process_has_workers_of_its_own() -> None:
    """A check says which process made it: here the one that waits is used again, a child starts another."""
    ours = checker({"kind": HERE}).check("fine").why
    child = os.fork()
    if child == 0:
        theirs = checker({"kind": HERE}).check("fine").why
        pool.stop_idle()
        os._exit(0 if theirs not in (ours, "") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert checker({"kind": HERE}).check("fine").why == ours  # which the child has not stopped


def test_a_checker_of_ones_own_is_called_without_a_registry() -> None:
    class Options(Strict):
        pass

    kind = AnswerKind("mine", Options, lambda completion, reference, options: right("fine"))
    from gristmill.answers.contract import Checker

    assert Checker(kind, Options()).check("text") == Verdict(1.0, "fine")
