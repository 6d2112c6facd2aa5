"""How much two texts share, counted in words: the measures of every benchmark that compares texts."""

import re
from collections import Counter
from itertools import pairwise

from gristmill.filters.dedup.pieces import UNSPACED_RANGES

_WORD = re.compile(r"\w+")
_UNSPACED = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in UNSPACED_RANGES)
_RUN = re.compile(f"([{_UNSPACED}]+)|[^{_UNSPACED}]+")
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")


def words(text: str) -> list[str]:
    """Words as WCXB's metric counts them."""
    return _WORD.findall(text.lower())


def words_or_pairs(text: str) -> list[str]:
    """Words, and of scripts that are written without spaces each pair of neighbouring characters in their place: a run of
    such characters is no word, and a single one says too little."""
    found: list[str] = []
    for word in words(text):
        for run in _RUN.finditer(word):
            pairs = [a + b for a, b in pairwise(run[1] or "")]
            found.extend(pairs or [run[0]])
    return found


def long_words(text: str) -> list[str]:
    """Runs of three letters and more, in lower case: words of prose without numbers and most of what stands in formulas."""
    return _LONG_WORD.findall(text.lower())


def precision_recall(found: Counter[str], wanted: Counter[str]) -> tuple[float, float]:
    """The share of `found` that is wanted, and the share of `wanted` that was found; 1 of nothing."""
    shared = (found & wanted).total()
    return shared / found.total() if found else 1.0, shared / wanted.total() if wanted else 1.0


def word_f1(found: Counter[str], wanted: Counter[str]) -> float:
    """F1 of two multisets of words; 1 where both are empty."""
    precision, recall = precision_recall(found, wanted)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
