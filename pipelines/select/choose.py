"""What is chosen of the rows that pass: semantic duplicates go first, then a budget is filled.

A choice is a function of vectors, scores, ids and the seed. Rows are put in an order that is theirs alone before anything is
done, so that neither parts nor engines show.
"""

from dataclasses import dataclass

import numpy as np
from gristmill.pipelines.select.cover import GROUP, cover, shares
from gristmill.pipelines.select.topics import find_topics, topic_count
from gristmill.pipelines.select.walk import KEPT, NEAR, walk
from gristmill.schemas.recipe.curate import Select, SemanticDedup
from gristmill.schemas.rows.embedding import NEAR_SELECTED, NO_VECTOR, OVER_BUDGET, SELECTED, SEMANTIC_DUPLICATE

OUTCOMES = (SELECTED, NEAR_SELECTED, OVER_BUDGET, NO_VECTOR, SEMANTIC_DUPLICATE)
_SELECTED, _NEAR_SELECTED, _OVER_BUDGET, _NO_VECTOR, _SEMANTIC = range(5)


@dataclass(frozen=True)
class ChoosableRows:
    """The rows that pass the rules.

    vectors: float32 (rows, dimension), of length 1, or zeros where there is none. defined: bool (rows,), whether there is one.
    drawn: int64 (rows,), the rows in the order that ids and seed draw. survivors: in survivor order. scored: highest score
    first, without a score last, ties as drawn.
    """

    vectors: np.ndarray
    defined: np.ndarray
    drawn: np.ndarray
    survivors: np.ndarray
    scored: np.ndarray


@dataclass
class Choices:
    """outcome: int8 (rows,) in OUTCOMES. rank, nearest, topic: int64, -1 for none. similarity: float64, nan for none."""

    outcome: np.ndarray
    rank: np.ndarray
    nearest: np.ndarray
    similarity: np.ndarray
    topic: np.ndarray

    def count(self, outcome: str) -> int:
        return int((self.outcome == OUTCOMES.index(outcome)).sum())


def choose(candidates: ChoosableRows, semantic: SemanticDedup | None, select: Select | None) -> Choices:
    """What becomes of each candidate."""
    rows = len(candidates.defined)
    found = Choices(
        np.full(rows, _SELECTED, np.int8),
        np.full(rows, -1, np.int64),
        np.full(rows, -1, np.int64),
        np.full(rows, np.nan),
        np.full(rows, -1, np.int64),
    )
    if semantic is not None:
        order = candidates.survivors[candidates.defined[candidates.survivors]]
        found.rank[order] = np.arange(len(order))
        limit, how = semantic.min_similarity, semantic.neighbours
        _walk(candidates, found, order, len(order), limit, how, _SEMANTIC, reaches=True)
    if select is not None:
        found.outcome[~candidates.defined] = _NO_VECTOR
        _select(candidates, found, select)
    return found


def _select(candidates: ChoosableRows, found: Choices, select: Select) -> None:
    left = found.outcome == _SELECTED
    scored, drawn = (order[left[order]] for order in (candidates.scored, candidates.drawn))
    budget = select.rows_of(len(scored))
    found.rank[scored] = np.arange(len(scored))
    number_of = np.full(len(left), -1, np.int64)
    number_of[scored] = np.arange(len(scored))
    vectors = candidates.vectors[scored]
    topics = select.topics or topic_count(len(scored))
    topic, _ = find_topics(vectors, topics, number_of[drawn])
    found.topic[scored] = topic
    if select.method == "deita":
        _walk(
            candidates, found, scored, budget, select.max_similarity, select.neighbours, _NEAR_SELECTED, vectors=vectors
        )
        return
    found.outcome[scored] = _OVER_BUDGET
    if select.method == "clusters":
        groups = [np.flatnonzero(topic == number) for number in range(int(topic.max(initial=-1)) + 1)]
        given = shares(np.array([len(group) for group in groups]), budget)
        chosen = [group[:share] for group, share in zip(groups, given.tolist(), strict=True)]
    else:
        groups = _groups(vectors, number_of[drawn])
        given = shares(np.array([len(group) for group in groups]), budget)
        chosen = [
            group[cover(vectors[group], share, select.method)]
            for group, share in zip(groups, given.tolist(), strict=True)
        ]
    for rows in chosen:
        found.outcome[scored[rows]] = _SELECTED


def _groups(vectors: np.ndarray, drawn: np.ndarray) -> list[np.ndarray]:
    """Rows in groups of at most GROUP: topics, in pieces where one is larger."""
    if len(vectors) <= GROUP:
        return [np.arange(len(vectors))]
    topic, _ = find_topics(vectors, 2 * len(vectors) // GROUP + 1, drawn)
    by_topic = np.argsort(topic, kind="stable")
    starts = np.flatnonzero(np.diff(topic[by_topic], prepend=-1))
    groups = np.split(by_topic, starts[1:])
    return [group[first : first + GROUP] for group in groups for first in range(0, len(group), GROUP)]


def _walk(
    candidates: ChoosableRows,
    found: Choices,
    order: np.ndarray,
    budget: int,
    limit: float,
    neighbours: str,
    near: int,
    *,
    reaches: bool = False,
    vectors: np.ndarray | None = None,
) -> None:
    """Walk the rows of `order` and note what becomes of them."""
    walked = walk(
        candidates.vectors[order] if vectors is None else vectors, budget, limit, reaches=reaches, neighbours=neighbours
    )
    outcomes = np.where(walked.outcome == KEPT, _SELECTED, np.where(walked.outcome == NEAR, near, _OVER_BUDGET))
    found.outcome[order] = outcomes
    hit = walked.nearest >= 0
    found.nearest[order[hit]] = order[walked.nearest[hit]]
    found.similarity[order[hit]] = walked.similarity[hit]
