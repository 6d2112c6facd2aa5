"""Which texts hold one of a set of strings: special and other added tokens that stand literally in a document."""

# mypy: disallow-untyped-defs=False
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import helper, kernel


class Literals:
    """A set of strings to look for; few of their beginnings are expected in a text."""

    def __init__(self, strings: Iterable[str]) -> None:
        contents = sorted({string.encode() for string in strings if string})
        self.data = np.frombuffer(b"".join(contents) or b"\0", np.uint8)
        self.offsets = np.zeros(len(contents) + 1, np.int64)
        np.cumsum([len(content) for content in contents], out=self.offsets[1:])
        self.firsts = np.zeros(256, np.bool_)
        self.beginnings = np.zeros(1 << 16, np.bool_)  # the first two bytes, little-endian
        for content in contents:
            self.firsts[content[0]] = True
            seconds = [content[1]] if len(content) > 1 else range(256)
            self.beginnings[[content[0] | second << 8 for second in seconds]] = True
        self.any = bool(contents)

    def found_in(self, texts: pa.Array) -> np.ndarray:
        """True for each text that holds one of the strings."""
        found = np.zeros(len(texts), np.bool_)
        if self.any:
            data, offsets = string_buffers(texts)
            _search(data, offsets, self.data, self.offsets, self.firsts, self.beginnings, found)
        return found


@kernel
def _search(data, offsets, literals, literal_offsets, firsts, beginnings, found):
    for row in range(len(offsets) - 1):
        end = offsets[row + 1]
        for i in range(offsets[row], end):
            if firsts[data[i]]:
                second = np.int64(data[i + 1]) if i + 1 < end else 0
                if beginnings[np.int64(data[i]) | second << 8] and _any_at(data, i, end, literals, literal_offsets):
                    found[row] = True
                    break


@helper
def _any_at(data, i, end, literals, literal_offsets):
    for number in range(len(literal_offsets) - 1):
        start, length = literal_offsets[number], literal_offsets[number + 1] - literal_offsets[number]
        if i + length > end:
            continue
        same = 0
        while same < length and data[i + same] == literals[start + same]:
            same += 1
        if same == length:
            return True
    return False
