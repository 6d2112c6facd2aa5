# mypy: disallow-untyped-defs=False
"""What a page says about itself in its tags: metas, links with a relation, its title, language, times and linked data."""

import numpy as np
from gristmill.filters.html.hash_counts import find_hash
from gristmill.filters.html.layout import HTML, META, SCRIPT_TAG, TIME, TITLE, Page
from gristmill.filters.html.references import references
from gristmill.filters.html.tags import hash_table, name_hash
from gristmill.filters.html.tokeniser import (
    ATTRIBUTE,
    ATTRIBUTE_COLUMNS,
    ATTRIBUTE_END,
    NEXT_ATTRIBUTE,
    VALUE,
    VALUE_END,
    is_space,
    next_attribute,
    put_text,
    same_letters,
)
from gristmill.filters.text.soft_hyphens import without_soft_hyphens
from gristmill.kernels.compile import helper, kernel

# The names, properties and relations that are looked for, with what elements say by themselves in front.
KEYS = (
    *("", "<title>", "<html lang>", "<time>", "<script ld+json>", "canonical", "license"),
    *("description", "og:description", "og:title", "og:type", "og:url", "og:locale", "og:site_name", "twitter:title"),
    *(
        "author",
        "article:author",
        "dc.creator",
        "dcterms.creator",
        "parsely-author",
        "sailthru.author",
        "citation_author",
    ),
    *(
        "article:published_time",
        "date",
        "datepublished",
        "dc.date",
        "dcterms.date",
        "dc.date.issued",
        "dcterms.created",
    ),
    *("pubdate", "publishdate", "publish_date", "publication_date", "parsely-pub-date", "sailthru.date"),
    *("citation_publication_date", "citation_date", "og:published_time", "article:modified_time", "last-modified"),
    *("robots", "googlebot", "tdm-reservation", "tdm-policy", "dc.rights", "dcterms.license", "copyright"),
    *("viewport", "content-type"),
)
_TITLE, _LANG, _TIME, _LINKED_DATA = 1, 2, 3, 4
_CANONICAL, _LICENSE = KEYS.index("canonical"), KEYS.index("license")
_HASHES, _NUMBERS = hash_table(KEYS, 256)
_CONTENT, _HREF, _REL, _DATETIME, _LANG_NAME, _XML_LANG = (
    np.frombuffer(name, np.uint8) for name in (b"content", b"href", b"rel", b"datetime", b"lang", b"xml:lang")
)
_NAMES = tuple(np.frombuffer(name, np.uint8) for name in (b"name", b"property", b"itemprop", b"http-equiv"))
_MAX_VALUE_BYTES = 2000


@helper
def _find_key(data, start, end):
    """The number of a name in KEYS, 0 where it is none; of several words in a relation the first that is one."""
    while start < end:
        while start < end and is_space(data[start]):
            start += 1
        stop = start
        while stop < end and not is_space(data[stop]):
            stop += 1
        if stop > start:
            place = find_hash(name_hash(data, start, stop), _HASHES)
            if place >= 0 and _NUMBERS[place]:
                return np.int64(_NUMBERS[place])
        start = stop
    return np.int64(0)


@helper
def _is_name(data, start, end):
    return (
        same_letters(data, start, end, _NAMES[0])
        or same_letters(data, start, end, _NAMES[1])
        or same_letters(data, start, end, _NAMES[2])
        or same_letters(data, start, end, _NAMES[3])
    )


