import numpy as np
import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter
from datatrove.utils.text import TERMINAL_PUNCTUATION
from gristmill.filters.profiles import profile
from gristmill.filters.registry import family
from gristmill.filters.text.terminal_marks import TERMINAL_MARKS, is_terminal_mark
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.filters.profile_oracle import failed_rules, measured
from tests.generated import examples

LONG = "This line is well above thirty characters, number %d."
PIECES = [
    *(LONG % i for i in range(8)),
    "exactly thirty characters, yes",
    "exactly thirty-one characters..",
    "Short one.",
    "no mark at the end of this longer line at all",
    "ends in space. ",
    'ends in a quote."',
    "ends in Hindi।",
    "中文句子结束。",
    "• item",
    "",
    "   ",
    "\u3000",
    "\r",
]
pages = st.lists(st.sampled_from(PIECES), max_size=14).map("\n".join)
odd_text = st.text(alphabet='aA .?!"\n\r\x0b\x85\u2028\x00\t\u00a0é\u0301😀中。', max_size=50)
texts_lists = st.lists(pages | odd_text, max_size=5)
REASONS = {
    "empty": "no_visible_line",
    "line_punct_ratio": "few_terminal_lines",
    "short_line_ratio": "many_short_lines",
    "char_dup_ratio": "repeated_line_text",
    "list_ratio": "many_line_breaks",
}


def plain(text):
    lines = [line for line in text.split("\n") if line.strip()]
    seen, repeated = set(), 0
    for line in lines:
        repeated += len(line) if line in seen else 0
        seen.add(line)
    characters = len(text.replace("\n", ""))
    words = len(text.split())
    return (
        len(lines),
        sum(line[-1] in TERMINAL_PUNCTUATION for line in lines) / len(lines) if lines else None,
        sum(len(line) <= 30 for line in lines) / len(lines) if lines else None,
        repeated / characters if characters else None,
        text.count("\n") / words if words else None,
    )


@given(texts=texts_lists)
@settings(max_examples=examples(120))
def test_kernel_equals_the_rules_in_python(texts):
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    found = family("fineweb_lines").function(batch, {})
    assert found.schema == family("fineweb_lines").schema
    assert list(zip(*found.to_pydict().values(), strict=True)) == [plain(text) for text in texts]


@pytest.mark.parametrize("exact", [False, True])
@given(texts=texts_lists)
@settings(max_examples=examples(40))
def test_decision_and_first_reason_equal_datatrove(exact, texts):
    failed = failed_rules(profile("fineweb"), texts, exact)
    for text, reasons in zip(texts, failed, strict=True):
        verdict = FineWebQualityFilter().filter(Document(text=text, id="0"))
        assert reasons[:1] == ([] if verdict is True else [REASONS[verdict[1]]])


def lines(count, template=LONG):
    return [template % i for i in range(count)]


def shorts(count):
    return [f"Short line {i}." for i in range(count)]


def unmarked(count):
    return [f"This line has no mark, though it is long enough: {i}" for i in range(count)]


TABLE = [
    # rule, signal, text, value, kept
    ("no_visible_line", "visible_lines", "", 0, False),
    ("no_visible_line", "visible_lines", " \n\u3000\n", 0, False),
    ("no_visible_line", "visible_lines", "x", 1, True),
    ("few_terminal_lines", "terminal_line_fraction", "\n".join(lines(2) + unmarked(23)), 2 / 25, False),
    ("few_terminal_lines", "terminal_line_fraction", "\n".join(lines(3) + unmarked(22)), 3 / 25, True),
    ("few_terminal_lines", "terminal_line_fraction", "\n".join(lines(4) + unmarked(21)), 4 / 25, True),
    ("few_terminal_lines", "terminal_line_fraction", "\n".join(unmarked(3)), 0, False),
    ("many_short_lines", "short_line_fraction", "\n".join(lines(34) + shorts(66)), 0.66, True),
    ("many_short_lines", "short_line_fraction", "\n".join(lines(33) + shorts(67)), 0.67, True),
    ("many_short_lines", "short_line_fraction", "\n".join(lines(32) + shorts(68)), 0.68, False),
    ("many_short_lines", "short_line_fraction", "exactly thirty characters, yes", 1, False),
    ("many_short_lines", "short_line_fraction", "exactly thirty-one characters..", 0, True),
    ("repeated_line_text", "repeated_line_character_fraction", "A.\n" + "x" * 197 + "\nA.", 2 / 201, True),
    ("repeated_line_text", "repeated_line_character_fraction", "A.\n" + "x" * 196 + "\nA.", 2 / 200, True),
    ("repeated_line_text", "repeated_line_character_fraction", "A.\n" + "x" * 195 + "\nA.", 2 / 199, False),
    ("many_line_breaks", "line_breaks_per_token", "a b c d e f g h i j" + "\n" * 2, 0.2, True),
    ("many_line_breaks", "line_breaks_per_token", "a b c d e f g h i j" + "\n" * 3, 0.3, True),
    ("many_line_breaks", "line_breaks_per_token", "a b c d e f g h i j" + "\n" * 4, 0.4, False),
]


@pytest.mark.parametrize(("rule", "signal", "text", "value", "kept"), TABLE)
def test_rules_at_their_limits(rule, signal, text, value, kept):
    assert measured([text], signal)[signal] == [value]
    assert (rule not in failed_rules(profile("fineweb"), [text])[0]) is kept


def test_terminal_marks_are_those_of_datatrove():
    assert set(map(chr, TERMINAL_MARKS)) == TERMINAL_PUNCTUATION
    assert np.all(np.diff(TERMINAL_MARKS) > 0)
    around = sorted({cp + step for cp in TERMINAL_MARKS.tolist() for step in (-1, 0, 1)})
    assert [is_terminal_mark(cp, TERMINAL_MARKS) for cp in around] == [chr(cp) in TERMINAL_PUNCTUATION for cp in around]
