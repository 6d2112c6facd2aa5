"""Values that stand for others: our placeholders and pseudonyms. Nothing is found in them, so masking again changes nothing.

Each pseudonym has a form that no real value has: addresses below example.org (RFC 2606), numbers 555-01xx (kept for
fiction), documentation ranges of IP addresses (RFC 5737, RFC 3849), cards that fail the Luhn check, an IBAN of a country
and check digits that cannot be, social security numbers of area 000, which is never given.
"""

import re

from gristmill.filters.pii.cards import luhn
from gristmill.filters.pii.kinds import PLACEHOLDERS

BLANK = "\x1f"  # white space that no recogniser takes for part of a value
MAIL_DOMAIN = "mail.example.org"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_FORMS = (
    *map(re.escape, PLACEHOLDERS.values()),
    rf"[a-z]+\.[a-z]+\d{{6}}@{re.escape(MAIL_DOMAIN)}",
    r"\+1-[2-9]\d\d-555-01\d\d",
    r"(?P<card>4000 0000 \d{4} \d{4})",
    r"XX00(?: \d{4}){4} \d\d",
    r"(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}",
    r"2001:db8(?::[0-9a-f]{4}){6}",
    r"000-\d\d-\d{4}",
    r"user-[0-9a-f]{8}:password-[0-9a-f]{12}",
    r"example-secret-[0-9a-f]{24}",
    r"0x0{28}[0-9a-f]{12}",
    rf"bc1qexample[{BECH32}]{{31}}",
)
_RESERVED = re.compile("|".join(_FORMS), re.ASCII)
# One of these stands in each: most texts have none, and looking for them costs less than the expression.
_MARKS = (
    *PLACEHOLDERS.values(),
    *(f"@{MAIL_DOMAIN}", "-555-01", "4000 0000 ", "XX00 ", "192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"),
    *("000-", ":password-", "example-secret-", "0x" + 28 * "0", "bc1qexample"),
)


def blanked(text: str) -> str:
    """`text` with each reserved value replaced by as many BLANKs."""
    if not any(map(text.__contains__, _MARKS)):
        return text
    return _RESERVED.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    if match["card"] and luhn(re.sub(" ", "", match["card"])):
        return match.group()
    return BLANK * len(match.group())
