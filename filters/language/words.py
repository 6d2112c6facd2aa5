# mypy: disallow-untyped-defs=False
"""Words of a text counted in the tables of frequent words of the languages that come into question.

A *word* is a run of letters and marks in lower case; in scripts written without spaces (Han, kana, Hangul, Thai, Lao,
Khmer, Burmese) every letter stands alone and marks count for nothing. What touches a digit, or has a capital behind a
small letter (`x86`, `camelCase`, base64), is a word of no language, and a run of more than LONGEST_WORD letters is as
many of them as it has eights. A word is believed as often as it stands among the first two words and three in every
twenty of the text so far, so that `ha ha ha` and `a a a a` prove nothing.
"""

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from gristmill.filters.language.scripts import SCRIPTS, script_table
from gristmill.kernels.cache import stored_tables
from gristmill.kernels.compile import kernel
from gristmill.kernels.hashing import FNV_START, fnv1a
from gristmill.kernels.utf8 import next_code_point

OTHER, LETTER, ALONE, DIGIT, SPACE, SYMBOL, IGNORED, CAPITAL = range(8)
LONGEST_WORD = 24
_WITHOUT_SPACES = ("Hani", "Hira", "Kana", "Hang", "Thai", "Laoo", "Khmr", "Mymr")
_MARKS_OF_THEM = ("THAI", "LAO", "KHMER", "MYANMAR", "COMBINING KATAKANA")
_MARKUP = '_{}[]()\\/@#*&%";:'
_LOWERED = 0x3000  # capitals above stay as they are: they belong to scripts no detector knows
CODE_POINTS = 0x110000


def _class_of(cp: int, script: str) -> int:
    char = chr(cp)
    category = unicodedata.category(char)
    if category[0] == "L":
        if script in _WITHOUT_SPACES:
            return ALONE
        return CAPITAL if category == "Lu" and cp < _LOWERED else LETTER
    if category[0] == "M":
        return IGNORED if unicodedata.name(char, "").startswith(_MARKS_OF_THEM) else LETTER
    if category == "Nd":
        return DIGIT
    if category == "Cf":
        return IGNORED
    if category[0] == "S" or char in _MARKUP:
        return SYMBOL
    return SPACE if category in ("Zs", "Zl", "Zp", "Cc") else OTHER


def _build() -> dict[str, np.ndarray]:
    scripts = script_table()
    classes = np.array([_class_of(cp, SCRIPTS[scripts[cp]]) for cp in range(CODE_POINTS)], np.uint8)
    lower = np.arange(_LOWERED, dtype=np.int32)
    for cp in range(_LOWERED):
        char = chr(cp).lower()
        lower[cp] = ord(char) if len(char) == 1 else cp
    return {"classes": classes, "lower": lower}


@cache
def word_tables() -> tuple[np.ndarray, np.ndarray]:
    """(class of every code point uint8, lower case int32 of those below 0x3000), from the running Python's Unicode."""
    tables = stored_tables(f"language-words-{unicodedata.unidata_version}-v2", _build)
    return tables["classes"], tables["lower"]


@cache
def _plain_tables() -> tuple[bytes, str]:
    classes, lower = word_tables()
    return classes.tobytes(), "".join(map(chr, lower.tolist()))


