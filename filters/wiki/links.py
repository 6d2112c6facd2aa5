"""What links say in the text of a page: their label or target; files, categories and links to other languages say nothing."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from gristmill.filters.wiki.words import CATEGORIES, FILES, LANGUAGE_CODES

_PICTURE = re.compile(
    r"\.(?:jpe?g|png|gif|svg|tiff?|webp|xcf|ogg|oga|ogv|webm|mid|midi|wav|flac|opus|pdf|djvu|stl)\s*$", re.I
)
_PREFIX = re.compile(r"[^:|\[\]{}<>\n]{1,40}")


class Links:
    """files, categories: names of these namespaces in the wiki at hand, beside those of all languages."""

    def __init__(self, left_out: Counter[str], files: Iterable[str] = (), categories: Iterable[str] = ()) -> None:
        self._left_out = left_out
        self._files = FILES | {name.lower() for name in files}
        self._categories = CATEGORIES | {name.lower() for name in categories}

    def text(self, values: Sequence[str]) -> str:
        """What a link says. values: its target, then what stands behind the bars in it."""
        target = values[0].strip()
        if target.startswith(":"):
            target = target[1:].strip()
            return values[-1].strip() if len(values) > 1 and values[-1].strip() else target
        prefix, colon, rest = target.partition(":")
        name = " ".join(prefix.replace("_", " ").split()).lower()
        if colon and rest:
            if name in self._files or _PICTURE.search(target):
                self._left_out["files"] += 1
                return ""
            if name in self._categories:
                self._left_out["categories"] += 1
                return ""
            if name in LANGUAGE_CODES and prefix.strip() == name and len(values) == 1:
                self._left_out["language_links"] += 1
                return ""
        if len(values) == 1:
            return target.replace("_", " ").lstrip("#")
        label = "|".join(values[1:])
        return label if label.strip() else _without_disambiguation(target)


def _without_disambiguation(target: str) -> str:
    """What `[[Title (kind)|]]` and `[[Help:Title|]]` say."""
    name = target.partition(":")[2] or target
    if len(name) > 300:  # longer than any title
        return name
    return re.sub(r"\s*\([^()]*\)\s*$", "", name.partition(",")[0]).strip()


def without_last_links(text: str) -> str:
    """The text without the links that are alone on its last lines and have a prefix: the categories and other languages
    of any wiki, whatever it calls them."""
    lines = text.rstrip().split("\n")
    while lines and (not lines[-1].strip() or _is_prefixed_link(lines[-1].strip())):
        lines.pop()
    return "\n".join(lines)


def _is_prefixed_link(line: str) -> bool:
    if not (line.startswith("[[") and line.endswith("]]")) or len(line) > 1000:
        return False
    links = line[2:-2].split("]]")
    inner = [link.strip().removeprefix("[[") for link in links]
    return all(
        ":" in one and "[[" not in one and _PREFIX.fullmatch(one.partition(":")[0]) and not one.startswith(":")
        for one in inner
    )
