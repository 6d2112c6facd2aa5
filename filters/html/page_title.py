"""The title of a page: the heading that its metas speak of, else what they say without the name of the site."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

SHARED_WORDS = 0.5  # of the shorter one of a title and the only heading of a page: so many make the heading the title
_WORD = re.compile(r"\w+")
_BETWEEN = re.compile(r"\s+[-/~:]+\s+|\s*[|–—·•»«›‹]+\s*|:\s+")  # parts of a title, of which one may be the site's name
_HOST = re.compile(r"(?:[a-z]+:)?//(?:[^/@]*@)?(?:www\.)?([^/:?#]+)", re.IGNORECASE)
_BEFORE_BAR = re.compile(r"(.{8,}?)\s+[|»·•]\s+[^|»·•]{2,40}$")


def choose_title(said: Sequence[str], headings: Sequence[str], sites: Collection[str]) -> str | None:
    """The title of a page; None where nothing says one.

    said: <title>, og:title and the like, in the order in which they count. headings: the shown h1, in order. sites: names
    of the site, as `site_names` gives them.
    """
    named = [heading for heading in headings if _key(heading) and not is_site(heading, sites)]
    heading = _heading(said, named)
    if heading is not None:
        return heading
    if not said:
        return named[0] if named else None
    first, *others = said
    within = [one for one in others if _contains(_key(first), _key(one)) and not is_site(one, sites)]
    return _without_site(min([first, *within], key=len), sites)


def site_names(name: str | None, address: str | None) -> set[str]:
    """What may stand for a site in titles. name: what it calls itself. address: of one of its pages."""
    said = _HOST.match(address or "")
    host = said[1] if said else ""
    found = (name or "", host, host.rpartition(".")[0], host.partition(".")[0])
    return {_joined(one) for one in found if _joined(one)}


def _heading(said: Sequence[str], headings: Sequence[str]) -> str | None:
    """The longest heading that a title begins with or mostly is, else the only one where it shares half of the words."""
    titles = [_key(one) for one in said]
    keys = {heading: _key(heading) for heading in headings}
    named = [
        one
        for one, key in keys.items()
        if any(_begins(title, key, whole) or _is_most(key, title) for title, whole in zip(titles, said, strict=True))
    ]
    if named:
        return max(named, key=len)
    if len(keys) == 1:
        ((only, key),) = keys.items()
        words = set(key.split())
        shared = [len(words & set(title.split())) / min(len(words), len(set(title.split())) or 1) for title in titles]
        if len(words) > 1 and max(shared, default=0) >= SHARED_WORDS:
            return only
    return None


def _without_site(title: str, sites: Collection[str]) -> str:
    """A title without the site's name before or behind it, and without a last part behind a bar."""
    marks = list(_BETWEEN.finditer(title))
    if marks:
        first, last = marks[0], marks[-1]
        if is_site(title[last.end() :], sites) and title[: last.start()].strip():
            return title[: last.start()].strip()
        if is_site(title[: first.start()], sites) and title[first.end() :].strip():
            return title[first.end() :].strip()
    found = _BEFORE_BAR.match(title)
    return found[1] if found else title


@lru_cache(64)  # a title and its headings are looked at several times
def _key(text: str) -> str:
    """The words of a text, case folded, a space between them."""
    return " ".join(_WORD.findall(text.casefold()))


def _joined(text: str) -> str:
    return _key(text).replace(" ", "")


def _begins(title: str, key: str, whole: str) -> bool:
    """Whether a title begins with a heading; one word must be all that stands before a mark, as in "FAQ | The Miller"."""
    return f"{title} ".startswith(f"{key} ") and (" " in key or _key(_BETWEEN.split(whole, maxsplit=1)[0]) == key)


def _is_most(part: str, whole: str) -> bool:
    return 2 * len(part) >= len(whole) and _contains(whole, part)


def _contains(whole: str, part: str) -> bool:
    return bool(part) and f" {part} " in f" {whole} "


def is_site(text: str, sites: Collection[str]) -> bool:
    """Whether a text is one of a site's names, as `site_names` gives them."""
    return _joined(text) in sites
