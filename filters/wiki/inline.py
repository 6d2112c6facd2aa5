"""Inline markup of wikitext as text: quotes, tags, addresses, references to characters."""

import re
from html import unescape

from gristmill.filters.text.markdown_syntax import escape_tags
from gristmill.filters.text.raised import lowered, raised
from gristmill.filters.text.soft_hyphens import without_soft_hyphens
from gristmill.filters.wiki.verbatim import PIPE, Verbatim

_QUOTES = re.compile(r"'{2,}")
_LABELLED_ADDRESS = re.compile(r"\[(?:[a-z][a-z0-9+.-]{1,15}:)?//[^\s\[\]<>\"]*+[ \t]*+([^\[\]\n]*+)\]", re.IGNORECASE)
_MAIL = re.compile(r"\[mailto:[^\s\[\]]*+[ \t]*+([^\[\]\n]*+)\]", re.IGNORECASE)
_SCRIPT = re.compile(r"<(su[bp])(?:\s[^<>]*)?>([^<>]{0,200})</\1\s*>", re.IGNORECASE)
_CODE = re.compile(r"<(code|tt|kbd|samp)(?:\s[^<>]*)?>([^<>\n]{1,500})</\1\s*>", re.IGNORECASE)
_BREAK = re.compile(r"<br(?:\s[^<>]*)?/?>\n?", re.IGNORECASE)
_INLINE_TAGS = (
    *("abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "link"),
    *("mark", "meta", "noinclude", "onlyinclude", "q", "rb", "rp", "rt", "ruby", "s", "samp", "section", "small"),
    *("span", "strike", "strong", "sub", "sup", "time", "translate", "tt", "tvar", "u", "var", "wbr", "nowiki"),
)
_BLOCK_TAGS = (
    "center",
    "div",
    "p",
    "section",
    "figure",
    "figcaption",
    "caption",
    "table",
    "tbody",
    "thead",
    "tfoot",
    "tr",
)
_INLINE_TAG = re.compile(rf"</?(?:{'|'.join(_INLINE_TAGS)})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{'|'.join(_BLOCK_TAGS)}|dl|ul|ol|h[1-6])(?:\s[^<>]*)?/?>", re.IGNORECASE)
_ITEM_TAG = re.compile(r"<(?:li|dt|dd)(?:\s[^<>]*)?>", re.IGNORECASE)
_ITEM_END = re.compile(r"</(?:li|dt|dd)\s*>", re.IGNORECASE)
_CELL_TAG = re.compile(r"</?t[dh](?:\s[^<>]*)?/?>", re.IGNORECASE)
_RULE = re.compile(r"<hr(?:\s[^<>]*)?/?>", re.IGNORECASE)
_EMPTY_BRACKETS = re.compile(r"[ \t]?[(（][ \t,;:،、]*[)）]")
_BRACKET_START = re.compile(r"([(（])[ \t]*[,;،、][ \t,;]*")
_BLANK_BEFORE_MARK = re.compile(r"[ \t]+(?=[,.](?:\s|$))")  # where a template or reference said nothing
_BLANKS = re.compile(r"[ \t\u00a0]+")
_VARIANTS = re.compile(r"-\{([^{}]{0,2000})\}-")
_VARIANT = re.compile(r"^\s*(zh|sr|[a-z]{2,3}-[a-z]{2,4})\s*:(.*)$", re.IGNORECASE | re.DOTALL)
_SWITCH = re.compile(r"__[^\W\d_]++(?:_[^\W\d_]++)*+__")


def lay_out_tags(text: str) -> str:
    """HTML elements that are blocks as lines of wikitext, magic words left out, variants of a language chosen."""
    text = _SWITCH.sub(lambda found: found[0] if any(map(str.islower, found[0])) else "", text)
    text = _VARIANTS.sub(_variant, text)
    text = _ITEM_TAG.sub("\n* ", text)
    text = _ITEM_END.sub("\n", text)
    text = _CELL_TAG.sub(" ", text)
    text = _RULE.sub("\n\n", text)
    return _BLOCK_TAG.sub("\n\n", text)


def inline_text(text: str, verbatim: Verbatim, *, in_cell: bool = False) -> str:
    """A paragraph, item, heading or cell as text, marks replaced by what they stand for."""
    if "[" in text:
        text = _MAIL.sub(r"\1", _LABELLED_ADDRESS.sub(r"\1", text))
    if "'" in text:
        text = _QUOTES.sub(_quotes, text)
    if "<" in text:
        text = _SCRIPT.sub(_script, _BREAK.sub(" " if in_cell else "\n", text))
        text = _CODE.sub(lambda found: verbatim.keep(f"`{unescape(found[2]).strip()}`"), text)
        text = _INLINE_TAG.sub("", text)
    text = without_soft_hyphens(unescape(text) if "&" in text else text)
    text = _BLANK_BEFORE_MARK.sub("", _BLANKS.sub(" ", text))
    if "(" in text or "（" in text:
        text = _BRACKET_START.sub(r"\1", _EMPTY_BRACKETS.sub("", text))
    text = "\n".join(line.strip() for line in text.split("\n")).strip()
    return verbatim.restore(escape_tags(text)).replace(PIPE, "\\|" if in_cell else "|")


def _quotes(found: re.Match[str]) -> str:
    length = len(found[0])
    return "" if length in (2, 3, 5) else "'" if length == 4 else "'" * (length - 5)


def _script(found: re.Match[str]) -> str:
    """Raised and lowered digits as Unicode has them; other text as it is."""
    text = found[2]
    return (raised(text) if found[1].lower() == "sup" else lowered(text)) or text


def _variant(found: re.Match[str]) -> str:
    """The first variant of `-{zh-hans:A;zh-hant:B}-`; nothing of rules that are not shown."""
    flags, bar, rest = found[1].partition("|")
    if bar and flags.strip().upper() in ("H", "T", "-", "D", "N"):
        return ""
    content = rest if bar and len(flags) < 20 else found[1]
    first = content.split(";")[0]
    variant = _VARIANT.match(first)
    return variant[2].strip() if variant else content
