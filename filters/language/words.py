# mypy: disallow-untyped-defs=False
"""Words of a text counted in the tables of frequent words of the languages that come into question.

A *word* is a run of letters and marks in lower case; in scripts written without spaces (Han, kana, Hangul, Thai, Lao,
Khmer, Burmese) every letter stands alone and marks count for nothing. What touches a digit, or has a capital behind a
small letter (`x86`, `camelCase`, base64), is a word of no language, and a run of more than LONGEST_WORD letters is as
many of them as it has eights. A word is believed as often as it stands among the first two words and three in every
twenty of the text so far, so that `ha ha ha` and `a a a a` prove nothing. Of a text of more than STRETCHES *
STRETCH_BYTES only as much is read, from head to tail.
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from gristmill.filters.language.scripts import SCRIPTS, script_table
from gristmill.kernels.cache import stored_tables
from gristmill.kernels.compile import helper, inlined, kernel
from gristmill.kernels.hashing import FNV_START, fnv1a
from gristmill.kernels.utf8 import next_code_point

OTHER, LETTER, ALONE, DIGIT, SPACE, SYMBOL, IGNORED, CAPITAL = range(8)
LONGEST_WORD = 24
STRETCHES, STRETCH_BYTES = 3, 512
_SEARCH_BYTES = 48  # how far a stretch is moved to begin and end at a space
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
    table = np.arange(CODE_POINTS, dtype=np.int32)
    for cp in range(CODE_POINTS):
        char = chr(cp).lower()
        lower = ord(char) if cp < _LOWERED and len(char) == 1 else cp
        table[cp] = lower << 3 | _class_of(cp, SCRIPTS[scripts[cp]])
    return {"table": table}


@cache
def word_characters() -> np.ndarray:
    """int32 of every code point: its class (lowest three bits) and its lower case, from the running Python's Unicode."""
    return stored_tables(f"language-words-{unicodedata.unidata_version}-v3", _build)["table"]


