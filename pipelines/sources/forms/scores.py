"""How good an answer is, as data sets say it: numbers, numbers as text, ratings by aspect, ranks."""

from collections.abc import Iterator, Mapping
from typing import Any

from gristmill.filters.pairs.judgement import finite_number

_OVERALL = ("score", "rating", "reward")
_REPAIRED = ("fine-grained_score", "fine_grained_score")
_LAST = ("overall_score", "overall_rating")
_RANK = "rank"  # the best has the least


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def score_of(answer: Mapping[str, Any], name: str | None = None) -> float | None:
    """How good an answer is by what stands beside it; more is better, None: nothing says.

    name: of the rating that counts, of the answer or among its aspects. Without a name, the first there is of: a score, rating
    or reward; the mean of the aspects' ratings; the score made of them; the overall score; the rank, as a negative number. The
    overall score comes late because that of UltraFeedback was wrong for 2,628 answers that were marked 10 instead of 1.
    """
    if name is not None:
        found = _first(answer, (name,))
        return _rating(_aspects(answer).get(name)) if found is None else found
    if (found := _first(answer, _OVERALL)) is not None:
        return found
    ratings = [rating for aspect in _aspects(answer).values() if (rating := _rating(aspect)) is not None]
    found = mean(ratings)
    if found is None:
        found = _first(answer, (*_REPAIRED, *_LAST))
    rank = finite_number(answer.get(_RANK))
    return -rank if found is None and rank is not None else found


def _first(answer: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    """The first of these values that is a number; of a list of numbers their mean."""
    for name in names:
        value = answer.get(name)
        found = mean(list(_numbers(value))) if isinstance(value, list) else finite_number(value)
        if found is not None:
            return found
    return None


def _numbers(values: list[Any]) -> Iterator[float]:
    for value in values:
        if (found := finite_number(value)) is not None:
            yield found


def _aspects(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("annotations", "ratings", "aspects"):
        if isinstance(answer.get(name), Mapping):
            return answer[name]  # type: ignore[no-any-return]
    return {}


def _rating(aspect: Any) -> float | None:
    """The number of an aspect: itself, its `Rating`, or the mean of several annotators'."""
    if isinstance(aspect, list):
        return mean([found for one in aspect if (found := _rating(one)) is not None])
    if isinstance(aspect, Mapping):
        return next((finite_number(aspect[name]) for name in ("Rating", "rating", "score") if name in aspect), None)
    return finite_number(aspect)
