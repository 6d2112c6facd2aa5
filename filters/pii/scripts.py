"""Scripts: those in which a word may stand next to an address or a number without a blank, and all that are not Latin."""

import unicodedata

_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1100, 0x11FF),  # Hangul letters
    (0x2E80, 0x9FFF),  # Han, kana, Bopomofo and their marks
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),  # Hangul syllables
    (0xF900, 0xFAFF),
    (0xFF66, 0xFFDC),  # half-width kana and Hangul
    (0x20000, 0x3FFFF),
)


def is_unspaced(character: str) -> bool:
    """Whether a character is of a script without blanks between words, or, as Korean, with endings next to words.

    >>> is_unspaced("谢"), is_unspaced("로"), is_unspaced("é"), is_unspaced("")
    (True, True, False, False)
    """
    if character < "\u0e00":
        return False
    return any(first <= ord(character) <= last for first, last in _RANGES)


def is_beyond_latin(character: str) -> bool:
    """Whether a character is a letter, or a mark of one, of another script than Latin.

    >>> is_beyond_latin("я"), is_beyond_latin("ा"), is_beyond_latin("é"), is_beyond_latin("7")
    (True, True, False, False)
    """
    if character < "\u0370" or "\u1e00" <= character <= "\u1eff":
        return False
    return unicodedata.category(character)[0] in "LM" and "LATIN" not in unicodedata.name(character, "")
