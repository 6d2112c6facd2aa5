"""E-mail addresses, IBANs and crypto addresses: presidio's recognisers, and Ethereum addresses."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from gristmill.filters.privacy.window import Found, Window, any_word, supported

_ETHEREUM = re.compile(r"(?<!\w)0x[0-9a-fA-F]{40}(?!\w)")
_UPPER = {ord(letter): letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"}  # of ASCII alone: lengths stay
_CRYPTO_CONTEXT = any_word("wallet", "btc", "bitcoin", "crypto", "ethereum", "eth", "address", "donate", "donation")
_USER_OF_URL = re.compile(r"://[^\s/@:]*:[^\s/@]*\Z")  # what comes before the @ here is a password
ETHEREUM_SCORE, REPOSITORY_SCORE = 0.5, 0.1


def emails(window: Window) -> Iterator[Found]:
    """E-mail addresses around the candidate's @; not a repository's `git@host:path`, not a password in a URL."""
    lowest = max(0, window.start - 1)
    for result in email_recogniser().analyze(window.text[lowest : window.end + 1], ["EMAIL_ADDRESS"]):
        start, end = lowest + result.start, lowest + result.end
        if _USER_OF_URL.search(window.text, 0, start):
            continue
        is_repository = window.text[start:end].startswith("git@") and window.text[end : end + 1] == ":"
        yield Found("email", start, end, REPOSITORY_SCORE if is_repository else result.score)


def ibans(window: Window) -> Iterator[Found]:
    """IBANs whose check digits (mod 97) and country's form are right, in either case."""
    lowest = max(0, window.start - 1)
    segment = window.text[lowest : window.end + 1].translate(_UPPER)
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
