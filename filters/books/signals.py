"""What a book's text shows of its making: leftover licences, scanning noise, broken words; and the profile `books`.

Scanned text is told by words that hold what no word of a language does: a digit or a mark of its own between letters
(`tbe`, as a word, is not found; `t'ie`, `w1th`, `sh^ll` are). All counts are of regular expressions over the whole text, in
any script.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.schemas.recipe.rules import Profile, Rule
from gristmill.schemas.signals import Family, Signal

_WORDS = r"\S+"
_NOISY_WORDS = r"\pL[\pM]*[0-9^~|\\<>{}=+*#$%&¢£§¶•■]+\pL"
_BROKEN_WORDS = r"\pL[-¬]\s+\p{Ll}"
_LICENCE = (
    r"(?i)project gutenberg[- ™]*(?:literary|license|tm\b)|distributed proofread|"
    r"preserved for generations on library shelves|digitized by (?:google|the internet archive|microsoft)|"
    r"public domain in the united states.{0,80}you may copy|gutenberg\.(?:org|net)/"
)
_NO_WORD = "the text has no word"

FAMILY = Family(
    name="book_text",
    version=1,
    signals=(
        Signal(
            "noisy_word_fraction", "float", "fraction", "words with a digit or a sign between two letters", _NO_WORD
        ),
        Signal(
            "broken_word_fraction", "float", "fraction", "words parted by a hyphen and a space or line end", _NO_WORD
        ),
        Signal("letter_fraction", "float", "fraction", "letters, of all characters but white space", _NO_WORD),
        Signal("licence_phrases", "int", "phrases", "phrases of those who distribute free books"),
    ),
    measure="gristmill.filters.books.signals:measure",
    source="this project",
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    text = batch.column("text")
    words = pc.count_substring_regex(text, _WORDS)
    some = pc.if_else(pc.greater(words, 0), words, None)
    letters = pc.count_substring_regex(text, r"\pL")
    shown = pc.count_substring_regex(text, r"\S")
    columns = [
        _share(pc.count_substring_regex(text, _NOISY_WORDS), some),
        _share(pc.count_substring_regex(text, _BROKEN_WORDS), some),
        _share(letters, pc.if_else(pc.greater(shown, 0), shown, None)),
        pc.count_substring_regex(text, _LICENCE).cast(pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, names=[signal.name for signal in FAMILY.signals])


def _share(part: pa.Array, whole: pa.Array) -> pa.Array:
    return pc.min_element_wise(pc.divide(part.cast(pa.float64()), whole.cast(pa.float64())), 1.0, skip_nulls=False)


_OWN = "this project: 20 books of Project Gutenberg, HathiTrust and OCR of newspapers"
_TABLE = "Rae et al. 2021, table A1"

BOOKS = Profile(
    name="books",
    description="Whole books in any language, however long: no rule of web pages on length, bullets, line ends or "
    "sentences. What is dropped is too short to be a book, badly scanned, mostly no letters, or repeats itself.",
    source="this project",
    rules=(
        Rule(name="few_characters", signal="character_count", keep=">= 2000", source=_OWN),
        Rule(name="few_letters", signal="letter_fraction", keep=">= 0.6", if_null="drop", source=_OWN),
        Rule(name="noisy_scan", signal="noisy_word_fraction", keep="<= 0.05", source=_OWN),
        Rule(name="broken_words", signal="broken_word_fraction", keep="<= 0.05", source=_OWN),
        Rule(
            name="repeated_paragraph_characters",
            signal="dup_paragraph_char_fraction_after_first",
            keep="<= 0.2",
            source=_TABLE,
        ),
        Rule(
            name="repeated_line_characters",
            signal="dup_line_char_fraction_after_first",
            keep="<= 0.3",
            source=f"{_TABLE} has 0.2; refrains of verse",
        ),
        Rule(name="licence_left", signal="licence_phrases", keep="<= 10", source=_OWN),
    ),
)
