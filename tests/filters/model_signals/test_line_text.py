"""Normalisation of lines, spans in signals, and what fastText is handed, against step-by-step references."""

import re
import unicodedata
from itertools import pairwise

import pytest
from gristmill.filters.model_signals.line_text import PUNCTUATION, ccnet_line, ccnet_lines, one_line
from gristmill.filters.model_signals.spans import MAX_SPANS, read_spans, spans_text
from gristmill.filters.model_signals.toxicity import sentences
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
TEXT = st.text(st.one_of(st.sampled_from("aZé１٣İ«…—．\n\x00\x85\t ●ß"), st.characters(codec="utf-8")), max_size=40)


def in_steps(line: str) -> str:
    line = line.strip().lower()
    line = "".join(c for c in unicodedata.normalize("NFD", line) if unicodedata.category(c) != "Mn")
    line = re.sub(r"\d", "0", line)
    line = "".join(PUNCTUATION.get(c, c) for c in line)
    return CONTROL.sub("", line)


@settings(max_examples=examples(300))
@given(TEXT)
def test_a_line_is_normalised_as_in_separate_steps(line: str) -> None:
    assert ccnet_line(line) == in_steps(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  Ça VA ?", "ca va ?"),
        ("«Salut», dit-il…", '"salut", dit-il...'),
        ("12,5 % ٣ １", "00,0 % 0 0"),
        ("a—b–c", "a - b-c"),
        ("你好。（一）", "你好.(一)"),
        ("tab\there\x07", "tabhere"),
        ("", ""),
    ],
)
def test_what_ccnet_makes_of_a_line(line: str, expected: str) -> None:
    assert ccnet_line(line) == expected


@settings(max_examples=examples(200))
@given(TEXT, st.sampled_from(["none", "lower", "words", "ccnet"]))
def test_one_line_is_one_line_without_labels(text: str, normalisation: str) -> None:
    line = one_line(text + " __label__positive", normalisation)  # type: ignore[arg-type]
    assert "\n" not in line
    assert "\0" not in line
    assert "__label__" not in line
    assert line.split() == line.split(" ")


def test_blank_lines_are_left_out() -> None:
    assert ccnet_lines("A\n\n \n\x07\nB") == ["a", "b"]


@settings(max_examples=examples(200))
@given(TEXT)
def test_sentences_cover_everything_but_blanks(text: str) -> None:
    spans = list(sentences(text))
    assert all(a < b for a, b in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    rest = list(text)
    for start, end in spans:
        rest[start:end] = [" "] * (end - start)
    assert not "".join(rest).strip()


def test_spans_are_written_and_read_back_and_bounded() -> None:
    spans = [(n * 3, n * 3 + 2) for n in range(MAX_SPANS + 7)]
    assert read_spans(spans_text(spans[:5])) == spans[:5]
    written = spans_text(spans)
    assert written is not None
    assert written.endswith(" +7")
    assert read_spans(written) == spans[:MAX_SPANS]
    assert spans_text([]) is None
    assert read_spans(None) == []
