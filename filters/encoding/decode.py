"""Bytes to text by the encodings of the WHATWG Encoding Standard."""

import codecs
import re

from gristmill.filters.encoding.labels import REPLACEMENT
from gristmill.filters.encoding.multi_byte import MULTI_BYTE, decode_multi_byte
from gristmill.filters.encoding.single_byte import REPLACED, SINGLE_BYTE, table_of

_UNICODE = {"utf-8": "utf-8", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}
_ESCAPED_BYTES = re.compile("[\udc80-\udcff]")


def decode(raw: bytes, encoding: str) -> str:
    """`raw` as text; what cannot be decoded becomes U+FFFD.

    encoding: a name by `labels.encoding_of` or `labels.codec_of`. A byte order mark is no business of this function.

    >>> decode(b"caf\\xe9 \\x80", "windows-1252"), decode("뷁".encode("cp949") + b"\\xff", "euc-kr")
    ('café €', '뷁\ufffd')
    """
    if encoding in MULTI_BYTE:
        return decode_multi_byte(raw, encoding)
    if encoding in SINGLE_BYTE:
        return codecs.charmap_decode(raw, "replace", table_of(encoding))[0]
    if encoding == REPLACEMENT:
        return REPLACED if raw else ""
    return raw.decode(_UNICODE.get(encoding, encoding), "replace")


def replaced_bytes(raw: bytes, text: str, encoding: str) -> int:
    """How many bytes of `raw` (UTF-8), or sequences of it (other encodings), became U+FFFD in `text`."""
    if REPLACED not in text:
        return 0
    if encoding == "utf-8":
        return len(_ESCAPED_BYTES.findall(raw.decode("utf-8", "surrogateescape")))
    return text.count(REPLACED)
