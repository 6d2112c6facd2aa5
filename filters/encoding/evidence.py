"""Which encoding bytes are in: what is declared, weighed against what the bytes show.

A declaration is believed as long as the bytes do not speak against it. They do when they cannot be decoded so, or when
another encoding makes a language of them and the declared one does not. The detector is chardetng, Firefox's; the judge
between two readings is CLD2, whose score of the right one is the higher (see benchmarks/encodings.py).
"""

import re
import unicodedata
from collections.abc import Iterable

from gristmill.filters.encoding.declared import encoding_of_markup, mark_of
from gristmill.filters.encoding.decode import decode
from gristmill.filters.encoding.labels import REPLACEMENT, encoding_of
from gristmill.filters.encoding.reading import EAST_ASIAN, USUAL, best_reading, mix_fraction
from gristmill.filters.encoding.single_byte import REPLACED

_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n\r\f\x1b") + b"\x7f"
MAX_CONTROL_FRACTION = 0.1
_VALID_UTF8 = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_HIGH = bytes(range(128, 256))
_TAGS = re.compile(rb"<[^<>]{0,2000}>")
_SCRIPTS = re.compile(rb"<(/?)(?:script|style)\b", re.IGNORECASE)
_HIGH_WORDS = re.compile(rb"[\x80-\xff][^\x00-\x20<>]*")
_SAFE_CUTS = re.compile(rb"[\x00-\x20<>]")
_WINDOWS, _WINDOW_BYTES = 16, 1 << 16
_SAMPLE_BYTES = 1 << 16
_EXCERPT_BYTES = 4 << 10  # chardetng-py reads 2 MB a second
_WORDS_TOGETHER = 12
_CONTEXT_BYTES = 40
_FEW_BYTES = 6
_MIN_EAST_ASIAN_BYTES = 3
_FEW_STRAYS = 10  # characters a stray
_STRAYS_IF_DECLARED = 2
_CERTAIN_RATIO = 4
_MAX_UTF8_MIXES = 0.1
_NO_LETTER = re.compile("[\x80-\x9f\ufffd]")
_STRAYS = re.compile(rb"[\xe0-\xf4][\x80-\xbf]{1,2}|[\xc2-\xdf]?[\x80-\xff]")


def choose_encoding(
    raw: bytes, declared: Iterable[str | None] = (), *, is_html: bool = False, tld: str | None = None
) -> str:
    """The encoding of `raw`, by `labels.encoding_of`.

    declared: labels from outside, the most trusted first (an HTTP header). is_html: look for a `<meta>` in it as well.
    tld: last label of the host the bytes come from, which tells the detector of likely languages.

    A byte order mark beats everything, and so does valid UTF-8 with characters beyond ASCII.
    """
    if mark := mark_of(raw):
        return mark[1]
    labels = [name for label in declared if label and (name := encoding_of(label))]
    if b"\0" in raw and (wide := _utf16_of(raw)):
        return wide
    if (b"\x1b" in raw or b"~{" in raw) and (escaped := _escaped_encoding(raw, labels, is_html)):
        return escaped
    if raw.isascii() or _is_utf8(raw):
        return "utf-8"
    if wide := next((name for name in labels if name.startswith("utf-16") and _is_text(raw, name)), None):
        return wide
    if control_fraction(raw) > MAX_CONTROL_FRACTION:
        return "utf-8"  # binary content under a text label: its bytes are counted as undecodable
    if is_html and (named := encoding_of_markup(raw)):
        labels.append(named)
    return _weighed(raw, [name for name in dict.fromkeys(labels) if name != REPLACEMENT], tld)


def control_fraction(raw: bytes) -> float:
    """Control characters but white space, per byte; 0 for no bytes."""
    return (len(raw) - len(raw.translate(None, _CONTROLS))) / len(raw) if raw else 0.0


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
        return True
    except UnicodeDecodeError:
        return False


def _utf16_of(raw: bytes) -> str | None:
    """UTF-16 without a mark: nearly all NULs stand at bytes of one parity, and what that gives is text."""
    sample = raw[:_SAMPLE_BYTES]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) < 2 or min(even, odd) * 4 > max(even, odd):
        return None
    name = "utf-16be" if even > odd else "utf-16le"
    return name if _is_text(raw, name) else None


def _is_text(raw: bytes, name: str) -> bool:
    """Without errors and with hardly a character that no text holds."""
    text = decode(raw[: min(len(raw) & ~1, _SAMPLE_BYTES)], name).rstrip(REPLACED)
    strange = sum(
        unicodedata.category(c) in ("Cc", "Cn", "Co", "Cs") and c not in "\t\n\r\f\ufeff" for c in text[:4096]
    )
    return REPLACED not in text and strange * 50 <= len(text[:4096])


