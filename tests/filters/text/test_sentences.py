"""Sentences against spaCy's own sentencizer."""

import pyarrow as pa
import pytest
from gristmill.filters.text.sentences import sentence_counts, sentence_spans, sentences_of_tokens
from gristmill.filters.text.spacy_words import token_spans
from hypothesis import given, settings

from tests.filters.text.word_texts import batches, pieces, texts
from tests.generated import examples


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Mr. Smith paid 3.50 in the U.S. and left.", ["Mr. Smith paid 3.50 in the U.S. and left."]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Well... maybe?! Yes.", ["Well... maybe?!", "Yes."]),
        ('End.\n" she', ["End.", '" she']),  # a line break closes the sentence, so the quote opens the next
        ('End. " she', ['End. "', "she"]),
        ("  no mark at all ", ["no mark at all"]),
        ("。 你好。再见", ["。", "你好。再见"]),
        (".", ["."]),
        (" \n ", []),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    batch = pa.array([text])
    assert pieces(text, sentence_spans(batch), 0) == expected
    assert pieces(text, sentence_spans(batch, exact=True), 0) == expected
    assert sentence_counts(batch).tolist() == [len(expected)]


@settings(max_examples=examples(400))
@given(texts)
def test_sentences_equal_spacy(text: str) -> None:
    batch = pa.array([text], pa.large_string())
    assert pieces(text, sentence_spans(batch), 0) == pieces(text, sentence_spans(batch, exact=True), 0)


@settings(max_examples=examples(50))
@given(batches)
def test_rows_do_not_touch_each_other(rows: list[str | None]) -> None:
    batch = pa.array(rows, pa.string())
    spans = sentences_of_tokens(batch, token_spans(batch))
    alone = [sentence_spans(pa.array([text or ""])) for text in rows]
    assert [pieces(text, spans, r) for r, text in enumerate(rows)] == [
        pieces(text, one, 0) for text, one in zip(rows, alone, strict=True)
    ]
    assert sentence_counts(batch).tolist() == [len(one[0]) for one in alone]
    assert sentence_counts(batch).dtype == "int64"
