"""Answers that are words: equal to a reference, or holding it."""

import re
import unicodedata
from typing import Any, Literal

from gristmill.answers.contract import AnswerKind
from gristmill.answers.final_answer import AnswerIn, final_answers, without_thinking
from gristmill.answers.verdict import UnusableReference, Verdict, excerpt, judged, wrong
from gristmill.schemas.strict import Strict

Ignored = Literal["case", "whitespace", "punctuation", "articles", "accents"]
_ARTICLES = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)


class ExactOptions(Strict):
    """ignore: what makes no difference. answer_in: where the answer must stand; without a mark it is the whole completion."""

    ignore: tuple[Ignored, ...] = ("case", "whitespace", "punctuation")
    answer_in: AnswerIn = "anywhere"


class ContainsOptions(Strict):
    """ignore: what makes no difference. every: all texts of the reference must be there, else one is enough.

    whole_words: a text counts only where no letter or digit is next to it. absent: the texts must not be there instead.
    """

    ignore: tuple[Ignored, ...] = ("case", "whitespace")
    every: bool = True
    whole_words: bool = False
    absent: bool = False


def normalised(text: str, ignore: tuple[Ignored, ...]) -> str:
    """A text without what makes no difference.

    >>> normalised("The  Café!", ("case", "whitespace", "punctuation", "articles", "accents"))
    'cafe'
    """
    text = unicodedata.normalize("NFC", text)
    if "accents" in ignore:
        text = "".join(mark for mark in unicodedata.normalize("NFD", text) if unicodedata.category(mark) != "Mn")
    if "case" in ignore:
        text = text.casefold()
    if "punctuation" in ignore:
        text = "".join(" " if unicodedata.category(mark)[0] == "P" else mark for mark in text)
    if "articles" in ignore:
        text = _ARTICLES.sub(" ", text)
    return " ".join(text.split()) if "whitespace" in ignore else text


def references(reference: Any) -> list[str]:
    """The texts of a reference: one, or a list of them. UnusableReference where there are none."""
    texts = reference if isinstance(reference, list | tuple) else [reference]
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise UnusableReference(f"the reference is {excerpt(repr(reference))}; expected a text or a list of texts")
    return list(texts)


def check_exact(completion: str, reference: Any, options: ExactOptions) -> Verdict:
    """Compare the final answer of a completion with the reference: a text, or a list of which any is right."""
    wanted = [normalised(text, options.ignore) for text in references(reference)]
    answers = [answer.text for answer in final_answers(completion, options.answer_in)]
    if not answers and options.answer_in == "anywhere" and without_thinking(completion).strip():
        answers = [without_thinking(completion).strip()]
    if not answers:
        return wrong("no answer found")
    equal = normalised(answers[0], options.ignore) in wanted
    return judged(equal, f"{excerpt(answers[0])!r} is {'' if equal else 'not '}{excerpt(wanted[0])!r}", answers[0])


def check_contains(completion: str, reference: Any, options: ContainsOptions) -> Verdict:
    """Whether a completion, without its thinking, holds the texts of the reference."""
    text = normalised(without_thinking(completion), options.ignore)
    wanted = references(reference)
    held = [part for part in wanted if _holds(text, normalised(part, options.ignore), options.whole_words)]
    if options.absent:
        return judged(not held, f"holds {excerpt(held[0])!r}" if held else "holds none of the texts")
    if options.every:
        lacking = [part for part in wanted if part not in held]
        return judged(not lacking, f"lacks {excerpt(lacking[0])!r}" if lacking else "holds every text")
    return judged(bool(held), f"holds {excerpt(held[0])!r}" if held else "holds none of the texts")


def _holds(text: str, part: str, whole_words: bool) -> bool:
    if not whole_words:
        return part in text
    return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) is not None


def _completion_of(reference: Any, options: ExactOptions | ContainsOptions) -> str | None:
    if isinstance(options, ContainsOptions) and options.absent:
        return None
    if isinstance(reference, list) and all(isinstance(text, str) for text in reference):
        return "\n".join(reference) if isinstance(options, ContainsOptions) else next(iter(reference), None)
    return reference if isinstance(reference, str) else None


EXACT = AnswerKind("exact", ExactOptions, check_exact, completion_of=_completion_of)
CONTAINS = AnswerKind("contains", ContainsOptions, check_contains, completion_of=_completion_of)
