import pytest
from gristmill.filters.profiles import profile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.filters.profile_oracle import failed_rules, measured, text_version
from tests.generated import examples

PIECES = [
    "The river runs past the old mill.",
    "Three words here.",
    "Two words.",
    "A line without a mark",
    'He said "go"',
    "On and on and on...",
    "Turn JavaScript on.",
    "Some Lorem Ipsum text.",
    "A { opens.",
    "",
    "  ",
    "\r",
]
pages = st.lists(st.sampled_from(PIECES), max_size=7).map("\n".join)
odd_text = st.text(alphabet='aA .?!"{\n\r\x0b\x85\u2028\x00é\u0301İK😀中', max_size=60)


def plain(text):
    lines = text.split("\n")
    unmarked = [not line.strip().endswith((".", "?", "!", '"')) for line in lines]
    short = [len(line.split()) < 3 for line in lines]
    low = text.lower()
    kept = [line + "\n" for line, a, b in zip(lines, unmarked, short, strict=True) if not a and not b]
    if kept and not (unmarked[-1] or short[-1]):
        kept[-1] = kept[-1][:-1]
    facts = (len(lines), sum(unmarked), sum(short), "lorem ipsum" in low, "javascript" in low, "{" in text)
    return facts, "".join(kept)


@given(texts=st.lists(pages | odd_text, max_size=5))
@settings(max_examples=examples(80))
def test_kernel_equals_the_rules_in_python(texts):
    names = ("lines", "lines_without_terminal_mark", "short_lines", "lorem_ipsum", "javascript", "curly_bracket")
    found = measured(texts, *(f"c4_dolma_{name}" for name in names)).values()
    assert list(zip(*found, strict=True)) == [plain(text)[0] for text in texts]
    assert text_version(texts, "c4_lines_dolma") == [plain(text)[1] for text in texts]


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("", []),
        ("Nothing to find here.", []),
        ("no javascriptlet here", ["javascript"]),
        ("LOREM IPSUM", ["lorem_ipsum"]),
        ("lorem  ipsum", []),
        ("{ and javascript", ["curly_bracket", "javascript"]),
        ("} only", []),
    ],
)
def test_page_rules(text, failed):
    assert failed_rules(profile("c4@dolma"), [text]) == [failed]
