"""Which of several readings of the same bytes is a text in some language.

CLD2 scores the reading in the language it takes it for; characters that do not fit their neighbours, and letters that the
language does not have, count against it.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from gristmill.filters.encoding.decode import decode
from gristmill.filters.encoding.single_byte import REPLACED

_LATIN = (
    *("windows-1252", "windows-1250", "windows-1254", "windows-1257", "iso-8859-2", "iso-8859-4", "iso-8859-13"),
    *("iso-8859-15", "macintosh", "iso-8859-3", "iso-8859-10", "iso-8859-14", "iso-8859-16", "windows-1258"),
)
_CYRILLIC = ("windows-1251", "koi8-r", "koi8-u", "iso-8859-5", "ibm866", "x-mac-cyrillic")
EAST_ASIAN = ("gbk", "gb18030", "big5", "euc-jp", "shift_jis", "iso-2022-jp", "euc-kr")
_RIVALS = {name: group for group in (_LATIN[:9], _CYRILLIC) for name in group} | dict.fromkeys(_LATIN[9:], _LATIN[:9])
USUAL = "windows-1252"  # what servers and editors declare without a thought, and detectors fall back on
_MARGIN = 1.08
# Any bytes read as an East Asian encoding look a little like one; a right reading in another script scores above this.
_MOST_AGAINST_OTHERS = 250.0
_TYPICAL_STRENGTH = {"zh": 1.9, "zh-Hant": 1.8, "ja": 3.3, "ko": 3.6}  # CLD2's of these languages, in thousands
_NO_LANGUAGE_SCORE, _SURE_SCORE = 150.0, 300.0
_DOUBTFUL = 0.01  # share of characters that do not fit, from which encodings are tried that nobody named

# Letters beyond ASCII that a language writes, with what it borrows often.
_LETTERS = {
    "af": "áéèêëíîïóôöúûüý",
    "bs": "čćđšž",
    "ca": "àçèéíïòóúü",
    "cs": "áčďéěíňóřšťúůýž",
    "cy": "àáâäèéêëìíîïòóôöùúûüŵŷ",
    "da": "æøåéáö",
    "de": "äöüßé",
    "en": "éèêçïöñ",
    "es": "áéíñóúü",
    "et": "äõöüšž",
    "eu": "ñçü",
    "fi": "äöåšž",
    "fo": "áðíóúýæø",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "ga": "áéíóú",
    "gl": "áéíñóúüï",
    "hr": "čćđšž",
    "hu": "áéíóöőúüű",
    "is": "áðéíóúýþæö",
    "it": "àèéìíîòóùú",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņōŗšūž",
    "mt": "ċġħżàèìòù",
    "nl": "áäèéêëïíóöüúç",
    "nn": "æøåéèêòóôâàö",
    "no": "æøåéèêòóôâàö",
    "pl": "ąćęłńóśźż",
    "pt": "áâãàçéêíóôõúü",
    "ro": "ăâîșțşţ",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšžćđ",
    "sq": "çë",
    "sv": "åäöéàü",
    "tr": "çğıöşüâîûİ",
}
_LETTER_SETS = {language: frozenset(letters + letters.upper()) for language, letters in _LETTERS.items()}


class _Reading(NamedTuple):
    """score: CLD2's, lowered by what does not fit. misfits: share of the characters beyond ASCII that do not fit."""

    score: float
    misfits: float


def best_reading(excerpt: bytes, declared: Sequence[str], detected: str) -> str:
    """The encoding whose reading of `excerpt` is most like a language.

    The first of `declared` stays unless another one that was named is clearly better. Encodings that nobody named are
    tried where nothing was declared, or nothing but what is declared without a thought, and the reading is doubtful.
    """
    named = dict.fromkeys([*declared, detected])
    readings = {name: _reading(excerpt, name) for name in named}
    best = _winner(readings, next(iter(named)), detected)
    if best in declared and best != USUAL and readings[best].score:
        return best
    rivals: set[str] = set()
    if readings[best].misfits > _DOUBTFUL or not readings[best].score:
        rivals.update(*(_RIVALS.get(name, ()) for name in named))
    if not declared and readings[best].score < _NO_LANGUAGE_SCORE:
        rivals.update(EAST_ASIAN)
    tried = {name: _reading(excerpt, name) for name in sorted(rivals - readings.keys())}
    sure = {
        name: reading
        for name, reading in tried.items()
        if (not reading.misfits if name in EAST_ASIAN else reading.score > _SURE_SCORE)
    }
    return _winner(readings | sure, best, detected)


