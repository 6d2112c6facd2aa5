"""The length of a completion: in characters, words, sentences, lines or paragraphs."""

import re
from typing import Any, Literal

import regex
from gristmill.answers.contract import AnswerKind
from gristmill.answers.final_answer import without_thinking
from gristmill.answers.verdict import Verdict
from gristmill.schemas.strict import Strict
from pydantic import Field, model_validator

Unit = Literal["characters", "words", "sentences", "lines", "paragraphs"]
_SENTENCE_END = re.compile(r"[.!?…]+(?=[\s\"'”’)\]]|$)|[。！？]+")


class LengthOptions(Strict):
    """at_least, at_most: the length that is right, in `unit`. falloff: over so many units outside it the score falls to 0.

    thinking: whether `<think>…</think>` counts, too. Words are runs of letters and digits; where no spaces are between words,
    count characters.
    """

    unit: Unit = "words"
    at_least: int | None = Field(None, ge=0)
    at_most: int | None = Field(None, ge=0)
    falloff: int = Field(0, ge=0)
    thinking: bool = False

    @model_validator(mode="after")
    def _some_limit(self) -> "LengthOptions":
        if self.at_least is None and self.at_most is None:
            raise ValueError("a checker of kind length has `at_least` or `at_most`")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least is {self.at_least}, at_most {self.at_most}: no text is of such a length")
        return self


def length_of(text: str, unit: Unit) -> int:
    """The length of a text.

    >>> [length_of("One two. Three!", unit) for unit in ("characters", "words", "sentences", "lines")]
    [15, 3, 2, 1]
    """
    if unit == "characters":
        return len(text)
    if unit == "words":
        return len(regex.findall(r"\w+", text))  # whose words hold the vowel signs of Indic scripts
    if unit == "sentences":
        ends = list(_SENTENCE_END.finditer(text))
        rest = text[ends[-1].end() :] if ends else text
        return len(ends) + bool(re.search(r"\w", rest))
    if unit == "lines":
        return len([line for line in text.splitlines() if line.strip()])
    return len([part for part in re.split(r"\n\s*\n", text) if part.strip()])


def check(completion: str, _reference: Any, options: LengthOptions) -> Verdict:
    """Whether a completion is as long as the options want it."""
    text = completion if options.thinking else without_thinking(completion)
    length = length_of(text.strip(), options.unit)
    lacking = max(0, (options.at_least or 0) - length)
    over = 0 if options.at_most is None else max(0, length - options.at_most)
    outside = lacking or over
    score = 1.0 if not outside else max(0.0, 1.0 - outside / options.falloff) if options.falloff else 0.0
    wanted = f"at least {options.at_least}" if lacking else f"at most {options.at_most}"
    return Verdict(score, f"{length} {options.unit}" + (f", not {wanted}" if outside else ""))


KIND = AnswerKind("length", LengthOptions, check)
