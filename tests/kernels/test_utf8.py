"""Single code points out of UTF-8 and back."""

import numpy as np
from gristmill.kernels.compile import kernel
from gristmill.kernels.utf8 import code_point_before, decode_utf8, next_code_point, put_utf8
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.generated import examples


@settings(max_examples=examples(100))
@example("\x00\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff")
@given(st.text(max_size=12))
def test_there_and_back(text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    out, at, i = np.zeros(len(data), np.uint8), 0, 0
    for char in text:
        cp, i = next_code_point(data, i)
        assert cp == ord(char)
        at = put_utf8(cp, out, at)
        assert at == i
    assert at == len(data)
    assert np.array_equal(out, data)


@kernel
def _decode(data, start, end, out):
    return decode_utf8(data, start, end, out)


@settings(max_examples=examples(200))
@given(
    st.lists(st.sampled_from(["a", "bcdefghi", "\x00", "é", "中", "\U00010000", "ab", "c" * 17]), max_size=12).map(
        "".join
    )
)
def test_whole_texts_and_backwards(text: str) -> None:
    data = np.frombuffer(b"xyz" + text.encode() + b"behind", np.uint8)
    out = np.zeros(len(text.encode()), np.int32)
    count = _decode(data, 3, len(data) - 6, out)
    assert out[:count].tolist() == [ord(char) for char in text]
    end = len(data) - 6
    for char in reversed(text):
        cp, end = code_point_before(data, end)
        assert cp == ord(char)
    assert end == 3
