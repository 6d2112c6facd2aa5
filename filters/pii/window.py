"""A candidate with the text around it, and what recognisers answer."""

import re
from typing import NamedTuple

from gristmill.filters.pii.scripts import is_unspaced

BEFORE_BYTES, AFTER_BYTES = 160, 80  # eight words of context; the longest pseudonym fits into either
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
CONTEXT_WORDS = 8
CONTEXT_SCORE = 0.35  # what a supporting word adds, as in presidio
MIN_CONTEXT_SCORE = 0.4


class Window(NamedTuple):
    """text[start:end] is the candidate; `text` has reserved values blanked out."""

    text: str
    start: int
    end: int
    classes: int

    def before(self, position: int) -> str:
        """The last words before `position` in lower case, with one space between."""
        return self.words(position, CONTEXT_WORDS)

    def words(self, position: int, last: int = 0) -> str:
        """The words of the window before `position`, or the last of them, in lower case with one space between."""
        return " ".join(_WORD.findall(self.text, 0, position)[-last:]).lower().replace("’", "'")

    def after(self, position: int) -> str:
        """The first two words behind `position`, of the same line, in lower case."""
        line = self.text[position:].split("\n", 1)[0]
        return " ".join(_WORD.findall(line)[:2]).lower()


class Found(NamedTuple):
    """One value: its place in characters of the window's text, and how sure it is (0-1)."""

    kind: str
    start: int
    end: int
    score: float


def supported(score: float) -> float:
    """The score with a supporting word near, as presidio raises it."""
    return min(1.0, max(score + CONTEXT_SCORE, MIN_CONTEXT_SCORE))


def any_word(*phrases: str) -> re.Pattern[str]:
    """Matches any of the phrases in a window's context: as whole words, but in scripts without blanks between words."""
    forms = sorted(" ".join(_WORD.findall(phrase)) for phrase in phrases)
    spaced = [re.escape(form) for form in forms if not is_unspaced(form[0])]
    unspaced = [re.escape(form) for form in forms if is_unspaced(form[0])]
    whole = [rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)"] if spaced else []
    return re.compile("|".join([*whole, *unspaced]))
