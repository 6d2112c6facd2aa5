"""One answer in each record, rated or checked; neighbouring records of one prompt are compared, as `ratings` and `outcomes`
compare those of one record.

Only neighbours of a file meet, so that memory is bounded: a file whose records stand otherwise is sorted by prompt first. What
all records of a prompt say alike is said of the pair, the rest of each answer.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.pipelines.sources.forms import outcomes, ratings
from gristmill.pipelines.sources.forms.comparisons import UNRATED
from gristmill.pipelines.sources.forms.form import Dropped, Form, Gathering, Joined, Record, Row, filled
from gristmill.pipelines.sources.forms.prompt_completion import COMPLETIONS, prompt_name
from gristmill.pipelines.sources.forms.scores import score_of
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_ANSWERS, _ANSWER = "completions", "response"  # of the record that neighbours become, as `candidates_of` reads it
_OF_PROMPTS = ("input", "system", "system_prompt")  # columns that are part of a prompt, beside its own
_OF_ANSWERS = ("score", "rating", "reward", "rank", *outcomes.FLAGS)  # of an answer, also where all records agree


def _answer_name(record: Record) -> str | None:
    prompt = prompt_name(record)
    return next((name for name in COMPLETIONS if name != prompt and filled(record, name)), None)


def _is_checked(record: Record) -> bool:
    return any(isinstance(record.get(name), bool) for name in outcomes.FLAGS)


def _matches(record: Record) -> bool:
    judged = _is_checked(record) or score_of(record) is not None
    return judged and prompt_name(record) is not None and _answer_name(record) is not None


def _key(record: Record) -> Any:
    """The prompt as a text; None: the record is none of this form."""
    name = prompt_name(record) if _matches(record) else None
    if name is None:
        return None
    return json.dumps([record.get(column) for column in (name, *_OF_PROMPTS)], sort_keys=True, default=str)


def _join(records: Sequence[Record]) -> Joined:
    """A record with a list of answers."""
    first, *others = records
    of_answers = {*_OF_ANSWERS, *map(_answer_name, records)}
    alike = {name for name, value in first.items() if all(one.get(name) == value for one in others)} - of_answers
    answers = []
    for one in records:
        name = _answer_name(one)
        facts = {key: value for key, value in one.items() if key != name and key not in alike}
        answers.append({**facts, _ANSWER: one.get(name) if name else None})
    return Joined({**{name: first[name] for name in first if name in alike}, _ANSWERS: answers})


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    answers = record.get(_ANSWERS)
    if not isinstance(answers, list):
        raise RowError("no_rated_answer", "no prompt with an answer and its score, rating, reward, or true or false")
    if len(answers) < 2:
        return [UNRATED]
    compared = outcomes if any(isinstance(one, Mapping) and _is_checked(one) for one in answers) else ratings
    return compared.FORM.rows(record, kind, source)


FORM = Form("rated_answers", ("pair",), _matches, _rows, Gathering(_key, _join))
