"""Blanks and dashes of typesetting, which stand in numbers as the plain ones do: no-break and narrow blanks, en dashes.

The strings are for classes of regular expressions.
"""

BLANKS = " \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
DASHES = "\\-\u2010-\u2015\u2212\u30fc\uff0d"
_PLAIN = dict.fromkeys((160, 5760, *range(8192, 8203), 8239, 8287, 12288), " ")
_PLAIN |= dict.fromkeys((*range(8208, 8214), 8722, 12540, 65293), "-")


def with_plain_marks(text: str) -> str:
    """The text, as long as before, with plain blanks and dashes, which presidio's expressions ask for.

    >>> with_plain_marks("943\u00a0476\u20135919")
    '943 476-5919'
    """
    return text if text.isascii() else text.translate(_PLAIN)
