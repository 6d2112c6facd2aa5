"""Encodings of one byte a character, by the tables of the WHATWG Encoding Standard."""

from functools import cache

REPLACED = "\ufffd"
_UNDEFINED = "\ufffe"  # how `codecs.charmap_decode` is told that a byte is an error
_PYTHON_NAMES = {
    "ibm866": "cp866",
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso-8859-8",
}
_SAME_AS_PYTHON = tuple(f"iso-8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16))
_WINDOWS = tuple(f"windows-{page}" for page in (1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258))
SINGLE_BYTE = (*_SAME_AS_PYTHON, *_WINDOWS, *_PYTHON_NAMES, "x-user-defined")
_OTHER_THAN_PYTHON = {"koi8-u": {0xAE: "\u045e", 0xBE: "\u040e"}, "windows-1255": {0xCA: "\u05ba"}}


@cache
def table_of(encoding: str) -> str:
    """256 characters for `codecs.charmap_decode`; U+FFFE stands for a byte that is an error.

    >>> table_of("windows-1252")[0x80], table_of("windows-1252")[0x81], table_of("iso-8859-3")[0xA5]
    ('€', '\\x81', '\\ufffe')
    """
    if encoding == "x-user-defined":
        return "".join(chr(byte if byte < 0x80 else 0xF700 + byte) for byte in range(256))
    name = _PYTHON_NAMES.get(encoding, encoding)
    characters = [bytes([byte]).decode(name, "replace") for byte in range(256)]
    if encoding.startswith("windows-"):  # bytes without a character are the C1 controls there, as in browsers
        for byte in range(0x80, 0xA0):
            characters[byte] = chr(byte) if characters[byte] == REPLACED else characters[byte]
    for byte, character in _OTHER_THAN_PYTHON.get(encoding, {}).items():
        characters[byte] = character
    return "".join(characters).replace(REPLACED, _UNDEFINED)