def _escaped_encoding(raw: bytes, labels: list[str], is_html: bool) -> str | None:
    """An encoding that writes everything in ASCII bytes: ISO-2022-JP, or one that browsers do not read."""
    if b"\x1b$" in raw or b"\x1b(" in raw:
        text = decode(raw, "iso-2022-jp")
        if sum(not c.isascii() for c in text) > _FEW_STRAYS * text.count(REPLACED):
            return "iso-2022-jp"
    unread = REPLACEMENT in labels or (is_html and encoding_of_markup(raw) == REPLACEMENT)
    return REPLACEMENT if unread and raw.isascii() and (b"\x1b$" in raw or b"~{" in raw) else None


def _weighed(raw: bytes, labels: list[str], tld: str | None) -> str:
    """The best of what is declared and what is detected."""
    if _is_damaged_utf8(raw, "utf-8" in labels):
        return "utf-8"
    excerpt = excerpt_of(raw)
    detected = _detected(excerpt, tld)
    readable = [name for name in labels if not name.startswith("utf-") and _decodes(excerpt, name)]
    high_bytes = _high_bytes(excerpt)
    few = high_bytes < _FEW_BYTES
    if few and readable and readable[0] != USUAL and not mix_fraction(decode(excerpt, readable[0])):
        return readable[0]  # there is no evidence against it
    if detected in readable:
        readable = [detected]  # two that agree
    if high_bytes < _MIN_EAST_ASIAN_BYTES and detected in EAST_ASIAN:
        detected = USUAL  # no two characters
    return best_reading(excerpt, readable, detected)


def _is_damaged_utf8(raw: bytes, declared: bool) -> bool:
    """UTF-8 with stray bytes: at least as many characters beyond ASCII as strays (half as many, if declared), that fit.

    In other encodings few pairs of bytes look like UTF-8, and what they give is letters of foreign scripts in a word.
    """
    rest, whole = _VALID_UTF8.subn(b"", raw)
    strays = _STRAYS.subn(b"", rest)[1]
    if not whole or whole * (_STRAYS_IF_DECLARED if declared else 1) < strays:
        return False
    if whole > 1 and whole >= _CERTAIN_RATIO * strays:
        return True
    text = _NO_LETTER.sub(" ", decode(excerpt_of(raw), "utf-8"))
    return mix_fraction(text) <= _MAX_UTF8_MIXES


def _high_bytes(raw: bytes) -> int:
    return len(raw) - len(raw.translate(None, _HIGH))


def excerpt_of(raw: bytes) -> bytes:
    """The words with bytes above 127 and their neighbours, without markup; of a long text, from all over it."""
    text = _TAGS.sub(b" ", _without_scripts(_windows(raw)))
    spans = [match.span() for match in _HIGH_WORDS.finditer(text)]
    total = sum(end - start for start, end in spans) + 2 * _CONTEXT_BYTES * len(spans)
    step = max(1, -(-total // _EXCERPT_BYTES))
    parts: list[bytes] = []
    size = last = 0
    for first in range(0, len(spans), _WORDS_TOGETHER * step):
        for start, end in spans[first : first + _WORDS_TOGETHER]:
            begin = max(text.find(b" ", max(start - _CONTEXT_BYTES, 0), start) + 1 or start, last)
            stop = text.rfind(b" ", end, end + _CONTEXT_BYTES)
            piece = text[begin : max(stop, end)][: _EXCERPT_BYTES - size]
            parts.append(piece)
            size += len(piece) + 1
            last = max(stop, end)
            if size >= _EXCERPT_BYTES:
                return b" ".join(parts)
    return b" ".join(parts)


def _windows(raw: bytes) -> bytes:
    """`raw`, or of a large one evenly spaced windows, cut where every encoding can be cut."""
    if len(raw) <= _WINDOWS * _WINDOW_BYTES:
        return raw
    parts = []
    for number in range(_WINDOWS):
        start = (len(raw) - _WINDOW_BYTES) * number // (_WINDOWS - 1)
        window = raw[start : start + _WINDOW_BYTES]
        first = _SAFE_CUTS.search(window) if start else None
        last = max(window.rfind(cut) for cut in (b" ", b"\n", b">"))
        if start == 0 or (first and last > 0):
            parts.append(window[first.end() if first else 0 : last if last > 0 else None])
    return b" ".join(parts)


def _without_scripts(raw: bytes) -> bytes:
    """`raw` without what stands between the tags of scripts and styles."""
    parts, at, inside = [], 0, False
    for match in _SCRIPTS.finditer(raw):
        closing = bool(match[1])
        if not inside:
            parts.append(raw[at : match.start()])
        if closing or not inside:
            at, inside = match.start(), not closing
    return b" ".join([*parts, b"" if inside else raw[at:]])


def _detected(excerpt: bytes, tld: str | None) -> str:
    from chardetng_py import EncodingDetector

    detector = EncodingDetector()
    detector.feed(excerpt, last=False)
    domain = tld.encode() if tld and tld.isascii() and tld.isalpha() and tld.islower() else None
    return encoding_of(detector.guess(tld=domain, allow_utf8=False)) or "windows-1252"


def _decodes(excerpt: bytes, name: str) -> bool:
    """Without errors, or with one in fifty characters beyond ASCII."""
    text = decode(excerpt, name)
    return text.count("\ufffd") * 50 <= sum(not c.isascii() for c in text)
