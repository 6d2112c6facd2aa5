"""Yes or no, in the most written languages; true and false, too."""

import re
from typing import Any

from gristmill.answers.contract import AnswerKind
from gristmill.answers.final_answer import AnswerIn, final_answers, without_thinking
from gristmill.answers.verdict import UnusableReference, Verdict, excerpt, judged, wrong
from gristmill.schemas.strict import Strict

_YES = (
    *(
        "yes",
        "yeah",
        "yep",
        "true",
        "correct",
        "ja",
        "oui",
        "vrai",
        "sí",
        "si",
        "sì",
        "verdadero",
        "vero",
        "sim",
        "verdadeiro",
    ),
    *(
        "да",
        "так",
        "верно",
        "tak",
        "evet",
        "ano",
        "igen",
        "kyllä",
        "نعم",
        "हाँ",
        "हां",
        "כן",
        "ใช่",
        "có",
        "đúng",
        "benar",
    ),
)
_NO = (
    *(
        "no",
        "nope",
        "not",
        "false",
        "incorrect",
        "nein",
        "falsch",
        "non",
        "faux",
        "falso",
        "não",
        "нет",
        "ні",
        "неверно",
        "nie",
    ),
    *("hayır", "ne", "nem", "ei", "nej", "nei", "nee", "لا", "नहीं", "לא", "ไม่", "không", "sai", "tidak", "salah"),
)
_WITHOUT_SPACES = (
    ("不是", False),
    ("不", False),
    ("否", False),
    ("错", False),
    ("いいえ", False),
    ("아니", False),
    ("거짓", False),
)
_WITHOUT_SPACES_YES = (
    ("是", True),
    ("对", True),
    ("真", True),
    ("はい", True),
    ("예", True),
    ("네", True),
    ("참", True),
)
_MEANING = dict.fromkeys(_YES, True) | dict.fromkeys(_NO, False) | dict(_WITHOUT_SPACES + _WITHOUT_SPACES_YES)
_WORD = re.compile(
    rf"(?<!\w)(?:{'|'.join(sorted((*_YES, *_NO), key=len, reverse=True))})(?!\w)"
    rf"|{'|'.join(word for word, _ in _WITHOUT_SPACES + _WITHOUT_SPACES_YES)}",
    re.IGNORECASE,
)


class YesNoOptions(Strict):
    """answer_in: where the answer must stand."""

    answer_in: AnswerIn = "anywhere"


def check(completion: str, reference: Any, options: YesNoOptions) -> Verdict:
    """Compare what a completion says with the reference: a truth value, or a word such as `yes` or `false`."""
    wanted = reference if isinstance(reference, bool) else meaning(str(reference), YesNoOptions())
    if wanted is None:
        raise UnusableReference(f"the reference {excerpt(str(reference))!r} is neither yes nor no")
    found = meaning(completion, options)
    if found is None:
        return wrong("neither yes nor no found")
    said = "yes" if found else "no"
    return judged(found == wanted, f"{said} is {'right' if found == wanted else 'wrong'}", said)


def meaning(text: str, options: YesNoOptions) -> bool | None:
    """What a text says: its first such word where an answer is marked, or where it begins with one; else its last."""
    for answer in final_answers(text, options.answer_in):
        found = _WORD.search(answer.text)
        if found:
            return _MEANING[found[0].lower()]
    if options.answer_in != "anywhere":
        return None
    rest = without_thinking(text).strip().lstrip("*_`\"'([ ")
    first = _WORD.match(rest)
    if first:
        return _MEANING[first[0].lower()]
    found_words = _WORD.findall(rest)
    return _MEANING[found_words[-1].lower()] if found_words else None


def _completion_of(reference: Any, _options: YesNoOptions) -> str | None:
    if isinstance(reference, bool):
        return "yes" if reference else "no"
    return reference if isinstance(reference, str) else None


KIND = AnswerKind("yes_no", YesNoOptions, check, completion_of=_completion_of)
