"""Telephone numbers: what a word calls one, and what the numbering plans say is one.

A word that names a telephone number makes one of any seven to fifteen digits; a word that asks for a call needs a number
in groups or one that a numbering plan knows; without a word it must be written as people write a number that anyone can
dial. Whatever else the digits are called, or are part of, they are not found (`unlike`).
"""

from collections.abc import Iterator

from gristmill.filters.pii.phones import unlike
from gristmill.filters.pii.phones.dialled import is_international, is_known_without_zero, is_national
from gristmill.filters.pii.phones.words import ASKED, LABELLED, NEAR, NO_WORD, asks_towards, closeness
from gristmill.filters.pii.phones.written import Written, written_numbers
from gristmill.filters.pii.window import Found, Window, supported

MIN_DIGITS, MAX_DIGITS = 7, 15
MAX_DIGITS_WITH_PREFIX = 18
SCORE, UNLIKELY_SCORE = 0.4, 0.1
_OPENING = "+＋([（［"
_OTHER_FORMS = (unlike.is_dotted_quad, unlike.is_decimal, unlike.is_book, unlike.is_counting, unlike.is_round_range)


def phones(window: Window) -> Iterator[Found]:
    """Telephone numbers in the candidate."""
    start = window.start
    while start > 0 and (window.text[start - 1] in _OPENING or window.text[start - 2 : start] in ("+ ", "＋ ")):
        start -= 1
    for number in written_numbers(window.text, start, window.end):
        yield from _found(window.text, number)


def _found(text: str, number: Written) -> Iterator[Found]:
    """The number, or the shorter ones inside where it is none as a whole."""
    if len(number.digits) < MIN_DIGITS:
        return
    score = _score(text, number) if len(number.digits) <= MAX_DIGITS_WITH_PREFIX else 0.0
    if score < SCORE:
        found = [value for shorter in number.shorter() for value in _found(text, shorter)]
        if any(value.score >= SCORE for value in found) or not score:
            yield from found
            return
    yield Found("phone", number.start, number.end, score)


def _score(text: str, number: Written) -> float:
    word = LABELLED if unlike.is_phone_address(text[: number.start]) else closeness(text, number.start, number.end)
    international, national = is_international(number), is_national(number)
    if _is_something_else(text, number, word, international, national):
        return UNLIKELY_SCORE if word or international or national else 0.0
    grouped = len(number.groups) > 1
    if word == LABELLED and len(number.digits) <= MAX_DIGITS:
        return supported(SCORE)
    if word == ASKED:
        dialled = international or national or is_known_without_zero(number)
        if grouped or dialled or ((number.has_plus or number.digits[0] == "0") and len(number.digits) > 8):
            return supported(SCORE)
    if word == NEAR and (
        international or national or (grouped and (number.digits[0] == "0" or number.has_parenthesis))
    ):
        return supported(SCORE)
    if (international and number.has_plus) or (
        (international or (national and grouped)) and not unlike.is_in_row(text, number)
    ):
        return SCORE
    return UNLIKELY_SCORE if word or national else 0.0


def _is_something_else(text: str, number: Written, word: int, international: bool, national: bool) -> bool:
    """Whether its place or its form make something else of the digits; a word outweighs some forms."""
    left, right = text[max(0, number.start - 160) : number.start], text[number.end : number.end + 160]
    known = international or national
    if not unlike.is_phone_address(left) and (unlike.is_joined_left(left, number) or unlike.is_in_address(left, right)):
        return True
    if unlike.is_joined_right(right) and not _ends_there(right, word, known):
        return True
    if unlike.is_named_otherwise(left, called=word >= ASKED) and not (international and number.has_plus):
        return True
    if (
        unlike.is_amount(left, right)
        or unlike.is_scattered(number)
        or unlike.is_date(number)
        or unlike.is_ratio(number)
        or unlike.is_brazilian_postcode(left, number)
    ):
        return True
    if word < LABELLED and (unlike.is_term(left, number, right) or any(form(number) for form in _OTHER_FORMS)):
        return True
    if word < ASKED and (unlike.is_zip_code(number) or unlike.is_range(number)):
        return True
    if unlike.is_thousands(number) and not international and word < LABELLED:
        return word < ASKED or number.digits.endswith("000") or not asks_towards(left)
    return word == NO_WORD and not known


def _ends_there(right: str, word: int, known: bool) -> bool:
    """Whether the number ends although something is joined to it: `788-063-Office`, `8264Sales` where markup is gone."""
    if right[:1] in ("-", "&"):
        return word >= ASKED
    if not right[:1].isalpha() or not known:
        return False
    return word == LABELLED or (right[:1].isupper() and right[1:2].islower())
