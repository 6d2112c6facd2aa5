"""E-mail addresses, IBANs and crypto addresses: presidio's recognisers, and Ethereum addresses."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from gristmill.filters.pii.marks import with_plain_marks
from gristmill.filters.pii.scripts import is_beyond_latin, is_unspaced
from gristmill.filters.pii.window import Found, Window, any_word, supported

_ETHEREUM = re.compile(r"(?<!\w)0x[0-9a-fA-F]{40}(?!\w)")
_UPPER = {ord(letter): letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"}  # of ASCII alone: lengths stay
_CRYPTO_CONTEXT = any_word("wallet", "btc", "bitcoin", "crypto", "ethereum", "eth", "address", "donate", "donation")
_FULL_WIDTH = dict(zip(range(0xFF01, 0xFF5F), map(chr, range(0x21, 0x7F)), strict=True))  # of East Asian typing
_USER_OF_URL = re.compile(r"://[^\s/@:]*:[^\s/]*\Z")  # what comes before the @ here is a password
_BEFORE_ADDRESS = re.compile(
    r"[/?|{}*`#^~$!<>]|%[0-9A-Fa-f]{2}|(?<![\w+.\-])[A-Za-z_]\w*=|\A=|(?<=\W)="
)  # `email=jo@...`
KEPT_ADDRESSES = 1 << 13  # of at most MAX_EMAIL_BYTES each
MAX_SHORTER_ENDS = 8  # of an address that runs into a word
ETHEREUM_SCORE, REPOSITORY_SCORE = 0.5, 0.1


def emails(window: Window) -> Iterator[Found]:
    """The e-mail address around the candidate's @; not a repository's `git@host:path`, not a password in a URL."""
    found = _address(window.text, window.start, window.end)
    if found is None or _USER_OF_URL.search(window.text, 0, found[0]):
        return
    start, end, score = found
    is_repository = window.text[start:end].startswith("git@") and window.text[end : end + 1] == ":"
    yield Found("email", start, end, REPOSITORY_SCORE if is_repository else score)


def _address(text: str, lowest: int, highest: int) -> tuple[int, int, float] | None:
    """(start, end, score) of the address in text[lowest:highest], which has one @; None when presidio finds none there.

    Words of other scripts, marks that programs put before an address and words that lost their blank are cut off first:
    presidio takes every letter and most marks for a part of the address.
    """
    text = text[:lowest] + text[lowest:highest].translate(_FULL_WIDTH) + text[highest:]
    at = text.find("@", lowest, highest)
    if at < 0:
        return None
    start, end = lowest, highest
    if not is_unspaced(text[at - 1]):
        start = next(
            (i + 1 for i in range(at - 1, lowest - 1, -1) if is_unspaced(text[i])), _latin_start(text, lowest, at)
        )
    for match in _BEFORE_ADDRESS.finditer(text, start, at):
        start = match.end()
    if not is_unspaced(text[at + 1 : at + 2]):
        end = next((i for i in range(at + 2, highest) if _ends_before(text, i)), highest)
    while end > at and text[end - 1] in "-_.":
        start += text[end - 1] == "_" == text[start]  # emphasis: _jo@corp.de_
        end -= 1
    for stop in (end, *islice(_shorter_ends(text, at, end), MAX_SHORTER_ENDS)):
        for first, last, score in _found_by_presidio(text[start:stop]):
            if start + first < at < start + last:
                return start + first, start + last, score
    return None


@lru_cache(KEPT_ADDRESSES)
def _found_by_presidio(value: str) -> tuple[tuple[int, int, float], ...]:
    """(start, end, score) of addresses in a candidate; corpora hold the same few addresses over and over."""
    results = email_recogniser().analyze(value, ["EMAIL_ADDRESS"])
    return tuple((result.start, result.end, result.score) for result in results)


def _latin_start(text: str, lowest: int, at: int) -> int:
    """Where a Latin local part begins that a word of another script runs into; `lowest` where none does."""
    latin = False
    for i in range(at - 1, lowest - 1, -1):
        if is_beyond_latin(text[i]):
            return i + 1 if latin and text[i + 1].isascii() and text[i + 1].isalnum() else lowest
        latin = latin or (text[i].isascii() and text[i].isalpha())
    return lowest


def _ends_before(text: str, i: int) -> bool:
    """Whether a Latin domain ends before text[i]: at a script without blanks, or a word of another one next to it."""
    return is_unspaced(text[i]) or (is_beyond_latin(text[i]) and text[i - 1].isascii() and text[i - 1].isalnum())


def _shorter_ends(text: str, at: int, end: int) -> Iterator[int]:
    """Where the address may end when its last label is none: before a capital, or a letter of a script without blanks."""
    label = text.rfind(".", at, end) + 1
    for i in range(end - 1, label + 1, -1):
        if is_unspaced(text[i]) or (text[i].isupper() and text[i - 1].islower()):
            yield i


def ibans(window: Window) -> Iterator[Found]:
    """IBANs whose check digits (mod 97) and country's form are right, in either case."""
    lowest = max(0, window.start - 1)
    segment = with_plain_marks(window.text[lowest : window.end + 1]).translate(_UPPER)
    for result in iban_recogniser().analyze(segment, ["IBAN_CODE"]):
        yield Found("iban", lowest + result.start, lowest + result.end, result.score)


def crypto_addresses(window: Window) -> Iterator[Found]:
    """Bitcoin addresses with a right check sum (presidio), Ethereum addresses by their form."""
    lowest = max(0, window.start - 1)
    segment = window.text[lowest : window.end + 1]
    for result in crypto_recogniser().analyze(segment, ["CRYPTO"]):
        yield Found("crypto_address", lowest + result.start, lowest + result.end, result.score)
    for match in _ETHEREUM.finditer(segment):
        named = _CRYPTO_CONTEXT.search(window.before(lowest + match.start()))
        score = supported(ETHEREUM_SCORE) if named else ETHEREUM_SCORE
        yield Found("crypto_address", lowest + match.start(), lowest + match.end(), score)


@cache
def email_recogniser() -> Any:
    """presidio's, with the public suffix list that tldextract carries: its default asks the network for a newer one."""
    import tldextract
    from presidio_analyzer.predefined_recognizers import EmailRecognizer

    suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    class OfflineEmailRecognizer(EmailRecognizer):
        def validate_result(self, pattern_text: str) -> bool:
            return suffixes(pattern_text).fqdn != ""

    return OfflineEmailRecognizer()


@cache
def iban_recogniser() -> Any:
    from presidio_analyzer.predefined_recognizers import IbanRecognizer

    return IbanRecognizer()


@cache
def crypto_recogniser() -> Any:
    from presidio_analyzer.predefined_recognizers import CryptoRecognizer

    return CryptoRecognizer()
