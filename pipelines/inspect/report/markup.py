"""The only way text gets into the page: escaped for HTML, for plotly's labels, or as JSON inside a script element.

Whatever comes from documents, files, recipes or models is hostile: it is escaped here and nowhere else trusted.
"""

import html
import json
from collections.abc import Sequence
from typing import Any

from gristmill.pipelines.run.shown import visible


class Markup(str):
    """A string that is HTML already; everything else is text."""

    __slots__ = ()


def escape(value: Any) -> Markup:
    """Any value as HTML text, safe between tags and inside quoted attributes; Markup stays as it is."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(visible(str(value)), quote=True))


def element(tag: str, *children: Any, **attributes: Any) -> Markup:
    """`<tag attributes>children</tag>` with everything escaped; `class_` is `class`, None leaves an attribute out.

    >>> element("p", "1 < 2", class_="note")
    '<p class="note">1 &lt; 2</p>'
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{given}>{join(children)}</{tag}>")


def join(pieces: Sequence[Any], separator: str = "") -> Markup:
    """Pieces as HTML, one after the other."""
    return Markup(separator.join(escape(piece) for piece in pieces))


def plot_text(value: Any, limit: int = 60) -> str:
    """Text for a plotly label, which plotly reads as HTML of its own; shortened in the middle."""
    text = visible(str(value)).replace("\n", " ").replace("\t", " ")
    if len(text) > limit:
        text = f"{text[: limit // 2]}…{text[-(limit // 2 - 1) :]}"
    return html.escape(text, quote=True)


def script_json(value: Any) -> Markup:
    """JSON that can stand inside a script element: no `<`, `>`, `&` and no line separators.

    >>> script_json("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def link(url: str | None) -> Markup:
    """A document's URL as a link only when it is plain http or https; any other text stays text."""
    if url is None:
        return Markup("")
    is_plain = url.isascii() and url.isprintable() and not set(url) & set(" \"'<>\\`")
    if not is_plain or not url.lower().startswith(("http://", "https://")):
        return element("span", url, class_="url")
    return element("a", url, href=url, rel="noopener noreferrer nofollow", class_="url")
