"""Rewards of completions: by checkers, functions, or reward models; what could not be scored is None, never 0.

A reward that raises, or takes too long, scores its completion None; one that gives the wrong number of values, or a value
that is not finite, is a mistake that must not be trained on: RunError.
"""

import inspect
import itertools
import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from gristmill.answers.batch import check_many
from gristmill.answers.registry import checker
from gristmill.answers.self_test import own_completion
from gristmill.schemas.errors import RecipeError, RunError
from gristmill.schemas.lookup import load_object
from gristmill.schemas.training.rollouts import RewardChoice
from gristmill.training.data.conversations import tools_of
from gristmill.training.data.prompts import reference_of, require_checker
from gristmill.training.data.row_files import UnusableRow
from gristmill.training.models.build import own_device, positions_of
from gristmill.training.models.finished import load_reward_model, load_tokenizer
from gristmill.training.score.pair_figures import rewards_of

Row = Mapping[str, Any]
Score = float | None
AGAIN_SECONDS = 1.0  # after which code that has caught the end of its time is told again


class CompletionScorer(Protocol):
    """One reward. name: for logs."""

    name: str

    def __call__(self, prompts: Sequence[str], completions: Sequence[str], rows: Sequence[Row]) -> list[Score]:
        """One value for each completion, None where there is none to give."""
        ...

    def check(self, row: Row) -> None:
        """Raise UnusableRow for a row that this reward could never score."""
        ...


class CheckerScorer:
    """A checker of `gristmill.answers`: of the recipe, or of each row. A worker process is used for those that may hang."""

    def __init__(self, spec: Mapping[str, Any] | str | None) -> None:
        self.spec = spec
        self.name = "checker" if spec is None else checker(spec).kind.name
        if spec is not None:
            checker(spec).require()

    def check(self, row: Row) -> None:
        spec = self._spec_of(row)
        if spec is None:
            raise UnusableRow("no checker, and none is named for all rows")
        require_checker(spec)
        chosen, reference = checker(spec), reference_of(row)
        if chosen.kind.in_process:
            return  # to try it costs a worker process, or a sandbox
        verdict = chosen.check_here(own_completion(chosen, reference) or "", reference)
        if verdict.cause in ("reference", "error"):
            raise UnusableRow(f"no right answer that a checker of kind {chosen.kind.name} could compare with")

    def _spec_of(self, row: Row) -> Any:
        return self.spec if self.spec is not None else row.get("checker")

    def __call__(self, prompts: Sequence[str], completions: Sequence[str], rows: Sequence[Row]) -> list[Score]:
        asked = [
            {"checker": self._spec_of(row), "completion": completion, "reference": reference_of(row)}
            for completion, row in zip(completions, rows, strict=True)
        ]
        if any(checker(one["checker"]).kind.in_process for one in asked):
            return [verdict.score for verdict in check_many(asked)]
        return [checker(one["checker"]).check(one["completion"], one["reference"]).score for one in asked]


class FunctionScorer:
    """A function of a person's own, called as trl calls reward functions.

    Where it raises for all completions at once, it is asked for each alone: those for which it raises, or takes longer than
    `seconds`, are not scored.
    """

    def __init__(self, reference: str, seconds: float) -> None:
        self.name, self.seconds = reference.rpartition(":")[2], seconds
        try:
            self.function = load_object(reference)
            names = inspect.signature(self.function).parameters
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            raise RecipeError(
                f"reward function {reference!r} cannot be loaded: {error}",
                expected="`module:function` of a module that this Python can import",
                next_step="install its package, or put its folder on PYTHONPATH",
            ) from error
        takes_all = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in names.values())
        if not takes_all or "completions" not in names:
            raise RecipeError(
                f"reward function {reference!r} takes {', '.join(names) or 'nothing'}",
                expected="completions and **columns, such as f(prompts, completions, **columns)",
            )

    def check(self, row: Row) -> None:
        return

    def __call__(self, prompts: Sequence[str], completions: Sequence[str], rows: Sequence[Row]) -> list[Score]:
        found = self._values(prompts, completions, rows)
        if found is not None:
            return found
        scores: list[Score] = []
        for prompt, completion, row in zip(prompts, completions, rows, strict=True):
            scores += self._values([prompt], [completion], [row]) or [None]
        return scores

    def _values(self, prompts: Sequence[str], completions: Sequence[str], rows: Sequence[Row]) -> list[Score] | None:
        """What the function gives; None where it raises or takes too long."""
        names = sorted({name for row in rows for name in row} - {"prompt", "prompts", "completions"})
        columns = {name: [row.get(name) for row in rows] for name in names}
        try:
            with deadline(self.seconds * len(prompts)):
                found = self.function(prompts=list(prompts), completions=list(completions), **columns)
        except (Exception, SystemExit, Late):  # of a person's own code, whatever it is; it is counted and shown
            return None
        return self._checked(found, len(prompts))

    def _checked(self, found: Any, wanted: int) -> list[Score]:
        values = found.tolist() if hasattr(found, "tolist") else found  # an array, a tensor
        if not isinstance(values, (list, tuple)) or len(values) != wanted:
            given = f"{len(values)} values" if isinstance(values, (list, tuple)) else f"no list, but {_shortly(found)}"
            raise self._mistake(f"gives {given}", f"a list of {wanted}, one for each completion")
        return [self._score(value, number) for number, value in enumerate(values)]

    def _score(self, value: Any, number: int) -> Score:
        try:
            score = None if value is None or isinstance(value, (str, bytes)) else float(value)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            score = None
        if value is not None and (score is None or not math.isfinite(score)):
            what = f"gives {_shortly(value)} for completion {number}"
            raise self._mistake(what, "a finite number, or None for what cannot be scored")
        return score

    def _mistake(self, found: str, expected: str) -> RunError:
        return RunError(
            f"reward function {self.name} {found}",
            expected=expected,
            next_step="mend the function; the same command goes on from the last checkpoint",
        )


