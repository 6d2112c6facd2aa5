"""Pieces and shingle hashes against their plain-Python definition."""

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from gristmill.filters.dedup.normalise import FULL, RAW, Normalisation
from gristmill.filters.dedup.pieces import UNSPACED_RANGES, is_unspaced, split_characters, split_words
from gristmill.filters.dedup.shingles import Shingling, shingle_hashes, shingles_plainly
from gristmill.schemas.errors import RecipeError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.generated import examples

CHARACTERS = st.one_of(
    st.sampled_from(" aB1.\t\n\x0b\x1c\x85\u00a0\u1680\u2003\u2028\u3000é漢字仮ไทยかな한İ\U0001f600\U00020000"),
    st.characters(exclude_categories=("Cs",)),
)
TEXTS = st.lists(st.text(CHARACTERS, max_size=40), max_size=4)
SHINGLINGS = [
    Shingling(),
    Shingling(words=2, characters=3),
    Shingling(words=1, unit="word"),
    Shingling(characters=4, unit="character", normalisation=Normalisation(whitespace=True)),
    Shingling(words=3, characters=2, normalisation=FULL),
]


@settings(max_examples=examples(120))
@example(
    ["", " ", "one", "a b c d e", "a b c d e f", "漢字仮名交じり文です", "\x00 \x00", "a\rb\x85c\u2028d\x0be f"],
    SHINGLINGS[0],
)
@given(TEXTS, st.sampled_from(SHINGLINGS))
def test_kernel_equals_definition(texts: list[str], shingling: Shingling) -> None:
    found = shingle_hashes(pa.array(texts, pa.large_string()), shingling, unique=False)
    expected = [shingles_plainly(text, shingling) for text in texts]
    assert found.to_arrow().to_pylist() == expected
    assert [bool(n) for n in found.pieces] == [bool(e) for e in expected]
    unique = shingle_hashes(pa.array(texts, pa.string()), shingling)
    assert unique.to_arrow().to_pylist() == [sorted(set(e)) for e in expected]


def test_the_hash_is_xxh64_of_the_joined_words() -> None:
    found = shingle_hashes(pa.array(["The cat\n sat  on the mat"]), unique=False)
    expected = [xxhash.xxh64_intdigest("The cat sat on the"), xxhash.xxh64_intdigest("cat sat on the mat")]
    assert found.values.tolist() == expected


@pytest.mark.parametrize(("words", "count"), [(0, 0), (1, 1), (4, 1), (5, 1), (6, 2), (7, 3)])
def test_short_documents_have_one_shingle(words: int, count: int) -> None:
    found = shingle_hashes(pa.array([" ".join("abcdefg"[:words])]))
    assert len(found.values) == count
    assert found.pieces.tolist() == [words]


@pytest.mark.parametrize(
    ("text", "by_character"),
    [
        ("abc 漢字", False),
        ("ab 漢字", False),  # as many of each: words
        ("a 漢字", True),
        ("สวัสดีครับ", True),
        ("한국어 문장", False),
        ("Привет 漢字", False),
        ("12 34 漢 !", True),
        ("", False),
    ],
)
def test_unit_follows_the_majority_script(text: str, by_character: bool) -> None:
    assert shingle_hashes(pa.array([text])).by_character.tolist() == [by_character]


def test_splits_as_python_for_every_code_point() -> None:
    for first in range(0, 0x110000, 0x2000):
        text = "".join(f"a{chr(cp)}" for cp in range(first, first + 0x2000) if not 0xD800 <= cp < 0xE000) + "b"
        data = np.frombuffer(text.encode(), np.uint8)
        out, starts = np.zeros(len(data) + 2, np.uint8), np.zeros(len(data) + 2, np.int64)
        count = split_words(data, 0, len(data), out, starts)
        assert count == len(text.split())
        assert out[: starts[count] - 1].tobytes().decode() == " ".join(text.split())
        count = split_characters(data, 0, len(data), out, starts)
        assert out[: starts[count]].tobytes().decode() == "".join(text.split())
        assert count == len("".join(text.split()))


def test_unspaced_ranges_at_their_edges() -> None:
    for first, last in UNSPACED_RANGES:
        assert is_unspaced(first)
        assert is_unspaced(last)
    assert not is_unspaced(0x0DFF)
    assert not is_unspaced(0xAC00)  # Hangul has spaces
    assert not is_unspaced(ord("a"))


def test_options_are_checked() -> None:
    with pytest.raises(RecipeError, match="shingle unit"):
        Shingling(unit="line")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="0 words"):
        Shingling(words=0)


def test_any_batch_split_gives_the_same() -> None:
    texts = ["one two three four five six", "", "漢字仮名交じり文です", "x"]
    whole = shingle_hashes(pa.array(texts), Shingling(normalisation=RAW)).to_arrow()
    parts = [shingle_hashes(pa.array([t])).to_arrow() for t in texts]
    assert whole == pa.concat_arrays(parts)
    assert shingle_hashes(pa.array([], pa.string())).to_arrow().to_pylist() == []
