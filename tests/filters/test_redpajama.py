import math
import re
import string
import unicodedata
from collections import Counter

import pyarrow as pa
import pytest
from gristmill.filters.registry import family
from gristmill.filters.text.stop_words import ENGLISH
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.filters.profile_oracle import measured
from tests.generated import examples

BULLETS = tuple("\u2022\u2023\u25b6\u25c0\u25e6\u25a0\u25a1\u25aa\u25ab\u2013")
PIECES = [
    "The river runs past the old mill and on to the sea.",
    "the river runs past the old mill and on to the sea",
    "NASA and the EU in 2024",
    "ALL CAPS ǅ Ⓐ",
    "• a bullet...",
    " – a dash…",
    "He said “go.”",
    "javascript JavaScript! java-script",
    "Lorem  ipsum, dolor; lorem\tipsum xlorem ipsumx",
    "lorem ipsum, lorem ip\u017fum and LOREM \u0130PSUM",  # a long s is an s to RedPajama where there is a plain one
    "lorem ip\u017fum alone",
    "it ends with lorem ips",
    "um begins this",
    "{ a } # b ## ..... …",
    "½ ١٢٣ 四五 12.5",
    "É e\u0301 İ ΟΔΟΣ",
    "",
    "   ",
    "don't stop. Wait!? no",
]
pages = st.lists(st.sampled_from(PIECES), max_size=7).map("\n".join)
odd_text = st.text(alphabet="aAbB .!?…#{}'1½•\n\r\x0b\x85\u2028\x00\u00a0é\u0301İſΣǅ😀中", max_size=50)
repeats = st.lists(st.sampled_from(["a", "b", "cc", "dd"]), max_size=30).map(" ".join)
texts_lists = st.lists(pages | odd_text | repeats, max_size=4)


def normalise(text):
    text = text.translate(str.maketrans("", "", string.punctuation)).lower().strip()
    return unicodedata.normalize("NFD", re.sub(r"\s+", " ", text))


def ngrams(words, n):
    return list(zip(*(words[i:] for i in range(n)), strict=False))


def plain(text):
    """Each field as its definition reads, one expression at a time."""
    content = normalise(text)
    words, raw = content.split(), re.findall(r"\w+|[^\w\s]+", text)
    lines = re.findall(r"[^\n]*\n|[^\n]+$", text)
    norm_lines = [normalise(line) for line in lines]
    characters = sum(map(len, words))
    counts = Counter(words)

    def over(a, b, undefined=None):
        return round(a / b, 8) if b else undefined

    def top(n):
        common = Counter(ngrams(words, n)).most_common(1)
        if not common or common[0][1] <= 1:
            return 0.0
        return over(sum(map(len, common[0][0])) * common[0][1], characters)

    def dupe(n):
        grams = ngrams(words, n)
        repeated = Counter(grams)
        covered = {i + j for i, gram in enumerate(grams) if repeated[gram] > 1 for j in range(n)}
        return over(sum(len(words[i]) for i in covered), characters, 0.0)

    entropy = sum(-c / len(words) * math.log(c / len(words)) for c in counts.values())
    lorem = len(re.findall("lorem ipsum", content, re.I)) if "lorem ipsum" in content else 0
    return {
        "rps_doc_word_count": len(words),
        "rps_doc_num_sentences": len(re.findall(r"\b[^.!?]+[.!?]*", text)),
        "rps_lines_num_words_max": max((len(line.split()) for line in norm_lines), default=0),
        "rps_lines_javascript_counts_sum": sum(line.split().count("javascript") for line in norm_lines),
        "rps_lines_num_words_mean": over(sum(len(line.split()) for line in norm_lines), len(lines)),
        "rps_doc_mean_word_length": over(characters, len(words)),
        "rps_doc_unigram_entropy": round(entropy, 8) if words else None,
        "rps_doc_curly_bracket": over(text.count("{") + text.count("}"), len(text), 0.0),
        "rps_doc_lorem_ipsum": over(lorem, len(content), 0.0),
        "rps_doc_frac_all_caps_words": over(sum(map(str.isupper, raw)), len(raw)),
        "rps_doc_frac_no_alph_words": round(1.0 - sum(bool(re.search("[a-zA-Z]", w)) for w in raw) / len(raw), 8)
        if raw
        else None,
        "rps_doc_symbol_to_word_ratio": over(sum(text.count(s) for s in ("#", "...", "…")), len(raw)),
        "rps_doc_stop_word_fraction": over(sum(w in ENGLISH for w in raw), len(raw)) if words else 0.0,
        "rps_doc_frac_lines_end_with_ellipsis": over(
            sum(line.rstrip().endswith(("...", "…")) for line in lines), len(lines)
        ),
        "rps_doc_frac_unique_words": over(len(counts), len(words)),
        "rps_lines_start_with_bulletpoint_fraction_of_lines": over(
            sum(line.lstrip().startswith(BULLETS) for line in lines), len(lines)
        ),
        "rps_lines_ending_with_terminal_punctution_mark_fraction_of_lines": over(
            sum(line.rstrip().endswith((".", "!", "?", "”")) for line in lines), len(lines)
        ),
        "rps_lines_uppercase_letter_fraction_overall": over(sum(map(str.isupper, text)), len(text)),
        "rps_lines_uppercase_letter_fraction_max": max(
            (over(sum(map(str.isupper, line)), len(line)) for line in lines), default=None
        ),
        "rps_lines_numerical_chars_fraction_overall": over(
            sum(sum(map(str.isnumeric, line)) for line in norm_lines), sum(map(len, norm_lines)), 0.0
        ),
        "rps_lines_numerical_chars_fraction_max": max(
            (over(sum(map(str.isnumeric, line)), len(line), 0.0) for line in norm_lines), default=0.0
        ),
        **{f"rps_doc_frac_chars_top_{n}gram": top(n) for n in (2, 3, 4)},
        **{f"rps_doc_frac_chars_dupe_{n}grams": dupe(n) for n in range(5, 11)},
    }


@given(texts=texts_lists)
@settings(max_examples=examples(200))
def test_kernels_equal_the_definitions_in_python(texts):
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    found = family("redpajama").function(batch, {})
    assert found.schema == family("redpajama").schema
    assert found.to_pylist() == [plain(text) for text in texts]


@pytest.mark.parametrize(
    ("signal", "text", "value"),
    [
        ("rps_doc_word_count", "Don't stop -- now", 3),
        ("rps_doc_num_sentences", "One. Two! Three", 3),
        ("rps_doc_num_sentences", "... !", 0),
        ("rps_doc_num_sentences", "a b", 1),
        ("rps_doc_frac_all_caps_words", "NASA is A1", 0.66666667),
        ("rps_doc_frac_no_alph_words", "a 1 ! b", 0.5),
        ("rps_doc_symbol_to_word_ratio", "a b #......", 1.0),
        ("rps_doc_stop_word_fraction", "the mill The mill", 0.25),
        ("rps_doc_unigram_entropy", "a b a b", 0.69314718),
        ("rps_doc_frac_chars_top_2gram", "a bb a bb cc", 0.75),
        ("rps_doc_frac_chars_top_2gram", "a bb cc dd", 0.0),
        ("rps_doc_frac_chars_dupe_5grams", "a b c d e f a b c d e", 0.90909091),
        ("rps_doc_mean_word_length", "...", None),
        ("rps_lines_uppercase_letter_fraction_max", "AB\nabcde", 0.66666667),
        ("rps_lines_num_words_mean", "a b c\n\nd\n", 1.33333333),
    ],
)
def test_values_by_hand(signal, text, value):
    assert measured([text], signal)[signal] == [value]
