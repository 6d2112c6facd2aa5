import hashlib
import re

import pyarrow as pa
import pytest
from gristmill.filters.profiles import profile
from gristmill.filters.registry import family
from gristmill.filters.text.top_level_domains import alternatives, dclm_domains
from gristmill.filters.transforms.registry import transform
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.filters.profile_oracle import apply_plainly, failed_rules, measured, text_version, texts_array
from tests.generated import examples

COUNTER = re.compile(
    r"^\W*\d(?:,|\.|\d)*(?:k|m|b)?\s+(?:likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes"
    r"|downloads|views|followers)\W*$"
)
PHRASES = [
    re.compile(r"\s?(?:items in cart)", re.I),
    re.compile(r"\s?(?:read more...)$", re.I),
    re.compile(r"^(?:sign-in)\s?", re.I),
]


def plain_lines(text):
    """DCLM's line modifiers one after the other, on lists of lines."""

    def keeping(text, test):
        return "\n".join(line for line in text.split("\n") if test(line))

    text = keeping(text, lambda line: not line or sum(map(str.isupper, line)) / len(line) <= 0.5).strip()
    text = keeping(text, lambda line: not line or sum(map(str.isdigit, line)) / len(line) <= 0.999999).strip()
    text = keeping(text, lambda line: not COUNTER.search(line.lower())).strip()
    text = keeping(text, lambda line: not line or len(line.split()) >= 2)
    for pattern in PHRASES:
        lines = []
        for line in text.split("\n"):
            if len(line.split()) <= 10:
                cut = pattern.sub("", line)
                if line and (not cut or cut.isspace()):
                    continue
                line = cut
            lines.append(line)
        text = "\n".join(lines).strip()
    return text


def plain_words(text):
    return sum(token[0].isalnum() for token in re.split(r"[ \n\r\t\v\f\0]+", text) if token)


PIECES = [
    "The river runs past the old mill and into the valley.",
    "ALL UPPER CASE LETTERS",
    "aB",
    "AAbb",
    "AAAbb",
    "12345",
    "١٢٣²",
    "12 345",
    "12 likes",
    "  *1,2.5K  Retweets!",
    "3 Viewsx",
    "12 likes and then a real sentence",
    "1k\u00a0downloads",
    "oneword",
    "two words",
    "3 items in cart",
    "Items In Cart items in cart",
    "There are now 3 items in cart of yours",
    "eleven words stand on this line with 3 items in cart today",
    "See the mill. Read more...",
    "See the mill. read more!!!",
    "Read more...",
    "Sign-in to see more",
    "ſıgn-İn now please",
    "sign-in",
    "  ",
    "",
    "\u3000",
    "A b",
]
pages = st.lists(st.sampled_from(PIECES), max_size=9).map("\n".join)
odd_text = st.text(alphabet="aBC 1٣².,k\n\r\x0b\x85\u2028\x00\u00a0é\u0301İ😀中", max_size=40)


@given(texts=st.lists(pages | odd_text, max_size=4))
@settings(max_examples=examples(250))
def test_line_rules_equal_the_modifiers_in_python(texts):
    edits = transform("refinedweb_lines")(texts_array(texts), {}).to_pylist()
    plain = [plain_lines(text) for text in texts]
    assert [apply_plainly(text, edit) for text, edit in zip(texts, edits, strict=True)] == plain
    counts = measured(texts, "refinedweb_words", "refinedweb_kept_words", "refinedweb_removed_word_fraction")
    before, after = [plain_words(text) for text in texts], [plain_words(text) for text in plain]
    fractions = [(b - a) / b if b else None for b, a in zip(before, after, strict=True)]
    assert list(counts.values()) == [before, after, fractions]


LINES = [
    # line, what is left of it between two ordinary lines (None: the line is gone)
    ("AB cd", "AB cd"),  # 2 of 5 upper
    ("AB c", "AB c"),  # 2 of 4: not more than half
    ("ABC d", None),  # 3 of 5
    ("12 34", "12 34"),
    ("1234", None),
    ("12 likes", None),
    ("12K  followers .", None),
    ("12 likes it", "12 likes it"),
    ("12 Lİkes", "12 Lİkes"),
    ("one", None),
    ("", ""),
    ("  ", None),
    ("3 items in cart", "3"),
    ("a b c d e f g items in cart", "a b c d e f g"),  # 10 words
    ("a b c d e f g h items in cart", "a b c d e f g h items in cart"),  # 11 words
    ("see it read more...", "see it"),
    ("see it read more", "see it read more"),
    ("see it read moreabc", "see it"),
    ("read more... see it", "read more... see it"),
    ("sign-in to see", "to see"),
    ("to sign-in", "to sign-in"),
]


@pytest.mark.parametrize(("line", "left"), LINES)
def test_each_line_rule_at_its_limit(line, left):
    frame = "An ordinary line of words."
    text = f"{frame}\n{line}\n{frame}"
    expected = [frame, frame] if left is None else [frame, left, frame]
    assert text_version([text], "refinedweb_lines") == ["\n".join(expected)]


