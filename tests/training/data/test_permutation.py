"""The keyed permutation: a bijection for every size, equal to a plain reference, another one for every name."""

import hashlib
import math

import numpy as np
import pytest
from gristmill.training.data.permutation import ROUNDS, Permutation
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

WORD = (1 << 64) - 1


def mixed(value: int, key: int) -> int:
    z = (value + key) & WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def reference(value: int, size: int, name: str) -> int:
    """The same permutation in plain Python numbers."""
    digest = hashlib.blake2b(name.encode(), digest_size=8 * ROUNDS, person=b"gristmill-order").digest()
    keys = [int.from_bytes(digest[i : i + 8], "little") for i in range(0, len(digest), 8)]
    a = math.isqrt(size - 1) + 1
    b = -(-size // a)
    while True:
        left, right = divmod(value, b)
        for r in range(0, ROUNDS, 2):
            left = (left + mixed(right, keys[r]) % a) % a
            right = (right + mixed(left, keys[r + 1]) % b) % b
        value = left * b + right
        if value < size:
            return value


@pytest.mark.parametrize("size", [*range(1, 130), 1000, 4096, 65_537, 1_000_003])
def test_every_value_comes_once(size: int) -> None:
    order = Permutation.named(size, "plan", "web", 0)
    there = order(np.arange(size))
    assert (np.bincount(there, minlength=size) == 1).all()
    assert (order.inverse(there) == np.arange(size)).all()


@given(st.integers(1, 1 << 45), st.text("abc", max_size=5), st.lists(st.integers(0, 1 << 45), max_size=5))
@settings(max_examples=examples(200))
def test_equals_the_reference_at_any_size(size: int, name: str, values: list[int]) -> None:
    inside = [value % size for value in values]
    order = Permutation.named(size, name)
    there = order(np.array(inside, np.int64))
    assert there.tolist() == [reference(value, size, name) for value in inside]
    assert order.inverse(there).tolist() == inside


def test_names_and_seeds_give_other_orders_and_neighbours_part() -> None:
    size = 10_000
    orders = [Permutation.named(size, "plan", "web", epoch)(np.arange(size)) for epoch in range(4)]
    for i, one in enumerate(orders):
        for other in orders[:i]:
            assert (one == other).sum() < 20  # 1 is expected of unrelated orders
        assert abs(np.corrcoef(np.arange(size), one)[0, 1]) < 0.05
        assert (np.abs(np.diff(one)) == 1).sum() < 20  # 2 are expected


def test_places_are_uniform() -> None:
    """Where the first of 12 values goes, over 6,000 names: chi-squared with 11 degrees of freedom."""
    places = [int(Permutation.named(12, "uniform", i)(np.array([0]))[0]) for i in range(6000)]
    counts = np.bincount(places, minlength=12)
    assert ((counts - 500) ** 2 / 500).sum() < 31.3  # the 99.9 % point; the names are fixed, so the sum is too


def test_values_outside_are_refused() -> None:
    with pytest.raises(IndexError, match="expected 0 to 9"):
        Permutation.named(10, "x")(np.array([10]))
