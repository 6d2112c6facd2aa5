"""Our own profiles for web pages: `web-en` for English and `web-any` for other languages.

Both read white-space words and no tokenizer, so that every signal comes from a few passes over the bytes. The limits are
the published ones; where this departs from a source, the rule says why.

`web-any` keeps what holds in any script and leaves out what does not:

- stop words and alphabetic words: the lists and the share of letters are English;
- word length and counts per word: Chinese, Japanese, Thai, Lao, Khmer and Burmese put no space between words, so a
  "word" there is a sentence; length is asked in characters instead;
- terminal marks and short lines: Thai ends no sentence with a mark, Chinese and Japanese end theirs with marks of their
  own that headlines and verse lack, and 30 of their characters are a full sentence;
- sentences: the rule that counts them knows English abbreviations and asks for spaces.

Repetition rules stay: in text without spaces an n-gram of white-space words is a run of whole sentences, so they fire
later, never earlier. A language with its own published thresholds deserves its own profile.
"""

from gristmill.filters.gopher.profiles import RAE_TABLE, ngram_rules
from gristmill.schemas.recipe.rules import Profile, Rule

_GOPHER = "Rae et al. 2021, A1.1"
_FINEWEB = "Penedo et al. 2024 (FineWeb), section 3.6"
_C4 = "Raffel et al. 2020, section 2.2; TFDS c4_utils.py"

REPETITION = (
    Rule(name="repeated_lines", signal="dup_line_fraction_after_first", keep="<= 0.3", source=RAE_TABLE),
    Rule(name="repeated_line_characters", signal="dup_line_char_fraction_after_first", keep="<= 0.2", source=RAE_TABLE),
    Rule(name="repeated_paragraphs", signal="dup_paragraph_fraction_after_first", keep="<= 0.3", source=RAE_TABLE),
    Rule(
        name="repeated_paragraph_characters",
        signal="dup_paragraph_char_fraction_after_first",
        keep="<= 0.2",
        source=RAE_TABLE,
    ),
    *ngram_rules(),
)

LINE_SHAPE = (
    Rule(name="many_bullet_lines", signal="bullet_line_fraction", keep="<= 0.9", source=_GOPHER),
    Rule(name="many_ellipsis_lines", signal="ellipsis_line_fraction", keep="<= 0.3", source=_GOPHER),
    Rule(name="lorem_ipsum", signal="c4_dolma_lorem_ipsum", keep="== false", source=_C4),
)

ENGLISH_WORDS = (
    Rule(name="few_words", signal="word_count", keep=">= 50", source=_GOPHER),
    Rule(name="many_words", signal="word_count", keep="<= 100000", source=_GOPHER),
    Rule(name="short_words", signal="mean_word_length", keep=">= 3", if_null="drop", source=_GOPHER),
    Rule(name="long_words", signal="mean_word_length", keep="<= 10", source=_GOPHER),
    Rule(name="many_hashes", signal="hashes_per_word", keep="<= 0.1", source=_GOPHER),
    Rule(name="many_ellipses", signal="ellipses_per_word", keep="<= 0.1", source=_GOPHER),
    Rule(name="few_alpha_words", signal="alpha_word_fraction", keep=">= 0.8", source=_GOPHER),
    Rule(
        name="few_stop_words",
        signal="unique_stop_word_count",
        keep=">= 2",
        source=f"{_GOPHER}: at least two of eight words, read as two different ones",
    ),
)

ENGLISH_LINES = (
    Rule(
        name="few_sentences",
        signal="c4_code_sentences",
        keep=">= 3",
        source=f"{_C4}; the lines that count as text, none is removed",
    ),
    Rule(name="few_terminal_lines", signal="terminal_line_fraction", keep=">= 0.12", if_null="drop", source=_FINEWEB),
    Rule(name="many_short_lines", signal="short_line_fraction", keep="<= 0.67", source=_FINEWEB),
    Rule(
        name="many_line_breaks",
        signal="line_breaks_per_word",
        keep="<= 0.3",
        source="datatrove 0.10.1 fineweb_quality_filter.py per token; white-space words are fewer, so a little stricter",
    ),
)

REPEATED_LINE_TEXT = Rule(
    name="repeated_line_text",
    signal="repeated_line_character_fraction",
    keep="<= 0.1",
    source=f"{_FINEWEB}, as its prose has it; its table and code have 0.01, at which one repeated short line drops a page",
)

WEB_EN = Profile(
    name="web-en",
    description="Recommended for English web pages: Gopher's quality and repetition rules, C4's sentence minimum and "
    "FineWeb's line rules, all on white-space words. Not in it: C4's curly bracket, which drops pages about code and "
    "mathematics, and its end-mark line removal, which FineWeb found to cost too much text.",
    source="Gopher, C4 and FineWeb as each rule says",
    languages=("en",),
    rules=(*ENGLISH_WORDS, *LINE_SHAPE, *REPETITION, *ENGLISH_LINES, REPEATED_LINE_TEXT),
)

WEB_ANY = Profile(
    name="web-any",
    description="Recommended for web pages in other languages: what web-en asks that holds in any script. No stop words, "
    "share of letters, word length, counts per word, sentences, terminal marks or short lines, as Chinese, Japanese and "
    "Thai among others write no spaces or no such marks; length in characters.",
    source="Gopher, C4 and FineWeb as each rule says",
    rules=(
        Rule(
            name="few_characters",
            signal="character_count",
            keep=">= 200",
            source="mC4 (Xue et al. 2021) asks for lines of 200 characters; here the whole page",
        ),
        Rule(
            name="many_characters",
            signal="character_count",
            keep="<= 1000000",
            source=f"{_GOPHER}: 100,000 words, at ten characters a word",
        ),
        *LINE_SHAPE,
        *REPETITION,
        REPEATED_LINE_TEXT,
    ),
)
