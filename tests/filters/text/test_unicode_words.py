"""Unicode word segments against uniseg."""

import pyarrow as pa
import pytest
from gristmill.filters.text import unicode_words
from gristmill.filters.text.unicode_words import unicode_word_spans
from hypothesis import given, settings
from hypothesis import strategies as st
from uniseg.wordbreak import words

from tests.filters.text.word_texts import batches, pieces, texts
from tests.generated import examples

_SAMPLE = "\r\n\x85\u0301\u200d\u00ad\u30a2\u05e9aZ'\"\u2019.:\u00b7,;1٣_\u203f  \u3000🇩🇪☝😀★x\u200d?ー\u0b01"


def segments(text: str, alnum_first: bool = False) -> list[str]:
    return pieces(text, unicode_word_spans(pa.array([text]), alnum_first), 0)


@pytest.mark.parametrize(
    ("text", "expected", "counted"),
    [
        ("can't pay 32.3, ok", ["can't", " ", "pay", " ", "32.3", ",", " ", "ok"], ["can't", "pay", "32.3", "ok"]),
        ("a  b\r\n\n_c", ["a", "  ", "b", "\r\n", "\n", "_c"], ["a", "b"]),
        ("x:y e.g. 1.a", ["x:y", " ", "e.g", ".", " ", "1", ".", "a"], ["x:y", "e.g", "1", "a"]),
        ("🇩🇪🇫🇷🇮 👩‍👧", ["🇩🇪", "🇫🇷", "🇮", " ", "👩‍👧"], []),
        ("", [], []),
    ],
)
def test_segments(text: str, expected: list[str], counted: list[str]) -> None:
    assert segments(text) == expected == list(words(text))
    assert segments(text, alnum_first=True) == counted


@settings(max_examples=examples(500))
@given(st.one_of(texts, st.text(_SAMPLE, max_size=25)))
def test_segments_equal_uniseg(text: str) -> None:
    assert segments(text) == list(words(text))
    assert segments(text, alnum_first=True) == [word for word in words(text) if word[0].isalnum()]


@settings(max_examples=examples(50))
@given(batches)
def test_rows_do_not_touch_each_other(rows: list[str | None]) -> None:
    spans = unicode_word_spans(pa.array(["before", *rows], pa.string())[1:])
    assert [pieces(text, spans, r) for r, text in enumerate(rows)] == [segments(text or "") for text in rows]


def test_table_from_the_cache_is_the_one_built(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRISTMILL_CACHE", str(tmp_path))
    built = unicode_words.word_breaks.__wrapped__()
    assert len(list(tmp_path.iterdir())) == 1
    assert (unicode_words.word_breaks.__wrapped__() == built).all()
