"""Edits apply and compose at the byte level; each transform changes what it says and nothing on a second pass."""

import re
from unicodedata import normalize

import pyarrow as pa
import pytest
from gristmill.filters.transforms.apply import apply_edits, compose, edit_statistics, versioned_text
from gristmill.filters.transforms.control_characters import CLASSES
from gristmill.filters.transforms.encoding_repair import changed_words
from gristmill.filters.transforms.moved import moved
from gristmill.filters.transforms.registry import text_version_key, transform
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.rows.edits import EDITS
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

TEXT = st.text(st.sampled_from("ab \n\r\t\x00\x0b\x85\u2028é漢😀\u0301"), max_size=30)


def edit(start: int, end: int, replacement: str, reason: str = "r") -> dict:
    return {"start": start, "end": end, "replacement": replacement, "reason": reason}


def applied(text: str, edits: list[dict]) -> str:
    """Reference: splice on bytes."""
    data, out, position = text.encode(), b"", 0
    for e in edits:
        out += data[position : e["start"]] + e["replacement"].encode()
        position = e["end"]
    return (out + data[position:]).decode()


@st.composite
def edits_of(draw: st.DrawFn, text: str, reasons: str) -> list[dict]:
    boundaries = [len(text[:n].encode()) for n in range(len(text) + 1)]
    cuts = sorted(draw(st.lists(st.sampled_from(boundaries), max_size=8)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return [edit(a, b, draw(TEXT.map(lambda t: t[:6])), draw(st.sampled_from(reasons))) for a, b in pairs]


@st.composite
def two_rounds(draw: st.DrawFn) -> tuple[list[str], list[list[dict]], list[list[dict]]]:
    texts, first, second = [], [], []
    for text in draw(st.lists(TEXT, min_size=1, max_size=4)):
        a = draw(edits_of(text, "xy"))
        texts.append(text)
        first.append(a)
        second.append(draw(edits_of(applied(text, a), "yz")))
    return texts, first, second


@settings(max_examples=examples(300))
@given(two_rounds())
def test_compose_is_one_edit_for_two(case: tuple) -> None:
    texts, first, second = case
    a, b = pa.array(first, EDITS), pa.array(second, EDITS)
    originals = pa.array(texts, pa.large_string())
    middle = apply_edits(originals, a)
    assert middle.to_pylist() == [applied(t, e) for t, e in zip(texts, first, strict=True)]
    both = compose(a, b)
    assert both.type == EDITS
    assert apply_edits(originals, both).to_pylist() == apply_edits(middle, b).to_pylist()
    for row, one, two in zip(both.to_pylist(), first, second, strict=True):
        assert len(row) <= len(one) + len(two)
        found = {atom for e in row for atom in e["reason"].split("+")}
        assert found == {e["reason"] for e in one + two}


@settings(max_examples=examples(50))
@given(two_rounds())
def test_slices_and_narrow_strings(case: tuple) -> None:
    texts, first, second = case
    both = compose(pa.array([[], *first], EDITS)[1:], pa.array([[], *second], EDITS)[1:])
    expected = [applied(applied(t, a), b) for t, a, b in zip(texts, first, second, strict=True)]
    assert apply_edits(pa.array(["é", *texts], pa.string())[1:], both).to_pylist() == expected


def test_edits_that_touch_stay_apart_and_edits_that_overlap_join() -> None:
    first = pa.array([[edit(2, 4, "XYZ", "one"), edit(6, 8, "", "one")]], EDITS)
    touching = pa.array([[edit(0, 2, "", "two"), edit(5, 7, "q", "two")]], EDITS)
    assert compose(first, touching).to_pylist()[0] == [
        edit(0, 2, "", "two"),
        edit(2, 4, "XYZ", "one"),
        edit(4, 6, "q", "two"),
        edit(6, 8, "", "one"),
    ]
    across = pa.array([[edit(4, 8, "q", "two")]], EDITS)
    assert compose(first, across).to_pylist()[0] == [edit(2, 9, "XYq", "one+two")]


def test_null_text_stays_null_and_null_edits_edit_nothing() -> None:
    texts = pa.array([None, "abc", "abc"], pa.string())
    edits = pa.array([None, None, [edit(1, 1, "-")]], EDITS)
    assert apply_edits(texts, edits).to_pylist() == [None, "abc", "a-bc"]
    assert compose(edits, edits).to_pylist()[:2] == [[], []]


@pytest.mark.parametrize(
    "edits",
    [
        [edit(0, 5, "")],  # past the end
        [edit(1, 2, ""), edit(1, 2, "")],  # overlap
        [edit(3, 2, "")],  # ends before it starts
        [edit(0, 3, "")],  # inside the two bytes of é
    ],
)
def test_invalid_edits_are_refused(edits: list[dict]) -> None:
    with pytest.raises(ValueError, match="row 1"):
        apply_edits(pa.array(["ok", "abé"]), pa.array([[], edits], EDITS))


def test_edit_statistics_count_bytes_and_reasons() -> None:
    edits = pa.array([[edit(0, 2, "é", "one"), edit(3, 4, "", "one+two")], [], [edit(0, 0, "x", "two")]], EDITS)
    assert edit_statistics(edits) == {
        "edits": 3,
        "removed_bytes": 3,
        "added_bytes": 3,
        "spans_by_reason": {"one": 2, "two": 2},
    }


def test_unknown_text_version_is_an_error() -> None:
    with pytest.raises(RecipeError, match="original"):
        versioned_text(pa.array(["a"]), "no_such")
    texts, edits = versioned_text(pa.array(["a"]), "original")
    assert texts.to_pylist() == ["a"]
    assert edits.to_pylist() == [[]]


def changed(name: str, texts: list[str | None], **options: object) -> list[str | None]:
    array = pa.array(texts, pa.large_string())
    return apply_edits(array, transform(name)(array, options)).to_pylist()


def reasons(name: str, text: str, **options: object) -> list[tuple[int, int, str, str]]:
    row = transform(name)(pa.array([text]), options).to_pylist()[0]
    return [(e["start"], e["end"], e["replacement"], e["reason"]) for e in row]


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ("Das cafÃ© ist schÃ¶n.", "Das café ist schön."),
        ("He said â€œnoâ€\x9d.", "He said “no”."),
        ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚ Ð¼Ð¸Ñ€", "привет мир"),
        ("zweimal ÃƒÂ¼ber", "zweimal über"),
        ("“curly” ﬁ ﬂ &amp; ｗｉｄｅ", "“curly” ﬁ ﬂ &amp; ｗｉｄｅ"),
        ("plain", "plain"),
        ("já está, naïve, Ångström, ÃO", "já está, naïve, Ångström, ÃO"),
    ],
)
def test_encoding_repair(broken: str, text: str) -> None:
    assert changed("encoding_repair", [broken, None, text]) == [text, None, text]


