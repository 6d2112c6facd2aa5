"""The compiled numbering plans against the `phonenumbers` library itself: every region, every kind of number, any digits."""

import re

import numpy as np
import phonenumbers
import pytest
from gristmill.filters.pii.numbering_plan.expressions import (
    DIGIT,
    END,
    JUMP,
    MATCH,
    SAVE,
    SPLIT,
    Automata,
    program,
    read_expression,
)
from gristmill.filters.pii.numbering_plan.parse import MAX_DIGITS, Judgement, judge
from gristmill.filters.pii.numbering_plan.tables import build, plan_tables
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.generated import examples

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
DIGITS = st.text("0123456789", min_size=1, max_size=20)
# What numbers begin with: international and national prefixes, calling codes, carrier codes, codes that are transformed.
PREFIXES = st.sampled_from(
    """
    0 00 011 001 0011 810 119 1 7 8 06 080 18 180020 015 01511 90 9031 003768 44 49 33 39 1340 54 549 5491115 55 212 262
    290 599 800 808 870 881 979 998 345 441 268 10001 1001 200 0311 04514 2011
    """.split()  # noqa: SIM905
)


def library(digits: str, region: str | None, plus: bool) -> Judgement | None:
    """The library's own answer."""
    try:
        number = phonenumbers.parse(f"+{digits}" if plus else digits, region)
    except phonenumbers.NumberParseException:
        return None
    name = phonenumbers.region_code_for_number(number)
    return Judgement(
        number.country_code,
        phonenumbers.national_significant_number(number),
        str(number.country_code) if name == "001" else name,
        phonenumbers.is_possible_number(number),
        phonenumbers.is_valid_number(number),
    )


def written_forms(region: str) -> set[tuple[str, bool]]:
    """(digits, plus) of the library's example numbers of a region: alone, with national and international prefixes."""
    forms = set()
    prefix = phonenumbers.PhoneMetadata.metadata_for_region(region).international_prefix
    exit_code = re.match(r"\d+", prefix).group() if prefix and re.match(r"\d+", prefix) else "00"
    for kind in range(11):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        national = phonenumbers.national_significant_number(number)
        dialled = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        forms |= {(national, False), (f"{number.country_code}{national}", True), (re.sub(r"\D", "", dialled), False)}
        forms |= {(f"{number.country_code}{national}", False), (f"{exit_code}{number.country_code}{national}", False)}
    return forms


def test_example_numbers_of_every_region_and_their_neighbours() -> None:
    count = 0
    for place, region in enumerate(REGIONS):
        for digits, plus in sorted(written_forms(region)):
            wrong = digits[:-1] + str((int(digits[-1]) + 1 + place) % 10)
            for number in (digits, wrong, digits[:-1], digits + str(place % 10), digits[1:]):
                assert judge(number, region, plus) == library(number, region, plus), (region, number, plus)
                count += 1
    assert count > 20_000


def test_numbers_of_codes_that_are_no_regions() -> None:
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        number = phonenumbers.example_number_for_non_geo_entity(code)
        digits = f"{code}{phonenumbers.national_significant_number(number)}"
        judgement = judge(digits, plus=True)
        assert judgement == library(digits, None, True)
        assert judgement is not None
        assert (judgement.region, judgement.is_valid) == (str(code), True)


@settings(max_examples=examples(600))
@given(st.sampled_from([*REGIONS, None]), PREFIXES | st.just(""), DIGITS, st.booleans())
@example("US", "", "2126647665", False)
@example("AR", "0", "11154567890", False)
@example("BR", "0", "2111987654321", False)
@example("GB", "0044", "2079460958", False)
@example("JP", "000", "2901234", False)
@example("SM", "", "886377", False)
@example(None, "", "12", True)
@example("GB", "", "0044", True)
def test_any_digits_in_any_region(region: str | None, prefix: str, digits: str, plus: bool) -> None:
    number = prefix + digits
    if region is None and not plus:
        assert judge(number) is None
    else:
        assert judge(number, region, plus) == library(number, region, plus), (region, number, plus)


