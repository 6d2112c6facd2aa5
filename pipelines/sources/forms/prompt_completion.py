"""A prompt and its completion, each a text or messages, under whichever names: the most general form, asked last.

Also prompts alone, for rows of the kind `prompt`: as `prompt`, as one turn of the user under `turns`, as messages under
`question`. What verifiable answers are compared with may stand under `reward_model.ground_truth` (verl).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.pipelines.sources.forms.chat import as_row, assistant, chat_keys, read_chat, user, with_system
from gristmill.pipelines.sources.forms.contents import Message
from gristmill.pipelines.sources.forms.form import Dropped, Form, Record, Row
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.kind import RowError

PROMPTS = ("prompt", "question", "problem", "query", "instruction", "input", "inputs", "turns")
COMPLETIONS = (
    *("completion", "response", "answer", "output", "target", "targets", "chosen_response", "solution"),
    *("ground_truth", "label_text", "final_answer"),
)


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
    return [user(value)] if isinstance(value, str) else read_chat(value, name, source)


def _rows(record: Record, kind: str, source: Source) -> Sequence[Row | Dropped]:
    prompt = prompt_name(record)
    if prompt is None:
        raise RowError("no_prompt", f"no text and no messages under {', '.join(PROMPTS)}")
    completion = _completion_name(record, prompt)
    messages = with_system(said(record[prompt], prompt, source), record)
    if completion is None:
        if kind == "conversation":
            raise RowError("no_completion", f"a prompt under {prompt!r}, and no text under {', '.join(COMPLETIONS)}")
        return [_prompt_alone(messages, record, kind, prompt)]
    answer = record[completion]
    messages += [assistant(answer)] if isinstance(answer, str) else read_chat(answer, completion, source)
    return [as_row(messages, record, kind, prompt, completion)]


def _prompt_alone(messages: list[Message], record: Record, kind: str, prompt: str) -> Row:
    row = as_row(messages, record, kind, prompt)
    reward = record.get("reward_model")
    truth = reward.get("ground_truth") if isinstance(reward, Mapping) else None
    return {**row, "answer": truth} if isinstance(truth, str) else row


FORM = Form("prompt_completion", ("conversation", "prompt"), _matches, _rows)
