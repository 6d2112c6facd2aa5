"""The compiled pre-scan against its rules in plain Python, on generated text; its spans lie in the text."""

import pyarrow as pa
import pytest
from gristmill.filters.pii import kinds
from gristmill.filters.pii.cards import CONTEXT_WORDS
from gristmill.filters.pii.find import find, has_candidates
from gristmill.filters.pii.identities import NAMED_BY
from gristmill.filters.pii.phones.vocabulary import ALL_WORDS, PLACES
from gristmill.filters.pii.prescan.scan import candidates
from gristmill.filters.pii.prescan.secret_words import FOREIGN_NAMES
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.filters.pii.prescan_reference import bits_of_row, is_key_like, is_seen, names_secret, rows_of_numbers
from tests.generated import examples

PIECES = st.sampled_from(
    [
        *"jo a.b @ ＠ ． corp.de - . : :: // / ( ) + _ x x12 é 中".split(),  # noqa: SIM905
        *"12 123 4567 1.2.3.4 10. 2a00 2001: fe80 DE89 GB82WEST 3704 0044 ٣٤٥ １２".split(),  # noqa: SIM905
        *(" ", "  ", "http://", "u:p@", '"', "<", "\u00a0", "\u2013", "AB12345", "v1", "0x", "\u2028"),
    ]
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)
# Groups that numbers of telephones and cards are made of, and the marks between them.
GROUPS = st.sampled_from(
    """
    0 1 2 7 00 01 02 06 12 20 44 33 49 030 020 212 664 555 800 0171 7665 1234 4111 1111 3782 822463 10005 5500 0000 536 22
    8145 4111111111111111 0301234567 2126647665 33142685300
    """.split()  # noqa: SIM905
)
ROWS = st.lists(
    st.tuples(GROUPS, st.sampled_from([" ", "-", ".", ") ", " (", "/", " / ", "  ", "+", " +", ""])), max_size=8
).map(lambda parts: "".join(group + mark for group, mark in parts))
CLASSES = {
    "email": kinds.MAY_BE_EMAIL,
    "credentials": kinds.MAY_BE_URL_CREDENTIALS,
    "ipv4": kinds.MAY_BE_IPV4,
    "ipv6": kinds.MAY_BE_IPV6,
    "iban": kinds.MAY_BE_IBAN,
}
NUMBERS = kinds.MAY_BE_PHONE | kinds.MAY_BE_CARD | kinds.MAY_BE_SOCIAL_SECURITY


def seen(text: str) -> int:
    """The bits of all candidates."""
    bits = 0
    for classes in candidates(pa.array([text])).classes.tolist():
        bits |= classes
    return bits


@pytest.mark.parametrize("name", CLASSES)
def test_classes_as_in_plain_python(name: str) -> None:
    @settings(max_examples=examples(150))
    @given(TEXTS)
    @example("+1 (212) 664-7665x12")
    @example("1.2.3.4.5")
    @example("١٢٣٤٥٦٧")
    @example("jo٣٤٥2001:")
    @example("DE89 3704 0044 0532 0130 00")
    def agrees(text: str) -> None:
        assert bool(seen(text) & CLASSES[name]) == is_seen(text, CLASSES[name]), text

    agrees()


@settings(max_examples=examples(400))
@given(ROWS)
@example("(212) 664-7665")
@example("+33 1 42 68 53 00")
@example("4111 1111 1111 1111")
@example("12 4111 1111 1111 1111 12")
@example("536-22-8145")
@example("1-212-664-7665")
def test_rows_of_numbers_as_in_plain_python(row: str) -> None:
    expected = 0
    for start, end in rows_of_numbers(row):
        expected |= bits_of_row(row, start, end)
    assert seen(row) & NUMBERS == expected, row


@settings(max_examples=examples(150))
@given(TEXTS)
@example("١٢٣٤٥٦٧")
@example("+1 (212) 664-7665x12")
def test_every_row_where_unlikely_values_are_wanted(text: str) -> None:
    found = candidates(pa.array([text]), every_number=True)
    spans = [
        (start, end)
        for start, end, classes in zip(found.starts.tolist(), found.ends.tolist(), found.classes.tolist(), strict=True)
        if classes & kinds.MAY_BE_PHONE
    ]
    expected = [(len(text[:start].encode()), len(text[:end].encode())) for start, end in rows_of_numbers(text)]
    assert spans == expected, text


