# mypy: disallow-untyped-defs=False
"""What is known of every HTML element: how it is shown, what it closes, how its text is read. One table, one look-up.

Sources: HTML Living Standard, 13.1.2 (kinds of elements), 13.2.6 (implied end tags), 15.3 (rendering).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from gristmill.filters.html.tokeniser import PLAINTEXT, RAWTEXT, RCDATA, SCRIPT
from gristmill.kernels.compile import inlined
from gristmill.kernels.hashing import FNV_START, fnv1a, splitmix64

# How an element is shown, and what becomes of its text.
INLINE = 1  # within a line: it begins and ends no block
VOID = 2  # has neither text nor end tag
SKIPPED = 4  # its text is not shown, or is not prose: script, style, svg, select ...
CLOSES_P = 8  # its start ends an open paragraph
BARRIER = 16  # end tags inside do not close what is open outside
PRE = 32  # white space and line ends are kept

UNKNOWN = 0
BUCKETS = 64  # unknown names are told apart by their hash, so that an end tag closes its own

_INLINE = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark nobr q rb rp rt rtc ruby s samp small "
    "span strike strong sub sup time tt u var wbr br img input math annotation annotation-xml "
    "mjx-container mjx-math mjx-assistive-mml script style template svg link meta base"
)
_VOID = "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr"
_SKIPPED = (
    "script style svg template iframe noframes noembed textarea select object applet audio video canvas map "
    "datalist title rp annotation annotation-xml mjx-math"
)
_CLOSES_P = (
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer header hgroup "
    "main menu nav ol p search section summary ul h1 h2 h3 h4 h5 h6 pre listing form li dd dt plaintext table hr xmp"
)
_BARRIERS = "html table td th caption button marquee"
_OTHERS = (
    "html head body noscript tr tbody thead tfoot colgroup label button option optgroup legend picture progress meter "
    "output"
)
_PRE = "pre listing xmp plaintext"
_FORMULA_NAMES = ("math", "annotation", "annotation-xml")
_PREFIXES = ("m:", "mml:")  # of formulas in pages that are XHTML

NAMES: tuple[str, ...] = (
    "",
    *sorted(
        {name for group in (_INLINE, _VOID, _SKIPPED, _CLOSES_P, _BARRIERS, _OTHERS, _PRE) for name in group.split()}
    ),
)
KNOWN = len(NAMES)
TAGS = KNOWN + BUCKETS


def tag_number(name: str) -> int:
    """The number of a known element."""
    return NAMES.index(name)


def _flags(names: str, flag: int, table: np.ndarray) -> None:
    for name in names.split():
        table[tag_number(name)] |= flag


def _properties() -> np.ndarray:
    table = np.zeros(TAGS, np.int64)
    for names, flag in (
        (_INLINE, INLINE),
        (_VOID, VOID),
        (_SKIPPED, SKIPPED),
        (_CLOSES_P, CLOSES_P),
        (_BARRIERS, BARRIER),
        (_PRE, PRE),
    ):
        _flags(names, flag, table)
    return table


def _states() -> np.ndarray:
    """The state in which the tokeniser goes on behind a start tag; DATA is 0."""
    table = np.zeros(TAGS, np.int64)
    for names, state in (
        ("title textarea", RCDATA),
        ("style xmp iframe noembed noframes", RAWTEXT),
        ("script", SCRIPT),
        ("plaintext", PLAINTEXT),
    ):
        for name in names.split():
            table[tag_number(name)] = state
    return table


PROPERTIES = _properties()
STATES_AFTER = _states()


def _hash_plainly(name: str) -> int:
    h = int(FNV_START)
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % (1 << 64)
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9 % (1 << 64)
    h = (h ^ (h >> 27)) * 0x94D049BB133111EB % (1 << 64)
    return h ^ (h >> 31)


def hash_table(
    names: Sequence[str], size: int, others: Mapping[str, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(hashes uint64, numbers int32) of `size` places, a power of two: open addressing, number 0 is an empty place.

    A name has the number of its place; others: names with the numbers of names that they stand for.
    """
    hashes, numbers = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for name, number in (dict(zip(names, range(len(names)), strict=True)) | dict(others or {})).items():
        if number:
            h = _hash_plainly(name)
            place = h % size
            while numbers[place]:
                place = (place + 1) % size
            hashes[place], numbers[place] = h, number
    return hashes, numbers


TABLE_SIZE = 1024
HASHES, NUMBERS = hash_table(
    NAMES, TABLE_SIZE, {prefix + name: tag_number(name) for prefix in _PREFIXES for name in _FORMULA_NAMES}
)


@inlined
def name_hash(data, start, end):
    """A 64-bit hash of the lower-cased bytes data[start:end]."""
    h = FNV_START
    for i in range(start, end):
        byte = data[i]
        if byte >= 0x41 and byte <= 0x5A:
            byte |= 0x20
        h = fnv1a(h, byte)
    return splitmix64(h)


@inlined
def find_tag(data, start, end):
    """The number of the element named data[start:end]: below KNOWN, or that of a bucket of unknown names."""
    h = name_hash(data, start, end)
    place = np.int64(h & np.uint64(TABLE_SIZE - 1))
    while NUMBERS[place] != 0:
        if HASHES[place] == h:
            return np.int64(NUMBERS[place])
        place = (place + 1) & (TABLE_SIZE - 1)
    return np.int64(KNOWN) + np.int64(h >> np.uint64(58))
