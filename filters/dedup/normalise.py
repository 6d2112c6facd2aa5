# mypy: disallow-untyped-defs=False
"""Text as duplicate detection compares it: options, one table of code point replacements, one kernel.

The steps, each an option, always in this order:

1. case: lower case, one code point at a time; a final sigma becomes the ordinary one, so no context is needed;
2. accents: canonical decomposition (NFD), then every mark (category Mn, or combining class above 0) is dropped;
3. digits: every decimal digit of any script becomes `0`;
4. punctuation: categories P* and the ASCII symbols of `string.punctuation` are deleted or become a space;
5. whitespace: runs of white space (`str.isspace`) become one space, none at either end.

`normalise_plainly` is the same in plain Python, the definition the kernel is tested against.
"""

import string
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash
from gristmill.filters.text.unicode_tables import CLASS, CODE_POINTS, DIGIT, LOWER, MARK, PUNCTUATION, SPACE, UPPER
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import next_code_point, put_utf8
from gristmill.schemas.errors import RecipeError

DELETED = -1
_FIRST_EXPANSION = -2  # a replacement of several code points is stored as _FIRST_EXPANSION - its number


@dataclass(frozen=True)
class Normalisation:
    """Which differences between two texts do not count; everything off compares the bytes."""

    case: bool = False
    accents: bool = False
    digits: bool = False
    punctuation: Literal["keep", "delete", "space"] = "keep"
    whitespace: bool = False

    def __post_init__(self) -> None:
        if self.punctuation not in ("keep", "delete", "space"):
            raise RecipeError(f"punctuation: {self.punctuation!r}", expected="keep, delete or space")


RAW = Normalisation()
FULL = Normalisation(case=True, accents=True, digits=True, punctuation="space", whitespace=True)


def normalisation(options: Normalisation | Mapping[str, Any]) -> Normalisation:
    """`options` as a Normalisation; RecipeError names a key that is unknown."""
    if isinstance(options, Normalisation):
        return options
    known = Normalisation.__dataclass_fields__
    for key in options:
        if key not in known:
            raise RecipeError(f"normalisation option {key!r}", expected=f"one of {', '.join(known)}")
    return Normalisation(**options)


def normalise_plainly(text: str, options: Normalisation) -> str:
    """`text` normalised in plain Python: the definition of what the kernel does.

    >>> normalise_plainly("  Ça coûte 12,50 €!", FULL)
    'ca coute 00 00 €'
    """
    if options.case:
        text = text.lower().replace("ς", "σ")
    if options.accents:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not _is_mark(c))
    if options.digits:
        text = "".join("0" if c.isdecimal() else c for c in text)
    if options.punctuation != "keep":
        replacement = " " if options.punctuation == "space" else ""
        text = "".join(replacement if _is_punctuation(c) else c for c in text)
    return " ".join(text.split()) if options.whitespace else text


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) == "Mn" or unicodedata.combining(char) > 0


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] == "P" or char in string.punctuation


class Replacements(NamedTuple):
    """What each code point becomes.

    target: int32 per code point: a code point, DELETED, or -2 - k for expansion k.
    edges, expansions: expansion k is expansions[edges[k] : edges[k + 1]].
    growth: most bytes out per byte in, rounded up.
    """

    target: np.ndarray
    edges: np.ndarray
    expansions: np.ndarray
    growth: int