WORDS = [
    "tel. ", "call me at ", "電話", "Fax: ", "my number is ", "T: ", " office", " fax\n", "card ", "visa ", "of ", "\n",
    "isbn ", "12 ", "x", "page ",
]  # fmt: skip


@settings(max_examples=examples(300))
@given(st.lists(st.one_of(st.sampled_from(WORDS), ROWS), max_size=6).map("".join))
@example("call me at 416 60 039")
@example("20 tel. 0301234567")
@example("T: (555) 234-5678")
@example("card 501800000009")
def test_what_the_pre_scan_leaves_out_is_nothing(text: str) -> None:
    array = pa.array([text])
    (found,), (every,) = find(array, {}), find(array, {"min_score": 0.01})
    assert found == [value for value in every if value.score >= 0.4], text


@pytest.mark.parametrize("form", [str, str.upper, str.capitalize], ids=["as is", "upper", "capitalised"])
def test_words_are_seen_in_every_case(form) -> None:  # type: ignore[no-untyped-def]
    for wanted, bit in ((ALL_WORDS, kinds.MAY_BE_PHONE), (CONTEXT_WORDS, kinds.MAY_BE_CARD)):
        for word in wanted:
            assert seen(f"x {form(word)} 501800000009") & bit, word
    for word in PLACES:
        assert seen(f"x {form(word)}: 501800000009") & kinds.MAY_BE_PHONE, word
    for phrases in NAMED_BY.values():
        for phrase in phrases:
            assert seen(f"x {form(phrase)}: A1") & kinds.MAY_BE_NAMED_IDENTITY, phrase
    for name in FOREIGN_NAMES:
        assert seen(f"x {form(name)}: v1") & kinds.MAY_BE_NAMED_SECRET, name


def test_no_word_no_candidate() -> None:
    for word in ("graph", "hotel", "until", "discard", "spans", "sins", "cellar", "of"):
        assert not seen(f"{word} 501800000009"), word
        assert not seen(f"{word} A1"), word
    for word in ("is", "no", "number", "pass", "file"):  # of phrases such as `license is`, but in most texts
        assert not seen(f"{word} A1") & kinds.MAY_BE_NAMED_IDENTITY, word


@settings(max_examples=examples(150))
@given(st.sampled_from(["AKIA", "ghp_", "sk", "AC", "M", "xox", "pass", "word"]), st.text("aB3_", max_size=24))
def test_keys_as_in_plain_python(prefix: str, rest: str) -> None:
    assert bool(seen(prefix + rest) & kinds.MAY_BE_KEY) == is_key_like(prefix + rest)


@settings(max_examples=examples(100))
@given(
    st.sampled_from(["db_", "", "MY", "x"]),
    st.sampled_from(["PASSWORD", "token", "Api_Key", "user", "o_key", "secre", "monkey", "Kennwort"]),
)
def test_assigned_names_as_in_plain_python(prefix: str, name: str) -> None:
    for form in ("{} = v", '"{}": v', "{}=v", "x['{}'] = v", "**{}:** v", "<{}>v", "| {} | v", "{}：v"):
        assert bool(seen(form.format(prefix + name)) & kinds.MAY_BE_NAMED_SECRET) == names_secret(prefix + name), form
    assert not seen(f"{prefix}{name} v") & kinds.MAY_BE_NAMED_SECRET


@settings(max_examples=examples(100))
@given(st.lists(st.one_of(st.none(), TEXTS, st.text(max_size=30)), max_size=4))
def test_spans_lie_in_their_text_on_characters(texts: list[str | None]) -> None:
    array = pa.array(["padding 1.2.3.4", *texts], pa.large_string()).slice(1)
    found = candidates(array)
    for row, start, end, classes in zip(*(column.tolist() for column in found), strict=True):
        data = (texts[row] or "").encode()
        assert 0 <= start < end <= len(data)
        assert classes
        data[start:end].decode()
    rows = set(found.rows.tolist())
    assert has_candidates(array, {}).to_pylist() == [row in rows for row in range(len(texts))]
