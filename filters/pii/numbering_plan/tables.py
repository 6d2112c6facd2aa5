"""The library's metadata as arrays for the kernels: made once a machine, kept under the library's version."""

from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
from gristmill.filters.pii.numbering_plan.expressions import Automata, program, read_expression
from gristmill.kernels.cache import Tables, stored_tables

TABLE_VERSION = 2
# Descriptions of a region's numbers, in the order of their bits; the first holds for all of its numbers.
GENERAL = "general_desc"
TYPES = (
    *("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail"),
    *("fixed_line", "mobile"),
)
LEADING_DIGITS_BIT = 1 + len(TYPES)
NO_STATE = -1
MAX_CALLING_CODE = 999
MAX_TRANSFORM = 8  # digits that a transform rule puts before the group it keeps


@cache
def plan_tables() -> Tables:
    """The arrays of `build` for the installed library."""
    return stored_tables(f"numbering-plan-phonenumbers-{version('phonenumbers')}-v{TABLE_VERSION}", build)


def build() -> Tables:
    """The metadata of every region and of every code that is no region's, one row each.

    transitions, accepted: states shared by all automata. Of a region: regions (its name), calling_code, entry (first
    state of its descriptions, by bits), leading (first state of the digits that tell it from others with its code),
    lengths (bits of possible lengths by description), local_lengths, prefix and exit (first rows of the programs for
    national and international prefixes), groups (of the national prefix), transform (-1 or what stands before the kept
    group: count, then digits), transform_group. code_first, code_regions: regions by calling code, the main one first.
    """
    rows = _regions()
    automata, programs = Automata(), _Programs()
    columns: dict[str, list[Any]] = {name: [] for name in (
        *("regions", "calling_code", "entry", "leading", "lengths", "local_lengths"),
        *("prefix", "exit", "groups", "transform", "transform_group"),
    )}  # fmt: skip
    for name, metadata in rows:
        descriptions = _descriptions(metadata)
        patterns = {bit: d.national_number_pattern for bit, d in descriptions.items() if d.national_number_pattern}
        columns["regions"].append(name)
        columns["calling_code"].append(metadata.country_code)
        columns["entry"].append(automata.add(patterns))
        leading = metadata.leading_digits
        columns["leading"].append(automata.add({LEADING_DIGITS_BIT: leading}) if leading else NO_STATE)
        columns["lengths"].append([_lengths(descriptions.get(bit)) for bit in range(1 + len(TYPES))])
        local = metadata.general_desc.possible_length_local_only
        columns["local_lengths"].append(sum(1 << length for length in local))
        start, groups = programs.add(metadata.national_prefix_for_parsing)
        columns["prefix"].append(start)
        columns["groups"].append(groups)
        columns["exit"].append(programs.add(metadata.international_prefix)[0])
        transform, group = _transform(metadata.national_prefix_transform_rule)
        columns["transform"].append(transform)
        columns["transform_group"].append(group)
    code_first, code_regions = _by_calling_code({name: row for row, (name, _) in enumerate(rows)})
    wide = {name: np.array(values, np.int64) for name, values in columns.items() if name != "regions"}
    return {
        **wide,
        "regions": np.array(columns["regions"], "U3"),
        "transitions": np.array(automata.transitions, np.int32),
        "accepted": np.array(automata.accepted, np.int32),
        "program": np.array(programs.rows, np.int64),
        "code_first": code_first,
        "code_regions": code_regions,
    }


def _regions() -> list[tuple[str, Any]]:
    """(name, metadata); a code that is no region's is named by its digits."""
    import phonenumbers
    from phonenumbers import PhoneMetadata

    named = [(name, PhoneMetadata.metadata_for_region(name)) for name in sorted(phonenumbers.SUPPORTED_REGIONS)]
    codes = sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS)
    return named + [(str(code), PhoneMetadata.metadata_for_nongeo_region(code)) for code in codes]


def _descriptions(metadata: Any) -> dict[int, Any]:
    """Bit -> description; without mobile numbers where they are the fixed ones."""
    names = (GENERAL, *TYPES)
    skipped = {"mobile"} if metadata.same_mobile_and_fixed_line_pattern else set()
    found = {bit: getattr(metadata, name) for bit, name in enumerate(names) if name not in skipped}
    return {bit: description for bit, description in found.items() if description is not None}


def _lengths(description: Any) -> int:
    """Bits of the lengths that numbers of a description have; all where it names none."""
    if description is None:
        return 0
    lengths = description.possible_length
    return sum(1 << length for length in lengths if length > 0) if lengths else (1 << 31) - 1


def _transform(rule: str | None) -> tuple[list[int], int]:
    r"""([count, digits ...], group) of a rule such as `9\1`; a count of -1 for none."""
    if not rule:
        return [-1] + [0] * MAX_TRANSFORM, 0
    digits, slash, group = rule.partition("\\")
    if not slash or not group.isdecimal() or (digits and not digits.isdecimal()) or len(digits) > MAX_TRANSFORM:
        raise ValueError(f"transform rule {rule!r} is not understood")
    return [len(digits), *map(int, digits)] + [0] * (MAX_TRANSFORM - len(digits)), int(group)


def _by_calling_code(rows: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """(first, regions): the regions of calling code c are regions[first[c] : first[c + 1]]."""
    import phonenumbers

    first, regions = [0], []
    for code in range(MAX_CALLING_CODE + 1):
        names = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
        regions += [rows[str(code) if name == "001" else name] for name in names]
        first.append(len(regions))
    return np.array(first, np.int64), np.array(regions, np.int64)


class _Programs:
    """Programs one after the other; equal expressions are one."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int]] = []
        self._known: dict[str, tuple[int, int]] = {}

    def add(self, expression: str | None) -> tuple[int, int]:
        """(first row, groups) of an expression's program; NO_STATE for none."""
        if not expression:
            return NO_STATE, 0
        if expression not in self._known:
            node, groups = read_expression(expression)
            self._known[expression] = len(self.rows), groups
            self.rows += program(node)
        return self._known[expression]
