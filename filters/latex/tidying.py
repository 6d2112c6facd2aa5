"""Text gathered from LaTeX as paragraphs on one line each; marks stand for what is kept until then.

The marks are noncharacters of Unicode (U+FDD0 and on), which no text that is exchanged has.
"""

import re

from gristmill.filters.text.soft_hyphens import without_soft_hyphens

CITED = "\ufdd0"  # stands where a citation or reference was
MARK = "\ufdd1"  # stands for a line end that is kept, while text is gathered
_SPACE, _TAB = "\ufdd2", "\ufdd3"  # spaces that are kept
_MARKS = str.maketrans({MARK: "\n", _SPACE: " ", _TAB: "\t"})
_BRACKETED = re.compile(r" ?[(\[](?:[\s,;\ufdd0]|and|see|e\.g\.|cf\.)*[)\]]")
_BLANKS = re.compile(r"[ \t\n]+")
_GAPS = re.compile(r"\n{3,}")
_BARE = re.compile(r"[ \t]+([,.;:)\]])")


def tidied(text: str, between: str = "\n\n") -> str:
    """Paragraphs on one line each, without soft hyphens; what is marked keeps its lines and characters.

    between: what stands between two paragraphs.
    """
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", text):
        line = one_line(paragraph if MARK in paragraph else without_soft_hyphens(paragraph))
        if MARK in line:
            line = re.sub(rf" ?{MARK} ?", MARK, line).strip(MARK + " ")
        line = _BRACKETED.sub(lambda found: "" if CITED in found[0] else found[0], line).replace(CITED, "")
        line = one_line(_BARE.sub(r"\1", line))
        if line:
            paragraphs.append(line)
    return _GAPS.sub("\n\n", between.join(paragraphs)).translate(_MARKS)


def one_line(text: str) -> str:
    """A text with each run of spaces and line ends as one space."""
    return _BLANKS.sub(" ", text).strip()


def kept(text: str) -> str:
    """Lines that stay lines, and are no paragraphs, and spaces that stay."""
    return text.replace("\n", MARK).replace(" ", _SPACE).replace("\t", _TAB)
