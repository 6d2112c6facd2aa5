"""What a kind of checker is, and a checker: a kind with the options of a row."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from gristmill.answers.verdict import UnusableReference, Verdict, excerpt, not_scored
from gristmill.schemas.errors import PackageError
from gristmill.schemas.extras import package_error
from gristmill.schemas.strict import Strict

CHECK_SECONDS = 10.0  # a check in a process of its own may last so long, unless its kind says otherwise


def _nothing_missing(_options: Any) -> PackageError | None:
    return None


def _reference_text(reference: Any, _options: Any) -> str | None:
    return reference if isinstance(reference, str) else None


@dataclass(frozen=True)
class AnswerKind:
    """One kind of checker; a file in `answers/kinds` holds one as `KIND`.

    name: what a row's `kind` says. options: the other keys of a checker of this kind.
    check: (completion, reference, options) -> Verdict. It may raise: that is "not scored", with the error as the reason.
    in_process: the check may hang, crash or eat memory, or waits for programs of its own: it runs in a worker process, which
    can be stopped.
    seconds: how long one check may last in a worker process, of its options.
    missing: of its options, the error that says what to install, or None where everything is there.
    completion_of: the completion that the reference answer makes, for self-tests: (reference, options) -> text, or None where
    a reference says nothing that could be checked.
    """

    name: str
    options: type[Strict]
    check: Callable[[str, Any, Any], Verdict]
    in_process: bool = False
    seconds: Callable[[Any], float] = lambda _options: CHECK_SECONDS
    missing: Callable[[Any], PackageError | None] = _nothing_missing
    completion_of: Callable[[Any, Any], str | None] = field(default=_reference_text)


@dataclass(frozen=True)
class Checker:
    """A kind with options: what a row's checker, read by `registry.checker`, is.

    >>> from gristmill.answers.registry import checker
    >>> checker({"kind": "number"}).check("So it is 1,000 in all.", "1000").score
    1.0
    """

    kind: AnswerKind
    options: Strict
    name: str = ""  # that the registry finds the kind by, where it is not the kind's own

    @property
    def seconds(self) -> float:
        """How long one check may last."""
        return self.kind.seconds(self.options)

    def spec(self) -> dict[str, Any]:
        """The checker as data: its kind, and the options that are not as they are by default."""
        return {
            "kind": self.name or self.kind.name,
            **self.options.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        }

    def require(self) -> None:
        """Raise PackageError, with what to install, where something is missing that checks of this kind need."""
        error = self.kind.missing(self.options)
        if error is not None:
            raise error

    def check(self, completion: str, reference: Any = None) -> Verdict:
        """Say whether the completion is right. It never raises, and returns within the time limit of its kind.

        completion: the text of a model's answer. reference: the right answer, in the form that the kind expects, or None for
        kinds that need none. A check that fails or runs out of time is not scored, and the reason says so.
        """
        if self.kind.in_process and isinstance(completion, str) and self.kind.missing(self.options) is None:
            from gristmill.answers.pool import check_in_process

            return check_in_process(self.spec(), completion, reference)
        return self.check_here(completion, reference)

    def check_here(self, completion: Any, reference: Any = None) -> Verdict:
        """As `check`, in this process whatever the kind, so without a limit of time or memory."""
        if not isinstance(completion, str):
            return not_scored(f"the completion is {type(completion).__name__}, not text", "error")
        missing = self.kind.missing(self.options)
        if missing is not None:
            return not_scored(str(missing), "missing")
        try:
            return self.kind.check(completion, reference, self.options)
        except UnusableReference as error:
            return not_scored(str(error), "reference")
        except MemoryError:
            return not_scored("the checker ran out of memory", "process")
        except Exception as failure:  # whatever it is, the completion has not been judged
            return not_scored(f"the checker failed: {type(failure).__name__}: {excerpt(str(failure), 200)}", "error")


def package_missing(package: str) -> PackageError | None:
    """The error for a package of an extra that is not installed, or None where it is."""
    if find_spec(package) is not None:
        return None
    return package_error(ModuleNotFoundError(name=package)) or PackageError(f"the package {package} is not installed")


def spec_text(spec: Any) -> str:
    """A checker's data as canonical JSON: equal checkers have equal texts."""
    return json.dumps(spec, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
