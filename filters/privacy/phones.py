"""Telephone numbers: what libphonenumber finds, and numbers of other shapes beside a word that says so.

presidio asks libphonenumber for eight countries, which finds half of the numbers of the labelled set: the others have no
country code and are of another country. Here a word such as `phone`, `call` or `fax` near makes a number of 7 to 15
digits a phone number. Without one, a number must be written as people write them (with `+`, or in groups), not as a run
of digits, a decimal, a date or an IP address.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from gristmill.filters.privacy.window import Found, Window, any_word, supported

MIN_DIGITS, MAX_DIGITS = 7, 15
CONTEXT = any_word(
    *"phone phones telephone tel mobile cell cellphone fax call calling called dial sms whatsapp hotline helpline".split(),  # noqa: SIM905
    *"answering reach ring text message messages texted desk office voicemail landline handy telefon telefono".split(),  # noqa: SIM905
    *"téléphone teléfono móvil portable telefone celular mobil telefonnummer ph mob contact registered signal".split(),  # noqa: SIM905
)
CONTEXT_BEHIND = any_word("office", "fax", "mobile", "cell", "home", "work", "desk", "direct", "tel", "phone")
NO_PHONE = any_word(
    "version", "isbn", "issn", "doi", "rfc", "invoice", "order", "serial", "pid", "id", "uuid", "sha", "ssn"
)
_SHAPE = re.compile(
    r"(?<![\w+])(?:\+ ?|00)?(?:[(\[]\+?\d{1,5}[)\]][ .-]{0,2})?\d+(?:[ .\-/]{0,2}(?:[(\[]\d{1,5}[)\]][ .-]{0,2})?\d+)*"
    r"(?:,? ?(?:x|ext\.?) ?\d{1,6})?(?!\w|[.,]\d)",
    re.ASCII,
)
_NOT_A_PHONE = re.compile(  # decimals, dates, IP addresses, ranges of years: blanked before numbers are looked for
    r"(?<![\w.\-])-?\d+\.\d+(?![\w.\-])|(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"
    r"|(?<!\d)(?:1[89]|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?<!\d)(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\2(?:(?:1[89]|20)\d\d|\d\d)(?![\d-])"
    r"|(?<!\d)(?:1[89]|20)\d\d ?[-–/] ?(?:1[89]|20)\d\d(?!\d)"
)
_GROUPED = re.compile(r"\+|\d[ .\-/()\[\]]+\d", re.ASCII)
_AREA_CODE = re.compile(r"(?<![\w)])[(\[]\d{2,5}[)\]][ .-]?\d{2,4}(?:[ .-]\d{2,4}){1,2}(?![\w]|[.,]\d)", re.ASCII)
SCORE, POSSIBLE_SCORE, BARE_SCORE = 0.4, 0.4, 0.1


def phones(window: Window) -> Iterator[Found]:
    """Telephone numbers in the candidate."""
    start = window.start
    while start > 0 and window.text[start - 1] in "+([":
        start -= 1
    end = min(len(window.text), window.end + 12)  # an extension
    text = _NOT_A_PHONE.sub(lambda match: "\x1f" * len(match.group()), window.text[:end])
    spoken_of = [match for match in _SHAPE.finditer(text, start) if _has_context(window, match.start(), match.end())]
    for match in spoken_of:
        if MIN_DIGITS <= _digits(match.group()) <= MAX_DIGITS + 5 and not NO_PHONE.search(_last(window, match.start())):
            yield Found("phone", match.start(), match.end(), supported(SCORE))
    if spoken_of or not _GROUPED.search(text, start):
        return
    for match in _AREA_CODE.finditer(text, start):
        if MIN_DIGITS <= _digits(match.group()) <= MAX_DIGITS:
            yield Found("phone", match.start(), match.end(), SCORE)
    for match in re.finditer(r"(?<![\w+])\+ ?\d[\d .\-()/]{6,22}\d(?:x\d{1,6})?(?!\w)", text[start:end]):
        if MIN_DIGITS < _digits(match.group()) <= MAX_DIGITS + 6 and _is_possible(match.group()):
            yield Found("phone", start + match.start(), start + match.end(), POSSIBLE_SCORE)
    segment = text[start:end]
    if _digits(segment) >= MIN_DIGITS:
        for result in recogniser().analyze(segment, ["PHONE_NUMBER"]):
            value = segment[result.start : result.end]
            score = SCORE if _GROUPED.search(value) and _digits(value) >= MIN_DIGITS else BARE_SCORE
            yield Found("phone", start + result.start, start + result.end, score)


def _digits(text: str) -> int:
    return sum(character.isdecimal() for character in text)


def _last(window: Window, start: int) -> str:
    return " ".join(window.before(start).split()[-2:])


def _has_context(window: Window, start: int, end: int) -> bool:
    if CONTEXT_BEHIND.search(window.after(end)):
        return True
    return CONTEXT.search(" ".join(window.before(start).split()[-5:])) is not None


def _is_possible(text: str) -> bool:
    """Whether libphonenumber takes it for a number of the country it names, of an existing range or not."""
    import phonenumbers

    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(text)))
    except phonenumbers.NumberParseException:
        return False


@cache
def recogniser() -> Any:
    """presidio's recogniser with its default countries."""
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    return PhoneRecognizer()
