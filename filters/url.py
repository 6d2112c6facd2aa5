"""URL rules: what a document's address says about it: registered domain, block lists, word lists.

The rules and their order follow the URL filter of RefinedWeb and FineWeb (Penedo et al. 2023, G.1; datatrove
`URLFilter`), with lists given as files. datatrove splits the URL with its case kept and compares with lower-cased lists,
so `/PORN/` escapes; `case_rule: datatrove` reproduces that and takes the lists as they stand. `lower` (default) compares lower
case with lower case, and understands the forms in which lists are published (see `url_lists`).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from gristmill.filters.url_lists import AS_DATATROVE, ascii_host, list_entries, url_key
from gristmill.schemas.errors import InputError
from gristmill.schemas.paths import RecipePath
from gristmill.schemas.recipe.rules import Profile, Rule
from gristmill.schemas.signals import Family, Signal
from gristmill.schemas.strict import Strict
from pydantic import Field

LISTS = ("domains", "urls", "hard_words", "soft_words", "subwords")
_NOT_ALNUM = re.compile("[^a-zA-Z0-9]+")
_AUTHORITY = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?(?://)?([^/?#]*)")

_NO_URL = "the document has no url"
_NO_LIST = "the document has no url, or the list is not given"


def _list_option(what: str) -> Any:
    return Field(None, description=f"a file, or several, of {what}; see docs/recipes.md for the forms that are read")


class UrlRulesOptions(Strict):
    """Options of the family `url_rules`."""

    domains: RecipePath | tuple[RecipePath, ...] | None = _list_option("domains")
    urls: RecipePath | tuple[RecipePath, ...] | None = _list_option("addresses")
    hard_words: RecipePath | tuple[RecipePath, ...] | None = _list_option("words of which one is too many")
    soft_words: RecipePath | tuple[RecipePath, ...] | None = _list_option("words of which several are too many")
    subwords: RecipePath | tuple[RecipePath, ...] | None = _list_option("letters that are looked for inside words")
    case_rule: Literal["lower", "datatrove"] = Field(
        "lower", description="`datatrove` keeps the case of addresses and takes lists as they stand, as datatrove does"
    )

    def paths(self, name: str) -> tuple[str, ...]:
        """The files of one of LISTS."""
        value = getattr(self, name)
        return () if value is None else (value,) if isinstance(value, str) else tuple(value)

    def kind(self, name: str) -> str:
        """How the files of one of LISTS are read, see `list_entries`."""
        return AS_DATATROVE if self.case_rule == "datatrove" else name

    def entries(self, name: str) -> frozenset[str] | None:
        """The entries of the files of one of LISTS; None where there are none."""
        paths = self.paths(name)
        return frozenset().union(*(list_entries(path, self.kind(name)) for path in paths)) if paths else None


SIGNALS = (
    Signal(
        "url_domain",
        "string",
        "",
        "registered domain (public suffix and one label, ICANN suffixes), lower case",
        f"{_NO_URL}, or its host has no public suffix (an IP address, localhost)",
    ),
    Signal("url_blocked_domain", "bool", "", "the registered domain is in the list `domains`", _NO_LIST),
    Signal("url_blocked_host", "bool", "", "the whole host name is in the list `domains`", _NO_LIST),
    Signal("url_blocked_url", "bool", "", "the url is in the list `urls`", _NO_LIST),
    Signal(
        "url_hard_words", "int", "words", "different words of the list `hard_words` among the url's words", _NO_LIST
    ),
    Signal(
        "url_soft_words", "int", "words", "different words of the list `soft_words` among the url's words", _NO_LIST
    ),
    Signal("url_subwords", "int", "words", "different words of `subwords` inside the url's joined letters", _NO_LIST),
)


def host_of(url: str) -> str:
    """The host name of a URL with or without scheme, in its own case, without user, port and final dot.

    >>> [host_of(u) for u in ("https://me:pw@A.Example.com:80/x", "example.org/a", "//b.c.", "http://[::1]:8/", "")]
    ['A.Example.com', 'example.org', 'b.c', '[::1]', '']
    """
    match = _AUTHORITY.match(url.strip())
    assert match
    host = match.group(1).rpartition("@")[2]
    end = host.find("]") + 1 if host.startswith("[") else host.find(":")
    return (host[:end] if end > 0 else host).rstrip(".")


@lru_cache(maxsize=1 << 16)
def registered_domain(host: str) -> str | None:
    """The registrable part of a host name in lower case, by the public suffix list that the package `tld` carries.

    >>> [registered_domain(host) for host in ("a.b.Example.co.uk", "x.github.io", "localhost", "127.0.0.1")]
    ['example.co.uk', 'github.io', None, None]
    """
    from tld import get_tld

    if not host or host.startswith("["):
        return None
    found = get_tld(f"http://{host.lower()}", as_object=True, fail_silently=True, search_private=False)
    return None if found is None or isinstance(found, str) or found.fld == found.tld else found.fld


def _comparable(host: str) -> str:
    try:
        return ascii_host(host)
    except UnicodeError:
        return host.lower()


def check(options: Mapping[str, Any]) -> None:
    """Raises InputError for a list file that is missing or no UTF-8 text."""
    chosen = UrlRulesOptions.model_validate(options)
    for name in LISTS:
        for path in chosen.paths(name):
            if not Path(path).is_file():
                raise InputError(f"no file {path}", expected=f"a list for `{name}`", where="url_rules")
            list_entries(path, chosen.kind(name))


@lru_cache(maxsize=64)
def _words(entries: frozenset[str]) -> frozenset[str]:
    """Entries as datatrove's word rules compare them: ASCII letters and digits, lower case."""
    return frozenset(word for entry in entries if (word := _NOT_ALNUM.sub("", entry).lower()))


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of `url`. options: see UrlRulesOptions."""
    chosen = UrlRulesOptions.model_validate(options)
    keep_case = chosen.case_rule == "datatrove"
    lists = {name: chosen.entries(name) for name in LISTS}
    domains, urls = lists["domains"], lists["urls"]
    hard, soft, subwords = [
        None if lists[name] is None else _words(lists[name]) if keep_case else lists[name]
        for name in ("hard_words", "soft_words", "subwords")
    ]

    def values(url: str | None) -> tuple[Any, ...]:
        if not url:
            return (None,) * len(SIGNALS)
        host = host_of(url)
        domain = registered_domain(host)
        if keep_case:
            compared, compared_host = url, host if domain else ""
            compared_domain = host[-len(domain) :] if domain else ""
        else:
            compared, compared_host, compared_domain = url_key(url), _comparable(host), _comparable(domain or "")
        split = _NOT_ALNUM.split(url)
        words = set(split) if keep_case else {word.lower() for word in split}
        joined = "".join(split).lower()
        return (
            domain,
            None if domains is None else compared_domain in domains,
            None if domains is None else compared_host in domains,
            None if urls is None else compared in urls,
            None if hard is None else len(words & hard),
            None if soft is None else len(words & soft),
            None if subwords is None else sum(word in joined for word in subwords),
        )

    columns = list(zip(*map(values, batch.column("url").to_pylist()), strict=True)) or [()] * len(SIGNALS)
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, FAMILY.schema, strict=True)],
        schema=FAMILY.schema,
    )


FAMILY = Family(
    name="url_rules",
    version=2,
    signals=SIGNALS,
    measure="gristmill.filters.url:measure",
    source="Penedo et al. 2023 (RefinedWeb), G.1; datatrove URLFilter",
    reads=("url",),
    options=UrlRulesOptions,
    libraries=("tld",),
    check="gristmill.filters.url:check",
)

URL_BLOCKLIST = Profile(
    name="url_blocklist",
    description="Addresses on block lists or with listed words; the lists are options of the family url_rules.",
    source="datatrove URLFilter, RefinedWeb G.1",
    rules=(
        Rule(name="blocked_domain", signal="url_blocked_domain", keep="== false"),
        Rule(name="blocked_host", signal="url_blocked_host", keep="== false"),
        Rule(name="blocked_url", signal="url_blocked_url", keep="== false"),
        Rule(name="hard_url_word", signal="url_hard_words", keep="< 1"),
        Rule(name="many_soft_url_words", signal="url_soft_words", keep="< 2"),
        Rule(name="url_subword", signal="url_subwords", keep="< 1"),
    ),
)
