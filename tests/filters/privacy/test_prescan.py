"""The compiled pre-scan against its rules in plain Python, on generated text; its spans lie in the text."""

import pyarrow as pa
import pytest
from gristmill.filters.privacy import kinds
from gristmill.filters.privacy.find import has_candidates
from gristmill.filters.privacy.prescan import candidates
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prescan_reference import is_key_like, is_seen, names_secret

PIECES = st.sampled_from(
    [
        *(
            "jo",
            "a.b",
            "@",
            "corp.de",
            "-",
            ".",
            ":",
            "::",
            "//",
            "/",
            " ",
            "  ",
            "(",
            ")",
            "+",
            "_",
            "x",
            "x12",
            "é",
            "中",
        ),
        *(
            "12",
            "123",
            "4567",
            "1.2.3.4",
            "10.",
            "2a00",
            "2001:",
            "fe80",
            "DE89",
            "GB82WEST",
            "3704",
            "0044",
            "٣٤٥",
            "１２",
        ),
        *("http://", "u:p@", '"', "<", "\u00a0", "\u2013", "AB12345", "v1", "0x", "\u2028"),
    ]
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)
CLASSES = {
    "email": kinds.MAY_BE_EMAIL,
    "credentials": kinds.MAY_BE_URL_CREDENTIALS,
    "number": kinds.MAY_BE_NUMBER,
    "ipv4": kinds.MAY_BE_IPV4,
    "ipv6": kinds.MAY_BE_IPV6,
    "id": kinds.MAY_BE_ID,
    "iban": kinds.MAY_BE_IBAN,
}


def seen(text: str) -> int:
    """The bits of all candidates."""
    bits = 0
    for classes in candidates(pa.array([text])).classes.tolist():
        bits |= classes
    return bits


@pytest.mark.parametrize("name", CLASSES)
def test_classes_as_in_plain_python(name: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(TEXTS)
    @example("+1 (212) 664-7665x12")
    @example("1.2.3.4.5")
    @example("١٢٣٤٥٦٧")
    @example("jo٣٤٥2001:")
    @example("DE89 3704 0044 0532 0130 00")
    def agrees(text: str) -> None:
        assert bool(seen(text) & CLASSES[name]) == is_seen(text, CLASSES[name]), text

    agrees()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["AKIA", "ghp_", "sk", "AC", "M", "xox", "pass", "word"]), st.text("aB3_", max_size=24))
def test_keys_as_in_plain_python(prefix: str, rest: str) -> None:
    assert bool(seen(prefix + rest) & kinds.MAY_BE_SECRET) == is_key_like(prefix + rest)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["db_", "", "MY", "x"]), st.sampled_from(["PASSWORD", "token", "Api_Key", "user", "o_key", "secre"])
)
def test_assigned_names_as_in_plain_python(prefix: str, name: str) -> None:
    for form in ("{} = v", '"{}": v', "{}=v", "x['{}'] = v"):
        assert bool(seen(form.format(prefix + name)) & kinds.MAY_BE_SECRET) == names_secret(prefix + name)
    assert not seen(f"{prefix}{name} v") & kinds.MAY_BE_SECRET


@settings(max_examples=100, deadline=None)
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
    assert has_candidates(array).to_pylist() == [row in rows for row in range(len(texts))]
