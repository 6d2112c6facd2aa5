"""Public IP addresses, and URLs that carry a user's name and password."""

import ipaddress
import re
from collections.abc import Iterator

from gristmill.filters.pii.secrets.placeholders import is_placeholder
from gristmill.filters.pii.window import Found, Window, any_word, supported

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:])[23][0-9a-fA-F]{3}:[0-9a-fA-F:]+(?:\.\d{1,3}){0,3}(?![\w:])")
CONTEXT_WORDS = tuple(
    "ip ips ipv4 ipv6 host server ping address addresses addr dns client proxy gateway subnet cidr whois peer".split()  # noqa: SIM905
)
_CONTEXT = any_word(*CONTEXT_WORDS)
_BEHIND_ADDRESS = re.compile(r"/(?:[89]|[12]\d|3[0-2])(?![\w.])|:\d{2,5}(?![\w.:])")  # a network's size, a port
_BEHIND_VERSION = re.compile(r"[-~+]\w|-?>")
_VERSION = any_word(
    "version", "versions", "ver", "release", "build", "firmware", "driver", "section", "chapter", "oid", "v"
)
SCORE, UNLIKELY_SCORE = 0.6, 0.1
LARGE_NUMBER = 100  # of one address in fifty no part is larger; few versions have one that is
_CREDENTIALS = re.compile(r"(?<=://)(?P<user>[^\s/:@<>\"'\x1f]*):(?P<password>[^\s/<>\"'\x1f]+)(?=@[\w\[])")
MIN_PASSWORD_CHARACTERS = 4


def ip_addresses(window: Window) -> Iterator[Found]:
    """Addresses that anyone on the internet can reach; private, reserved and documentation ranges are nobody's."""
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(window.text, max(0, window.start - 1)):
            if match.start() >= window.end:
                break
            address = _address(match.group())
            if address is not None and address.is_global and not address.is_multicast:
                yield Found("ip_address", match.start(), match.end(), _score(window, match))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _score(window: Window, match: re.Match[str]) -> float:
    """Four numbers are a version behind a word or mark that says so, or when no part is large and nothing says address."""
    words = " ".join(window.before(match.start()).split()[-4:])
    named = _CONTEXT.search(words) is not None
    if ":" in match.group():
        likely = named or not match.group().endswith("::") or window.text[match.end() : match.end() + 1] == "/"
        return supported(SCORE) if named else SCORE if likely else UNLIKELY_SCORE
    mark = window.text[max(0, match.start() - 2) : match.start()]
    in_url = mark in ("//", "/@") or mark.endswith(("@", "["))
    if _VERSION.search(" ".join(words.split()[-2:])) or (not in_url and re.search(r"[=<>~^/_-]$", mark)):
        return UNLIKELY_SCORE
    if not named and not in_url and _BEHIND_VERSION.match(window.text, match.end()):
        return UNLIKELY_SCORE
    large = any(int(part) >= LARGE_NUMBER for part in match.group().split("."))
    if not (large or in_url or named or _BEHIND_ADDRESS.match(window.text, match.end())):
        return UNLIKELY_SCORE
    return supported(SCORE) if named else SCORE


def url_credentials(window: Window) -> Iterator[Found]:
    """`user:password` in a URL, without the @; placeholders for a password are none."""
    for match in _CREDENTIALS.finditer(window.text, max(0, window.start - 3)):
        if match.start() >= window.end:
            return
        user, password = match["user"], match["password"]
        if len(password) < MIN_PASSWORD_CHARACTERS or is_placeholder(password) or (user == password and user.isalpha()):
            continue
        yield Found("url_credentials", match.start(), match.end(), 0.9)
