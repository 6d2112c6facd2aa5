"""The form of a completion: tags that stand in order, each once, such as `<think>…</think><answer>…</answer>`."""

import re
from typing import Any

from gristmill.answers.contract import AnswerKind
from gristmill.answers.verdict import Verdict, right, wrong
from gristmill.schemas.strict import Strict
from pydantic import Field, field_validator


class FormatOptions(Strict):
    """tags: their names, in order. begun: the prompt has opened the first one already. only: nothing stands outside of them.

    empty: whether a tag may hold nothing.
    """

    tags: tuple[str, ...] = Field(("think", "answer"), min_length=1)
    begun: bool = False
    only: bool = True
    empty: bool = False

    @field_validator("tags")
    @classmethod
    def _names(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        wrong_names = [tag for tag in tags if not re.fullmatch(r"[A-Za-z_][\w-]*", tag)]
        if wrong_names or len(set(tags)) != len(tags):
            raise ValueError(f"tags are names, each once, not {', '.join(map(repr, wrong_names or tags))}")
        return tags


def check(completion: str, _reference: Any, options: FormatOptions) -> Verdict:
    """Whether a completion has the tags, and nothing else."""
    text = f"<{options.tags[0]}>{completion}" if options.begun else completion
    place = 0
    for tag in options.tags:
        opening, closing = f"<{tag}>", f"</{tag}>"
        for mark in (opening, closing):
            count = text.count(mark)
            if count != 1:
                return wrong(f"{mark} stands {count} times" if count else f"no {mark}")
        begin, end = text.index(opening), text.index(closing)
        if begin < place or end < begin:
            return wrong(f"{opening} is not in its place")
        if options.only and text[place:begin].strip():
            return wrong(f"text before {opening}")
        if not options.empty and not text[begin + len(opening) : end].strip():
            return wrong(f"nothing in {opening}")
        place = end + len(closing)
    if options.only and text[place:].strip():
        return wrong(f"text behind </{options.tags[-1]}>")
    return right("as it should be")


KIND = AnswerKind("format", FormatOptions, check)
