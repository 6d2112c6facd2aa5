"""Our XXH64 kernel against the xxHash library."""

import numpy as np
import xxhash
from gristmill.kernels.xxh64 import PADDING, xxh64, xxh64_padded
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples


@settings(max_examples=examples(150))
@given(st.binary(max_size=130), st.integers(0, 9), st.sampled_from([0, 1, 7, 2**64 - 1]))
def test_equals_the_library(data: bytes, start: int, seed: int) -> None:
    start = min(start, len(data))
    array = np.frombuffer(data, np.uint8)
    assert int(xxh64(array, start, len(data), np.uint64(seed))) == xxhash.xxh64_intdigest(data[start:], seed)


def test_every_length_around_the_stripes() -> None:
    data = np.arange(200, dtype=np.uint8) * np.uint8(37)
    for length in range(101):
        expected = xxhash.xxh64_intdigest(data[3 : 3 + length], 5)
        assert int(xxh64(data, 3, 3 + length, np.uint64(5))) == expected
        assert int(xxh64_padded(data[: 3 + length + PADDING], 3, 3 + length, np.uint64(5))) == expected
