"""From bytes or parsed strings to valid UTF-8, with a note of everything that had to be changed."""

import re
from collections.abc import Iterable
from typing import Any

from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.encoding.decode import decode, replaced_bytes
from gristmill.filters.encoding.evidence import choose_encoding
from gristmill.filters.encoding.labels import codec_of

_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n\r\f\x1b") + b"\x7f"
SURROGATES = re.compile("[\ud800-\udfff]")
AUTO = "auto"
MAX_JUNK_FRACTION = 0.5


def scrub(text: str, notes: dict[str, Any]) -> str:
    """`text` with lone surrogates (JSON `\\ud800`) as U+FFFD, counted in notes["replaced_surrogates"]."""
    clean, count = SURROGATES.subn("\ufffd", text)
    if count:
        notes["replaced_surrogates"] = notes.get("replaced_surrogates", 0) + count
    return clean


def utf8_of(text: str, notes: dict[str, Any]) -> bytes:
    """The UTF-8 bytes of a parsed string; lone surrogates replaced and noted."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return scrub(text, notes).encode()


def repair_utf8(raw: bytes, notes: dict[str, Any]) -> bytes:
    """`raw` as valid UTF-8; undecodable bytes become U+FFFD and are counted in notes["replaced_bytes"]."""
    try:
        raw.decode()
        return raw
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
        notes["replaced_bytes"] = replaced_bytes(raw, text, "utf-8")
        return text.encode()


def is_junk(text: bytes, notes: dict[str, Any]) -> bool:
    """More than half of the text is control characters or bytes that could not be decoded."""
    if b"\0" not in text and "replaced_bytes" not in notes:
        return False
    replaced = notes.get("replaced_bytes", 0)
    controls = len(text) - len(text.translate(None, _CONTROLS))
    size = len(text) - 2 * replaced if replaced else len(text)  # U+FFFD takes three bytes for one
    return controls + replaced > MAX_JUNK_FRACTION * max(size, 1)


def decode_content(
    raw: bytes,
    encoding: str,
    notes: dict[str, Any],
    declared: Iterable[str | None] = (),
    *,
    is_html: bool = False,
    tld: str | None = None,
) -> str:
    """The content of a file or page as text without byte order mark; it may hold lone surrogates (UTF-32, CESU-8).

    encoding: what the recipe says, which is not doubted, or "auto": see filters.encoding.evidence.choose_encoding, which
    is given declared, is_html and tld. A byte order mark beats both. The encoding used, unless UTF-8, is noted as
    notes["charset"], replacements as notes["replaced_bytes"].
    """
    mark = mark_of(raw)
    name: str | None
    if mark:
        raw, name = raw[len(mark[0]) :], mark[1]
    elif encoding == AUTO:
        name = choose_encoding(raw, declared, is_html=is_html, tld=tld)
    else:
        name = codec_of(encoding)
    assert name is not None, f"{encoding} passed the check of schemas.recipe.source"
    text = decode(raw, name)
    if name != "utf-8":
        notes["charset"] = name
    if count := replaced_bytes(raw, text, name):
        notes["replaced_bytes"] = count
    return text