@helper
def _read_tag(data, tag, i, end, attribute, found):
    """found: (key, begin of its value, end of its value) of a tag; key 0 where it says nothing that is looked for."""
    found[0], found[1], found[2] = 0, 0, 0
    if tag == HTML:
        found[0] = _LANG
    elif tag == TIME:
        found[0] = _TIME
    while next_attribute(data, i, end, attribute):
        i = attribute[NEXT_ATTRIBUTE]
        name, name_end = attribute[ATTRIBUTE], attribute[ATTRIBUTE_END]
        value, value_end = attribute[VALUE], attribute[VALUE_END]
        is_value = False
        if tag == META:
            is_value = same_letters(data, name, name_end, _CONTENT)
            if not found[0] and _is_name(data, name, name_end):
                found[0] = _find_key(data, value, value_end)
        elif tag == HTML:
            is_value = same_letters(data, name, name_end, _LANG_NAME) or same_letters(data, name, name_end, _XML_LANG)
        elif tag == TIME:
            is_value = same_letters(data, name, name_end, _DATETIME)
        else:
            is_value = same_letters(data, name, name_end, _HREF)
            if not found[0] and same_letters(data, name, name_end, _REL):
                found[0] = _find_key(data, value, value_end)
                if found[0] != _CANONICAL and found[0] != _LICENSE:  # the address of an author is no author
                    found[0] = 0
        if is_value and found[2] == found[1]:
            found[1], found[2] = value, value_end


@kernel
def _read_heads(data, heads, table, out, rows):
    """Write the values that are looked for to `out`; rows int64 (heads, 3): key, begin, end. Returns how many."""
    attribute, found = np.zeros(ATTRIBUTE_COLUMNS, np.int64), np.zeros(3, np.int64)
    count, at = 0, 0
    for k in range(len(heads)):
        tag, start, end = heads[k, 0], np.int64(heads[k, 1]), np.int64(heads[k, 2])
        if tag == TITLE:
            found[0], found[1], found[2] = _TITLE, start, end
        elif tag == SCRIPT_TAG:
            rows[count, 0], rows[count, 1], rows[count, 2] = _LINKED_DATA, start, end  # as it is, in the source
            count += 1
            continue
        else:
            _read_tag(data, tag, start, end, attribute, found)
        if found[0] == 0 or found[2] == found[1]:
            continue
        stop = min(found[2], found[1] + _MAX_VALUE_BYTES)
        rows[count, 0], rows[count, 1] = found[0], at
        at = put_text(data, found[1], stop, True, tag != TITLE, False, False, table, out, at)
        rows[count, 2] = at
        count += 1
    return count


class Heads:
    """What a page says about itself: `heads["og:title"]` are the values of a key, in the order of the page.

    source: the page, uint8.
    """

    def __init__(self, page: Page) -> None:
        rows = np.empty((len(page.heads), 3), np.int64)
        size = int(np.minimum(page.heads[:, 2] - page.heads[:, 1], 3 * _MAX_VALUE_BYTES).sum())
        self._text, self.source = np.empty(3 * size + 16, np.uint8), page.source
        count = _read_heads(page.source, page.heads, references(), self._text, rows)
        self._places: dict[str, list[tuple[int, int]]] = {}  # of the values of each key that the page has
        for number, begin, end in rows[:count].tolist():
            self._places.setdefault(KEYS[number], []).append((begin, end))

    def bytes_of(self, key: str) -> np.ndarray:
        """The first value of a key as bytes; none where there is no such key."""
        begin, end = self._places.get(key, [(0, 0)])[0]
        return self._text[begin:end]

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def scripts(self) -> list[bytes]:
        """The linked data of the page, as it stands in its scripts."""
        return [self.source[begin:end].tobytes() for begin, end in self._places.get(KEYS[_LINKED_DATA], [])]

    def __getitem__(self, key: str) -> list[str]:
        data = self.source if key == KEYS[_LINKED_DATA] else self._text
        places = self._places.get(key, [])
        return [data[begin:end].tobytes().decode("utf-8", "replace") for begin, end in places]

    def all(self, key: str) -> list[str]:
        """The values of a key that are not blank, in the order of the page: white space is one space, soft hyphens are gone."""
        cleaned = (" ".join(without_soft_hyphens(value).split()) for value in self[key])
        return [text for text in cleaned if text]

    def first(self, *keys: str) -> str | None:
        """The first value of the first key that has one, as `all` gives them."""
        for key in keys:
            if key in self._places and (values := self.all(key)):
                return values[0]
        return None
