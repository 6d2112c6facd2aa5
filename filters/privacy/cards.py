"""Payment cards: 12 to 19 digits with a Luhn check digit.

presidio's pattern knows 13 to 17 digits of five first digits; here issuers' ranges and lengths (ISO/IEC 7812, as the
networks publish them) give the score. A number of no issuer, or one that only Maestro could have issued, needs a word.
"""

import re
from collections.abc import Iterator

from gristmill.filters.privacy.window import Found, Window, any_word, supported

# the marks between groups are the same throughout
_CARD = re.compile(
    r"(?<![\w.,])(?:\d{12,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5})(?![\w]|[.,]\d)"
)
_ISSUERS = (  # first digits -> lengths
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"6011|64[4-9]|65|62"), (16, 17, 18, 19)),
    (re.compile(r"30[0-5]|3[689]"), (14, 16)),
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 17, 18, 19)),
    (re.compile(r"2131|1800"), (15,)),
)
CONTEXT = any_word(
    *"credit card cards visa mastercard cc amex discover jcb diners maestro instapayment creditcard ccn pan debit".split(),  # noqa: SIM905
    *("american express", "carte", "tarjeta", "kreditkarte", "karte"),
)
SCORE, UNKNOWN_ISSUER_SCORE = 0.6, 0.05


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others.

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def cards(window: Window) -> Iterator[Found]:
    """Card numbers in the candidate."""
    for match in _CARD.finditer(window.text, max(0, window.start), min(len(window.text), window.end + 1)):
        digits = re.sub(r"\D", "", match.group())
        if not 12 <= len(digits) <= 19 or len(set(digits)) == 1 or not luhn(digits):
            continue
        known = any(first.match(digits) and len(digits) in lengths for first, lengths in _ISSUERS)
        score = SCORE if known else UNKNOWN_ISSUER_SCORE
        if CONTEXT.search(window.before(match.start())) or CONTEXT.search(window.after(match.end())):
            score = supported(score)
        yield Found("credit_card", match.start(), match.end(), score)
