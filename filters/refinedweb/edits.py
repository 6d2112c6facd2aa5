"""RefinedWeb's clean-up of text as edits, the way DCLM runs it: addresses, line breaks, then the line rules.

Source: DCLM, baselines_configs/dclm_baseline_refinedweb.yaml and mappers/modifiers.py; RefinedWeb (Penedo et al. 2023,
G.2) describes the line rules. DCLM's quirks are kept and named at each function.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.refinedweb import scan as refinedweb_scan
from gristmill.filters.text.scratch import longest_document_bytes
from gristmill.filters.text.top_level_domains import alternatives, dclm_domains
from gristmill.filters.text.unicode_tables import CLASS, LOWER
from gristmill.filters.transforms.edit_arrays import constant_edits
from gristmill.kernels.buffers import string_buffers

_TAIL = r"[-a-zA-Z0-9()@:%_\+.~#?&/=]*"
_IP_ADDRESS = re.compile(rf"\s{{0,10}}\b((https?|ftp)://)?(?:[0-2]?[0-9]{{1,2}}\.){{3}}[0-2]?[0-9]{{1,2}}{_TAIL}")
# what every address has, quick to look for in the many pages without one
_MAYBE_IP_ADDRESS = re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]")
_MAYBE_ADDRESS = re.compile(r"[-a-zA-Z0-9@:%._\+~#=]\.\w")
_LINE_BREAKS = re.compile(r"(?<=\n\n)\n+")


def address_edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """EDITS that remove web addresses with a known top-level domain; reason `url`.

    options: `tlds_path`, a file with one lower-case top-level domain a line; without it, those that DCLM knows. As in DCLM
    only a text that *begins* with the letters of a top-level domain is searched (it tests with `re.match`), which most
    English texts do.
    """
    begins, address = _address_patterns(options.get("tlds_path"))

    def find(text: str) -> Iterator[re.Match[str]]:
        return address.finditer(text) if begins.match(text) and _MAYBE_ADDRESS.search(text) else iter(())

    return _removals(texts, find, "url")


def ip_address_edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """EDITS that remove IPv4 addresses, with or without scheme and path; reason `ip_address`."""

    def find(text: str) -> Iterator[re.Match[str]]:
        return _IP_ADDRESS.finditer(text) if _MAYBE_IP_ADDRESS.search(text) else iter(())

    return _removals(texts, find, "ip_address")


def line_break_edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """EDITS that leave at most two line breaks in a row; reason `line_breaks`."""
    return _removals(texts, _LINE_BREAKS.finditer, "line_breaks")


def edits(texts: pa.Array, options: Mapping[str, Any]) -> pa.Array:
    """EDITS of the line rules, one after the other as DCLM chains them.

    Reasons: uppercase_line (more than half of the characters), numeric_line (digits only), counter_line (`12K likes`),
    short_line (one word; white space only counts as none, empty lines stay), and on lines of at most 10 words
    items_in_cart (anywhere), read_more (at the end; the dots of DCLM's `Read more...` are not escaped, so any three
    characters follow), sign_in (at the start); white_space at the ends of the page.
    """
    data, offsets = string_buffers(texts)
    document = (data, offsets, longest_document_bytes(offsets), CLASS, LOWER)
    edit_offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int64)
    refinedweb_scan.edit_spans(*document, edit_offsets, nothing, nothing, nothing, False)
    starts, ends, codes = (np.zeros(int(edit_offsets[-1]), dtype=np.int64) for _ in range(3))
    refinedweb_scan.edit_spans(*document, edit_offsets, starts, ends, codes, True)
    return constant_edits(edit_offsets, starts, ends, codes, refinedweb_scan.REASONS)


@cache
def _address_patterns(tlds_path: str | None) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """(a text begins with a top-level domain, in any case; an address, with the domain in lower case)."""
    domains = alternatives(Path(tlds_path).read_text(encoding="utf-8").split() if tlds_path else dclm_domains())
    host = r"[-a-zA-Z0-9@:%._\+~#=]{1,256}"
    address = rf"\s{{0,10}}(?:((https?|ftp)://))?{host}\.({domains})\b({_TAIL})"
    return re.compile(domains, re.IGNORECASE), re.compile(address)


def _removals(texts: pa.Array, find: Callable[[str], Iterator[re.Match[str]]], reason: str) -> pa.Array:
    """EDITS that delete what `find(text)` yields."""
    rows, starts, ends = [0], list[int](), list[int]()
    for text in texts.to_pylist():
        for start, end in _byte_spans(text, find(text)) if text else ():
            starts.append(start)
            ends.append(end)
        rows.append(len(starts))
    offsets, first, last = (np.array(column, np.int64) for column in (rows, starts, ends))
    return constant_edits(offsets, first, last, np.zeros(len(starts), dtype=np.int64), [("", reason)])


def _byte_spans(text: str, matches: Iterator[re.Match[str]]) -> Iterator[tuple[int, int]]:
    """UTF-8 byte spans of matches, each prefix encoded once."""
    at_character, at_byte = 0, 0
    for match in matches:
        start = at_byte + len(text[at_character : match.start()].encode())
        end = start + len(match.group().encode())
        yield start, end
        at_character, at_byte = match.end(), end
