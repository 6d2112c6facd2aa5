"""WordPunct and fastText tokens against Python's `re` and fastText."""

import re

import fasttext
import pyarrow as pa
from gristmill.filters.text.wordpunct import fasttext_spans, wordpunct_spans
from hypothesis import given, settings

from tests.filters.text.word_texts import batches, pieces, texts
from tests.generated import examples


@settings(max_examples=examples(400))
@given(texts)
def test_wordpunct_equals_re(text: str) -> None:
    assert pieces(text, wordpunct_spans(pa.array([text])), 0) == re.findall(r"\w+|[^\w\s]+", text)


def test_every_character_is_of_the_class_re_gives_it() -> None:
    text = "".join(f"a{chr(c)}-" for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    assert pieces(text, wordpunct_spans(pa.array([text])), 0) == re.findall(r"\w+|[^\w\s]+", text)


@settings(max_examples=examples(300))
@given(texts)
def test_fasttext_tokens_equal_fasttext(text: str) -> None:
    """fastText adds `</s>` for a line feed, which is no span of the text."""
    expected = list(fasttext.tokenize(text.replace("\n", " ")))
    assert pieces(text, fasttext_spans(pa.array([text])), 0) == expected


@settings(max_examples=examples(50))
@given(batches)
def test_rows_do_not_touch_each_other(rows: list[str | None]) -> None:
    for rule in (wordpunct_spans, fasttext_spans):
        spans = rule(pa.array(["before", *rows], pa.string())[1:])
        alone = [rule(pa.array([text or ""])) for text in rows]
        assert [pieces(text, spans, r) for r, text in enumerate(rows)] == [
            pieces(text, one, 0) for text, one in zip(rows, alone, strict=True)
        ]
