"""The normaliser kernel against its plain-Python definition, and the content hash."""

from itertools import pairwise

import pyarrow as pa
import pytest
import xxhash
from gristmill.filters.dedup.normalise import (
    FULL,
    RAW,
    Normalisation,
    normalisation,
    normalise_plainly,
    normalised_buffers,
    normalised_content_hash,
    replacements,
)
from gristmill.schemas.errors import RecipeError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.generated import examples

HARD = (
    "",
    "İstanbul ΟΔΟΣ ὈΔΥΣΣΕΎΣ Ⱥ ẞ",
    "e\u0301\u0323 \u1e69 s\u0323\u0307 한국어 가\u0301",
    "\x00\x0b a\x85b\u2028c\u3000\rd\u00a0",
    "١٢٣ ² ½ १२ 𝟘",
    "“quote” — dash… $+<=>^`|~ # €",
    "\U0001d15e 😀\ufe0f \u1fef\u037e \u2000x",
    "\u302e\u0301 \U0001d165\u0300",
)
CHARACTERS = st.one_of(
    st.sampled_from("aA1. ,\té\u0301İΣς\u3000\u1fef한\U0001d15e\U0001f600$²"), st.characters(exclude_categories=("Cs",))
)
TEXTS = st.lists(st.text(CHARACTERS, max_size=30), max_size=5)
OPTIONS = st.builds(
    Normalisation,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["keep", "delete", "space"]),
    st.booleans(),
)
USED = (RAW, FULL, Normalisation(case=True, accents=True, digits=True, punctuation="delete", whitespace=True))


def _normalised(texts: list[str], options: Normalisation) -> list[str]:
    data, offsets = normalised_buffers(pa.array(texts, pa.large_string()), options)
    return [data[a:b].tobytes().decode() for a, b in pairwise(offsets)]


@settings(max_examples=examples(150))
@example(list(HARD), FULL)
@given(TEXTS, st.sampled_from(USED) | st.builds(Normalisation, case=st.booleans(), whitespace=st.booleans()))
def test_kernel_equals_definition(texts: list[str], options: Normalisation) -> None:
    assert _normalised(texts, options) == [normalise_plainly(text, options) for text in texts]


@pytest.mark.parametrize("options", USED)
def test_every_code_point(options: Normalisation) -> None:
    """Each code point alone, and between letters so that nothing is stripped at an end."""
    texts = [f"a{chr(cp)}b" for cp in range(0x110000) if not 0xD800 <= cp < 0xE000 and (cp % 11 == 0 or cp < 0x400)]
    assert _normalised(texts, options) == [normalise_plainly(text, options) for text in texts]


@settings(max_examples=examples(30))
@given(st.text(CHARACTERS), OPTIONS)
def test_second_pass_changes_nothing(text: str, options: Normalisation) -> None:
    once = normalise_plainly(text, options)
    assert normalise_plainly(once, options) == once


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("Straße", {"case": True}, "straße"),
        ("ΟΔΟΣ", {"case": True}, "οδοσ"),
        ("Crème  brûlée", {"accents": True}, "Creme  brulee"),
        ("12 ٣٤ ²", {"digits": True}, "00 00 ²"),
        ("don't", {"punctuation": "delete"}, "dont"),
        ("don't", {"punctuation": "space"}, "don t"),
        (" a\t\n b ", {"whitespace": True}, "a b"),
        (" a\t\n b ", {}, " a\t\n b "),
        ("... ?!", {"punctuation": "space", "whitespace": True}, ""),
    ],
)
def test_examples(text: str, options: dict, expected: str) -> None:
    assert _normalised([text], normalisation(options)) == [expected]


@settings(max_examples=examples(50))
@given(TEXTS, st.sampled_from(USED))
def test_hash_is_xxh3_of_the_normalised_bytes(texts: list[str], options: Normalisation) -> None:
    found = normalised_content_hash(pa.array(texts, pa.string()), options)
    assert found.type == pa.large_string()
    assert found.to_pylist() == [xxhash.xxh3_128_hexdigest(normalise_plainly(t, options).encode()) for t in texts]


def test_hash_ignores_slices_chunks_and_string_width() -> None:
    texts = ["x", "Ärger", None, "", "Ende"]
    whole = normalised_content_hash(pa.array(texts), FULL)
    assert normalised_content_hash(pa.array(["y", *texts], pa.large_string())[1:], FULL) == whole
    assert normalised_content_hash(pa.chunked_array([texts[:2], texts[2:]]), FULL) == whole
    assert whole[2] == whole[3]


def test_unknown_options_are_named() -> None:
    with pytest.raises(RecipeError, match="'acents'"):
        normalisation({"acents": True})
    with pytest.raises(RecipeError, match="keep, delete or space"):
        Normalisation(punctuation="strip")  # type: ignore[arg-type]


def test_growth_bounds_every_replacement() -> None:
    assert replacements(FULL).growth == 3  # a Hangul syllable: 3 bytes to 9
    assert replacements(Normalisation(case=True)).growth == 2
