"""Policies are data: rules over signals, gathered in named, versioned profiles."""

import re
from typing import Literal

from gristmill.schemas.strict import Strict
from pydantic import Field, field_validator

ORIGINAL = "original"
LONGEST_SHOWN = 200
_KEEP = re.compile(r"^\s*(>=|<=|==|!=|>|<|in|not in)\s+(.+?)\s*$")
_NUMBER = re.compile(r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$")

Value = int | float | bool | str


def parse_value(text: str) -> Value:
    """'50' -> 50, '0.3' -> 0.3, 'true' -> True, anything else is a string.

    >>> [parse_value(v) for v in ("50", "0.3", "true", "en", "'7'")]
    [50, 0.3, True, 'en', '7']
    """
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.match(text):
        return float(text) if any(c in text for c in ".eE") else int(text)
    return text.strip("'\"")


class Rule(Strict):
    """One condition a kept document fulfils: `keep` compares one signal with a constant.

    name: the fact found when the rule fails (`few_words`), unique within a profile.
    signal: `name` or `name@text_version`.
    keep: `>= 50`, `< 0.3`, `== true`, `in [en, de]`, `not in [spam]`.
    if_null: what happens to a document whose signal is undefined.
    source: paper, section or file the threshold comes from.
    """

    name: str
    signal: str
    keep: str
    if_null: Literal["keep", "drop"] = "keep"
    source: str = ""

    @field_validator("keep")
    @classmethod
    def _check_keep(cls, text: str) -> str:
        match = _KEEP.match(text)
        if not match:
            raise ValueError(f"found {text!r}; expected a comparison: '>= 50', '< 0.3', '== true', 'in [en, de]'")
        operator, right = match.groups()
        if operator.endswith("in") and not (right.startswith("[") and right.endswith("]")):
            raise ValueError(f"found {text!r}; expected a list such as 'in [en, de]'")
        return text

    @property
    def shown(self) -> str:
        """The condition for people: a long list of values is cut."""
        return self.keep if len(self.keep) <= LONGEST_SHOWN else self.keep[:LONGEST_SHOWN] + "…"

    @property
    def operator(self) -> str:
        return _KEEP.match(self.keep).group(1)  # type: ignore[union-attr]

    @property
    def operand(self) -> Value | list[Value]:
        right = _KEEP.match(self.keep).group(2)  # type: ignore[union-attr]
        if self.operator.endswith("in"):
            return [parse_value(part.strip()) for part in right[1:-1].split(",") if part.strip()]
        return parse_value(right)

    @property
    def signal_name(self) -> str:
        return self.signal.partition("@")[0]

    @property
    def text_version(self) -> str:
        return self.signal.partition("@")[2] or ORIGINAL


class Profile(Strict):
    """A named, versioned set of rules.

    text_version: the text a document is materialised as under this profile (`original` or a named chain of edits).
    languages: ISO 639 codes the rules were made for; empty means any.
    """

    name: str
    version: int = 1
    description: str = ""
    source: str = ""
    languages: tuple[str, ...] = ()
    text_version: str = ORIGINAL
    rules: tuple[Rule, ...] = Field(min_length=1)
