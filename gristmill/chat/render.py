"""Rendering conversations by a chat template, with the places of what the assistant wrote.

As `apply_chat_template` of transformers renders them, without transformers: Jinja in its sandbox, blocks trimmed, the same
names. A template may come from anybody, so it runs in Jinja's immutable sandbox.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Rendered(NamedTuple):
    """text: the conversation. generated: (start, end) in characters of what the assistant wrote, in order."""

    text: str
    generated: list[tuple[int, int]]


class UnrenderedError(ValueError):
    """A template that is none, or one that refuses the messages; the message says why, on one line."""


class _Progress(threading.local):
    """What a thread has rendered of its conversation: how many characters, and where the assistant's stand."""

    characters = 0
    spans: list[tuple[int, int]]


_progress = _Progress()


class _Generation(Extension):
    """The tag `{% generation %}`: notes where its contents stand in what was rendered so far."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_noted"), [], [], body).set_lineno(line)

    def _noted(self, caller: Any) -> str:
        text = str(caller())
        start = _progress.characters
        _progress.spans.append((start, start + len(text)))
        return text


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)


@lru_cache(maxsize=16)
def _compiled(template: str) -> Any:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    try:
        return environment.from_string(template)
    except TemplateError as error:
        raise UnrenderedError(f"no chat template: {_line(error)}") from error


def marks_generation(template: str) -> bool:
    """Whether a template says what the assistant wrote."""
    return "{%" in template and "endgeneration" in template


def render(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Any] | None = None,
    special_tokens: Mapping[str, str] | None = None,
) -> Rendered:
    """The conversation as one text; several threads may render at once. Raises UnrenderedError.

    special_tokens: `bos_token`, `eos_token`, ... as templates name them.
    """
    compiled = _compiled(template)
    blocks: list[str] = []
    _progress.characters, _progress.spans = 0, []
    try:
        for block in compiled.generate(
            **(special_tokens or {}), messages=messages, tools=tools, documents=None, add_generation_prompt=False
        ):
            blocks.append(block)
            _progress.characters += len(block)
    except Exception as error:  # a template raises what it likes
        raise UnrenderedError(f"the chat template refuses it ({_line(error)})") from error
    return Rendered("".join(blocks), _progress.spans)


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
