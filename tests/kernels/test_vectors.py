"""Looking for bytes by vectors, against plain Python."""

import numpy as np
from gristmill.kernels.compile import kernel
from gristmill.kernels.vectors import (
    LANES,
    count_byte,
    equal_mask,
    find_byte,
    find_either,
    letter_mask,
    lowest_bit,
    range_mask,
    set_bits,
)
from hypothesis import given
from hypothesis import strategies as st


@kernel
def _find(data, i, end, one, other):
    return find_byte(data, i, end, one), find_either(data, i, end, one, other), count_byte(data, i, end, one)


@kernel
def _mask(data, at, byte):
    mask = equal_mask(data, at, byte)
    return mask, lowest_bit(mask), set_bits(mask)


@kernel
def _other_masks(data, at, letter, first, count):
    return letter_mask(data, at, letter), range_mask(data, at, first, count)


@kernel
def _of_wide_mask(mask):
    return lowest_bit(mask), set_bits(mask)


def _place(data: bytes, i: int, end: int, wanted: bytes) -> int:
    return next((at for at in range(i, end) if data[at] in wanted), end)


@given(st.lists(st.sampled_from(b"ab<\x00\xff"), max_size=150), st.integers(0, 150), st.integers(0, 150), st.data())
def test_places_of_bytes(values: list[int], first: int, last: int, data: st.DataObject) -> None:
    text = bytes(values)
    i, end = sorted((min(first, len(text)), min(last, len(text))))
    one, other = data.draw(st.sampled_from(b"<\x00\xff")), data.draw(st.sampled_from(b"ab"))
    found = _find(np.frombuffer(text, np.uint8), i, end, one, other)
    assert found == (
        _place(text, i, end, bytes([one])),
        _place(text, i, end, bytes([one, other])),
        text[i:end].count(one),
    )


@given(st.binary(min_size=LANES, max_size=LANES), st.integers(0, 3), st.integers(0, 255))
def test_masks(block: bytes, at: int, byte: int) -> None:
    mask, lowest, bits = _mask(np.frombuffer(b"123"[:at] + block, np.uint8), at, byte)
    assert mask == sum(1 << k for k in range(LANES) if block[k] == byte)
    assert lowest == _place(block, 0, LANES, bytes([byte]))
    assert bits == block.count(byte)


@given(
    st.lists(st.sampled_from(b"azAZ@[`{\x00\x7f\x80\xff"), min_size=LANES, max_size=LANES),
    st.sampled_from(b"az"),
    st.integers(0, 255),
    st.integers(1, 255),
)
def test_letters_in_either_case_and_ranges(block: list[int], letter: int, first: int, count: int) -> None:
    letters, inside = _other_masks(np.array(block, np.uint8), 0, letter, first, count)
    assert letters == sum(1 << k for k, byte in enumerate(block) if bytes([byte]).lower() == bytes([letter]))
    assert inside == sum(1 << k for k, byte in enumerate(block) if (byte - first) % 256 < count)


@given(st.integers(1, 2**64 - 1))
def test_masks_of_64(mask: int) -> None:
    assert _of_wide_mask(np.uint64(mask)) == ((mask & -mask).bit_length() - 1, mask.bit_count())
