"""Numbers out of bytes, and bytes moved, inside kernels."""

import numpy as np
from gristmill.kernels.compile import kernel
from gristmill.kernels.memory import copy_bytes, item_bytes, load64, low_bytes
from hypothesis import given
from hypothesis import strategies as st


@kernel
def _low(data, at, count):
    return low_bytes(load64(data, at), count)


@kernel
def _copy(target, at, source, start, count):
    copy_bytes(target, at, source, start, count)


@kernel
def _sizes(small, large):
    return item_bytes(small), item_bytes(large)


@given(st.binary(min_size=11, max_size=11), st.integers(0, 3), st.integers(1, 8))
def test_low_bytes(data: bytes, at: int, count: int) -> None:
    assert _low(np.frombuffer(data, np.uint8), at, count) == int.from_bytes(data[at : at + count], "little")


@given(st.binary(max_size=40), st.integers(0, 9), st.data())
def test_copied_bytes(source: bytes, at: int, draw: st.DataObject) -> None:
    start = draw.draw(st.integers(0, len(source)))
    count = draw.draw(st.integers(0, len(source) - start))
    target = np.zeros(60, np.uint8)
    _copy(target, at, np.frombuffer(source, np.uint8), start, count)
    assert target.tobytes() == bytes(at) + source[start : start + count] + bytes(60 - at - count)


def test_item_bytes() -> None:
    assert _sizes(np.zeros(1, np.uint8), np.zeros(1, np.int32)) == (1, 4)
