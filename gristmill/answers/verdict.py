"""What a check says: a score with its reason, or that there is none."""

from typing import Literal, NamedTuple

# Why a completion is not scored: the reference (or the checker's own data) is unusable, the checker failed, it ran out of time,
# its process ended or ran out of memory, or something that it needs is not installed.
Cause = Literal["reference", "error", "time", "process", "missing"]


class UnusableReference(ValueError):
    """Raised by a check whose reference, or whose own data, says nothing that a completion could be compared with."""


class Verdict(NamedTuple):
    """What a checker says of one completion.

    score: 0.0 (wrong) to 1.0 (right); None where nothing can be said of the completion. None is never to be counted as 0.
    why: the fact that decided, in words, such as `17 is not 18` or `no answer found`.
    answer: the final answer that was found in the completion, as text; None where the kind looks for none, or found none.
    cause: None where there is a score, else why there is none (see `Cause`).

    >>> Verdict(0.0, "17 is not 18", "17").scored
    True
    """

    score: float | None
    why: str
    answer: str | None = None
    cause: Cause | None = None

    @property
    def scored(self) -> bool:
        return self.score is not None


def right(why: str, answer: str | None = None) -> Verdict:
    """The verdict of a completion that is right."""
    return Verdict(1.0, why, answer)


def wrong(why: str, answer: str | None = None) -> Verdict:
    """The verdict of a completion that is wrong."""
    return Verdict(0.0, why, answer)


def not_scored(why: str, cause: Cause, answer: str | None = None) -> Verdict:
    """The verdict where nothing can be said of the completion."""
    return Verdict(None, why, answer, cause)


def judged(is_right: bool, why: str, answer: str | None = None) -> Verdict:
    """Right or wrong, for the same reason."""
    return Verdict(1.0 if is_right else 0.0, why, answer)


def excerpt(text: str, length: int = 60) -> str:
    """A text as it stands in a reason: on one line, cut in the middle to at most `length` characters.

    >>> excerpt("one\\n two", 20)
    'one two'
    >>> excerpt("a" * 30, 11)
    'aaaaa…aaaaa'
    """
    flat = " ".join(text[: 4 * length].split()) if len(text) <= 4 * length else text[: 4 * length].replace("\n", " ")
    if len(text) > 4 * length:
        flat += text[-length:].replace("\n", " ")
    if len(flat) <= length:
        return flat
    half = (length - 1) // 2
    return f"{flat[:half]}…{flat[-half:]}"
