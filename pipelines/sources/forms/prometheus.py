"""An answer that judges rated, inside the prompt that they were given, in one text with the task and the rubric.

The sections begin with `###` and their names, as in the prompts of Prometheus. A row is the conversation of instruction
and response; `score` is the mean of the judges' scores (`score`, `gpt4_score`, `scores`: a number or a list). One
record holds one answer, so it makes no pair.
"""

import re
from collections.abc import Sequence

from gristmill.filters.pairs.judgement import finite_number
from gristmill.pipelines.sources.forms.chat import assistant, user
from gristmill.pipelines.sources.forms.contents import Message
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row, beside, filled
from gristmill.pipelines.sources.forms.scores import mean
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

_TEXT = "instruction"
_SECTION = re.compile(
    r"^###\s?(The instruction to evaluate|Response to evaluate|Reference Answer[^\n]*?|Score Rubrics|Feedback):[ \t]*\n?",
    re.MULTILINE,
)
_SCORES = ("score", "gpt4_score", "scores", "orig_score")


def _sections(text: str) -> dict[str, str]:
    """The sections of a judge's prompt by the first word of their name (`The`, `Response`, `Reference`, `Score`)."""
    found = list(_SECTION.finditer(text))
    ends = [*(section.start() for section in found[1:]), len(text)]
    return {
        section.group(1).split()[0]: text[section.end() : end].strip("\n")
        for section, end in zip(found, ends, strict=False)
    }


def _prompt(record: Record, messages: list[Message]) -> Row:
    """The instruction as a prompt; the response that was judged stays beside it."""
    return {**beside(record, "prompt", _TEXT), "prompt": messages[:1], "response": messages[1]["content"]}


def _matches(record: Record) -> bool:
    text = filled(record, _TEXT)
    return text is not None and "###Response to evaluate" in text.replace("### ", "###")


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    sections = _sections(filled(record, _TEXT) or "")
    if "The" not in sections or "Response" not in sections:
        raise RowError(
            "missing_sections", "no sections `###The instruction to evaluate:` and `###Response to evaluate:`"
        )
    messages = [user(sections["The"]), assistant(sections["Response"])]
    row = {**beside(record, kind, _TEXT), "messages": messages} if kind == "conversation" else _prompt(record, messages)
    row |= {
        name: sections[section]
        for name, section in (("reference_answer", "Reference"), ("rubric", "Score"))
        if section in sections
    }
    name = next((name for name in _SCORES if record.get(name) is not None), None)
    values = record[name] if name and isinstance(record[name], list) else [record.get(name or "")]
    score = mean([found for value in values if (found := finite_number(value)) is not None])
    return [row if score is None else {**row, "score": score}]


FORM = Form("prometheus", ("conversation", "prompt"), _matches, _rows)
