# mypy: disallow-untyped-defs=False
"""Reading a number as `phonenumbers.parse` does and judging it as `is_valid_number` and `is_possible_number` do.

A number is digits and whether a `+` stands before them, read as dialled in a region, or in none. Its steps are the
library's: international prefix or `+`, calling code, national prefix and its transform rule, then the descriptions of the
regions that share the calling code. Everything works on a scratch area that its caller makes, so nothing is allocated.
`tests/filters/pii/test_numbering_plan.py` holds the answers against the library's.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from gristmill.filters.pii.numbering_plan.expressions import DIGIT, END, JUMP, SAVE, SPLIT
from gristmill.filters.pii.numbering_plan.tables import LEADING_DIGITS_BIT, NO_STATE, TYPES, plan_tables
from gristmill.kernels.cache import as_record
from gristmill.kernels.compile import helper, kernel

MAX_DIGITS = 40  # of what is read: prefixes, calling code and a national number
MAX_NATIONAL_DIGITS = 17
NO_NUMBER, NO_REGION = -1, -1
POSSIBLE, LOCAL_ONLY, TOO_SHORT, TOO_LONG, INVALID_LENGTH = range(5)
IS_POSSIBLE, IS_VALID = 1, 2  # bits of an answer
_NUMBER, _STRIPPED, _SAVED, _ROWS, _PLACES, _SLOTS = range(6)  # rows of the scratch area
_TYPE_BITS = sum(2 << bit for bit in range(len(TYPES)))
_MAX_STACK = 128


class Judgement(NamedTuple):
    """A number as the library reads it: its calling code, national number and region (None: no region's)."""

    calling_code: int
    national: str
    region: str | None
    is_possible: bool
    is_valid: bool


def judge(digits: str, region: str | None = None, plus: bool = False) -> Judgement | None:
    """What the library says of a number of ASCII digits dialled in a region; None for what it cannot read.

    >>> judge("2126647665", "US")
    Judgement(calling_code=1, national='2126647665', region='US', is_possible=True, is_valid=True)
    >>> judge("33142685300", plus=True).region, judge("12", "US").is_possible
    ('FR', False)
    """
    if not 0 < len(digits) <= MAX_DIGITS:
        return None
    plan, rows, names = plan_record()
    work = scratch()
    work[_NUMBER, : len(digits)] = np.frombuffer(digits.encode("ascii"), np.uint8) - 48
    row = NO_REGION if region is None else rows[region]
    code, count, found, answer = judge_number(plan, work, len(digits), plus, row)
    if code == NO_NUMBER:
        return None
    national = "".join(map(str, work[_NUMBER, :count].tolist()))
    name = names[found] if found != NO_REGION else None
    return Judgement(code, national, name, bool(answer & IS_POSSIBLE), bool(answer & IS_VALID))


@cache
def plan_record() -> tuple[np.record, dict[str, int], list[str]]:
    """(the tables as one record, row by name of region, names of the rows)."""
    tables = plan_tables()
    names = tables["regions"].tolist()
    record = as_record({name: table for name, table in tables.items() if name != "regions"})
    return record, {name: row for row, name in enumerate(names)}, names


def scratch() -> np.ndarray:
    """Room for reading one number at a time."""
    return np.zeros((6, _MAX_STACK), np.int32)


@kernel
def judge_number(plan, work, count, plus, row):
    """(calling code, digits of the national number, region, answer) of the `count` digits in the scratch area.

    The national number takes their place. `row` is the region dialled in. A calling code of NO_NUMBER: not readable.
    """
    code, count = _parse(plan, work, count, plus, row)
    if code == NO_NUMBER:
        return code, count, NO_REGION, 0
    answer = 0
    main = plan.code_regions[plan.code_first[code]]
    length = _length_of(plan, main, count)
    if length in (POSSIBLE, LOCAL_ONLY):
        answer |= IS_POSSIBLE
    region = region_of(plan, work[_NUMBER], 0, count, code)
    if region != NO_REGION and is_of_region(plan, work[_NUMBER], 0, count, region):
        answer |= IS_VALID
    return code, count, region, answer


@helper
def region_of(plan, digits, start, end, code):
    """The region of a national number digits[start:end] among those with its calling code, or NO_REGION."""
    first, last = plan.code_first[code], plan.code_first[code + 1]
    if last - first == 1:
        return plan.code_regions[first]
    for i in range(first, last):
        region = plan.code_regions[i]
        if plan.leading[region] != NO_STATE:
            if _begins_with(plan, plan.leading[region], digits, start, end):
                return region
        elif is_of_region(plan, digits, start, end, region):
            return region
    return NO_REGION


@helper
def _begins_with(plan, state, digits, start, end):
    """Whether an automaton accepts any beginning of the number."""
    for i in range(start, end):
        state = np.int64(plan.transitions[state, digits[i]])
        if plan.accepted[state] >> LEADING_DIGITS_BIT & 1:
            return True
        if state == 0:
            return False
    return False


@helper
def _accepted(plan, region, digits, start, end):
    """Bits of the region's descriptions whose expressions match all of digits[start:end]."""
    state = plan.entry[region]
    for i in range(start, end):
        state = np.int64(plan.transitions[state, digits[i]])
        if state == 0:
            return np.int64(0)
    return np.int64(plan.accepted[state])


@helper
def is_of_region(plan, digits, start, end, region):
    """Whether the national number is of the region's general description and of one of its types, lengths and all."""
    accepted = _accepted(plan, region, digits, start, end)
    if accepted & 1 == 0 or plan.lengths[region, 0] >> (end - start) & 1 == 0:
        return False
    accepted &= _TYPE_BITS
    bit = 0
    while accepted:
        if accepted & 1 and plan.lengths[region, bit] >> (end - start) & 1:
            return True
        accepted >>= 1
        bit += 1
    return False


@helper
def _is_general(plan, region, digits, start, end):
    return _accepted(plan, region, digits, start, end) & 1 != 0


@helper
def _length_of(plan, region, count):
    """What the length alone says of a number of the region."""
    if plan.local_lengths[region] >> count & 1:
        return LOCAL_ONLY
    lengths = plan.lengths[region, 0]
    if lengths >> count & 1:
        return POSSIBLE
    if lengths & ((1 << count) - 1) == 0:
        return TOO_SHORT
    if lengths >> count == 0:
        return TOO_LONG
    return INVALID_LENGTH


@helper
def _parse(plan, work, count, plus, row):
    """(calling code, digits of the national number) of what stands in the scratch area; NO_NUMBER: not readable."""
    if count < 3 and (plus or count < 2):
        return NO_NUMBER, 0
    code = 0
    if plus:
        code = _calling_code(plan, work[_NUMBER], 0, count)
        if code:
            count = _cut(work, _code_digits(code), count)
        else:
            code, count = _without_plus(plan, work, count, row)
            if code <= 0:
                return NO_NUMBER, 0
    else:
        code, count = _without_plus(plan, work, count, row)
        if code == NO_NUMBER:
            return NO_NUMBER, 0
    if code:
        row = plan.code_regions[plan.code_first[code]]
    else:
        code = plan.calling_code[row]
    if count < 2:
        return NO_NUMBER, 0
    shorter = _strip_national_prefix(plan, work, 0, count, row)
    length = _length_of(plan, row, shorter)
    if length in (POSSIBLE, TOO_LONG):
        count = shorter
        _copy(work[_STRIPPED], 0, work[_NUMBER], count)
    if count < 2 or count > MAX_NATIONAL_DIGITS:
        return NO_NUMBER, 0
    return code, count


@helper
def _without_plus(plan, work, count, row):
    """(calling code or 0, digits left): behind an international prefix, or the region's own written without a `+`."""
    if row == NO_REGION:
        return NO_NUMBER, 0
    digits = work[_NUMBER]
    if plan.exit[row] != NO_STATE:
        end = _run(plan, plan.exit[row], digits, 0, count, work)
        if end >= 0 and not (end < count and digits[end] == 0):
            if count - end <= 2:
                return NO_NUMBER, 0
            code = _calling_code(plan, digits, end, count)
            if code == 0:
                return NO_NUMBER, 0
            return code, _cut(work, end + _code_digits(code), count)
    own = plan.calling_code[row]
    size = _code_digits(own)
    if count >= size and _prefix_value(digits, size) == own:
        shorter = _strip_national_prefix(plan, work, size, count, row)
        better = not _is_general(plan, row, digits, 0, count) and _is_general(plan, row, work[_STRIPPED], 0, shorter)
        if better or _length_of(plan, row, count) == TOO_LONG:
            _copy(work[_STRIPPED], 0, work[_NUMBER], shorter)
            return own, shorter
    return 0, count


@helper
def _calling_code(plan, digits, start, count):
    """The shortest calling code that exists at digits[start], or 0."""
    if start >= count or digits[start] == 0:
        return 0
    code = 0
    for i in range(start, min(start + 3, count)):
        code = code * 10 + digits[i]
        if plan.code_first[code + 1] > plan.code_first[code]:
            return code
    return 0


@helper
def _code_digits(code):
    return 1 if code < 10 else 2 if code < 100 else 3


@helper
def _prefix_value(digits, size):
    value = 0
    for i in range(size):
        value = value * 10 + digits[i]
    return value


@helper
def _cut(work, start, count):
    """Digits left when those before `start` are taken off the front."""
    _copy(work[_NUMBER], start, work[_NUMBER], count - start)
    return count - start


@helper
def _copy(digits, start, out, size):
    """Put digits[start : start + size] at the front of `out`, which may be `digits` itself."""
    for i in range(size):
        out[i] = digits[start + i]


@helper
def _strip_national_prefix(plan, work, start, count, row):
    """Digits of number[start:count] without its national prefix, put into the scratch area's other row."""
    digits, out = work[_NUMBER], work[_STRIPPED]
    size = count - start
    _copy(digits, start, out, size)
    if plan.prefix[row] == NO_STATE or size <= 0:
        return max(size, 0)
    end = _run(plan, plan.prefix[row], digits, start, count, work)
    if end < 0:
        return size
    was_general = _is_general(plan, row, digits, start, count)
    kept, saved = 0, work[_SAVED]
    last = plan.groups[row]
    if plan.transform[row, 0] >= 0 and saved[2 * last + 1] >= 0:
        for i in range(plan.transform[row, 0]):
            out[kept] = plan.transform[row, 1 + i]
            kept += 1
        group = plan.transform_group[row]
        if saved[2 * group + 1] >= 0:
            for i in range(saved[2 * group], saved[2 * group + 1]):
                out[kept] = digits[i]
                kept += 1
    for i in range(end, count):
        out[kept] = digits[i]
        kept += 1
    if was_general and not _is_general(plan, row, out, 0, kept):
        _copy(digits, start, out, size)
        return size
    return kept


@helper
def _run(plan, first, digits, start, count, work):
    """The end of what the program at row `first` matches at digits[start], or -1; groups are in the saved row."""
    saved, rows, places, slots = work[_SAVED], work[_ROWS], work[_PLACES], work[_SLOTS]
    saved[:] = -1
    at, place, depth = first, start, 0
    while True:
        operation, argument = plan.program[at, 0], plan.program[at, 1]
        if operation == DIGIT:
            passed = place < count and argument >> digits[place] & 1 != 0
            place += 1
            at += 1
        elif operation == SPLIT:
            rows[depth], places[depth], slots[depth] = at + plan.program[at, 2], place, -1
            depth += 1
            at += argument
            passed = True
        elif operation == JUMP:
            at += argument
            passed = True
        elif operation == SAVE:
            rows[depth], places[depth], slots[depth] = 0, saved[argument], argument
            depth += 1
            saved[argument] = place
            at += 1
            passed = True
        elif operation == END:
            passed = place == count
            at += 1
        else:
            return place
        while not passed:
            if depth == 0:
                return -1
            depth -= 1
            if slots[depth] >= 0:
                saved[slots[depth]] = places[depth]
            else:
                at, place, passed = rows[depth], places[depth], True