@pytest.mark.slow
def test_a_million_numbers_of_every_region() -> None:
    rng = np.random.default_rng(7)
    count = 0
    for region in REGIONS:
        for digits, plus in sorted(written_forms(region)):
            for _ in range(40):
                changed = [int(digit) for digit in digits]
                for place in rng.integers(len(changed), size=int(rng.integers(1, 4))):
                    changed[place] = int(rng.integers(10))
                number = "".join(map(str, changed))
                assert judge(number, region, plus) == library(number, region, plus), (region, number, plus)
                count += 1
        for _ in range(3000):
            number = "".join(map(str, rng.integers(10, size=int(rng.integers(1, 18)))))
            plus = bool(rng.integers(2))
            assert judge(number, region, plus) == library(number, region, plus), (region, number, plus)
            count += 1
    assert count > 900_000


def test_what_cannot_be_a_number() -> None:
    assert judge("") is None
    assert judge("1", "US") is None
    assert judge("1" * (MAX_DIGITS + 1), "US") is None
    assert judge("2126647665") is None  # no region to dial it in
    with pytest.raises(KeyError):
        judge("2126647665", "XX")


def test_the_stored_tables_are_those_of_the_installed_library() -> None:
    stored, built = plan_tables(), build()
    assert stored.keys() == built.keys()
    for name, table in built.items():
        assert np.array_equal(stored[name], table), name


EXPRESSIONS = [
    "1",
    "12|13",
    "[2-4]\\d{2}",
    "0?(?:1[15]|2)\\d{0,2}",
    "(?:1|2(?:3|45))?6",
    "\\d{3}(?:\\d{2})?",
    "[02468][13-57]",
]


def all_numbers(length: int) -> list[str]:
    return [""] if length == 0 else [digit + rest for digit in "0123456" for rest in all_numbers(length - 1)]


def test_automata_accept_what_the_expressions_match_as_a_whole() -> None:
    automata = Automata()
    first = automata.add(dict(enumerate(EXPRESSIONS)))
    for number in (n for length in range(5) for n in all_numbers(length)):
        state = first
        for digit in number:
            state = automata.transitions[state][int(digit)]
        expected = {bit for bit, text in enumerate(EXPRESSIONS) if re.fullmatch(text, number)}
        assert {bit for bit in range(len(EXPRESSIONS)) if automata.accepted[state] >> bit & 1} == expected, number


def test_equal_rests_are_one_state() -> None:
    automata = Automata()
    automata.add({0: "1\\d{4}|2\\d{4}"})
    states = len(automata.transitions)
    automata.add({0: "3\\d{4}"})
    assert len(automata.transitions) == states + 1


PREFIX_EXPRESSIONS = [
    "0",
    "(?:0|90)(?:(1[245]|31)(\\d{2,3}))?",
    "([2-9]\\d{2})$|1",
    "0?(?:(11|2(?:2|23))15)?",
    "0(1\\d)?",
    "0|01|012",
]


def run_plainly(rows: list[tuple[int, int, int]], number: str, at: int = 0, place: int = 0) -> dict[int, int] | None:
    """What a program matches, alternatives in order: {slot: place}, slot 1 the end; None: nothing."""
    operation, argument, other = rows[at]
    if operation == MATCH:
        return {1: place}
    if operation == DIGIT:
        matches = place < len(number) and argument >> int(number[place]) & 1
        return run_plainly(rows, number, at + 1, place + 1) if matches else None
    if operation == SPLIT:
        found = run_plainly(rows, number, at + argument, place)
        return found if found is not None else run_plainly(rows, number, at + other, place)
    if operation == JUMP:
        return run_plainly(rows, number, at + argument, place)
    if operation == SAVE:
        found = run_plainly(rows, number, at + 1, place)
        return None if found is None else {argument: place} | found
    assert operation == END
    return run_plainly(rows, number, at + 1, place) if place == len(number) else None


@pytest.mark.parametrize("expression", PREFIX_EXPRESSIONS)
def test_programs_match_as_python_does(expression: str) -> None:
    node, groups = read_expression(expression)
    rows = program(node)
    for number in (n for length in range(6) for n in all_numbers(length)[:4000]):
        match, found = re.match(expression, number), run_plainly(rows, number)
        assert (match is None) == (found is None), number
        if match is not None and found is not None:
            assert match.end() == found[1]
            assert groups == match.re.groups
            for group in range(1, groups + 1):
                assert match.span(group) == (found.get(2 * group, -1), found.get(2 * group + 1, -1)), number


@pytest.mark.parametrize("expression", ["a", "1*", "1+", "(1", "[1", "\\w", "(?=1)", "1)", "^1"])
def test_expressions_that_are_not_understood_are_refused(expression: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  of int() too
        read_expression(expression)
    with pytest.raises(ValueError):  # noqa: PT011
        Automata().add({0: "1$"})
