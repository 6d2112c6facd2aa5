"""Every hash function against its published definition in plain Python."""

import numpy as np
import pytest
from gristmill.kernels.compile import kernel
from gristmill.kernels.hashing import FNV_START, GOLDEN, fnv1a, murmur32, murmur64, splitmix64, splitmix64_all
from gristmill.kernels.xxh64 import avalanche
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.integers(0, (1 << 64) - 1)


def finalise(value: int, steps: list[tuple[int, int]], last: int, bits: int) -> int:
    """value ^= value >> shift, then times a constant, for each step; at last value ^= value >> last."""
    for shift, factor in steps:
        value = (value ^ (value >> shift)) * factor % (1 << bits)
    return value ^ (value >> last)


def splitmix64_plainly(value: int) -> int:
    return finalise(value, [(30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)], 31, 64)


def murmur64_plainly(value: int) -> int:
    return finalise(value, [(33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)], 33, 64)


def murmur32_plainly(value: int) -> int:
    return finalise(value, [(16, 0x85EBCA6B), (13, 0xC2B2AE35)], 16, 32)


def xxh64_plainly(value: int) -> int:
    return finalise(value, [(33, 0xC2B2AE3D27D4EB4F), (29, 0x165667B19E3779F9)], 32, 64)


@kernel
def _all_of(value):  # type: ignore[no-untyped-def]
    return splitmix64(value), murmur64(value), avalanche(value), murmur32(np.uint32(value))


@given(WORDS)
def test_finalisers(value: int) -> None:
    expected = (
        splitmix64_plainly(value),
        murmur64_plainly(value),
        xxh64_plainly(value),
        murmur32_plainly(value % (1 << 32)),
    )
    assert tuple(int(found) for found in _all_of(np.uint64(value))) == expected


def test_splitmix64_gives_the_published_numbers() -> None:
    """The generator's first outputs for state 0 (Vigna's splitmix64.c): the finaliser of each state."""
    states = np.array([GOLDEN * step % (1 << 64) for step in (1, 2, 3)], np.uint64)
    splitmix64_all(states, states)
    assert states.tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@kernel
def _fnv1a_of(values):  # type: ignore[no-untyped-def]
    h = FNV_START
    for i in range(len(values)):
        h = fnv1a(h, values[i])
    return h


@pytest.mark.parametrize(
    ("text", "expected"), [(b"", 0xCBF29CE484222325), (b"a", 0xAF63DC4C8601EC8C), (b"foobar", 0x85944171F73967E8)]
)
def test_fnv1a_of_bytes_gives_the_published_numbers(text: bytes, expected: int) -> None:
    assert int(_fnv1a_of(np.frombuffer(text, np.uint8))) == expected
