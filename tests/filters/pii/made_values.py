"""Values with right check digits, made up: accounts, coins, tax numbers; and what is found in a text."""

import hashlib
import re
from random import Random

import pyarrow as pa
from gristmill.filters.pii.find import find
from presidio_analyzer.predefined_recognizers.generic.iban_patterns import regex_per_country

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def iban(country: str, rng: Random, letters: bool) -> str:
    """An IBAN in the form of its country, with letters wherever the form has room for them or with digits alone."""
    body = ""
    for kind, count in re.findall(r"\(?\[(A-Z|a-zA-Z0-9|0-9)\]\[ \]\?\)?(?:\{(\d)\})?", regex_per_country[country]):
        choices = "ABCDEFGHJKLMNPQRSTUVWXYZ" if kind == "A-Z" or (letters and kind == "a-zA-Z0-9") else "0123456789"
        body += "".join(rng.choice(choices) for _ in range(int(count or 1)))
    number = int("".join(str(int(c, 36)) for c in f"{body}{country}00"))
    return f"{country}{98 - number % 97:02}{body}"


def base58_address(version: int, rng: Random) -> str:
    """A Bitcoin address of a version with its check sum."""
    payload = bytes([version]) + rng.randbytes(20)
    payload += hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(payload), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(payload) - len(payload.lstrip(b"\0"))) + text


def bech32_address(rng: Random) -> str:
    """A Bitcoin address of the newer kind (BIP 173)."""
    data = [0, *(rng.randrange(32) for _ in range(32))]
    expanded = [ord(c) >> 5 for c in "bc"] + [0] + [ord(c) & 31 for c in "bc"]
    check = 1
    for value in [*expanded, *data, *[0] * 6]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    check ^= 1
    return "bc1" + "".join(_BECH32[d] for d in [*data, *((check >> 5 * (5 - i)) & 31 for i in range(6))])


def german_tax_id(rng: Random) -> str:
    """Ten digits, one of them twice and one missing, and the check digit of ISO 7064, MOD 11,10."""
    digits = list(range(10))
    rng.shuffle(digits)
    digits[rng.randrange(1, 9)] = digits[0] if digits[0] else digits[9]
    if digits[0] == 0:
        digits[0], digits[9] = digits[9], digits[0]
    product = 10
    for digit in digits:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return "".join(map(str, [*digits, (11 - product) % 10]))


def found_values(text: str, *kinds: str) -> list[str]:
    """What is found of these kinds in a text, as it stands there."""
    data = text.encode()
    (found,) = find(pa.array([text]), {})
    return [data[value.start : value.end].decode() for value in found if value.kind in kinds]
