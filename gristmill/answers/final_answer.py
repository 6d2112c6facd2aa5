"""Where the final answer of a completion stands: in a tag, in a box, behind `####`, behind "the answer is".

Thinking (`<think>…</think>`) is left out. Of several answers the last one counts, so that naming many does not help.
"""

import re
from typing import Literal, NamedTuple

Mark = Literal["tag", "box", "hashes", "phrase"]
AnswerIn = Literal["anywhere", "tag", "box", "hashes", "phrase", "whole"]

_TAG = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.IGNORECASE | re.DOTALL)
_HASHES = re.compile(r"^[ \t]*#{4}(?!#)[ \t]*(\S.*)$", re.MULTILINE)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{|[^\W_])")
# How an answer is announced: "the answer is 5", "Final answer: 5", "A: 5", and the like in the most written languages.
_SUBJECTS = (
    *(
        r"\banswer",
        r"\bsolution(?= is)",
        r"\b(?:option|choice)(?=\s+is\b)",
        r"\bA(?=\s?:)",
        "\\br[ée]ponse",
        r"\brespuesta",
        r"\bantwort",
        r"\brisposta",
    ),
    *(
        r"\bresposta",
        r"\bantwoord",
        r"\bsvaret",
        r"\bsvar",
        r"\bответ",
        r"\bвідповідь",
        r"\bcevap",
        r"\bjawaban(?:nya)?",
    ),
    *(
        r"\bodpowiedź",
        "đáp án",
        "câu trả lời",
        "答案",
        "答え",
        "回答",
        "정답",
        "답",
        "الجواب",
        "الإجابة",
        "جواب",
        "उत्तर",
        "תשובה",
    ),
)
_VERBS = (
    *(
        "is",
        "are",
        "was",
        "would be",
        "should be",
        "must be",
        "equals",
        "est",
        "es",
        "ist",
        "lautet",
        "è",
        "é",
        "это",
        "равен",
    ),
    *("adalah", "jest", "är", "er", "là", "هو", "هي", "है", "היא"),
)
_CJK_VERBS = "是|为|為|は|은|는"
# One of these is in every text that announces an answer; looking for them is much quicker than the expression below.
_STEMS = (
    *(
        "answer",
        "solution",
        "option",
        "choice",
        "a:",
        "a :",
        "réponse",
        "reponse",
        "respuesta",
        "antwort",
        "risposta",
        "resposta",
        "antwoord",
        "svar",
    ),
    *(
        "ответ",
        "відповідь",
        "cevap",
        "jawaban",
        "odpowiedź",
        "đáp án",
        "câu trả lời",
        "答案",
        "答え",
        "回答",
        "답",
        "الجواب",
    ),
    *("الإجابة", "جواب", "उत्तर", "תשובה"),
)
_STRESS = r"[*_`\s]*"
_PHRASE = re.compile(
    rf"(?:{'|'.join(_SUBJECTS)})(?:\s[^\n.:：=?]{{0,40}}?)?{_STRESS}"
    rf"(?:(?<!\w)(?:{'|'.join(_VERBS)})(?!\w){_STRESS}[:：=]?|(?:{_CJK_VERBS})\s*[:：=]?|[:：=]){_STRESS}",
    re.IGNORECASE,
)


class Answer(NamedTuple):
    """A final answer: its text, what marked it, and where it starts in the text that was looked at."""

    text: str
    mark: Mark
    start: int


def without_thinking(completion: str) -> str:
    """What follows the last `</think>`; nothing where thinking was begun and never ended, all where there is none.

    >>> without_thinking("<think>perhaps 3</think> It is 4.")
    ' It is 4.'
    """
    end = completion.rfind("</think>")
    if end >= 0:
        return completion[end + len("</think>") :]
    begin = completion.find("<think>")
    return completion if begin < 0 else completion[:begin]


def boxes(text: str) -> list[Answer]:
    r"""What stands in every `\boxed{…}`, with balanced braces, from left to right; one without an end is left out.

    >>> [answer.text for answer in boxes(r"\boxed{\frac{1}{2}}, \boxed 5")]
    ['\\frac{1}{2}', '5']
    """
    found: list[Answer] = []
    closings = _closing_braces(text) if "\\boxed" in text or "\\fbox" in text else {}
    end = -1
    for match in _BOX.finditer(text):
        place = match.end()
        if match.start() < end:
            continue  # a box in a box
        if text[place] != "{":
            found.append(Answer(text[place], "box", match.start()))
        elif place in closings:
            end = closings[place]
            found.append(Answer(text[place + 1 : end], "box", match.start()))
    return found


_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)


def _closing_braces(text: str) -> dict[int, int]:
    """Place of every opening brace -> place of the brace that closes it, where one does; escaped braces do not count."""
    closings = {}
    opened = []
    for match in _BRACES.finditer(text):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            closings[opened.pop()] = match.start()
    return closings


def final_answers(completion: str, answer_in: AnswerIn = "anywhere") -> list[Answer]:
    """The marked answers of a completion, the one that counts first.

    An answer in a tag comes before all others; else the last one comes first. answer_in: the mark that is asked for;
    `whole` takes everything but the thinking as the answer.

    >>> [answer.text for answer in final_answers("The answer is 5. No: the answer is 6.")]
    ['6.', '5. No: the answer is 6.']
    """
    text = without_thinking(completion)
    if answer_in == "whole":
        return [Answer(text.strip(), "tag", 0)] if text.strip() else []
    lowered = text.lower()
    tags = [Answer(match[1].strip(), "tag", match.start()) for match in _TAG.finditer(text)]
    others: list[Answer] = []
    if answer_in in ("anywhere", "box"):
        others += boxes(text)
    if answer_in in ("anywhere", "hashes"):
        others += [Answer(match[1].strip(), "hashes", match.start()) for match in _HASHES.finditer(text)]
    if answer_in in ("anywhere", "phrase") and any(stem in lowered for stem in _STEMS):
        others += [Answer(_line_from(text, match.end()), "phrase", match.end()) for match in _PHRASE.finditer(text)]
    others.sort(key=lambda answer: answer.start, reverse=True)
    if answer_in == "tag":
        return tags[::-1]
    return (tags[::-1] if answer_in == "anywhere" else []) + others


MAX_PHRASE_CHARACTERS = 400


def _line_from(text: str, start: int) -> str:
    """What follows a phrase: the rest of its line, or the next line where the answer begins there."""
    rest = text[start : start + MAX_PHRASE_CHARACTERS]
    return rest.lstrip().split("\n", 1)[0].strip()