@cache
def _plain_tables() -> tuple[bytes, list[int]]:
    table = word_characters()
    return (table & 7).astype(np.uint8).tobytes(), (table >> 3).tolist()


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
            word += chr(lower[cp])
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

    keys uint64: FNV-1a of the word's code points, 0 where empty; numbers int32: the word's number. The profiles that have
    word w are owners[edges[w] : edges[w + 1]] (int16), and what it says for each of them beyond what an unlisted word says
    stands in `gains` (float64). miss: of each profile, what an unlisted word says. Profiles from number `known_count` on are
    those of languages that no detector knows.
    """

    keys: np.ndarray
    numbers: np.ndarray
    edges: np.ndarray
    owners: np.ndarray
    gains: np.ndarray
    miss: np.ndarray
    known_count: int


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


def word_table(known: Sequence[Mapping[str, float]], unknown: Sequence[Mapping[str, float]] = ()) -> WordTable:
    """The table of word frequencies (share of all words) of known languages, then of those that no detector knows.

    A word w of language L says log(P(w | L) / mean over known languages of P(w)), a word in no list of L log(1 - the share
    that the list covers): both are log likelihood ratios against a text of some other language.
    """
    frequencies = [*known, *unknown]
    miss = np.array([math.log(1 - min(sum(words.values()), _MOST_COVERED)) for words in frequencies])
    owners_of: dict[str, list[int]] = {}
    for profile, words in enumerate(frequencies):
        for word in words:
            owners_of.setdefault(word, []).append(profile)
    size = 1 << max(4, (2 * len(owners_of) - 1).bit_length())
    keys, numbers = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    edges, owners, gains = [0], list[int](), list[float]()
    for number, (word, profiles) in enumerate(owners_of.items()):
        hashed = word_hash(word)
        place = hashed % size
        while keys[place]:
            place = (place + 1) % size
        keys[place], numbers[place] = hashed, number
        mean = (sum(known[profile][word] for profile in profiles if profile < len(known)) + _RARE) / len(known)
        owners += profiles
        gains += [math.log(frequencies[profile][word] / mean) - miss[profile] for profile in profiles]
        edges.append(len(owners))
    arrays = np.array(edges, np.int32), np.array(owners, np.int16), np.array(gains)
    return WordTable(keys, numbers, *arrays, miss, len(known))


# WORDS: all words; CHARACTERS: all but spaces; FOREIGN: words of no language by their form; COMMONEST: those of LETTERS that
# are one of the two most frequent ones.
WORDS, LETTERS, CHARACTERS, DIGITS, SYMBOLS, FOREIGN, COMMONEST = range(7)
COUNTS = 7
_BINS = 64  # letters are told apart by the lowest bits of their code points


@dataclass(frozen=True)
class WordCounts:
    """What the words of n texts say.

    ratios float64 n x k: log likelihood ratio of each text for each of its profiles, 0 where it has none. unknown_ratios
    float64 n: the greatest ratio of a language that no detector knows, at least 0. counts int64 n x COUNTS.
    """

    ratios: np.ndarray
    unknown_ratios: np.ndarray
    counts: np.ndarray


def count_words(data: np.ndarray, offsets: np.ndarray, profiles: np.ndarray, table: WordTable) -> WordCounts:
    """The words of n UTF-8 texts (data, offsets); profiles: int32 n x k, numbers in the table, below 0 for none."""
    n = len(profiles)
    counted = WordCounts(np.zeros(profiles.shape), np.zeros(n), np.zeros((n, COUNTS), np.int64))
    _count_words(
        *(data, offsets, word_characters(), table.keys, table.numbers, table.edges, table.owners, table.gains),
        *(table.miss, table.known_count, profiles, counted.ratios, counted.unknown_ratios, counted.counts),
    )
    return counted


@kernel
def _count_words(
    data, offsets, characters_table, keys, numbers, edges, owners, gains, miss, known_count, profiles,
    ratios, unknown_ratios, counts,
):  # fmt: skip
    column = np.full(len(miss), -1, np.int32)  # profile -> its column in this row
    times = np.zeros(len(edges), np.int32)  # of each word in this row,
    believed = np.zeros(len(edges), np.int32)  # how many of them count,
    met = np.zeros(len(edges), np.int32)  # and which words have any
    unknown_gains = np.zeros(len(miss) - known_count)
    bins = np.zeros(_BINS, np.int64)  # of letters
    for row in range(len(profiles)):
        words = letters = characters = digits = symbols = foreign = met_count = 0
        begin, end = offsets[row], offsets[row + 1]
        stretches = 1 if end - begin <= STRETCHES * STRETCH_BYTES else STRETCHES
        for stretch in range(stretches):
            i, stop = begin, end
            if stretches > 1:
                i = begin + (end - begin - STRETCH_BYTES) * stretch // (STRETCHES - 1)
                stop = _next_space(data, i + STRETCH_BYTES, end)
                i = _next_space(data, i, end) if stretch > 0 else i
            hashed, length, unlike, before, small = FNV_START, 0, False, SPACE, False
            while i <= stop:
                kind = SPACE
                if i == stop:  # a space ends the last word
                    i += 1
                else:
                    cp, i = next_code_point(data, i)
                    kind = characters_table[cp]
                    lower = kind >> 3
                    kind &= 7
                    if kind in (LETTER, CAPITAL):
                        if length == 0:
                            unlike = before == DIGIT
                        elif kind == CAPITAL and small:
                            unlike = True
                        small = kind == LETTER
                        hashed = fnv1a(hashed, lower)
                        bins[lower % _BINS] += 1
                        length += 1
                        continue
                    if kind == IGNORED:
                        continue
                if length > 0:
                    letters += length
                    words += 1 + (length // 8 if length > LONGEST_WORD else 0)
                    if unlike or kind == DIGIT:
                        foreign += 1
                    else:
                        met_count = _believe(hashed, words, keys, numbers, times, believed, met, met_count)
                    hashed, length, small = FNV_START, 0, False
                if kind == ALONE:
                    letters += 1
                    words += 1
                    bins[lower % _BINS] += 1
                    met_count = _believe(fnv1a(FNV_START, lower), words, keys, numbers, times, believed, met, met_count)
                elif kind != SPACE:
                    characters += 1
                    digits += kind == DIGIT
                    symbols += kind == SYMBOL
                before = kind
        counts[row, WORDS], counts[row, LETTERS], counts[row, CHARACTERS] = words, letters, characters + letters
        counts[row, DIGITS], counts[row, SYMBOLS], counts[row, FOREIGN] = digits, symbols, foreign
        counts[row, COMMONEST] = _two_greatest(bins)
        bins[:] = 0
        for k in range(profiles.shape[1]):
            if profiles[row, k] >= 0:
                column[profiles[row, k]] = k
                ratios[row, k] = words * miss[profiles[row, k]]
        for n in range(met_count):
            word = met[n]
            for place in range(edges[word], edges[word + 1]):
                owner = owners[place]
                if owner >= known_count:
                    unknown_gains[owner - known_count] += believed[word] * gains[place]
                elif column[owner] >= 0:
                    ratios[row, column[owner]] += believed[word] * gains[place]
            times[word] = believed[word] = 0
        for n in range(len(unknown_gains)):
            if unknown_gains[n] > 0:
                unknown_ratios[row] = max(unknown_ratios[row], unknown_gains[n] + words * miss[known_count + n])
            unknown_gains[n] = 0.0
        for k in range(profiles.shape[1]):
            if profiles[row, k] >= 0:
                column[profiles[row, k]] = -1


@inlined
def _two_greatest(values):
    first = second = 0
    for value in values:
        if value > first:
            first, second = value, first
        elif value > second:
            second = value
    return first + second


@helper
def _next_space(data, i, end):
    """The first space at or behind i if there is one near, else the character that begins there or next."""
    for near in range(i, min(i + _SEARCH_BYTES, end)):
        if data[near] == 0x20:
            return near
    while i < end and data[i] & 0xC0 == 0x80:
        i += 1
    return i


@inlined
def _believe(hashed, words, keys, numbers, times, believed, met, met_count):
    """Count a word if it is in the table, and believe it unless it is repeated too often; returns how many were met."""
    mask = np.uint64(len(keys) - 1)
    place = hashed & mask
    while keys[place] != 0 and keys[place] != hashed:
        place = (place + np.uint64(1)) & mask
    if keys[place] == hashed:
        word = numbers[place]
        if times[word] == 0:
            met[met_count] = word
            met_count += 1
        times[word] += 1
        if 20 * times[word] <= 40 + 3 * words:
            believed[word] += 1
    return met_count