@lru_cache(maxsize=8)
def replacements(options: Normalisation) -> Replacements:
    """The table for `options`, from the running Python's Unicode database."""
    target = np.arange(CODE_POINTS, dtype=np.int32)
    edges, growth = [0], 1
    expansions: list[int] = []
    for cp in _affected(options):
        char = chr(cp)
        new = normalise_plainly(char, _without_whitespace(options))
        if options.whitespace:
            new = "".join(" " if c.isspace() else c for c in new)
        growth = max(growth, -(-len(new.encode()) // len(char.encode())))
        if len(new) == 1:
            target[cp] = ord(new)
        elif not new:
            target[cp] = DELETED
        else:
            target[cp] = _FIRST_EXPANSION - (len(edges) - 1)
            expansions.extend(map(ord, new))
            edges.append(len(expansions))
    return Replacements(target, np.array(edges, np.int64), np.array(expansions, np.int32), growth)


def _without_whitespace(options: Normalisation) -> Normalisation:
    return Normalisation(options.case, options.accents, options.digits, options.punctuation, False)


def _affected(options: Normalisation) -> list[int]:
    """Code points that some enabled step may change: the others keep their identity without a Python call."""
    chosen = np.zeros(CODE_POINTS, bool)
    if options.case:
        chosen |= ((CLASS & UPPER) != 0) | (np.arange(CODE_POINTS) != LOWER)
        chosen[ord("ς")] = True
    if options.digits:
        chosen |= (CLASS & DIGIT) != 0
    if options.punctuation != "keep":
        chosen |= (CLASS & PUNCTUATION) != 0
        chosen[[ord(c) for c in string.punctuation]] = True
    if options.whitespace:
        chosen |= (CLASS & SPACE) != 0
    if options.accents:
        chosen |= (CLASS & MARK) != 0
        for first in range(0, CODE_POINTS, 256):
            block = [chr(cp) for cp in range(first, first + 256)]
            if not unicodedata.is_normalized("NFD", "".join(block)):
                chosen[first : first + 256] |= [not unicodedata.is_normalized("NFD", char) for char in block]
    chosen[0xD800:0xE000] = False  # surrogates are not in valid UTF-8
    return np.flatnonzero(chosen).tolist()


@helper
def normalise_span(data, start, end, target, edges, expansions, collapse, out, at):
    """Normalise data[start:end] into `out` from `at` on; returns the position after the last byte written.

    collapse: white space (already mapped to a space by `target`) is written once between other characters only.
    """
    first = at
    after_space = collapse
    i = start
    while i < end:
        cp, i = next_code_point(data, i)
        new = target[cp]
        if 0 <= new < 0x80:  # no branch at the ends of words, they cannot be predicted
            space = collapse & (new == 32)
            out[at] = new
            at += 1 - (space & after_space)
            after_space = space
        elif new >= 0:
            at = put_utf8(new, out, at)
            after_space = False
        elif new != DELETED:
            number = _FIRST_EXPANSION - new
            for k in range(edges[number], edges[number + 1]):
                space = collapse & (expansions[k] == 32)
                if not (space & after_space):
                    at = put_utf8(expansions[k], out, at)
                after_space = space
    return at - 1 if after_space and at > first else at


@kernel
def _normalise_batch(data, offsets, target, edges, expansions, collapse, out, out_offsets):
    at = 0
    for row in range(len(offsets) - 1):
        at = normalise_span(data, offsets[row], offsets[row + 1], target, edges, expansions, collapse, out, at)
        out_offsets[row + 1] = at


def normalised_buffers(texts: pa.Array | pa.ChunkedArray, options: Normalisation) -> tuple[np.ndarray, np.ndarray]:
    """(data uint8, offsets int64 of rows + 1) of the normalised texts; the input's own buffers when all is off."""
    data, offsets = string_buffers(texts)
    if options == RAW:
        return data, offsets
    table = replacements(options)
    out = np.empty(int(offsets[-1] - offsets[0]) * table.growth + 1, np.uint8)
    out_offsets = np.zeros(len(offsets), np.int64)
    _normalise_batch(data, offsets, table.target, table.edges, table.expansions, options.whitespace, out, out_offsets)
    return out[: out_offsets[-1]], out_offsets


def normalised_content_hash(texts: pa.Array | pa.ChunkedArray, options: Normalisation | Mapping[str, Any]) -> pa.Array:
    """large_string array of 32 hex digits: XXH3-128 (seed 0) of the normalised UTF-8 of each text.

    Two texts are exact duplicates under `options` if and only if their hashes are equal (up to 2^-128). Null reads as
    the empty text. With every option off it is the hash of the bytes.

    >>> a, b = normalised_content_hash(pa.array(["One  Two", "one two"]), {"case": True, "whitespace": True})
    >>> a == b
    True
    """
    data, offsets = normalised_buffers(texts, normalisation(options))
    view, digest, edges = data.data, xxhash.xxh3_128_hexdigest, offsets.tolist()
    return pa.array([digest(view[start:end]) for start, end in pairwise(edges)], pa.large_string())
