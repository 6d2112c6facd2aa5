"""Answers to one prompt, of which some are better than others, as preference pairs.

Which pairs: a function of the prompt, the answers, their scores and the recipe's options, never of the order of the
answers or of where the record stands. Draws are keyed by the seed and the content.
"""

import json
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import combinations
from typing import Any, NamedTuple

from gristmill.pipelines.sources.forms.contents import Message
from gristmill.pipelines.sources.forms.form import Dropped, Row
from gristmill.schemas.recipe.source import PairOptions

TIE = Dropped("tie")
BELOW_MARGIN = Dropped("below_min_margin")
UNRATED = Dropped("fewer_than_two_rated")
ABOVE_LIMIT = Dropped("above_max_pairs")


class ComparedAnswer(NamedTuple):
    """One answer: its messages, how good it is (more is better; None: nobody says), and what else is known of it."""

    messages: list[Message]
    score: float | None
    facts: Row


def pairs_of(
    prompt: list[Message], answers: Sequence[ComparedAnswer], options: PairOptions, rest: Row
) -> list[Row | Dropped]:
    """The pairs that the options choose, each as a row, and the comparisons that they drop.

    rest: what the record says beside the answers; every row has it. The facts of the two answers follow with `_chosen` and
    `_rejected` behind their names, `score` among them. Equal scores make no pair. Answers without a score are left out.
    """
    rated = [(_draw(options.seed, prompt, answer.messages), answer) for answer in answers if answer.score is not None]
    if len(rated) < 2:
        return [UNRATED]
    ranked = [answer for _, answer in sorted(rated, key=lambda one: (-one[1].score, one[0]))]  # type: ignore[operator]
    made: list[Row | Dropped] = []
    kept = 0
    for better, worse in _chosen(ranked, options, prompt):
        dropped = _refusal(better, worse, options, kept)
        kept += dropped is None
        made.append(_row(prompt, better, worse, rest) if dropped is None else dropped)
    return made


def _chosen(
    ranked: Sequence[ComparedAnswer], options: PairOptions, prompt: list[Message]
) -> Iterator[tuple[ComparedAnswer, ComparedAnswer]]:
    """The pairs to be considered, of answers with the best first."""
    best, worst = ranked[0], ranked[-1]
    if options.choose == "all":
        pairs = [(_draw(options.seed, prompt, a.messages + b.messages), a, b) for a, b in combinations(ranked, 2)]
        yield from ((a, b) for _, a, b in sorted(pairs, key=lambda one: one[0]))
        return
    if options.choose == "best_random_lower":
        lower = [answer for answer in ranked if _refusal(best, answer, options, 0) is None]
        drawn = min(lower, key=lambda answer: _draw(options.seed, prompt, answer.messages, "lower"), default=worst)
        yield best, drawn
        return
    yield best, worst


def _refusal(better: ComparedAnswer, worse: ComparedAnswer, options: PairOptions, kept: int) -> Dropped | None:
    """Why two answers make no pair; None where they do. kept: pairs that the record has made already."""
    margin = (better.score or 0.0) - (worse.score or 0.0)
    if margin <= 0:
        return TIE
    if margin < options.min_margin:
        return BELOW_MARGIN
    return ABOVE_LIMIT if kept >= options.max_pairs else None


def _row(prompt: list[Message], better: ComparedAnswer, worse: ComparedAnswer, rest: Row) -> Row:
    row: Row = {**rest, "prompt": prompt, "chosen": better.messages, "rejected": worse.messages}
    for side, answer in (("chosen", better), ("rejected", worse)):
        facts = {**answer.facts, "score": answer.score}
        row |= {f"{name}_{side}": value for name, value in facts.items()}
    return row


def _draw(seed: int, *content: Any) -> str:
    """A number as hexadecimal digits, drawn by a seed and content."""
    text = json.dumps([seed, *content], sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=16).hexdigest()
