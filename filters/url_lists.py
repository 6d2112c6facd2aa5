"""Lists for the URL rules: files of domains, of URLs, of words, in the forms in which such lists are published.

Every line is a rule, a comment, or an error that names it: a rule that could never match is no rule.
"""

import contextlib
import gzip
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import quote

from gristmill.schemas.errors import InputError

_GZIP_MAGIC = b"\x1f\x8b"
_LINE_ENDS = re.compile("\r\n|\n|\r")
_NOT_ALNUM = re.compile("[^a-zA-Z0-9]+")
_PLAIN_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
_IPV6 = re.compile(r"\[[0-9a-f:.]+\]")
_ADBLOCK_COMMENT = re.compile(r"!|\[[A-Za-z][^\]]*\]$")
_ADBLOCK_HOST = re.compile(r"\|\|([^/^$*|]+)\^?(?:\$(.*))?")
# Options that still block the site itself; others narrow a rule to something else.
_ADBLOCK_OPTIONS = {"", "all", "document", "doc", "important", "third-party", "3p", "popup"}
_HOSTS_FILE = re.compile(r"(?:0\.0\.0\.0|127\.\d+\.\d+\.\d+|255\.255\.255\.255|::1?|f[ef][0-9a-f:]+(?:%\w+)?)\s+(.+)")
_THIS_MACHINE = {"localhost", "localhost.localdomain", "local", "broadcasthost", "0.0.0.0", "127.0.0.1"}
_DNSMASQ = re.compile(r"(?:address|server|local)=/([^/]+)/\S*")
_URL = re.compile(r"(?:([a-z][a-z0-9+.-]*):)?(?://)?([^/?#]*)([^#]*)", re.IGNORECASE)
_DEFAULT_PORTS = (":80", ":443")


def ascii_host(host: str) -> str:
    """A host name in lower case with every label in ASCII (`xn--...`); ValueError for what is none.

    >>> ascii_host("Müller.DE."), ascii_host("例え.jp")
    ('xn--mller-kva.de', 'xn--r8jz45g.jp')
    """
    host = host.rstrip(".").lower()
    return host if host.isascii() else host.encode("idna").decode("ascii")


def hosts_of(line: str) -> tuple[str, ...]:
    """The hosts that a line of a list of domains names; ValueError saying what else it is.

    Plain names, `*.x`, `.x`, URLs without a path, lines of hosts files, `||x^` of adblock lists, dnsmasq's `address=/x/`.
    `www.x` stands for x as well.

    >>> hosts_of("||ads.example^$third-party"), hosts_of("0.0.0.0 a.example b.example # both"), hosts_of("http://x.example/")
    (('ads.example',), ('a.example', 'b.example'), ('x.example',))
    """
    if _PLAIN_HOST.fullmatch(line) and not line.startswith("www."):
        return (line,)
    line = re.split(r"\s+#", line)[0]
    if _ADBLOCK_COMMENT.match(line):
        return ()
    if match := _HOSTS_FILE.fullmatch(line):
        names = (name for name in match[1].split() if name not in _THIS_MACHINE and not name.startswith("ip6-"))
        return tuple(host for name in names for host in _checked(name))
    if match := _DNSMASQ.fullmatch(line):
        return _checked(match[1])
    if match := _ADBLOCK_HOST.fullmatch(line):
        options = set((match[2] or "").split(","))
        if options - _ADBLOCK_OPTIONS:
            raise ValueError(f"an adblock rule with the option {sorted(options - _ADBLOCK_OPTIONS)[0]!r}")
        return _checked(match[1])
    if line.startswith(("@@", "|", "#")) or re.match("/[^/]", line) or "##" in line or "#@#" in line:
        raise ValueError("an adblock rule that names no site to block")
    scheme, authority, path = _URL.fullmatch(line).groups()  # type: ignore[union-attr]
    if path not in ("", "/"):
        raise ValueError("an address with a path, which belongs in `urls`")
    del scheme
    return _checked(re.sub(r":\d+$", "", authority.rpartition("@")[2]).removeprefix("*.").removeprefix("."))


def _checked(host: str) -> tuple[str, ...]:
    try:
        name = ascii_host(host)
    except UnicodeError as error:
        raise ValueError(f"no host name ({error})") from error
    if not (_PLAIN_HOST.fullmatch(name) or _IPV6.fullmatch(name)):
        raise ValueError("no host name")
    short = name.removeprefix("www.")
    return (name,) if short == name or "." not in short else (short, name)


def url_key(url: str) -> str:
    """What two spellings of one address have in common: no scheme, `www.`, default port, fragment, last slash, case.

    >>> url_key("HTTPS://www.Example.com:443/A/") == url_key("example.com/a"), url_key("http://müller.de/ü?q=1#f")
    (True, 'xn--mller-kva.de/%c3%bc?q=1')
    """
    _, authority, rest = _URL.match(url.strip()).groups()  # type: ignore[union-attr]
    host = authority.rpartition("@")[2].lower()
    for port in _DEFAULT_PORTS:
        host = host.removesuffix(port)
    with contextlib.suppress(UnicodeError):
        host = ascii_host(host)
    rest = rest if rest.isascii() else quote(rest, safe="/?&=%:;,+@!$'()*~#[]")
    return host.removeprefix("www.") + rest.lower().rstrip("/")


def _url_of(line: str) -> tuple[str, ...]:
    if line.startswith("!"):
        return ()
    if line.startswith(("||", "@@", "|")) or "##" in line or re.search(r"\s", line):
        raise ValueError("no address")
    key = url_key(line)
    if not key:
        raise ValueError("no address")
    return (key,)


def _word_of(line: str) -> tuple[str, ...]:
    """ASCII letters and digits in lower case: all that the words of an address are made of."""
    word = _NOT_ALNUM.sub("", line).lower()
    if not line.isascii() or not word:
        raise ValueError("a word that no address can hold, as they are written in ASCII")
    return (word,)


_READ: dict[str, Callable[[str], tuple[str, ...]]] = {
    "domains": hosts_of,
    "urls": _url_of,
    **dict.fromkeys(("hard_words", "soft_words", "subwords"), _word_of),
    "as datatrove": lambda line: (line,),
}
AS_DATATROVE = "as datatrove"  # a list whose lines are compared as they stand


def list_entries(path: str, kind: str) -> frozenset[str]:
    """The rules of a list file, plain or gzip, by lines; blank lines and comments are none.

    kind: domains, urls, hard_words, soft_words, subwords or AS_DATATROVE. InputError for a file that is no UTF-8 text and
    for a line that could never match.
    """
    stat = Path(path).stat()
    return _read_entries(path, kind, stat.st_mtime_ns, stat.st_size)


@cache
def _read_entries(path: str, kind: str, modified: int, size: int) -> frozenset[str]:
    """Cached by the file's state: a list of millions of domains is read once per process."""
    raw = Path(path).read_bytes()
    try:
        text = (gzip.decompress(raw) if raw.startswith(_GZIP_MAGIC) else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"unreadable list: {error}", expected="UTF-8 text, plain or gzip", where=path) from error
    read = _READ[kind]
    found: set[str] = set()
    for number, line in enumerate(_LINE_ENDS.split(text), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            found.update(read(line))
        except ValueError as error:
            raise InputError(
                f"found {line[:80]!r}: {error}",
                expected=f"a line for the list `{kind}`",
                where=f"{path}:{number}",
                next_step="correct or remove the line",
            ) from error
    return frozenset(found)
