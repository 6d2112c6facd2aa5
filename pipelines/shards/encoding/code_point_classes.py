r"""What each code point is to the regular expressions of the installed `tokenizers`: asked of it, not of Python.

Its Unicode version is not Python's (they disagree on \p{L} for thousands of code points), and its case-insensitive
matching has folds of its own. So a text of every code point is cut by `tokenizers` itself, once per version of it, and
the answers are kept in the user's cache folder.
"""

from importlib.metadata import version

import numpy as np
from gristmill.kernels.cache import stored_tables
from tokenizers import Regex, normalizers, pre_tokenizers

LETTER, NUMBER, SPACE, NEWLINE = 1, 2, 4, 8
UPPER, LOWER = 16, 32  # as o200k's pattern means them: [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], [\p{Ll}\p{Lm}\p{Lo}\p{M}]
# The letters of (?i:'s|'t|'re|'ve|'m|'ll|'d): alone after the apostrophe, before an e, the e, either l
SHORT, BEFORE_E, E, L = 64, 128, 256, 512
NFC_CHANGES = 1024  # NFC may change it or what stands before it
CODE_POINTS = 0x110000

_CLASSES = {
    LETTER: r"\p{L}+",
    NUMBER: r"\p{N}+",
    SPACE: r"\s+",
    NEWLINE: r"[\r\n]+",
    UPPER: r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+",
    LOWER: r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
}
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_FRAMES = {SHORT: ("'", ""), BEFORE_E: ("'", "e"), E: ("'r", ""), L: ("'l", "")}


def _all_code_points() -> str:
    return "".join(chr(cp) for cp in range(CODE_POINTS) if not 0xD800 <= cp < 0xE000)


def _matches(regex: str, text: str) -> list[tuple[int, int]]:
    """Spans of `text`, in characters, that `tokenizers` finds."""
    split = pre_tokenizers.Split(Regex(regex), "removed", invert=True)
    return [span for _, span in split.pre_tokenize_str(text)]


def _changed_by_nfc(text: str) -> set[str]:
    """Characters without which no text is changed by NFC.

    A text changes only where a character decomposes, is reordered (its combining class is not 0), or follows one that
    it composes with; what composes is what stands behind the first place of some decomposition.
    """
    chars = [char for char in text if char != "\0"]
    low, high = "\u0334", "\u0345"  # of combining class 1 and 240, the least and the greatest

    def each(form: normalizers.Normalizer, before: str, after: str) -> list[str]:
        framed = "\0".join(f"{before}{char}{after}" for char in chars)
        return form.normalize_str(framed).split("\0")

    nfd = normalizers.NFD()
    composed, decomposed = each(normalizers.NFC(), "", ""), each(nfd, "", "")
    behind, ahead = each(nfd, f"a{high}", ""), each(nfd, "a", low)
    changed = {low, high}
    for i, char in enumerate(chars):
        parts = decomposed[i]
        changed.update(parts[1:])
        if composed[i] != char or behind[i] != f"a{high}{parts}" or ahead[i] != f"a{parts}{low}":
            changed.add(char)
    return changed


def _build() -> dict[str, np.ndarray]:
    flags = np.zeros(CODE_POINTS, np.uint16)
    text = _all_code_points()
    points = np.array([ord(char) for char in text], np.int64)
    for flag, regex in _CLASSES.items():
        for start, end in _matches(regex, text):
            flags[points[start:end]] |= flag
    folded = [text[i] for start, end in _matches(r"(?i:[stmdrevl])+", text) for i in range(start, end)]
    for flag, (before, after) in _FRAMES.items():
        width = len(before) + 1 + len(after)
        framed = "".join(f"{before}{char}{after}\0" for char in folded)
        for start, end in _matches(_CONTRACTIONS, framed):
            if start % (width + 1) == 0 and end - start == width:
                flags[ord(folded[start // (width + 1)])] |= flag
    flags[[ord(char) for char in _changed_by_nfc(text)]] |= NFC_CHANGES
    return {"flags": flags}


def code_point_flags() -> np.ndarray:
    """uint16 flags by code point, of the installed `tokenizers`."""
    return stored_tables(f"pre-token-classes-tokenizers-{version('tokenizers')}-v1", _build)["flags"]
