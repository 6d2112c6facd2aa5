# mypy: disallow-untyped-defs=False
"""Character references (`&amp;`, `&#8364;`, `&notin`) as kernels, with the HTML standard's whole table.

Source: HTML Living Standard, 13.2.5.72 to 13.2.5.80 and 13.5. The names come with Python (`html.entities.html5`).
"""

from functools import cache
from html.entities import html5
from typing import NamedTuple

import numpy as np
from gristmill.kernels.compile import helper, inlined
from gristmill.kernels.hashing import FNV_START, fnv1a, splitmix64
from gristmill.kernels.utf8 import put_utf8

LONGEST_NAME = max(map(len, html5))
LONGEST_LEGACY_NAME = max(len(name) for name in html5 if not name.endswith(";"))
SLOTS = 8192
REPLACEMENT = 0xFFFD

# What numbers from 0x80 to 0x9F mean: windows-1252, where it has a character.
_C1 = {
    0x80 + place: ord(character) for place, character in enumerate(bytes(range(0x80, 0xA0)).decode("cp1252", "replace"))
}
C1_MEANINGS = np.array([0x80 + k if _C1[0x80 + k] == REPLACEMENT else _C1[0x80 + k] for k in range(32)], np.int32)


class References(NamedTuple):
    """An open-addressing table. slots int32 (SLOTS,): entry number + 1, 0 where empty. begins int32 (entries + 1,): where
    each name lies in `names` (uint8). first, second int32 (entries,): its code points, second 0 where there is one."""

    slots: np.ndarray
    begins: np.ndarray
    names: np.ndarray
    first: np.ndarray
    second: np.ndarray


@cache
def references() -> References:
    """The table of all names, those without a semicolon too."""
    names = sorted(html5)
    slots = np.zeros(SLOTS, np.int32)
    for number, name in enumerate(names):
        h = int(FNV_START)
        for byte in name.encode():
            h = (h ^ byte) * 0x100000001B3 % (1 << 64)
        place = _mixed(h) % SLOTS
        while slots[place]:
            place = (place + 1) % SLOTS
        slots[place] = number + 1
    begins = np.cumsum([0, *map(len, names)]).astype(np.int32)
    points = [[ord(character) for character in html5[name]] for name in names]
    return References(
        slots,
        begins,
        np.frombuffer("".join(names).encode(), np.uint8),
        np.array([one[0] for one in points], np.int32),
        np.array([one[1] if len(one) > 1 else 0 for one in points], np.int32),
    )


def _mixed(h: int) -> int:
    """splitmix64 in plain Python."""
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9 % (1 << 64)
    h = (h ^ (h >> 27)) * 0x94D049BB133111EB % (1 << 64)
    return h ^ (h >> 31)


@inlined
def is_letter(byte):
    return (byte | 0x20) >= 0x61 and (byte | 0x20) <= 0x7A


@inlined
def is_digit(byte):
    return byte >= 0x30 and byte <= 0x39


@helper
def _find(data, start, end, h, table):
    """The entry of the name data[start:end], whose hash is h; -1 where there is none."""
    place = np.int64(splitmix64(h) & np.uint64(SLOTS - 1))
    while table.slots[place] != 0:
        entry = table.slots[place] - 1
        begin = table.begins[entry]
        if table.begins[entry + 1] - begin == end - start:
            k = np.int64(0)
            while k < end - start and table.names[begin + k] == data[start + k]:
                k += 1
            if k == end - start:
                return np.int64(entry)
        place = (place + 1) & (SLOTS - 1)
    return np.int64(-1)


@helper
def _numeric(data, i, end):
    """(code point, position behind it) of what follows `&#`; (-1, i) where it is no number."""
    value, digits = np.int64(0), 0
    if i < end and (data[i] | 0x20) == 0x78:
        k = i + 1
        while k < end and (is_digit(data[k]) or ((data[k] | 0x20) >= 0x61 and (data[k] | 0x20) <= 0x66)):
            value = value * 16 + (data[k] - 0x30 if is_digit(data[k]) else (data[k] | 0x20) - 0x57)
            value = min(value, np.int64(0x110000))
            digits += 1
            k += 1
    else:
        k = i
        while k < end and is_digit(data[k]):
            value = min(value * 10 + data[k] - 0x30, np.int64(0x110000))
            digits += 1
            k += 1
    if digits == 0:
        return np.int64(-1), i
    if k < end and data[k] == 0x3B:
        k += 1
    if value == 0 or value > 0x10FFFF or (value >= 0xD800 and value <= 0xDFFF):
        value = np.int64(REPLACEMENT)
    elif value >= 0x80 and value <= 0x9F:
        value = np.int64(C1_MEANINGS[value - 0x80])
    return value, k


@helper
def put_reference(data, i, end, in_attribute, table, out, at):
    """Write what the `&` at data[i] stands for to `out` as UTF-8; returns (position behind it, new end of `out`).

    Where it begins no reference the `&` itself is written. `out` may need one byte more than is read: `&nGt;` and its
    like give six bytes of five.
    """
    k = i + 1
    if k < end and data[k] == 0x23:
        value, behind = _numeric(data, k + 1, end)
        if value >= 0:
            return behind, put_utf8(np.int32(value), out, at)
    elif k < end and (is_letter(data[k]) or is_digit(data[k])):
        found, behind = np.int64(-1), k
        h = FNV_START
        while k < end and k - i <= LONGEST_NAME and (is_letter(data[k]) or is_digit(data[k])):
            h = fnv1a(h, data[k])
            k += 1
            if k - i - 1 <= LONGEST_LEGACY_NAME and k - i > 2:
                entry = _find(data, i + 1, k, h, table)
                if entry >= 0:
                    found, behind = entry, k
        if k < end and data[k] == 0x3B:
            entry = _find(data, i + 1, k + 1, fnv1a(h, data[k]), table)
            if entry >= 0:
                found, behind = entry, k + 1
        if found >= 0:
            ends = data[behind - 1] == 0x3B
            follows = behind < end and (data[behind] == 0x3D or is_letter(data[behind]) or is_digit(data[behind]))
            if ends or not in_attribute or not follows:
                at = put_utf8(table.first[found], out, at)
                if table.second[found]:
                    at = put_utf8(table.second[found], out, at)
                return behind, at
    out[at] = 0x26
    return i + 1, at + 1
