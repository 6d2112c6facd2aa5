"""Every Gopher signal equals its plain-Python reference, bit for bit, in any batch."""

from collections.abc import Callable

import pyarrow as pa
import pytest
from datatrove.utils.text import PUNCTUATION_SET
from gristmill.filters.registry import family
from gristmill.filters.text.punctuation_datatrove import datatrove_symbols
from gristmill.filters.text.spacy_words import token_spans
from hypothesis import given, settings
from hypothesis import strategies as st
from uniseg.wordbreak import words

from tests.filters import gopher_reference as reference
from tests.filters.gopher_texts import nasty_texts
from tests.generated import examples


def exact_tokens(text: str) -> list[str]:
    starts, ends, _ = token_spans(pa.array([text]), exact=True)
    return [text[a:b] for a, b in zip(starts, ends, strict=True)]


def uniseg_words(text: str) -> list[str]:
    return [word for word in words(text) if word[0].isalnum()]


REFERENCES: dict[str, Callable[[str], reference.Values]] = {
    "gopher_quality": reference.quality,
    "gopher_repetition": lambda text: reference.paper_ngrams(text.split()) | reference.dolma_ngrams(text.split()),
    "gopher_repetition_dclm": lambda text: reference.paper_ngrams(uniseg_words(text), "_dclm"),
    "gopher_repetition_lines": reference.lines_and_paragraphs,
    "gopher_datatrove": lambda text: reference.datatrove(text, exact_tokens(text), PUNCTUATION_SET),
}


def measured(name: str, texts: list[str | None], kind: pa.DataType) -> list[dict]:
    batch = pa.record_batch([pa.array(texts, kind)], ["text"])
    result = family(name).function(batch, {"exact": True})
    assert result.schema == family(name).schema
    return result.to_pylist()


@pytest.mark.parametrize("name", REFERENCES)
@given(texts=st.lists(nasty_texts, min_size=1, max_size=8), wide=st.booleans())
@settings(max_examples=examples(80))
def test_signals_equal_the_reference(name: str, texts: list[str], wide: bool) -> None:
    rows = measured(name, list(texts), pa.large_string() if wide else pa.string())
    assert rows == [REFERENCES[name](text) for text in texts]


@pytest.mark.parametrize("name", REFERENCES)
def test_empty_batch_null_text_and_slices(name: str) -> None:
    assert measured(name, [], pa.string()) == []
    null, empty = measured(name, [None, ""], pa.large_string())
    assert null == empty == REFERENCES[name]("")
    texts = ["one two", "", "a b a b a b a b a b a b\n\n" * 3, None, "end…"]
    whole = measured(name, texts, pa.string())
    batch = pa.record_batch([pa.array(texts)], ["text"])
    parts = [family(name).function(batch.slice(i, 1), {"exact": True}).to_pylist()[0] for i in range(len(texts))]
    assert parts == whole


@pytest.mark.parametrize("name", REFERENCES)
def test_long_repetitive_text(name: str) -> None:
    """Many equal n-grams, words longer than any packed form, and one-word documents of a size that fills tables."""
    texts = [
        "spam eggs " * 400,
        "x" * 5000,
        "ab" * 300 + " " + "ba" * 300,
        "the cat\n" * 200,
        " ".join(map(str, range(500))),
    ]
    assert measured(name, list(texts), pa.string()) == [REFERENCES[name](text) for text in texts]


def test_symbols_are_datatroves() -> None:
    table = datatrove_symbols()
    assert {chr(cp) for cp in table.nonzero()[0]} == PUNCTUATION_SET
