"""A regular expression that a completion must match, with a limit of time, because patterns can take for ever."""

from functools import lru_cache
from typing import Any

import regex
from gristmill.answers.contract import AnswerKind
from gristmill.answers.final_answer import without_thinking
from gristmill.answers.verdict import UnusableReference, Verdict, excerpt, judged, not_scored
from gristmill.schemas.strict import Strict
from pydantic import Field


class RegexOptions(Strict):
    """pattern: of the package `regex`; where it is absent the reference is the pattern, else it is an example for self-tests.

    whole: the whole completion must match, but for white space around it; else some part. ignore_case, dot_all, multiline: the
    usual flags. absent: it must not match instead. after_thinking: only what follows `</think>` is looked at. seconds: at most.
    """

    pattern: str | None = None
    whole: bool = False
    ignore_case: bool = False
    dot_all: bool = False
    multiline: bool = False
    absent: bool = False
    after_thinking: bool = False
    seconds: float = Field(1.0, gt=0, le=60)


def check(completion: str, reference: Any, options: RegexOptions) -> Verdict:
    """Whether a completion matches the pattern."""
    pattern = options.pattern if options.pattern is not None else reference
    if not isinstance(pattern, str):
        raise UnusableReference(f"there is no pattern: the reference is {excerpt(repr(reference))}")
    flags = (
        regex.IGNORECASE * options.ignore_case | regex.DOTALL * options.dot_all | regex.MULTILINE * options.multiline
    )
    compiled = _compiled(pattern, int(flags))
    text = without_thinking(completion) if options.after_thinking else completion
    try:
        if options.whole:
            found = compiled.fullmatch(text.strip(), timeout=options.seconds)
        else:
            found = compiled.search(text, timeout=options.seconds)
    except TimeoutError:
        return not_scored(f"the pattern took longer than {options.seconds:g} s", "time")
    if options.absent:
        return judged(found is None, "matches" if found else "does not match")
    return judged(found is not None, f"matches {excerpt(found[0])!r}" if found else "does not match")


@lru_cache(maxsize=256)
def _compiled(pattern: str, flags: int) -> Any:
    try:
        return regex.compile(pattern, flags)
    except (regex.error, RecursionError, OverflowError) as error:
        raise UnusableReference(f"the pattern {excerpt(pattern)!r} is none: {error}") from None


def _completion_of(reference: Any, options: RegexOptions) -> str | None:
    return reference if options.pattern is not None and isinstance(reference, str) else None


KIND = AnswerKind("regex", RegexOptions, check, completion_of=_completion_of)
