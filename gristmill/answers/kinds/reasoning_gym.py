"""Tasks of reasoning-gym, by name: its own `score_answer` on the final answer of a completion.

Some of its tasks evaluate the answer as Python. An answer to one of these is given to it only where it is the reference itself,
a literal, or arithmetic on numbers and single letters, so that no text of a model is ever run.
"""

import ast
import re
from typing import Any

from gristmill.answers.contract import AnswerKind, package_missing
from gristmill.answers.final_answer import AnswerIn, final_answers, without_thinking
from gristmill.answers.verdict import UnusableReference, Verdict, excerpt, wrong
from gristmill.schemas.strict import Strict
from pydantic import Field

EVALUATING = frozenset(  # tasks whose score_answer evaluates the answer; reasoning-gym 0.1.25
    {
        *("binary_matrix", "countdown", "intermediate_integration", "n_queens", "number_sorting"),
        *("polynomial_multiplication", "puzzle24", "simple_integration", "spiral_matrix", "string_insertion"),
    }
)
_FUNCTIONS = "sin|cos|tan|sec|csc|cot|asin|acos|atan|sinh|cosh|tanh|exp|log|ln|sqrt|Abs|pi"
_ARITHMETIC = re.compile(rf"(?:\d++(?:\.\d++)?|\b(?:{_FUNCTIONS}|[A-Za-z])\b|\*\*|[-+*/^(),\s])*")
MAX_EVALUATED_CHARACTERS = 2_000


class ReasoningGymOptions(Strict):
    """task: a name of reasoning-gym. entry: the task's row, as its data set gave it: question, answer, metadata.

    answer_in: where the answer must stand; without a mark it is the whole completion. seconds: of one score.
    """

    task: str
    entry: dict[str, Any]
    answer_in: AnswerIn = "anywhere"
    seconds: float = Field(20.0, gt=0, le=600)


def check(completion: str, _reference: Any, options: ReasoningGymOptions) -> Verdict:
    """The score that reasoning-gym gives the final answer, 0 to 1."""
    import reasoning_gym

    try:
        score = reasoning_gym.get_score_answer_fn(options.task)
    except (KeyError, ValueError, AttributeError) as error:
        raise UnusableReference(f"reasoning-gym has no task {options.task!r}: {error}") from None
    if not {"question", "answer", "metadata"} <= set(options.entry):
        raise UnusableReference(f"the entry has {', '.join(options.entry)}; expected question, answer and metadata")
    answers = [answer.text for answer in final_answers(completion, options.answer_in)]
    if not answers and options.answer_in == "anywhere":
        answers = [without_thinking(completion).strip()]
    if not answers or not answers[0]:
        return wrong("no answer found")
    answer = answers[0]
    if not may_be_given(answer, options):
        return wrong("the answer is neither a literal nor arithmetic, and is not evaluated", excerpt(answer))
    points = min(1.0, max(0.0, float(score(answer, options.entry))))
    return Verdict(points, f"reasoning-gym gives {points:g}", answer)


def may_be_given(answer: str, options: ReasoningGymOptions) -> bool:
    """Whether an answer may be given to the task's scorer; see the module."""
    if options.task not in EVALUATING or answer.strip() == str(options.entry["answer"]).strip():
        return True
    if len(answer) > MAX_EVALUATED_CHARACTERS:
        return False
    if _ARITHMETIC.fullmatch(answer):
        return True
    try:
        ast.literal_eval(answer)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _completion_of(reference: Any, options: ReasoningGymOptions) -> str | None:
    answer = reference if reference is not None else options.entry.get("answer")
    return f"<answer>{answer}</answer>" if isinstance(answer, str) else None


KIND = AnswerKind(
    "reasoning_gym",
    ReasoningGymOptions,
    check,
    in_process=True,
    seconds=lambda options: options.seconds,
    missing=lambda _options: package_missing("reasoning_gym"),
    completion_of=_completion_of,
)