def words_plainly(text: str) -> list[str | None]:
    """The words of a text, in Python; None for each that is of no language by its form.

    >>> words_plainly("The x86 camelCase 漢字 42")
    ['the', None, None, '漢', '字']
    """
    classes, lower = _plain_tables()
    words: list[str | None] = []
    word, unlike, before, small = "", False, SPACE, False
    for char in text + " ":
        cp = ord(char)
        kind = classes[cp]
        if kind == IGNORED:
            continue
        if kind in (LETTER, CAPITAL):
            unlike = before == DIGIT if not word else unlike or (kind == CAPITAL and small)
            word += lower[cp] if cp < _LOWERED else char
            small, before = kind == LETTER, LETTER
            continue
        if word:
            words.append(None if unlike or kind == DIGIT else word)
            words += [None] * (len(word) // 8 if len(word) > LONGEST_WORD else 0)
        if kind == ALONE:
            words.append(char)
        word, unlike, small, before = "", False, False, kind
    return words


@dataclass(frozen=True)
class WordTable:
    """The frequent words of all profiles in one hash table with linear probing.

    keys uint64: FNV-1a of the word's code points, 0 where empty. begin, end int32: which of `owners` (profile numbers)
    and `gains` (float64) belong to the word. miss: of each profile, what a word that is not in its list says.
    """

    keys: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    owners: np.ndarray
    gains: np.ndarray
    miss: np.ndarray


def word_hash(word: str) -> int:
    """FNV-1a of the code points.

    >>> hex(word_hash("the"))
    '0x56f5c9194461d57c'
    """
    value = int(FNV_START)
    for char in word:
        value = ((value ^ ord(char)) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


# Smallest share of a word over all languages that a comparison assumes: 2 % of the text of one language.
_RARE = 0.02
_MOST_COVERED = 0.95


def word_table(frequencies: list[Mapping[str, float]]) -> WordTable:
    """The table of each profile's word frequencies (share of all its words).

    A word w of profile L says log(P(w | L) / mean over profiles of P(w)), a word in no list of L log(1 - the share that
    the list covers): both are log likelihood ratios against a text of some other language.
    """
    miss = np.array([math.log(1 - min(sum(words.values()), _MOST_COVERED)) for words in frequencies])
    owners_of: dict[str, list[int]] = {}
    for profile, words in enumerate(frequencies):
        for word in words:
            owners_of.setdefault(word, []).append(profile)
    size = 1 << max(4, (3 * len(owners_of)).bit_length())
    keys = np.zeros(size, np.uint64)
    begin, end = np.zeros(size, np.int32), np.zeros(size, np.int32)
    owners: list[int] = []
    gains: list[float] = []
    for word, profiles in owners_of.items():
        hashed = word_hash(word)
        place = hashed % size
        while keys[place]:
            place = (place + 1) % size
        keys[place], begin[place] = hashed, len(owners)
        mean = (sum(frequencies[profile][word] for profile in profiles) + _RARE) / len(frequencies)
        for profile in profiles:
            owners.append(profile)
            gains.append(math.log(frequencies[profile][word] / mean))
        end[place] = len(owners)
    return WordTable(keys, begin, end, np.array(owners, np.int32), np.array(gains, np.float64), miss)


WORDS, LETTERS, CHARACTERS, DIGITS, SYMBOLS, FOREIGN = range(6)
COUNTS = 6  # WORDS: all words; CHARACTERS: all but spaces; FOREIGN: words of no language by their form


def count_words(
    data: np.ndarray, offsets: np.ndarray, profiles: np.ndarray, table: WordTable
) -> tuple[np.ndarray, np.ndarray]:
    """(log likelihood ratio float64 n x k of each text for each of its profiles, counts int64 n x COUNTS).

    data, offsets: n UTF-8 texts. profiles: int32 n x k numbers of profiles, below 0 for none.
    """
    classes, lower = word_tables()
    ratios = np.zeros(profiles.shape, np.float64)
    counts = np.zeros((len(profiles), COUNTS), np.int64)
    _count_words(
        *(data, offsets, classes, lower, table.keys, table.begin, table.end, table.owners, table.gains, table.miss),
        *(profiles, ratios, counts),
    )
    return ratios, counts


@kernel
def _count_words(data, offsets, classes, lower, keys, begin, end, owners, gains, miss, profiles, ratios, counts):
    column = np.full(len(miss), -1, np.int32)  # profile -> its column in this row
    seen_in = np.full(len(keys), -1, np.int32)
    times = np.zeros(len(keys), np.int32)
    mask = np.uint64(len(keys) - 1)
    for row in range(len(profiles)):
        for k in range(profiles.shape[1]):
            if profiles[row, k] >= 0:
                column[profiles[row, k]] = k
        words = letters = characters = digits = symbols = foreign = 0
        hashed, length, unlike, before, small = FNV_START, 0, False, SPACE, False
        i, stop = offsets[row], offsets[row + 1]
        while i <= stop:
            if i == stop:  # a space ends the last word
                cp, i = np.int32(0x20), i + 1
            else:
                cp, i = next_code_point(data, i)
            kind = classes[cp]
            if kind == IGNORED:
                continue
            if kind != SPACE:
                characters += 1
            if kind in (LETTER, CAPITAL):
                letters += 1
                if length == 0:
                    unlike = before == DIGIT
                elif kind == CAPITAL and small:
                    unlike = True
                small = kind == LETTER
                hashed = fnv1a(hashed, lower[cp] if cp < len(lower) else cp)
                length += 1
                before = LETTER
                continue
            if kind == DIGIT:
                digits += 1
            elif kind == SYMBOL:
                symbols += 1
            elif kind == ALONE:
                letters += 1
            for turn in range(2):  # the word that ends here, then a letter that stands alone
                if turn == 0:
                    if length == 0:
                        continue
                    unlike = unlike or kind == DIGIT
                elif kind == ALONE:
                    hashed, length, unlike = fnv1a(FNV_START, cp), 1, False
                else:
                    continue
                words += 1
                if length > LONGEST_WORD:
                    words += length // 8
                if unlike:
                    foreign += 1
                else:
                    place = hashed & mask
                    while keys[place] != 0 and keys[place] != hashed:
                        place = (place + np.uint64(1)) & mask
                    if keys[place] == hashed:
                        if seen_in[place] != row:
                            seen_in[place], times[place] = row, 0
                        times[place] += 1
                        if 20 * times[place] <= 40 + 3 * words:
                            for n in range(begin[place], end[place]):
                                k = column[owners[n]]
                                if k >= 0:
                                    ratios[row, k] += gains[n] - miss[owners[n]]
                hashed, length, unlike, small = FNV_START, 0, False, False
            before = kind
        counts[row, WORDS], counts[row, LETTERS], counts[row, CHARACTERS] = words, letters, characters
        counts[row, DIGITS], counts[row, SYMBOLS], counts[row, FOREIGN] = digits, symbols, foreign
        for k in range(profiles.shape[1]):
            if profiles[row, k] >= 0:
                ratios[row, k] += words * miss[profiles[row, k]]
                column[profiles[row, k]] = -1