def test_encoding_repair_names_only_the_words_that_change() -> None:
    text = "erste Zeile\nDas cafÃ© ist da, und das cafÃ© auch.\nlast"
    assert reasons("encoding_repair", text) == [
        (16, 23, "café", "wrong_encoding"),
        (40, 47, "café", "wrong_encoding"),
    ]
    assert reasons("encoding_repair", "é &amp; b", unescape_html=True) == [(3, 8, "&", "wrong_encoding")]


def test_a_long_changed_stretch_is_one_span() -> None:
    before, after = "x " + "a " * 600 + "z", "x " + "b " * 600 + "z"
    assert list(changed_words(before, after)) == [(2, 1201, "b " * 599 + "b")]
    assert list(changed_words("a b c", "a d c")) == [(2, 3, "d")]


def test_half_a_surrogate_pair_is_left_alone() -> None:
    assert changed("encoding_repair", ["caf\u00ed\u00a0\u0080 \u00ed\u00a0\u0080"])[0] is not None


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("re\u0301sume\u0301", [(1, 4, "é", "not_composed"), (7, 10, "é", "not_composed")]),
        ("\u1112\u1161\u11ab", [(0, 9, "한", "not_composed")]),
        ("5 \u212b", [(2, 5, "Å", "not_composed")]),
        ("q\u0307\u0323", [(1, 5, "\u0323\u0307", "not_composed")]),
        ("café", []),
        ("", []),
    ],
)
def test_nfc(text: str, spans: list) -> None:
    assert reasons("nfc", text) == spans


@settings(max_examples=examples(200))
@given(
    st.lists(
        st.text(
            st.one_of(st.sampled_from("eq\u0301\u0323\u0958\u1161\u11a8\u1112가\u0344"), st.characters(codec="utf-8"))
        )
    )
)
def test_nfc_is_unicodedata(texts: list[str]) -> None:
    assert changed("nfc", texts) == [normalize("NFC", text) for text in texts]


def test_control_characters_by_class() -> None:
    text = "\ufeffa\x00\x01b\x0bc\x85d\te\n\r\u200bf\u00adg\u202eh\u200di\ue000\ufffd"
    assert changed("control_characters", [text, None]) == [
        "ab\nc\nd\te\n\r\u200bf\u00adg\u202eh\u200di\ue000\ufffd",
        None,
    ]
    assert changed("control_characters", [text], remove=list(CLASSES)) == ["ab\nc\nd\te\n\rfgh\u200di"]
    assert changed("control_characters", [text], remove=[]) == [text]
    assert reasons("control_characters", "a\x00\x01\x0c\ufeff") == [
        (1, 3, "", "control"),
        (3, 4, "\n", "control"),
        (4, 7, "", "byte_order_mark"),
    ]


