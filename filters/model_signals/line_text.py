"""Lines as language models and classifiers read them: CCNet's normalisation, and texts joined to one line.

CCNet's, in this order: white space at both ends goes, lower case, accents go (NFD without category Mn), every decimal
digit becomes 0, Unicode punctuation becomes ASCII, control characters go.

Source: CCNet, cc_net/text_normalizer.py `normalize`. Its table also turns a full-width 1 into a quotation mark, which no
text shows because digits are replaced first.
"""

import re
import sys
import unicodedata
from functools import cache

from gristmill.schemas.signal_models import LineNormalisation

_QUOTES = dict.fromkeys("„”“«»」「《》", '"')
PUNCTUATION = {
    **_QUOTES,
    **dict(zip("，。、∶：？！（）；–～’´━〈〉【】％►", ",.,::?!();-~''-<>[]%-", strict=True)),
    "—": " - ",
    "．": ". ",
    "…": "...",
}
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)])
_ASCII = {**_CONTROLS, **dict.fromkeys(map(ord, "0123456789"), "0")}
_MARK = re.compile(r"[^\w\s]")
LABEL_PREFIX = "__label__"  # fastText's mark of a label; in a text it is only text


@cache
def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = {**_CONTROLS, **{ord(mark): plain for mark, plain in PUNCTUATION.items()}}
    for cp in range(128, sys.maxunicode + 1):
        category = unicodedata.category(chr(cp))
        if category == "Nd":
            table[cp] = "0"
        elif category == "Mn":
            table[cp] = None
    return {**table, **_ASCII}


def ccnet_line(line: str) -> str:
    """A line as CCNet's models read it.

    >>> ccnet_line("  Ça coûte «12,50 €»… ")
    'ca coute "00,00 €"...'
    """
    line = line.strip().lower()
    if line.isascii():
        return line.translate(_ASCII)
    return unicodedata.normalize("NFD", line).translate(_table())


def ccnet_lines(text: str) -> list[str]:
    """The lines of a text normalised; those that are blank then are left out."""
    normalised = map(ccnet_line, text.split("\n"))
    return [line for line in normalised if line and not line.isspace()]


def one_line(text: str, normalisation: LineNormalisation) -> str:
    """A text as fastText reads it: one line, words separated by one space, no NUL, nothing that reads as a label.

    none: as it is; lower: lower case; words: also every mark apart from the words; ccnet: as language models read it.

    >>> one_line("A\\n\\tB\\0c __label__x", "lower")
    'a b c label x'
    """
    if normalisation == "ccnet":
        text = " ".join(ccnet_lines(text))
    elif normalisation in ("lower", "words"):
        text = text.lower()
    if normalisation == "words":
        text = _MARK.sub(r" \g<0> ", text)
    return " ".join(text.replace("\0", " ").replace(LABEL_PREFIX, "label ").split())
