"""A prompt and its completion, each a text or messages, under whichever names: the most general form, asked last.

Also prompts alone, for rows of the kind `prompt`: as `prompt`, as one turn of the user under `turns`, as messages under
`question`. What verifiable answers are compared with may stand under `reward_model.ground_truth` (verl).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.pipelines.sources.forms.chat import as_row, assistant, chat_keys, read_chat, user, with_system
from gristmill.pipelines.sources.forms.contents import Message
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row
from gristmill.pipelines.sources.forms.references import reference_of
from gristmill.pipelines.sources.forms.turns import is_open_transcript, open_turns
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

PROMPTS = (
    "prompt",
    "question",
    "problem",
    "query",
    "instruction",
    "input",
    "inputs",
    "turns",
    "history",
    "context",
    "post",
)
COMPLETIONS = (
    *("completion", "response", "answer", "output", "target", "targets", "chosen_response", "solution"),
    *("ground_truth", "label_text", "final_answer"),
)
_REFERENCES = ("answer", "target", "targets", "solution", "ground_truth", "final_answer")  # what can be checked


def prompt_name(record: Record) -> str | None:
    """The column that holds a prompt, as a text or as messages."""
    return next((name for name in PROMPTS if _speaks(record.get(name)) or _turn(record.get(name)) is not None), None)


def _completion_name(record: Record, prompt: str | None) -> str | None:
    return next((name for name in COMPLETIONS if name != prompt and _speaks(record.get(name))), None)


def _speaks(value: Any) -> bool:
    return (isinstance(value, str) and bool(value.strip())) or chat_keys(value) is not None


def _turn(value: Any) -> Any:
    """The only element of a list of one: a text, a message without role, or a conversation; None for anything else."""
    if not isinstance(value, list) or len(value) != 1:
        return None
    only = value[0]
    if isinstance(only, Mapping) and "role" not in only and isinstance(only.get("content"), str):
        return only["content"]
    return only if _speaks(only) else None


def _matches(record: Record) -> bool:
    prompt = prompt_name(record)
    return prompt is not None


def said(value: Any, name: str, source: Source) -> list[Message]:
    """The messages of a prompt: a text is one of the user."""
    value = value if _speaks(value) else _turn(value)
    if not isinstance(value, str):
        return read_chat(value, name, source)
    return open_turns(value, name) if is_open_transcript(value) else [user(value)]


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    prompt = prompt_name(record)
    if prompt is None:
        raise RowError("no_prompt", f"no text and no messages under {', '.join(PROMPTS)}")
    completion = _completion_name(record, prompt)
    messages = with_system(said(record[prompt], prompt, source), record)
    if completion is None:
        if kind == "conversation":
            raise RowError("no_completion", f"a prompt under {prompt!r}, and no text under {', '.join(COMPLETIONS)}")
        return [_prompt_alone(messages, record, prompt)]
    answer = record[completion]
    if kind == "prompt" and isinstance(answer, str) and completion in _REFERENCES:
        row = as_row(messages, record, kind, prompt, completion)
        return [{**reference_of(answer), **row}]
    messages += [assistant(answer)] if isinstance(answer, str) else read_chat(answer, completion, source)
    return [as_row(messages, record, kind, prompt, completion)]


def _prompt_alone(messages: list[Message], record: Record, prompt: str) -> Row:
    """A prompt without a completion in words; its reference answer may be a number, or stand where verl has it."""
    reward = record.get("reward_model")
    if isinstance(reward, Mapping) and isinstance(reward.get("ground_truth"), str):
        return {"answer": reward["ground_truth"], **as_row(messages, record, "prompt", prompt)}
    name = next((name for name in _REFERENCES if _is_number(record.get(name))), None)
    row = as_row(messages, record, "prompt", prompt, name)
    return row if name is None else {**reference_of(str(record[name])), **row}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


FORM = Form("prompt_completion", ("conversation", "prompt"), _matches, _rows)
