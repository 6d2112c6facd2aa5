"""Pseudonyms: a realistic value instead of a real one, the same for the same value everywhere, from a secret key.

A pseudonym is a function of the key, the kind and the normalised value alone (HMAC-SHA256), so every worker, run and
corpus with that key agrees. Without the key nothing leads back. All forms are those of `reserved`: none can be real.
Two values can share a pseudonym where the reserved range is small: 80,000 phone numbers, 768 IPv4 addresses.
"""

import hashlib
import hmac
import os
import re
import unicodedata
from pathlib import Path

from gristmill.filters.pii.reserved import BECH32, MAIL_DOMAIN
from gristmill.schemas.errors import RecipeError

MIN_KEY_BYTES = 16
_FIRST = """
    ada alan ana anil ben bo carl chen clara dana david eli ella emil emma eva felix femi finn greta hana hugo ida ines
    ivan jan jo jonas julia kai karl kemal lars lea leo lena lin lucas luz maja mara marco maria max mei mia mila nina
    noor nora olga omar otto paula pia ravi rosa sami sara sofia tara theo tom uma vera yara yusuf zoe
""".split()  # noqa: SIM905
_LAST = """
    abara adler ahmed baker berg bruno castro chen costa diaz dubois engel farah fischer garcia green haas hansen ibarra
    ito jansen jones kaya keller khan kim kovacs kumar lang larsen lopez maier marin moreau mori nagy novak okafor olsen
    park patel perez popov reyes rossi sato silva singh stein tanaka torres vega vidal wagner walker weber wolf yang
    young zhao zimmer
""".split()  # noqa: SIM905


class Pseudonyms:
    """Values to pseudonyms under one key; the key shows in no representation."""

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise RecipeError(
                f"a key of {len(key)} bytes", expected=f"{MIN_KEY_BYTES} bytes or more, random", where="pii: key"
            )
        self._key = key

    @property
    def fingerprint(self) -> str:
        """16 hex digits that tell one key from another, and nothing of the key."""
        return hmac.new(self._key, b"gristmill key fingerprint", hashlib.sha256).hexdigest()[:16]

    def of(self, kind: str, value: str) -> str:
        """The pseudonym of a value of `kind`."""
        normal = normalised(kind, value)
        digest = hmac.new(self._key, f"{kind}\0{normal}".encode(), hashlib.sha256).digest()
        return _FORMS[kind](int.from_bytes(digest), normal)


def normalised(kind: str, value: str) -> str:
    """The value without the differences that mean nothing: case of addresses, marks between digits.

    >>> normalised("phone", "+1 (212) 555-7788"), normalised("email", "Jo@Mail.COM")
    ('+12125557788', 'jo@mail.com')
    """
    value = unicodedata.normalize("NFKC", value)
    if kind == "phone":
        return ("+" if value.lstrip("([ ").startswith("+") else "") + re.sub(r"[^\dx]", "", value.lower())
    if kind in ("credit_card", "iban", "national_id"):
        return re.sub(r"[\W_]", "", value).upper()
    if kind in ("email", "ip_address"):
        return value.lower()
    if kind == "person":
        return " ".join(value.casefold().split())
    return value


def _email(number: int, _: str) -> str:
    number, tail = divmod(number, 10**6)
    number, first = divmod(number, len(_FIRST))
    return f"{_FIRST[first]}.{_LAST[number % len(_LAST)]}{tail:06}@{MAIL_DOMAIN}"


def _phone(number: int, _: str) -> str:
    number, line = divmod(number, 100)
    return f"+1-{200 + number % 800}-555-01{line:02}"


def _credit_card(number: int, _: str) -> str:
    body = f"40000000{number % 10**7:07}"
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    wrong = (10 - total % 10 + 1 + (number >> 64) % 9) % 10  # any digit but the right one
    digits = f"{body}{wrong}"
    return " ".join(digits[i : i + 4] for i in range(0, 16, 4))


def _iban(number: int, _: str) -> str:
    digits = f"{number % 10**18:018}"
    return "XX00 " + " ".join(digits[i : i + 4] for i in range(0, 18, 4))


def _ip_address(number: int, value: str) -> str:
    if ":" in value:
        groups = f"{number % 16**24:024x}"
        return "2001:db8:" + ":".join(groups[i : i + 4] for i in range(0, 24, 4))
    number, host = divmod(number, 256)
    return f"{('192.0.2', '198.51.100', '203.0.113')[number % 3]}.{host}"


def _national_id(number: int, _: str) -> str:
    return f"000-{number % 100:02}-{number // 100 % 10**4:04}"


def _url_credentials(number: int, _: str) -> str:
    digits = f"{number % 16**20:020x}"
    return f"user-{digits[:8]}:password-{digits[8:]}"


def _secret(number: int, _: str) -> str:
    return f"example-secret-{number % 16**24:024x}"


def _crypto_address(number: int, value: str) -> str:
    if value.startswith("0x"):
        return f"0x{'0' * 28}{number % 16**12:012x}"
    letters = []
    for _ in range(31):
        number, digit = divmod(number, 32)
        letters.append(BECH32[digit])
    return "bc1qexample" + "".join(letters)


_FORMS = {
    "email": _email,
    "phone": _phone,
    "credit_card": _credit_card,
    "iban": _iban,
    "ip_address": _ip_address,
    "national_id": _national_id,
    "url_credentials": _url_credentials,
    "secret": _secret,
    "crypto_address": _crypto_address,
}
PSEUDONYM_KINDS = tuple(_FORMS)


def load_key(key_env: str, key_file: str | None) -> bytes:
    """The key from a file, else from an environment variable; RecipeError when there is none."""
    if key_file is not None:
        try:
            return Path(key_file).read_bytes().strip()
        except OSError as error:
            raise RecipeError(
                f"cannot read the key: {error.strerror}", where=key_file, expected="a file with a secret key"
            ) from error
    if not (value := os.environ.get(key_env)):
        raise RecipeError(
            f"the environment variable {key_env} is not set",
            where="pii: pseudonym",
            expected=f"a secret key of {MIN_KEY_BYTES} bytes or more",
            next_step="set it, or name a file with `key_file:`",
        )
    return value.encode()
