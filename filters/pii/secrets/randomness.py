"""Whether a value is as random as a key is: entropy in bits a character, by the alphabet, with detect-secrets' limits."""

import math
import re
from collections import Counter

from gristmill.filters.pii.secrets.placeholders import is_placeholder

_HEXADECIMAL = re.compile(r"[0-9a-fA-F\-]+")
_RANDOM = re.compile(r"[0-9A-Za-z+/=_\-.~]+")
_PLACEHOLDER = re.compile(
    r"example|sample|placeholder|changeme|redacted|dummy|your|test|[*x]{4}|\.\.\.|^[$%]", re.IGNORECASE
)
_NAME_OR_PATH = re.compile(r"(?:[A-Za-z]+[_.\-/:])*[A-Za-z]+\d{0,4}|https?:.*|[\w\-]+(?:\.[A-Za-z_]\w*)+|/.*")
MIN_HEXADECIMAL_CHARACTERS, MIN_RANDOM_CHARACTERS, MIN_PASSWORD_CHARACTERS = 16, 16, 8
# detect-secrets has 3.0 for hexadecimal digits, 4.5 for base64 of full length.
MIN_HEXADECIMAL_ENTROPY, MIN_RANDOM_ENTROPY, FULL_RANDOM_CHARACTERS = 3.0, 4.5, 40


def entropy(text: str) -> float:
    """Shannon entropy of its characters, in bits a character.

    >>> entropy("abab"), entropy("")
    (1.0, 0.0)
    """
    counts = Counter(text).values()
    return sum((n / len(text) * math.log2(len(text) / n) for n in counts), 0.0)


def looks_random(value: str, quoted: bool) -> bool:
    """Whether a value given to the name of a secret is one, not the name of another variable or a placeholder.

    Entropy of a text of n characters is at most log2(n), so short ones are held to less than long ones.
    """
    if _PLACEHOLDER.search(value) or _NAME_OR_PATH.fullmatch(value) or is_placeholder(value):
        return False
    bits = entropy(value)
    if _HEXADECIMAL.fullmatch(value):
        return len(value) >= MIN_HEXADECIMAL_CHARACTERS and bits >= MIN_HEXADECIMAL_ENTROPY
    has_digit, has_letter = re.search(r"\d", value), re.search(r"[A-Za-z]", value)
    if len(value) >= MIN_RANDOM_CHARACTERS and _RANDOM.fullmatch(value):
        wanted = MIN_RANDOM_ENTROPY * min(1.0, math.log2(len(value)) / math.log2(FULL_RANDOM_CHARACTERS)) * 0.9
        return bool(has_digit and has_letter) and bits >= wanted
    marked = re.search(r"[^A-Za-z0-9_.\-/:]", value)
    return quoted and len(value) >= MIN_PASSWORD_CHARACTERS and bool(has_digit and has_letter and marked)
