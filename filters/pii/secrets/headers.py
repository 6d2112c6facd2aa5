"""Tokens of HTTP headers: `Authorization: Bearer ...`, and `Bearer ...` alone."""

import base64
import binascii
import re
from collections.abc import Iterator

from gristmill.filters.pii.secrets.names import name_start
from gristmill.filters.pii.secrets.placeholders import is_placeholder
from gristmill.filters.pii.secrets.randomness import looks_random
from gristmill.filters.pii.window import Found, Window

SCORE = 0.6
MIN_CHARACTERS, MIN_BARE_CHARACTERS = 8, 16  # of a token in its header, and without one
_TOKEN = r"[A-Za-z0-9\-._~+/]{%d,}={0,2}"
_HEADER = re.compile(
    r"[\w\-]{0,32}?authorization[\"'\\]{0,2}\]?\s*(?:[:=,]|=>)\s*[\"'`]?(?:[fb][\"'])?"
    r"(?:(?P<scheme>bearer|token|basic|apikey|api-key|key|oauth|jwt|digest)\s+)?"
    rf"(?P<value>{_TOKEN % MIN_CHARACTERS})|bearer[ \t]+(?P<bare>{_TOKEN % MIN_BARE_CHARACTERS})",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Za-z]+(?:[_\-.][A-Za-z]+)*")


def header_tokens(window: Window) -> Iterator[Found]:
    """The token of the header whose name, or scheme, the candidate begins with."""
    match = _HEADER.match(window.text, name_start(window), window.end + 4)
    if not match:
        return
    group = "value" if match["value"] else "bare"
    scheme = "bearer" if group == "bare" else (match["scheme"] or "").lower()
    if _is_token(match[group], scheme):
        yield Found("secret", match.start(group), match.end(group), SCORE)


def _is_token(value: str, scheme: str) -> bool:
    """Whether a header's value is a token, no placeholder and no name; without a scheme it must be random."""
    if is_placeholder(value.rstrip("=")) or _WORDS.fullmatch(value):
        return False
    if scheme == "basic":
        try:
            return b":" in base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return False
    if not scheme:
        return looks_random(value, quoted=True)
    return any(map(str.isdecimal, value)) and any(map(str.isalpha, value))
