"""Whether a number's digits and groups are one that the numbering plans know, written so that anyone could dial it."""

import re
from functools import lru_cache

from gristmill.filters.pii.numbering_plan.parse import judge
from gristmill.filters.pii.phones.written import Written

# Where a number without a country code is read: those of presidio's recogniser but for the USA and Canada.
NATIONAL_REGIONS = ("GB", "DE", "FR", "IL", "IN", "BR")
AMERICAN_REGION, AMERICAN_CODE = "US", 1  # many countries share this calling code and way of writing
MIN_NATIONAL_DIGITS, MAX_NATIONAL_DIGITS = 9, 12
MIN_OPENED_DIGITS = 8  # of a number with its area code in parentheses
MIN_INTERNATIONAL_DIGITS, MIN_UNGROUPED_DIGITS = 8, 10


def is_international(number: Written) -> bool:
    """With `+` or `00`: a valid number of its country; in groups or long, one of a possible length."""
    digits = number.digits
    if number.has_plus:
        digits = _without_trunk_zero(number)
    elif digits.startswith("00"):
        digits = digits[2:]
    else:
        return False
    if len(digits) < MIN_INTERNATIONAL_DIGITS:
        return False
    read = judge(digits, plus=True)
    return read is not None and (
        read.is_valid or (read.is_possible and (len(number.groups) > 1 or len(digits) >= MIN_UNGROUPED_DIGITS))
    )


def _without_trunk_zero(number: Written) -> str:
    """The digits without a zero in parentheses that is dialled inside the country only: +41 (0)62 585 51 90."""
    groups = number.groups
    return "".join([groups[0], *groups[2:]] if groups[1:2] == ["0"] else groups)


def is_national(number: Written) -> bool:
    """Without a country code: an American number, five French pairs, an area code in parentheses, or one of the regions.

    The latter begin with a zero or a parenthesis, and their first group is the area code that the library knows.
    """
    if number.has_inner_parenthesis and number.groups[0] != "1":
        return False
    return _is_american(number) or _is_pairs(number) or _has_area_code(number) or _is_of_regions(number)


def _is_american(number: Written) -> bool:
    lengths, marks = [len(group) for group in number.groups], number.marks[-2:]
    grouped = lengths[-3:] == [3, 3, 4] and number.groups[:-3] in ([], ["1"])
    if not grouped and not (len(lengths) == 1 and lengths[0] == 10):
        return False
    if len(marks) == 2 and marks[0] != marks[1] and marks[0] in (".", "-"):
        return False
    if "/" in marks[1:]:
        return False
    return _is_valid(number.digits, AMERICAN_REGION)


def _is_pairs(number: Written) -> bool:
    """French: five pairs with the same mark, of any range."""
    pairs = [len(group) for group in number.groups] == [2] * 5
    return pairs and number.digits[0] == "0" and number.digits[1] != "0" and len(set(number.marks)) == 1


def _has_area_code(number: Written) -> bool:
    """An area code in parentheses and two groups with a dash, which are no range of pages."""
    groups = number.groups
    if not number.has_parenthesis or len(groups) != 3 or len(number.digits) < MIN_OPENED_DIGITS:
        return False
    if (
        number.marks[1] in (" ", ".", "/")
        or not 2 <= len(groups[0]) <= 4
        or re.fullmatch(r"(?:1[5-9]|20)\d\d", groups[0])
    ):
        return False
    first, second = groups[1:]
    return 2 <= len(first) <= 4 and 2 <= len(second) <= 4 and not (len(first) == len(second) and first < second)


def _is_of_regions(number: Written) -> bool:
    groups, digits = number.groups, number.digits
    if not MIN_NATIONAL_DIGITS <= len(digits) <= MAX_NATIONAL_DIGITS:
        return False
    if digits[0] != "0" and not number.has_parenthesis:
        return False
    if any(len(group) < 2 for group in groups[:-1]) or (
        len(digits) == MIN_NATIONAL_DIGITS and set(number.marks) <= {" "}
    ):
        return False
    return any(
        _is_valid(digits, region) and (len(groups) == 1 or _area_code(digits, region) == groups[0])
        for region in NATIONAL_REGIONS
    )


def _is_valid(digits: str, region: str) -> bool:
    """Whether the digits, dialled in a region, are a valid number with the region's calling code."""
    read = judge(digits, region)
    if read is None or not read.is_valid:
        return False
    return read.calling_code == AMERICAN_CODE if region == AMERICAN_REGION else read.region == region


@lru_cache(1 << 12)
def _area_code(digits: str, region: str) -> str:
    """The first group as the library writes the number for people of the region."""
    import phonenumbers

    number = phonenumbers.parse(digits, region)
    found = re.search(r"\d+", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
    return found.group() if found else ""


def is_known_without_zero(number: Written) -> bool:
    """Whether it is a number of a region where people leave the zero off, or have none."""
    return any(_is_valid(number.digits, region) for region in (AMERICAN_REGION, "IN", "BR"))
