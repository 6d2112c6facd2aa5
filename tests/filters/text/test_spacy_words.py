"""The compiled English words against spaCy itself."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from gristmill.filters.text import spacy_rules
from gristmill.filters.text.sentences import sentence_spans
from gristmill.filters.text.spacy_expressions import alternatives
from gristmill.filters.text.spacy_words import english_pipe, token_spans
from gristmill.schemas.errors import GristmillError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.filters.text.word_texts import batches, pieces, texts
from tests.generated import examples


def words(text: str, exact: bool = False) -> list[str]:
    return pieces(text, token_spans(pa.array([text], pa.large_string()), exact), 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't e-mail.", ["Do", "n't", "e", "-", "mail", "."]),
        ("U.S.-based", ["U.S.-based"]),
        ('("can\'t")', ["(", '"', "ca", "n't", '"', ")"]),
        ("foo:)", ["foo", ":)"]),
        ("foo:) )", ["foo", ":", ")", ")"]),  # a longer emoticon with a space inside keeps ":)" apart
        ("foo:)\n)", ["foo", ":)", ")"]),  # a line break is a token, so no longer emoticon is found
        ("10km² at 5kg.", ["10", "km²", "at", "5", "kg", "."]),
        ("see https://a.example.com/x_(y), ok", ["see", "https://a.example.com/x_(y", ")", ",", "ok"]),
        ("10.1.2.3 8.8.8.8", ["10.1.2.3", "8.8.8.8"]),
        ("mailto:me@a.c\U00020000 x:y@\U00020000b.ab", ["mailto:me@a.c\U00020000", "x", ":", "y@\U00020000b.ab"]),
        ("a.b.Cd x,y 3-4", ["a.b", ".", "Cd", "x", ",", "y", "3", "-", "4"]),
        (" \t\n", []),
        ("", []),
        ("IS_ALPHA is IS_ALPHA", ["IS_ALPHA", "is", "IS_ALPHA"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected
    assert words(text, exact=True) == expected


@settings(max_examples=examples(800))
@given(texts)
def test_compiled_equals_spacy(text: str) -> None:
    assert words(text) == words(text, exact=True)


@settings(max_examples=examples(300))
@given(st.text("0123456789.:/@aäＺx-_~?٣\U00020000😀", max_size=24))
def test_urls_equal_spacy(text: str) -> None:
    assert words(text) == words(text, exact=True)


@settings(max_examples=examples(150))
@given(st.lists(st.text("abZ.,'()-3\x00é", min_size=1, max_size=18), min_size=1, max_size=6), st.randoms())
def test_chunks_that_come_again_equal_spacy(chunks: list[str], random: Random) -> None:
    """In one text and in others of the batch; the shortest, the longest and longer ones than are remembered."""
    some = [*chunks, "can't", "Mr.", "a" * 15, "a" * 16, "ab", "ab\x00", "ab\x00\x00", "(ab)."]
    rows = [" ".join(random.choices(some, k=24)) for _ in range(3)]
    compiled, exact = token_spans(pa.array(rows)), token_spans(pa.array(rows), exact=True)
    assert [pieces(t, compiled, r) for r, t in enumerate(rows)] == [pieces(t, exact, r) for r, t in enumerate(rows)]


_OCTETS = "10 127 169 254 192 168 172 16 31 32 0 00 1 223 224 255 256 99 ٣ 1٣ 2٣٣ 100 249 253".split()  # noqa: SIM905


@settings(max_examples=examples(300))
@given(st.lists(st.sampled_from(_OCTETS), min_size=3, max_size=5).map(".".join))
def test_dotted_addresses_equal_spacy(address: str) -> None:
    """An infix behind each address shows whether it was taken for a URL."""
    row = " ".join(shape.format(address) for shape in ("{}?a-b", "http://{}/a-b", "x-y@{}", "{}:80", "{}:8", "{}a-b"))
    assert words(row) == words(row, exact=True)


@settings(max_examples=examples(150))
@given(texts)
def test_words_and_sentences_equal_datatrove(text: str) -> None:
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    tokenizer = load_word_tokenizer("en")
    assert words(text) == tokenizer.word_tokenize(text)
    assert pieces(text, sentence_spans(pa.array([text])), 0) == tokenizer.sent_tokenize(text)


def test_every_exception_alone_and_in_company() -> None:
    """Each exception, and each beside an affix, an infix and another token."""
    rules = [text for text in english_pipe().tokenizer.rules if text.strip()]
    rows = [shape.format(text) for text in rules for shape in ("{}", "({}).", "a-{}", "{}{{", "x{} y", "{}: )", "’{}s")]
    batch = pa.array(rows)
    compiled, exact = token_spans(batch), token_spans(batch, exact=True)
    assert [pieces(t, compiled, r) for r, t in enumerate(rows)] == [pieces(t, exact, r) for r, t in enumerate(rows)]


def test_every_character_of_a_rule_between_letters_digits_and_alone() -> None:
    rules, _ = spacy_rules.load_rules()
    edges = np.flatnonzero(np.diff(rules.atom)) + 1  # where a set of some rule begins or ends
    characters = [chr(c) for c in (*edges, *(edges - 1)) if not 0xD800 <= c < 0xE000]
    rows = [shape.format(c) for c in characters for shape in ("A{0}Zb", "3{0}4a{0}b", "{0}{0}a3{0}")]
    batch = pa.array([" | ".join(rows[i : i + 600]) for i in range(0, len(rows), 600)])
    compiled, exact = token_spans(batch), token_spans(batch, exact=True)
    for r, text in enumerate(batch.to_pylist()):
        assert pieces(text, compiled, r) == pieces(text, exact, r)


@settings(max_examples=examples(50))
@given(batches)
def test_rows_do_not_touch_each_other(rows: list[str | None]) -> None:
    """A batch, a slice of a larger one and `string` columns give what each text gives alone."""
    spans = token_spans(pa.array(["before", *rows], pa.string())[1:])
    assert [pieces(text, spans, r) for r, text in enumerate(rows)] == [words(text or "") for text in rows]
    assert spans[0].dtype == spans[1].dtype == "int32"
    assert spans[2].dtype == "int64"


def test_threads_agree() -> None:
    batch = pa.array(["It's (really) 5km, isn't it? :)" * 50] * 40)
    alone = token_spans(batch)
    with ThreadPoolExecutor(4) as pool:
        for together in pool.map(token_spans, [batch] * 8):
            assert all((a == b).all() for a, b in zip(alone, together, strict=True))


def test_long_documents_take_linear_time() -> None:
    for unit in ("(", "a@", "..", "x.", "'s", "1.", ":)", "-"):
        assert len(token_spans(pa.array([unit * 200_000]))[0]) > 0


@pytest.mark.parametrize("pattern", [r"\d", r"a*", r"[^a]", r"(?<!a)b", r"a+b", r"\bx"])
def test_expressions_that_cannot_be_rendered_are_named(pattern: str) -> None:
    from gristmill.filters.text.spacy_expressions import Sets, rule_rows

    with pytest.raises(GristmillError, match="exact=True"):
        rule_rows(alternatives(pattern), Sets(), [])


def test_a_changed_url_rule_is_refused() -> None:
    pattern = english_pipe().tokenizer.url_match.__self__.pattern
    assert spacy_rules.url_letters(pattern)
    with pytest.raises(GristmillError, match="URL"):
        spacy_rules.url_letters(pattern + "x")


def test_tables_from_the_cache_are_those_built(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRISTMILL_CACHE", str(tmp_path))
    built = spacy_rules.load_rules.__wrapped__()
    assert len(list(tmp_path.iterdir())) == 2
    stored = spacy_rules.load_rules.__wrapped__()
    assert [record.dtype for record in stored] == [record.dtype for record in built]
    assert [record.tobytes() for record in stored] == [record.tobytes() for record in built]


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut off", b"no archive"])
def test_a_damaged_table_is_built_again(tmp_path, monkeypatch: pytest.MonkeyPatch, damage: bytes) -> None:
    monkeypatch.setenv("GRISTMILL_CACHE", str(tmp_path))
    whole = spacy_rules.load_rules.__wrapped__()
    for path in tmp_path.iterdir():
        path.write_bytes(damage)
    assert [record.tobytes() for record in spacy_rules.load_rules.__wrapped__()] == [r.tobytes() for r in whole]
