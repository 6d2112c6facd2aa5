"""Several answers to one problem, each checked: right or wrong.

Three layouts: a list of objects with `is_correct`; a list of texts beside a list of true and false; columns that are
each an object with `is_correct`. As pairs: a right answer is chosen, a wrong one rejected. As conversations: the right
answers. As prompts: the problem with its reference answer and `pass_rate`, the share of right answers among `samples`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gristmill.pipelines.sources.forms.candidates import candidates_of, messages_of
from gristmill.pipelines.sources.forms.chat import as_row
from gristmill.pipelines.sources.forms.comparisons import ComparedAnswer, pairs_of
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, beside
from gristmill.pipelines.sources.forms.preference import prompt_of, with_tools
from gristmill.pipelines.sources.forms.references import reference_of
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

FLAGS = ("is_correct", "correct", "passed", "pass", "score", "label", "correctness", "correctness_math_verify")
_TEXTS = ("solution", "completion", "response", "text", "answer", "output")
_REFERENCES = ("ground_truth", "gt", "answer", "final_answer", "target", "gt_answer", "gt_cot", "solution")


class Checked(NamedTuple):
    """An answer, whether it is right, what else is known of it."""

    text: Any
    is_correct: bool
    facts: Row


def _flag(facts: Mapping[str, Any]) -> str | None:
    return next((name for name in FLAGS if isinstance(facts.get(name), bool)), None)


def _checked(record: Record) -> tuple[list[Checked], tuple[str, ...]]:
    """(the checked answers, the columns they were read from); nothing where there are none."""
    found = candidates_of(record)
    if found is not None and any(_flag(facts) for facts in found.facts):
        made = [
            Checked(text, facts[flag], {name: value for name, value in facts.items() if name != flag})
            for text, facts in zip(found.texts, found.facts, strict=True)
            if (flag := _flag(facts)) is not None
        ]
        return made, found.read
    columns = [name for name, value in record.items() if _is_checked(value)]
    return [_of_column(record[name], name) for name in columns], tuple(columns)


def _is_checked(value: Any) -> bool:
    return (
        isinstance(value, Mapping) and _flag(value) is not None and any(isinstance(value.get(n), str) for n in _TEXTS)
    )


def _of_column(value: Mapping[str, Any], name: str) -> Checked:
    flag = _flag(value)
    text = next(key for key in _TEXTS if isinstance(value.get(key), str))
    rest = {key: item for key, item in value.items() if key not in (flag, text)}
    return Checked(value[text], bool(flag and value[flag]), {"sample": name, **rest})


def _matches(record: Record) -> bool:
    return bool(_checked(record)[0])


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    checked, read = _checked(record)
    if not checked:
        raise RowError("missing_outcomes", f"no answers with one of {', '.join(FLAGS)}, true or false")
    prompt, asked = prompt_of({name: value for name, value in record.items() if name not in read}, source)
    if not prompt:
        raise RowError("no_prompt", "checked answers, and no column is their problem")
    if kind == "prompt":
        return [_prompt(record, prompt, asked, checked)]
    answers = [
        ComparedAnswer(messages_of(one.text, "answer", source), float(one.is_correct), one.facts) for one in checked
    ]
    if kind == "pair":
        made = pairs_of(prompt, answers, source.pairs, with_tools(record, *read, *asked))
        return [_said(one, answers) if isinstance(one, Dropped) else one for one in made]
    return [
        {**as_row([*prompt, *answer.messages], record, kind, *read, *asked), **answer.facts, "is_correct": True}
        if answer.score
        else Dropped("wrong_answer")
        for answer in answers
    ]


def _said(dropped: Dropped, answers: Sequence[ComparedAnswer]) -> Dropped:
    """A tie of right and wrong by its own name."""
    if dropped.reason != "tie" or len({answer.score for answer in answers}) > 1:
        return dropped
    return Dropped("all_right" if answers[0].score else "all_wrong")


def _prompt(record: Record, prompt: list[Row], asked: Sequence[str], checked: Sequence[Checked]) -> Row:
    """The problem as a prompt; the answers stay among its fields."""
    name = next((name for name in _REFERENCES if isinstance(record.get(name), str)), None)
    row = {**beside(record, "prompt", *asked, name), "prompt": prompt}
    row |= {"pass_rate": sum(one.is_correct for one in checked) / len(checked), "samples": len(checked)}
    return row if name is None else {**row, **reference_of(record[name])}


FORM = Form("outcomes", ("conversation", "pair", "prompt"), _matches, _rows)
