# mypy: disallow-untyped-defs=False
"""A keyed permutation of 0 .. n-1 that needs no table: any position is computed alone, in constant time and memory.

A Feistel network over the rectangle Z_a x Z_b with a = ceil(sqrt(n)), b = ceil(n / a): each round adds a hash of one
coordinate to the other, modulo its side, which is undone by subtracting it. The rectangle has fewer than a cells more
than n; a result among those is put in again until it is below n (cycle walking), which keeps it a bijection.

Source: Black and Rogaway, "Ciphers with arbitrary finite domains" (CT-RSA 2002), generalised Feistel and cycle walking.
The hash is the finaliser of splitmix64: good shuffling, not secrecy.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from gristmill.kernels.compile import inlined, kernel
from gristmill.kernels.hashing import splitmix64

ROUNDS = 6


@inlined
def _mixed(value, key):
    return splitmix64(np.uint64(value) + key)


@kernel
def _permute(values, size, a, b, keys, out):
    for i in range(len(values)):
        value = values[i]
        if not 0 <= value < size:
            return False
        while True:
            left = value // b
            right = value % b
            for r in range(0, len(keys), 2):
                left = (left + np.int64(_mixed(right, keys[r]) % np.uint64(a))) % a
                right = (right + np.int64(_mixed(left, keys[r + 1]) % np.uint64(b))) % b
            value = left * b + right
            if value < size:
                break
        out[i] = value
    return True


@kernel
def _unpermute(values, size, a, b, keys, out):
    for i in range(len(values)):
        value = values[i]
        if not 0 <= value < size:
            return False
        while True:
            left = value // b
            right = value % b
            for r in range(len(keys) - 2, -1, -2):
                right = (right - np.int64(_mixed(left, keys[r + 1]) % np.uint64(b))) % b
                left = (left - np.int64(_mixed(right, keys[r]) % np.uint64(a))) % a
            value = left * b + right
            if value < size:
                break
        out[i] = value
    return True


@dataclass(frozen=True)
class Permutation:
    """The permutation of range(size) named by `name`; equal names and sizes give equal permutations on any machine.

    >>> order = Permutation.named(10, "plan", "web", 0)
    >>> sorted(order(np.arange(10)).tolist()) == list(range(10))
    True
    """

    size: int
    a: int
    b: int
    keys: np.ndarray  # uint64 (ROUNDS,)

    @classmethod
    def named(cls, size: int, *name: object) -> "Permutation":
        if size < 1:
            raise ValueError(f"a permutation of {size} values; expected at least 1")
        a = math.isqrt(size - 1) + 1
        text = "\x1f".join(map(str, name)).encode()
        digest = hashlib.blake2b(text, digest_size=8 * ROUNDS, person=b"gristmill-order").digest()
        return cls(size, a, -(-size // a), np.frombuffer(digest, "<u8"))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Where each value (int64, below size) goes."""
        return self._apply(_permute, values)

    def inverse(self, values: np.ndarray) -> np.ndarray:
        """Where each value comes from: inverse(self(x)) = x."""
        return self._apply(_unpermute, values)

    def _apply(self, compiled, values: np.ndarray) -> np.ndarray:
        values = np.ascontiguousarray(values, np.int64)
        out = np.empty(len(values), np.int64)
        if not compiled(values, self.size, self.a, self.b, self.keys, out):
            raise IndexError(f"values {values.min()} to {values.max()}; expected 0 to {self.size - 1}")
        return out
