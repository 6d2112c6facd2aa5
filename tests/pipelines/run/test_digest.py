"""Content digests: the same rows in any order and layout, and a different digest for any other rows."""

import pyarrow as pa
from gristmill.pipelines.run.digest import MODULUS, batch_digest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

SCHEMA = pa.schema(
    [
        ("s", pa.large_string()),
        ("f", pa.float64()),
        ("i", pa.int64()),
        ("b", pa.bool_()),
        ("l", pa.large_list(pa.large_string())),
    ]
)
NAMES = SCHEMA.names
ROW = st.fixed_dictionaries(
    {
        "s": st.none() | st.text(max_size=20),
        "f": st.none() | st.floats(),
        "i": st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
        "b": st.none() | st.booleans(),
        "l": st.none() | st.lists(st.text(max_size=3), max_size=3),
    }
)


def digest(rows: list[dict]) -> int:
    return batch_digest(pa.RecordBatch.from_pylist(rows, SCHEMA), NAMES)


@settings(max_examples=examples(60))
@given(st.lists(ROW, max_size=12), st.randoms(use_true_random=False), st.integers(0, 12))
def test_order_and_cuts_do_not_matter(rows: list[dict], dice: object, cut: int) -> None:
    shuffled = list(rows)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert digest(shuffled) == digest(rows)
    assert (digest(rows[:cut]) + digest(rows[cut:])) % MODULUS == digest(rows)
    batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
    sliced = [batch_digest(batch.slice(n, 1), NAMES) for n in range(batch.num_rows)]
    assert sum(sliced) % MODULUS == digest(rows)


def test_values_that_are_easily_confused() -> None:
    empty = dict.fromkeys(NAMES)
    one = [
        empty | change
        for change in (
            {},
            {"s": ""},
            {"s": "\0"},
            {"s": "a"},
            {"s": "b"},
            {"f": 0.0},
            {"f": float("nan")},
            {"f": 5e-324},
            {"i": 0},
            {"i": 1},
            {"b": False},
            {"b": True},
            {"l": []},
            {"l": [""]},
            {"l": ["", ""]},
            {"l": ["ab"]},
            {"l": ["a", "b"]},
            {"l": ["b", "a"]},
        )
    ]
    assert len({digest([row]) for row in one}) == len(one)
    assert digest([empty | {"f": -0.0}]) == digest([empty | {"f": 0.0}])
    assert digest([empty | {"f": float("nan")}]) == digest([empty | {"f": -float("nan")}])
    assert digest([one[3], one[3]]) != digest([one[3]])
    assert digest([]) == 0


def test_every_bit_counts() -> None:
    text = "the mill turns and turns"
    seen = {digest([dict.fromkeys(NAMES) | {"s": text}])}
    for position in range(len(text)):
        for bit in range(7):
            other = text[:position] + chr(ord(text[position]) ^ 1 << bit) + text[position + 1 :]
            seen.add(digest([dict.fromkeys(NAMES) | {"s": other}]))
    assert len(seen) == 1 + 7 * len(text)
