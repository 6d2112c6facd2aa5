"""How much two texts share, counted in words: the measures of every benchmark that compares texts."""

import re
from collections import Counter

_WORD = re.compile(r"\w+")
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")


def words(text: str) -> list[str]:
    """Words as WCXB's metric counts them."""
    return _WORD.findall(text.lower())


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
