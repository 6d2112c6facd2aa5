import itertools

import numpy as np
import pytest
from gristmill.filters.text.sentence_rule import ABBREVIATION_KEYS, ABBREVIATIONS, count_sentences
from gristmill.filters.text.text_masks import PADDING
from gristmill.filters.text.unicode_tables import CLASS, LOWER
from gristmill.kernels.compile import kernel
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples


@kernel
def _count(text, end, classes, lower, keys):
    return count_sentences(text, 0, end, classes, lower, keys)


def kernel_count(line):
    data = line.encode()
    padded = np.frombuffer(data + b"\n" * PADDING, np.uint8)
    return _count(padded, len(data), CLASS, LOWER, ABBREVIATION_KEYS)


def closes(word, next_upper):
    word = word.rstrip("\"')]}”’»")
    if word.endswith(("?", "!")):
        return True
    if word.endswith(("…", "..")):
        return next_upper
    if not word.endswith("."):
        return False
    first = next((i for i, char in enumerate(word[:-1]) if char.isalpha()), len(word) - 1)
    letters = word[first:-1]
    if len(letters) == 1:
        return False
    plain = letters.replace(".", "")
    if letters and (plain == "" or plain.isalpha()):
        if "." in letters:
            return False
        return not any(letters.lower() == abbreviation for abbreviation in ABBREVIATIONS)
    return True


def plain_count(line):
    words = line.split()
    if not words:
        return 0
    pairs = itertools.pairwise(words)
    return 1 + sum(closes(word, following[0].isupper()) for word, following in pairs)


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("", 0),
        ("  ", 0),
        ("no mark", 1),
        ("One. Two.", 2),
        ("One? two! three", 3),
        ('He said "go." Then he went.', 2),
        ("He met Dr. Mill.", 1),
        ("J. Stone read it.", 1),
        ("The U.S. team won.", 1),
        ("It costs 3. The rest is free.", 2),
        ("And then... he went.", 1),
        ("And then... He went.", 2),
        ("And then… He went.", 2),
        ("Trees, shrubs, etc. grow here.", 1),
        ("A dot .com is not a stop", 1),
    ],
)
def test_lines(line, sentences):
    assert kernel_count(line) == plain_count(line) == sentences


@given(
    st.lists(
        st.sampled_from(
            ["Dr.", "(Mr.)", "etc.", "A.", "a.b.", "go.", "Go!", "3.", "..", "…", '."', "é.", "x", "İ.", "éco.", "v.2."]
        ),
        max_size=12,
    ).map(" ".join)
    | st.text(alphabet="aZ.?!…\" '\u00a0é", max_size=30)
)
@settings(max_examples=examples(200))
def test_kernel_equals_the_rule_in_python(line):
    assert kernel_count(line) == plain_count(line)
