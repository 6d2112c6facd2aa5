r"""The reference answer inside a worked solution: behind `####` (GSM8K), in `\boxed{}` (MATH), or the text itself."""

import re

from gristmill.answers.final_answer import final_answers
from gristmill.pipelines.sources.forms.form import Row

NUMBER = {"kind": "number"}
EXPRESSION = {"kind": "expression"}
_NUMBER_TEXT = r"[-+]?[$€£]?\s?\d[\d,. ]*(?:/\d+)?\s?%?"
_NUMERAL = re.compile(_NUMBER_TEXT)
_LAST_LINE = re.compile(rf"(?:A|Answer):\s*({_NUMBER_TEXT})")  # as the model solutions of GSM8K end
_BOXES = re.compile(r"\\f?box")


def marked_answer(text: str) -> str | None:
    """What stands behind the last `####` at the beginning of a line; None where there is none.

    >>> marked_answer("He has 7 left.\\n#### 7")
    '7'
    """
    found = final_answers(text, "hashes") if "####" in text else []
    return found[0].text if found else None


def boxed_answer(text: str) -> str | None:
    r"""What stands in the last box; None where there is none.

    >>> boxed_answer(r"so \boxed{\frac{1}{2}}.")
    '\\frac{1}{2}'
    """
    found = final_answers(text, "box") if _BOXES.search(text) else []
    return found[0].text.strip() if found else None


def reference_of(text: str) -> Row:
    """`answer` and, where its form says how it is checked, `checker`; `solution`, where the answer is a part of the text."""
    if (marked := marked_answer(text)) is not None:
        return {"answer": marked, "checker": NUMBER, "solution": text}
    if (boxed := boxed_answer(text)) is not None:
        return {"answer": boxed, "checker": EXPRESSION, "solution": text}
    if (said := _LAST_LINE.fullmatch(text.rstrip().rpartition("\n")[2].strip())) and "\n" in text.strip():
        return {"answer": said.group(1).strip(), "checker": NUMBER, "solution": text}
    if _NUMERAL.fullmatch(text.strip()):
        return {"answer": text.strip(), "checker": NUMBER}
    return {"answer": text}
