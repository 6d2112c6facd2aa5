"""From bytes or parsed strings to valid UTF-8, with a note of everything that had to be changed."""

import codecs
import re
from typing import Any

from resiliparse.parse.encoding import detect_encoding

_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n\r\f\x1b") + b"\x7f"
SURROGATES = re.compile("[\ud800-\udfff]")
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the UTF-16 one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MAX_JUNK_FRACTION = 0.5
MAX_LEGACY_CONTROL_FRACTION = 0.02


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
        notes["replaced_bytes"] = len(SURROGATES.findall(raw.decode("utf-8", "surrogateescape")))
        return raw.decode("utf-8", "replace").encode()


def control_fraction(raw: bytes) -> float:
    """Control characters but white space, per byte; 0 for no bytes."""
    return (len(raw) - len(raw.translate(None, _CONTROLS))) / len(raw) if raw else 0.0


def is_junk(text: bytes, notes: dict[str, Any]) -> bool:
    """More than half of the text is control characters or bytes that could not be decoded."""
    if b"\0" not in text and "replaced_bytes" not in notes:
        return False
    replaced = notes.get("replaced_bytes", 0)
    controls = len(text) - len(text.translate(None, _CONTROLS))
    size = len(text) - 2 * replaced if replaced else len(text)  # U+FFFD takes three bytes for one
    return controls + replaced > MAX_JUNK_FRACTION * max(size, 1)


def decode(raw: bytes, encoding: str, notes: dict[str, Any]) -> bytes:
    """The content of a file as UTF-8 without byte order mark.

    encoding: "auto" tries the byte order mark, then UTF-8, then detection on the bytes. A charset other than UTF-8 is
    noted as notes["charset"], replacements as notes["replaced_bytes"].
    """
    for mark, name in MARKS:
        if raw.startswith(mark) and (encoding == "auto" or codecs.lookup(encoding).name.startswith(name[:6])):
            raw, encoding = raw[len(mark) :], name
            break
    if encoding == "auto":
        encoding = _detected(raw)
    if codecs.lookup(encoding).name == "utf-8":
        return repair_utf8(raw, notes)
    notes["charset"] = encoding
    text = raw.decode(encoding, "replace")
    if "\ufffd" in text:
        notes["replaced_bytes"] = text.count("\ufffd")
    return utf8_of(text, notes)


def _detected(raw: bytes) -> str:
    """The charset of bytes without a mark; control characters speak against every single-byte charset."""
    try:
        raw.decode()
        return "utf-8"
    except UnicodeDecodeError:
        if control_fraction(raw) > MAX_LEGACY_CONTROL_FRACTION:
            return "utf-8"
        return detect_encoding(raw) or "utf-8"
