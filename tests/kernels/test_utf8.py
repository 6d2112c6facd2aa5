"""Single code points out of UTF-8 and back."""

import numpy as np
from gristmill.kernels.utf8 import next_code_point, put_utf8
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.generated import examples


@settings(deadline=None, max_examples=examples(100))
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
