"""Payment cards: 12 to 19 digits with a Luhn check digit.

presidio's pattern knows 13 to 17 digits of five first digits; here issuers' ranges and lengths (ISO/IEC 7812, as the
networks publish them) give the score. A number of no issuer, one that only Maestro could have issued, or one in a row of
numbers needs a word.
"""

import re
from collections.abc import Iterator

from gristmill.filters.pii.marks import BLANKS, DASHES
from gristmill.filters.pii.phones.written import ascii_digits
from gristmill.filters.pii.window import Found, Window, any_word, supported

MIN_CARD_DIGITS, MAX_CARD_DIGITS = 12, 19
_MARK = rf"[{BLANKS}{DASHES}]"
_CARD = re.compile(  # the marks between groups are the same throughout
    rf"(?<![\w.,])(?<!\d[{DASHES}])(?:\d{{12,19}}|\d{{4}}({_MARK})\d{{4}}\1\d{{4}}\1\d{{1,4}}(?:\1\d{{1,3}})?"
    rf"|\d{{4}}({_MARK})\d{{6}}\2\d{{4,5}})(?!\w|[.,{DASHES}]\d)"
)
_IN_ROW_BEFORE = re.compile(rf"\d[{BLANKS}]\Z")
_IN_ROW_BEHIND = re.compile(rf"[{BLANKS}]\d+(?![/\d])")  # not the month and year to which a card is good


def _lengths(*lengths: int) -> int:
    return sum(1 << length for length in lengths)


# (digits, lowest, highest value of the first digits, bits of the lengths)
ISSUER_RANGES = (
    (1, 4, 4, _lengths(13, 16, 19)),  # Visa
    (2, 51, 55, _lengths(16)),  # Mastercard
    (4, 2221, 2720, _lengths(16)),
    (2, 34, 34, _lengths(15)),  # American Express
    (2, 37, 37, _lengths(15)),
    (4, 6011, 6011, _lengths(16, 17, 18, 19)),  # Discover, UnionPay
    (3, 644, 649, _lengths(16, 17, 18, 19)),
    (2, 65, 65, _lengths(16, 17, 18, 19)),
    (2, 62, 62, _lengths(16, 17, 18, 19)),
    (3, 300, 305, _lengths(14, 16)),  # Diners Club
    (2, 36, 36, _lengths(14, 16)),
    (2, 38, 39, _lengths(14, 16)),
    (4, 3528, 3589, _lengths(16, 17, 18, 19)),  # JCB
    (4, 2131, 2131, _lengths(15)),
    (4, 1800, 1800, _lengths(15)),
)
CONTEXT_WORDS = (
    *"credit card cards visa mastercard cc amex discover jcb diners maestro instapayment creditcard ccn pan debit".split(),  # noqa: SIM905
    *("american express", "carte", "tarjeta", "kreditkarte", "karte"),
)
_CONTEXT = any_word(*CONTEXT_WORDS)
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


def has_issuer(digits: str) -> bool:
    """Whether the first digits are an issuer's that gives cards of this length."""
    return any(
        low <= int(digits[:size]) <= high and lengths >> len(digits) & 1 for size, low, high, lengths in ISSUER_RANGES
    )


def cards(window: Window) -> Iterator[Found]:
    """Card numbers in the candidate."""
    for match in _CARD.finditer(window.text, max(0, window.start)):
        if match.start() >= window.end:
            return
        digits = ascii_digits(re.sub(r"\D", "", match.group()))
        if not MIN_CARD_DIGITS <= len(digits) <= MAX_CARD_DIGITS or len(set(digits)) == 1 or not luhn(digits):
            continue
        score = SCORE if has_issuer(digits) and not _is_in_row(window.text, match) else UNKNOWN_ISSUER_SCORE
        if _CONTEXT.search(window.before(match.start())) or _CONTEXT.search(window.after(match.end())):
            score = supported(score)
        yield Found("credit_card", match.start(), match.end(), score)


def _is_in_row(text: str, match: re.Match[str]) -> bool:
    """Whether numbers stand before and behind it with a blank between, as between its own groups."""
    if any(not character.isdecimal() and not character.isspace() for character in match.group()):
        return False
    before = _IN_ROW_BEFORE.search(text, max(0, match.start() - 4), match.start())
    return before is not None and _IN_ROW_BEHIND.match(text, match.end()) is not None