def _shortly(value: Any) -> str:
    """A value of a person's own code, for an error; its type where it cannot be shown."""
    try:
        shown = repr(value)
    except Exception:  # a representation of their own, which may raise whatever it likes
        shown = ""
    return shown if 0 < len(shown) <= 60 else f"a value of type {type(value).__name__}"


class ModelScorer:
    """A reward model: the number that it gives to a prompt with its completion. It computes where the policy does.

    max_tokens: of a text, by default as many as it has positions; of longer ones it reads the end, and `cut` counts those of
    the last call.
    """

    def __init__(self, folder: str, max_tokens: int | None = None) -> None:
        self.name = Path(folder).parent.name if Path(folder).name == "model" else Path(folder).name
        self.tokenizer = load_tokenizer(Path(folder))
        self.max_tokens, self.cut = max_tokens or positions_of(Path(folder)), 0
        self.model = load_reward_model(Path(folder), self.tokenizer, self.max_tokens).to(own_device())
        self.model.requires_grad_(False)

    def check(self, row: Row) -> None:
        if isinstance(row.get("prompt"), list) and not self.tokenizer.chat_template:
            raise UnusableRow(f"messages, for which the reward model {self.name} has no chat template")

    def __call__(self, prompts: Sequence[str], completions: Sequence[str], rows: Sequence[Row]) -> list[Score]:
        texts = [self._ids(prompt, text, row) for prompt, text, row in zip(prompts, completions, rows, strict=True)]
        self.cut = sum(len(ids) > self.max_tokens for ids in texts)
        texts = [ids[-self.max_tokens :] for ids in texts]
        return [float(value) for value in rewards_of(self.model, texts, self.tokenizer.pad_token_id)]

    def _ids(self, prompt: str, completion: str, row: Row) -> list[int]:
        """As the reward model read its pairs: messages, and their tools, by its own chat template, texts with the end that it
        knows."""
        if isinstance(row.get("prompt"), list):
            messages = [*row["prompt"], {"role": "assistant", "content": completion}]
            options = {"tools": tools_of(row), "tokenize": True, "return_dict": True}
            ids: list[int] = self.tokenizer.apply_chat_template(messages, **options)["input_ids"]
        else:
            ids = self.tokenizer(prompt + completion + self.tokenizer.eos_token)["input_ids"]
        return ids


class Rewards:
    """Several rewards, added up by weight."""

    def __init__(self, scorers: Sequence[CompletionScorer], weights: Sequence[float]) -> None:
        self.scorers, self.weights = scorers, weights
        self.names = _distinct([scorer.name for scorer in scorers])

    @classmethod
    def of(cls, rewards: Sequence[RewardChoice], seconds: float) -> "Rewards":
        """RecipeError, ModelError or PackageError for rewards that cannot be had."""
        if not rewards:
            return cls([CheckerScorer(None)], [1.0])
        return cls([_scorer(reward, seconds) for reward in rewards], [one.weight for one in rewards])

    def check(self, row: Row) -> None:
        """Raise UnusableRow for a row that could never be scored."""
        for scorer in self.scorers:
            scorer.check(row)

    @property
    def cut(self) -> int:
        """How many texts of the last call a reward model did not read whole."""
        return sum(scorer.cut for scorer in self.scorers if isinstance(scorer, ModelScorer))

    def __call__(
        self, prompts: Sequence[str], completions: Sequence[str], rows: Sequence[Row]
    ) -> tuple[list[Score], dict[str, list[Score]]]:
        """(the sum of each completion's rewards, None where none was given; the values of each reward by its name)."""
        values = [scorer(prompts, completions, rows) for scorer in self.scorers]
        return total(values, self.weights), dict(zip(self.names, values, strict=True))


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of which none stands twice, the second of a name with its number.

    >>> _distinct(["regex", "number", "regex"])
    ['regex', 'number', 'regex-2']
    """
    found: list[str] = []
    for name in names:
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        found.append(name if name not in found else next(one for one in numbered if one not in [*found, *names]))
    return found


def total(scores: Sequence[Sequence[Score]], weights: Sequence[float]) -> list[Score]:
    """The weighted sum of what was scored of each completion.

    >>> total([[1.0, None, None], [0.5, 1.0, None]], [1.0, 2.0])
    [2.0, 2.0, None]
    """
    sums: list[Score] = []
    for values in zip(*scores, strict=True):
        given = [weight * value for value, weight in zip(values, weights, strict=True) if value is not None]
        sums.append(sum(given) if given else None)
    return sums


def _scorer(reward: RewardChoice, seconds: float) -> CompletionScorer:
    if reward.function is not None:
        return FunctionScorer(reward.function, seconds)
    if reward.model is not None:
        return ModelScorer(reward.model)
    return CheckerScorer(reward.checker)


class Late(BaseException):
    """The time is over. Not an Exception, which code that runs over its time may catch on its way."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raises Late in the block after so many seconds, and again each second after it: in Python code of the main thread;
    elsewhere there is no limit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    is_over = False

    def late(number: int, frame: Any) -> None:
        if not is_over:
            raise Late(f"{seconds:g} seconds")

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    try:
        yield
    finally:
        is_over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
