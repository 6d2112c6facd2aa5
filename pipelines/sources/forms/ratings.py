"""Several answers to one instruction, each rated or ranked: UltraFeedback and its like.

As pairs: `comparisons.pairs_of` says which. As conversations: each answer is a row, with its `score` and ratings beside it.
"""

from collections.abc import Sequence

from gristmill.pipelines.sources.forms.candidates import CandidateAnswers, candidates_of, messages_of
from gristmill.pipelines.sources.forms.chat import as_row
from gristmill.pipelines.sources.forms.comparisons import ComparedAnswer, pairs_of
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row
from gristmill.pipelines.sources.forms.preference import prompt_of, with_tools
from gristmill.pipelines.sources.forms.scores import score_of
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError


def _matches(record: Record) -> bool:
    found = candidates_of(record)
    return found is not None and any(score_of(facts) is not None for facts in found.facts)


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    found = candidates_of(record)
    if found is None:
        raise RowError(
            "missing_completions", "no list of at least two answers, under `completions` or another usual name"
        )
    prompt, read = prompt_of({name: value for name, value in record.items() if name not in found.read}, source)
    if not prompt:
        raise RowError("no_prompt", "answers with ratings, and no column is their prompt")
    answers = _answers(found, source)
    if kind == "pair":
        return pairs_of(prompt, answers, source.pairs, with_tools(record, *found.read, *read))
    return [
        {**as_row([*prompt, *answer.messages], record, kind, *found.read, *read), **_facts(answer)}
        for answer in answers
    ]


def _answers(found: CandidateAnswers, source: Source) -> list[ComparedAnswer]:
    return [
        ComparedAnswer(messages_of(text, found.read[0], source), score_of(facts, source.pairs.score), facts)
        for text, facts in zip(found.texts, found.facts, strict=True)
    ]


def _facts(answer: ComparedAnswer) -> Row:
    return answer.facts if answer.score is None else {**answer.facts, "score": answer.score}


FORM = Form("ratings", ("conversation", "pair"), _matches, _rows)