def test_edits_name_what_was_found():
    text = "HELLO WORLD\nThe old mill.\n9\n9\n5 likes\nx\nSee it. Read more...\n"
    (edits,) = transform("refinedweb_lines")(texts_array([text]), {}).to_pylist()
    assert [(edit["reason"], text[edit["start"] : edit["end"]]) for edit in edits] == [
        ("uppercase_line", "HELLO WORLD\n"),
        ("numeric_line", "9\n"),
        ("numeric_line", "9\n"),
        ("counter_line", "5 likes\n"),
        ("short_line", "x\n"),
        ("read_more", " Read more..."),
        ("white_space", "\n"),
    ]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("The mill, see https://example.org/a?b=1 today", "The mill, see today"),
        ("The mill: www.example.co.uk.", "The mill:"),
        ("The mill: example.unknown here", "The mill: example.unknown here"),
        ("The mill: example.wiki, a.photography.", "The mill:,"),  # a generic domain of 2014
        ("The mill: example.statoil here", "The mill: here"),  # withdrawn, but known to DCLM
        ("The mill: example.测试 and a.москва here", "The mill: and here"),
        ("The mill: example.ישראל here", "The mill: example.ישראל here"),  # DCLM knows it with a mark behind it only
        ("The mill: EXAMPLE.COM here", "The mill: EXAMPLE.COM here"),
        ("« example.org stays, for the text begins with no domain", None),
        ("At 10.0.0.1/x there is a mill", "At there is a mill"),
        ("é at ftp://1.2.3.4 é", "é at é"),
        ("a\n\nb\n\n\nc\n\n\n\n\nd", "a\n\nb\n\nc\n\nd"),
        ("", ""),
    ],
)
def test_addresses_and_line_breaks(text, cleaned):
    assert text_version([text], "refinedweb_cleaned") == [text if cleaned is None else cleaned]


def test_top_level_domains_from_a_file(tmp_path):
    path = tmp_path / "tlds.txt"
    path.write_text("unknown\nth\n")
    (edits,) = transform("refinedweb_addresses")(
        texts_array(["The mill: a.unknown, b.org"]), {"tlds_path": str(path)}
    ).to_pylist()
    assert [(edit["start"], edit["end"], edit["reason"]) for edit in edits] == [(9, 19, "url")]


def test_the_domains_are_those_of_dclm():
    """Compared name for name with DCLM's file by benchmarks/parity_dclm.py; here by the digest of that file's names."""
    names = "\n".join(sorted(dclm_domains())).encode()
    assert len(dclm_domains()) == 1591
    assert hashlib.blake2b(names, digest_size=16).hexdigest() == "9e823cb2fbda32d869d4246a23aed5c7"


@given(
    words=st.lists(st.text("abc.+", min_size=1, max_size=4), min_size=1, max_size=8), text=st.text("abc.+", max_size=12)
)
@settings(max_examples=examples(200))
def test_alternatives_match_the_longest_word_that_fits(words, text):
    longest_first = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    for behind in ("", r"\b", "c"):
        plain, nested = (re.compile(f"({one}){behind}") for one in (longest_first, alternatives(words)))
        assert [m.group(1) for m in nested.finditer(text)] == [m.group(1) for m in plain.finditer(text)]


def page(removed_words):
    """95 words on 5 lines that stay, and one-word lines that the line rules take."""
    body = [" ".join(f"mill{line}{word}" for word in range(19)) for line in range(5)]
    return "\n".join(body + ["gone"] * removed_words)


@pytest.mark.parametrize(("removed", "kept"), [(4, True), (5, True), (6, False)])
def test_removed_words_at_the_limit(removed, kept):
    text = page(removed)
    assert measured([text], "refinedweb_removed_word_fraction").popitem()[1] == [removed / (95 + removed)]
    failed = failed_rules(profile("refinedweb@dclm"), [text, ""])
    assert ("many_words_removed" not in failed[0]) is kept
    assert "many_words_removed" in failed[1]


@given(texts=st.lists(pages, min_size=1, max_size=3))
@settings(max_examples=examples(30))
def test_chain_equals_the_steps_one_after_the_other(texts):
    cleaned = text_version(texts, "refinedweb_cleaned")
    gopher = failed_rules(profile("gopher@dclm"), cleaned)
    plain = [plain_lines(text) for text in cleaned]
    chain = failed_rules(profile("refinedweb@dclm"), texts)
    for text, left, before, reasons in zip(cleaned, plain, gopher, chain, strict=True):
        words = plain_words(text)
        removed = words == 0 or (words - plain_words(left)) / words > 0.05
        assert reasons == before + ["many_words_removed"] * removed
    assert text_version(texts, profile("refinedweb@dclm").text_version) == plain


def test_schema_and_batch_split():
    texts = pa.array([page(3), "", None, "1\n2"], pa.string())
    batch = pa.record_batch({"text": texts})
    whole = family("refinedweb").function(batch, {})
    assert whole.schema == family("refinedweb").schema
    parts = [family("refinedweb").function(batch.slice(i, 1), {}) for i in range(4)]
    assert pa.Table.from_batches(parts).combine_chunks().to_batches()[0] == whole
