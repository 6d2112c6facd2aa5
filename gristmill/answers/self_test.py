"""Does a row's checker accept the row's own reference answer? A row whose own answer fails teaches what is wrong."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from gristmill.answers.contract import Checker
from gristmill.answers.registry import checker
from gristmill.answers.verdict import Verdict

Outcome = Literal["passes", "fails", "cannot be tested"]


class SelfTest(NamedTuple):
    """outcome: of the checker on the row's own answer. why: the fact that decided."""

    outcome: Outcome
    why: str


def self_test(row: Mapping[str, Any], *, check: Callable[[Checker, str, Any], Verdict] = Checker.check) -> SelfTest:
    """The checker of a row on the row's own reference answer.

    row: `checker` (data, or JSON), `reference` or `answer` (what the checker compares with; absent for kinds that need none),
    and `solution` where the row has a whole answer that must pass, such as a worked solution or the code of a task.
    check: how the checker is called; `Checker.check_here` where this process is a worker already.
    Raises RecipeError for a checker that is none. A failing self-test is no error.
    """
    chosen = checker(row.get("checker", ""))
    reference = reference_of(row)
    completion = own_completion(chosen, reference, row.get("solution"))
    if completion is None:
        return SelfTest("cannot be tested", "the row has no answer of its own")
    return from_verdict(check(chosen, completion, reference))


def reference_of(row: Mapping[str, Any]) -> Any:
    """What the checker of a row compares with: its `reference`, or its `answer`, as prompts call it; None where it has none."""
    return row["reference"] if "reference" in row else row.get("answer")


def own_completion(chosen: Checker, reference: Any, solution: Any = None) -> str | None:
    """The completion that a row's own answer makes: its solution, else what its reference makes; None where there is none."""
    if isinstance(solution, str) and solution.strip():
        return solution
    return chosen.kind.completion_of(reference, chosen.options)


def from_verdict(verdict: Verdict) -> SelfTest:
    """What the verdict on a row's own answer says of the row."""
    if verdict.cause == "reference":
        return SelfTest("fails", verdict.why)
    if verdict.score is None:
        return SelfTest("cannot be tested", verdict.why)
    return SelfTest("passes" if verdict.score >= 1.0 else "fails", verdict.why)
