# mypy: disallow-untyped-defs=False
"""C4's bad-words rule for a list the user brings (LDNOOBW or another).

The text is lower-cased; an entry counts where it stands between non-word characters or the ends of the text (`\\W` of
Python's re: neither alphanumeric nor `_`), or anywhere when `flanked` is false, as C4 does for Japanese, Thai and
Chinese. Entries are taken as written, so an entry with a capital never matches. Lower-casing is Python's, but for the
Greek final sigma, which stays the medial one.

Source: TFDS text/c4_utils.py `get_clean_page_fn`; datatrove 0.10.1 `C4BadWordsFilter`.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.text.scratch import longest_document_bytes
from gristmill.filters.text.unicode_tables import ALNUM, CLASS, LOWER
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel
from gristmill.kernels.utf8 import decode_utf8
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.paths import RecipePath
from gristmill.schemas.signals import Family, Signal
from gristmill.schemas.strict import LanguageName, Strict
from pydantic import Field

UNFLANKED_LANGUAGES = ("ja", "th", "zh")
_NODE_BITS = 21  # code points need 21 bits; the node number stands above them


class BadWordsOptions(Strict):
    """Options of the family `bad_words`."""

    path: RecipePath = Field(
        min_length=1, description="a text file, an entry a line, or a JSON file `{language: [entries]}`"
    )
    language: LanguageName = Field(
        "en", min_length=1, description="which list of a JSON file is read, and whether entries need flanks"
    )
    flanked: bool | None = Field(
        None, description="whether an entry must stand between non-word characters; by default not in ja, th and zh"
    )


FAMILY = Family(
    name="bad_words",
    version=1,
    signals=(Signal("bad_words", "int", "places", "places of the lower-cased text where an entry stands"),),
    measure="gristmill.filters.c4.bad_words:measure",
    source="TFDS, text/c4_utils.py, get_clean_page_fn",
    options=BadWordsOptions,
    check="gristmill.filters.c4.bad_words:check",
)


def check(options: Mapping[str, Any]) -> None:
    """RecipeError unless the list can be read."""
    chosen = BadWordsOptions.model_validate(options)
    read_entries(chosen.path, chosen.language)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """Column `bad_words`. options: see BadWordsOptions."""
    chosen = BadWordsOptions.model_validate(options)
    needs_flanks = chosen.language not in UNFLANKED_LANGUAGES if chosen.flanked is None else chosen.flanked
    counts = count_places(batch.column(0), read_entries(chosen.path, chosen.language), needs_flanks)
    return pa.RecordBatch.from_arrays([pa.array(counts)], schema=FAMILY.schema)


def count_places(texts: pa.Array, entries: tuple[str, ...], needs_flanks: bool) -> np.ndarray:
    """For each text the places where an entry stands."""
    edges, ends = trie(entries)
    data, offsets = string_buffers(texts)
    counts = np.zeros(len(texts), dtype=np.int64)
    _count(data, offsets, longest_document_bytes(offsets), CLASS, LOWER, edges, ends, needs_flanks, counts)
    return counts


def read_entries(path: str, language: str) -> tuple[str, ...]:
    """The entries of a list, stripped, blank ones dropped; RecipeError when there is no such list."""
    if not Path(path).is_file():
        raise RecipeError(
            f"bad_words list {path!r}", expected="a readable file", next_step="set `path` of family bad_words"
        )
    content = Path(path).read_text(encoding="utf-8")
    lines: list[str] = content.split("\n")
    if path.endswith(".json"):
        lists = json.loads(content)
        if language not in lists:
            raise RecipeError(f"language {language!r}", expected=f"one of {', '.join(sorted(lists))}", where=path)
        lines = lists[language]
    return tuple(sorted({line.strip() for line in lines} - {""}))


@cache
def trie(entries: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Their trie: sorted edges `node << 21 | code point`, edge i leading to node i + 1; whether a node ends an entry."""
    prefixes = sorted({entry[:i] for entry in entries for i in range(1, len(entry) + 1)}, key=lambda p: (len(p), p))
    numbers = {"": 0}
    edges: list[int] = []
    for prefix in prefixes:  # by length, then text: a parent comes before its children and edges come out sorted
        edges.append(numbers[prefix[:-1]] << _NODE_BITS | ord(prefix[-1]))
        numbers[prefix] = len(edges)
    final = np.zeros(len(edges) + 1, dtype=np.bool_)
    final[[numbers[entry] for entry in entries]] = True
    return np.array(edges, dtype=np.int64), final


@helper
def _is_word(cp, classes):
    return cp == 95 or classes[cp] & ALNUM != 0


@helper
def _lowered(cps, n, lower, out):
    """Lower-case cps[:n] into out; the one expanding letter, U+0130, is at least two bytes of UTF-8, so it fits."""
    length = 0
    for i in range(n):
        if cps[i] == 0x130:
            out[length], out[length + 1] = 0x69, 0x307
            length += 2
        else:
            out[length] = lower[cps[i]]
            length += 1
    return length


@kernel
def _end_of_entry(cps, i, n, classes, edges, ends, flanked):
    """Where the shortest entry that stands at i ends; 0 when none does."""
    node = 0
    while i < n:
        key = np.int64(node) << _NODE_BITS | cps[i]
        at = np.searchsorted(edges, key)
        if at == len(edges) or edges[at] != key:
            return 0
        node = at + 1
        i += 1
        if ends[node] and not (flanked and i < n and _is_word(cps[i], classes)):
            return i
    return 0


@kernel
def _count(data, offsets, longest, classes, lower, edges, ends, flanked, counts):
    decoded = np.empty(longest, np.int32)
    cps = np.empty(longest, np.int32)
    for row in range(len(offsets) - 1):
        n = decode_utf8(data, offsets[row], offsets[row + 1], decoded)
        n = _lowered(decoded, n, lower, cps)
        for i in range(n):
            if flanked and i > 0 and _is_word(cps[i - 1], classes):
                continue
            counts[row] += _end_of_entry(cps, i, n, classes, edges, ends, flanked) > 0


@kernel
def _places(cps, classes, edges, ends, flanked, starts, stops):
    found = 0
    for i in range(len(cps)):
        if flanked and i > 0 and _is_word(cps[i - 1], classes):
            continue
        stop = _end_of_entry(cps, i, len(cps), classes, edges, ends, flanked)
        if stop:
            starts[found], stops[found] = i, stop
            found += 1
    return found


def places(text: str, entries: tuple[str, ...], needs_flanks: bool) -> list[tuple[int, int]]:
    """(start, end) in `text` of every place that `bad_words` counts, of the shortest entry that stands there."""
    lowered = np.frombuffer("".join(map(_lower, text)).encode("utf-32-le"), np.int32)
    origin = np.repeat(np.arange(len(text)), [2 if char == "İ" else 1 for char in text])
    starts, stops = np.empty(len(lowered), np.int64), np.empty(len(lowered), np.int64)
    found = _places(lowered, CLASS, *trie(entries), needs_flanks, starts, stops)
    return [(int(origin[a]), int(origin[b - 1]) + 1) for a, b in zip(starts[:found], stops[:found], strict=True)]


def _lower(char: str) -> str:
    return "i̇" if char == "İ" else chr(LOWER[ord(char)])