def _winner(readings: Mapping[str, _Reading], favourite: str, detected: str) -> str:
    """The reading of the highest score, if that is above the favourite's by the margin."""
    scores = {name: reading.score for name, reading in readings.items()}
    if all(name in EAST_ASIAN for name in scores):  # detection is nearly always right among them
        scores[detected] *= _MARGIN
    else:
        scores = {n: min(s, _MOST_AGAINST_OTHERS + s / 1e4) if n in EAST_ASIAN else s for n, s in scores.items()}
    best = max(scores, key=scores.__getitem__)
    margin = 1.0 if best in EAST_ASIAN and favourite in EAST_ASIAN else _MARGIN
    return best if scores[best] > margin * scores[favourite] else favourite


def _reading(excerpt: bytes, name: str) -> _Reading:
    import pycld2

    text = decode(excerpt, name)
    try:
        plain = _NO_TEXT.sub(" ", text).encode("utf-8", "replace")
        found = pycld2.detect(plain, isPlainText=True, bestEffort=True)[2]
    except pycld2.error:  # some characters that are valid UTF-8
        return _Reading(0.0, 1.0)
    _, language, percent, strength = max(found, key=lambda one: one[2] * one[3])
    if name in EAST_ASIAN and (language not in _TYPICAL_STRENGTH or sum(not c.isascii() for c in text) < 2):
        return _Reading(0.0, 1.0)
    mixes, strangers = mix_fraction(text), _stranger_fraction(text, language)
    strength /= _TYPICAL_STRENGTH.get(language, 1.0)
    return _Reading(strength * percent / 100 * max(0.0, 1 - 2 * mixes) * (1 - strangers) ** 2, mixes + strangers)


_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


def _stranger_fraction(text: str, language: str) -> float:
    """The share of the letters beyond ASCII that the language does not write; 0 for languages not listed."""
    letters = _LETTER_SETS.get(language)
    found = [c for c in text if not c.isascii() and c.isalpha()] if letters else []
    return sum(c not in letters for c in found) / len(found) if letters and found else 0.0


def mix_fraction(text: str) -> float:
    """The share of characters beyond ASCII that do not fit a neighbour: another script, a symbol within a word."""
    beyond = sum(not c.isascii() for c in text)
    odd = sum(_is_odd(a, b) for a, b in pairwise(text) if not (a.isascii() and b.isascii()))
    return min(odd / beyond, 1.0) if beyond else 0.0


@lru_cache(maxsize=1 << 15)
def _is_odd(a: str, b: str) -> bool:
    one, other = _kind(a), _kind(b)
    if "bad" in (one, other):
        return True
    if "symbol" in (one, other):
        return (one if other == "symbol" else other) not in ("other", "symbol")
    if "other" in (one, other):
        return False
    return one != other or (a.islower() and b.isupper())


@lru_cache(maxsize=1 << 15)
def _kind(c: str) -> str:
    """The script of a letter, "symbol" for what stands in no word, "bad" for what no text holds, else "other"."""
    category = unicodedata.category(c)
    if c == REPLACED or category in ("Cn", "Co", "Cs") or (category == "Cc" and c not in "\t\n\r\f"):
        return "bad"
    if category[0] == "L":
        script = unicodedata.name(c, "OTHER").split()[0]
        return "EAST ASIAN" if script in _EAST_ASIAN_SCRIPTS else script
    return "symbol" if c in "¤¦§¨©¬®¯±´¶¸¼½¾" or "\u2500" <= c <= "\u259f" else "other"


_EAST_ASIAN_SCRIPTS = frozenset(
    ["CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HALFWIDTH", "FULLWIDTH", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC"]
)