def test_unknown_options_are_errors() -> None:
    with pytest.raises(RecipeError, match="replacement_character"):
        changed("control_characters", ["a"], remove=["letters"])
    for name in ("encoding_repair", "nfc", "control_characters", "whitespace", "clean"):
        with pytest.raises(RecipeError, match="no_such"):
            changed(name, ["a"], no_such=1)


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("a\r\nb\rc\n", {}, "a\nb\nc\n"),
        ("a  \t\nb\u00a0\n", {}, "a\nb\n"),
        ("a  b \u00a0 c", {}, "a b c"),
        ("a\u00a0\u00a0b", {}, "a\u00a0b"),
        ("a\t\tb", {}, "a\t\tb"),
        ("    a  b", {}, "    a b"),
        ("    a  b", {"keep_indentation": False}, " a b"),
        ("    a  b", {"collapse_spaces": False}, "    a  b"),
        ("a\n\nb", {}, "a\n\nb"),
        ("a\n\n\nb", {}, "a\n\nb"),
        ("a\r\n \r\n\t\r\nb", {}, "a\n\nb"),
        ("a\n\n\nb", {"max_newlines": 0}, "a\n\n\nb"),
        ("a\n\n\nb", {"max_newlines": 3}, "a\n\n\nb"),
        ("a\n\nb", {"max_newlines": 1}, "a\nb"),
        ("   ", {}, ""),
        ("", {}, ""),
        ("Â é\u0080", {}, "Â é\u0080"),
    ],
)
def test_whitespace(text: str, options: dict, expected: str) -> None:
    assert changed("whitespace", [text], **options) == [expected]


def tidy(text: str) -> str:
    """Reference of the whitespace transform with its defaults."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub("[ \t\u00a0]+(?=\n|\\Z)", "", text)
    text = re.sub("(?<![ \u00a0\t\n])([ \u00a0])[ \u00a0]+(?![ \u00a0\t])(?<!^)", r"\1", text)
    return re.sub("\n{3,}", "\n\n", text)


@settings(max_examples=examples(300))
@given(st.lists(st.text(st.sampled_from("a Â\u00a0 \t\n\r\x0b\x85\u2028é😀\x00"), max_size=40)))
def test_whitespace_kernel_is_the_reference(texts: list[str]) -> None:
    expected = []
    for text in texts:
        lead = len(text) - len(text.lstrip(" \u00a0\t"))
        rest = tidy(text[lead:])
        expected.append(text[:lead] + rest if rest and rest[0] != "\n" else rest)
    assert changed("whitespace", texts) == expected


def test_whitespace_scratch_grows_with_the_batch() -> None:
    assert changed("whitespace", ["a  b" * 5000, "a \n" * 5000]) == ["a b" * 5000, "a\n" * 5000]


MIXED = st.text(
    st.one_of(
        st.sampled_from(" \t\n\r\x00\x0b\x85\u00a0\ufeff\u0301\u1161\u11a8\u1112eÃ©Â¼â€œ™ðŸ"),
        st.characters(codec="utf-8", max_codepoint=0x17F),
        st.characters(codec="utf-8"),
    ),
    max_size=30,
)


@settings(max_examples=examples(150))
@given(st.lists(MIXED, min_size=1, max_size=5))
def test_a_second_pass_of_clean_changes_nothing(texts: list[str]) -> None:
    originals = pa.array(texts)
    cleaned, edits = versioned_text(originals, "clean")
    assert apply_edits(originals, edits).to_pylist() == cleaned.to_pylist()
    assert edit_statistics(versioned_text(cleaned, "clean")[1])["edits"] == 0


@settings(max_examples=examples(100))
@given(st.lists(MIXED, min_size=1, max_size=5))
def test_a_second_pass_of_each_step_changes_nothing(texts: list[str]) -> None:
    for name in ("encoding_repair", "nfc", "control_characters", "whitespace"):
        once = changed(name, texts)
        assert changed(name, once) == once


def test_clean_reports_every_step() -> None:
    text = "\ufeffcafÃ©  re\u0301sume\x00 \r\nEin  cafÃ©\x00\u0301"
    cleaned, edits = versioned_text(pa.array(["plain", text, None]), "clean")
    assert cleaned.to_pylist() == ["plain", "café résume\nEin café\u0301", None]
    found = edit_statistics(edits)["spans_by_reason"]
    assert set(found) >= {"wrong_encoding", "not_composed", "control", "byte_order_mark", "extra_spaces"}


def test_moved_deletions_keep_what_they_leave() -> None:
    """A cut that leaves a blank does so also on a text that was changed before; of two that meet one blank stays."""
    earlier = pa.array([[edit(0, 2, "xyz")], [edit(3, 6, "QQ")]], EDITS)
    later = pa.array([[edit(4, 6, " "), edit(8, 9, "")], [edit(1, 4, " "), edit(5, 7, "")]], EDITS)
    assert moved(later, earlier).to_pylist() == [[edit(5, 7, " "), edit(9, 10, "")], [edit(1, 6, " ")]]


def test_keys_of_text_versions_name_revisions() -> None:
    assert text_version_key("original") == "original"
    assert text_version_key("refinedweb_lines") == "refinedweb_lines, refinedweb_addresses 2"
