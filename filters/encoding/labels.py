"""Labels of encodings, meaning what the WHATWG Encoding Standard says: `iso-8859-1` is windows-1252, `gb2312` is gbk."""

import codecs
from functools import lru_cache

import webencodings

REPLACEMENT = "replacement"  # what ISO-2022-KR, ISO-2022-CN and HZ are to browsers: not read
# Names that the standard does not list, but Python and other libraries write.
_ALSO_WRITTEN = {
    "latin-1": "windows-1252",
    "latin-9": "iso-8859-15",
    "cp874": "windows-874",
    "cp932": "shift_jis",
    "mskanji": "shift_jis",
    "ms-kanji": "shift_jis",
    "cp936": "gbk",
    "ms936": "gbk",
    "cp949": "euc-kr",
    "ms949": "euc-kr",
    "uhc": "euc-kr",
    "cp950": "big5",
    "cp51932": "euc-jp",
    "eucjp-ms": "euc-jp",
    "eucjp": "euc-jp",
    "euckr": "euc-kr",
    "euc-cn": "gbk",
    "euccn": "gbk",
    "cp65001": "utf-8",
    "utf-8-sig": "utf-8",
    "utf8mb4": "utf-8",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "mac-roman": "macintosh",
    "macroman": "macintosh",
    "mac-cyrillic": "x-mac-cyrillic",
}


@lru_cache(maxsize=1024)
def encoding_of(label: str) -> str | None:
    """The standard's name of an encoding, in lower case; None for a label that names none.

    >>> [encoding_of(label) for label in (" ISO-8859-1 ", "ks_c_5601-1987", "GB2312", "windows-31j", "hz-gb-2312", "x")]
    ['windows-1252', 'euc-kr', 'gbk', 'shift_jis', 'replacement', None]
    """
    if not label.isascii():
        return None
    found = webencodings.lookup(label)
    if found is not None:
        return str(found.name)
    return _ALSO_WRITTEN.get(label.strip("\t\n\f\r ").lower().replace("_", "-"))


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """What `decode` of this package takes for a label that a recipe gives: the standard's encoding, else Python's codec.

    >>> [codec_of(label) for label in ("cp1250", "latin1", "cp437", "iso-2022-kr", "base64", "no such")]
    ['windows-1250', 'windows-1252', 'cp437', 'iso2022_kr', None, None]
    """
    known = encoding_of(label)
    if known is not None and known != REPLACEMENT:
        return known
    try:
        "".encode(label)
        return codecs.lookup(label).name
    except (LookupError, UnicodeError, ValueError):
        return None
