"""What is plain UTF-8, beside what Python's decoder and the rules for encodings say."""

import pytest
from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.encoding.evidence import choose_encoding
from gristmill.filters.encoding.plain import is_plain_utf8
from hypothesis import example, given
from hypothesis import strategies as st

is_plain_utf8(b"")  # loads the compiled code, which the first example would have to wait for


def plain(raw: bytes) -> bool:
    """The definition, read slowly."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return not mark_of(raw) and not any(escape in raw for escape in (b"\0", b"\x1b", b"~{"))


_pieces = st.one_of(
    st.binary(max_size=5),
    st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from([b"~", b"{", b"~{", b"\x1b", b"\0", b"\xef\xbb\xbf", b"a" * 31, b"b" * 64, "é".encode() * 16]),
)


@given(st.lists(_pieces, max_size=20).map(b"".join))
@example(b"a" * 31 + b"~" + b"{")  # across two blocks
@example(b"a" * 31 + "€".encode() + b"a" * 40)
@example(b"a" * 40 + b"\xe2\x82")
def test_it_is_the_definition(raw: bytes) -> None:
    assert is_plain_utf8(raw) == plain(raw)


@pytest.mark.parametrize("first", range(0x80, 0x100))
def test_every_pair_of_bytes_in_front(first: int) -> None:
    for second in range(0x100):
        for rest in (b"", b"\x80", b"\x80\x80", b"\xbf\xbf", b"a"):
            raw = b"x" * 30 + bytes([first, second]) + rest + b"x" * 40
            assert is_plain_utf8(raw) == plain(raw), raw


@given(st.text(max_size=60).map(str.encode), st.sampled_from([None, "gbk", "utf-16", "iso-8859-1", "iso-2022-jp"]))
def test_what_is_plain_is_chosen_to_be_utf8(raw: bytes, declared: str | None) -> None:
    if is_plain_utf8(raw):
        assert choose_encoding(raw, [declared], is_html=True) == "utf-8"
