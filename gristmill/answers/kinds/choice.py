"""Multiple choice: the letter of an option, or its text."""

import re
import unicodedata
from typing import Any

from gristmill.answers.contract import AnswerKind
from gristmill.answers.final_answer import AnswerIn, final_answers, without_thinking
from gristmill.answers.numerals import with_plain_digits
from gristmill.answers.verdict import UnusableReference, Verdict, excerpt, judged, wrong
from gristmill.schemas.strict import Strict
from pydantic import Field

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_OPENING, _CLOSING = r"[(\[{*_`\"'“‘\s]*", r"[)\]}*_`\"'”’]*"


class ChoiceOptions(Strict):
    """choices: the options' texts, so that an answer may be the text of one. labels: what they are called, in order.

    answer_in: where the answer must stand.
    """

    choices: tuple[str, ...] = ()
    labels: tuple[str, ...] = Field(LETTERS, min_length=1)
    answer_in: AnswerIn = "anywhere"


def check(completion: str, reference: Any, options: ChoiceOptions) -> Verdict:
    """Compare the option that a completion chooses with the reference: a label, a text of `choices`, or a position from 0."""
    labels = options.labels[: len(options.choices)] if options.choices else options.labels
    wanted = reference_label(reference, labels, options)
    found = chosen_label(completion, labels, options)
    if found is None:
        return wrong("no option chosen")
    return judged(found == wanted, f"{found} is {'' if found == wanted else 'not '}{wanted}", found)


def reference_label(reference: Any, labels: tuple[str, ...], options: ChoiceOptions) -> str:
    """The label that a reference means; UnusableReference where it means none."""
    if isinstance(reference, int) and not isinstance(reference, bool):
        if options.choices and 0 <= reference < len(labels):
            return labels[reference]
        raise UnusableReference(f"the reference is position {reference} of {len(options.choices)} choices")
    if isinstance(reference, str):
        label = _label_of(reference, labels, options) or chosen_label(reference, labels, options)
        if label is not None:
            return label
    raise UnusableReference(
        f"the reference {excerpt(str(reference))!r} is no option; expected one of {', '.join(labels[:10])}"
    )


def chosen_label(completion: str, labels: tuple[str, ...], options: ChoiceOptions) -> str | None:
    """The label of the option that a completion chooses: where an answer is marked, else in its first or last words."""
    for answer in final_answers(completion, options.answer_in):
        label = _label_of(answer.text, labels, options)
        if label is not None:
            return label
    if options.answer_in != "anywhere":
        return None
    text = without_thinking(completion).strip()
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    last = lines[-1]
    return (
        _label_of(text, labels, options)
        or _label_at_start(last, labels)
        or _announced(text, labels)
        or _label_of(last, labels, options)
    )


def _label_of(text: str, labels: tuple[str, ...], options: ChoiceOptions) -> str | None:
    """The option that a text is: a bare label, an option's whole text, a label and more, or words that hold an option's."""
    bare = _plain(text).strip(" .:()[]{}*_`\"'")
    if bare in labels:
        return bare
    return _same_text(text, labels, options) or _label_at_start(text, labels) or _held_text(text, labels, options)


def _alternatives(labels: tuple[str, ...]) -> str:
    return "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))


def _plain(text: str) -> str:
    return with_plain_digits(unicodedata.normalize("NFKC", text))


def _label_at_start(text: str, labels: tuple[str, ...]) -> str | None:
    r"""The label that a text begins with: `B`, `(B)`, `**B**`, `B. Paris`, `\text{B}`, `option B is`; not the article `A`."""
    text = re.sub(r"^[\s$]*\\(?:text|textbf|mathrm|mathbf|boxed)\s*", "", _plain(text).strip())
    found = re.match(
        rf"(?:the\s+)?(?:option|choice|answer)?{_OPENING}({_alternatives(labels)})(?P<close>{_CLOSING})(?P<rest>.*)",
        text,
        re.IGNORECASE | re.DOTALL,
    )
    if found is None:
        return None
    rest, bare = found["rest"], not found["close"] and found.start(1) == 0
    if rest and (rest[0].isalnum() or rest[0] in "'’-"):
        return None
    follows_word = re.match(r"\s+[^\W\d_]", rest) is not None
    if bare and follows_word and not re.match(r"\s+(?:is|because|since|as|and not)\b", rest):
        return None  # `A dog`, `I think`
    if bare and found[1].islower() and rest.strip(" .):\n") and not rest.startswith((")", ".", ":")):
        return None
    return next(label for label in labels if label.lower() == found[1].lower())


def _announced(text: str, labels: tuple[str, ...]) -> str | None:
    """The last option that is named as one: `option B`, `(B)`, `**B**`."""
    found = re.findall(
        rf"(?:\b(?:option|choice|answer)\s+[(*]*({_alternatives(labels)})\b|\(({_alternatives(labels)})\)"
        rf"|\*\*({_alternatives(labels)})[.):]?\*\*)",
        _plain(text),
    )
    return next((label for label in found[-1] if label), None) if found else None


def _same_text(text: str, labels: tuple[str, ...], options: ChoiceOptions) -> str | None:
    """The label of the only option whose text a text is, in the same case or, where none is, in any."""
    for spelled in (lambda words: " ".join(words.split()).strip(" ."), _words):
        same = [
            label for label, choice in zip(labels, options.choices, strict=False) if spelled(choice) == spelled(text)
        ]
        if len(same) == 1:
            return same[0]
    return None


def _held_text(text: str, labels: tuple[str, ...], options: ChoiceOptions) -> str | None:
    """The label of the only option whose text a text holds; of those that hold each other the longest."""
    plain = _words(text)
    texts = [_words(choice) for choice in options.choices]
    held = [
        (label, choice)
        for label, choice in zip(labels, texts, strict=False)
        if choice and f" {choice} " in f" {plain} "
    ]
    longest = [
        label
        for label, choice in held
        if not any(choice != other and f" {choice} " in f" {other} " for _, other in held)
    ]
    return longest[0] if len(longest) == 1 else None


def _words(text: str) -> str:
    return " ".join(re.findall(r"[\w.%+-]*\w[\w%]*|[^\w\s]+", _plain(text).casefold())).strip(" .*_`\"'")


def _completion_of(reference: Any, options: ChoiceOptions) -> str | None:
    if isinstance(reference, int) and not isinstance(reference, bool):
        return options.labels[reference] if 0 <= reference < len(options.labels) else str(reference)
    return reference if isinstance(reference, str) else None


KIND = AnswerKind("choice", ChoiceOptions, check, completion_of=_completion_of)
