"""Questions with their answers, as the reader of Stack Exchange dumps puts them together.

A record has `question` (`title`, `body`, `score`) and `answers`, each with `body`, `score` and `is_accepted`. As a
conversation: the question and its best answer. As pairs: answers against each other, by `pm_score` or, with `pairs: {score:
votes}`, by the votes. As a prompt: the question. pm_score is log2(1 + votes), rounded, and one more for the accepted answer; -1
for less than no votes (Askell et al. 2021, A.2).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.pipelines.sources.forms.chat import assistant, user
from gristmill.pipelines.sources.forms.comparisons import ComparedAnswer, pairs_of
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, beside
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_ANSWER_FACTS = ("id", "score", "is_accepted", "url", "author", "license", "timestamp")


def _matches(record: Record) -> bool:
    question, answers = record.get("question"), record.get("answers")
    return (
        isinstance(question, Mapping)
        and isinstance(question.get("body"), str)
        and isinstance(answers, list)
        and all(isinstance(one, Mapping) and isinstance(one.get("body"), str) for one in answers)
    )


def pm_score(votes: float, is_accepted: bool) -> float:
    """How good an answer is by votes and acceptance: log2(1 + votes), rounded, plus 1 if accepted; -1 below no votes.

    >>> [pm_score(votes, False) for votes in (-3, 0, 1, 6)], pm_score(6, True)
    ([-1.0, 0.0, 1.0, 3.0], 4.0)
    """
    return float((round(math.log2(1 + votes)) if votes >= 0 else -1) + bool(is_accepted))


def rank_of(answer: Mapping[str, Any]) -> tuple[bool, float, str, str]:
    """The key that sorts answers, the best first: accepted, then votes, then age."""
    return (
        not answer.get("is_accepted"),
        -float(answer.get("score") or 0),
        str(answer.get("timestamp") or ""),
        str(answer.get("id") or ""),
    )


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    if not _matches(record):
        raise RowError("missing_question_or_answers", "no 'question' with a body and list of 'answers'")
    question = record["question"]
    text = "\n\n".join(part.strip() for part in (question.get("title") or "", question["body"]) if part.strip())
    rest = beside(record, kind, "question", "answers")
    rest |= {"question": {name: value for name, value in question.items() if name not in ("title", "body")}}
    answers = sorted((one for one in record["answers"] if one["body"].strip()), key=rank_of)
    if not text:
        raise RowError("no_question", "the question has neither title nor body")
    if kind == "prompt":
        return [{**rest, "prompt": [user(text)]}]
    if kind == "pair":
        return pairs_of([user(text)], [_rated(one, source) for one in answers], source.pairs, rest)
    if not answers:
        return [Dropped("unanswered")]
    return [{**rest, "messages": [user(text), {**assistant(answers[0]["body"]), **_facts(answers[0])}]}]


def _facts(answer: Mapping[str, Any]) -> Row:
    return {name: answer[name] for name in _ANSWER_FACTS if answer.get(name) is not None}


def _rated(answer: Mapping[str, Any], source: Source) -> ComparedAnswer:
    votes, accepted = float(answer.get("score") or 0), bool(answer.get("is_accepted"))
    score = votes if source.pairs.score == "votes" else pm_score(votes, accepted)
    return ComparedAnswer([assistant(answer["body"])], score, {**_facts(answer), "votes": votes})


FORM = Form("question_answers", ("conversation", "pair", "prompt"), _matches, _rows)
