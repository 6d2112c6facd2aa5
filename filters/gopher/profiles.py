"""Gopher's rules as three implementations run them: `gopher@dolma`, `gopher@dclm`, `gopher@datatrove`.

The thresholds are the paper's (Rae et al. 2021, arXiv:2112.11446, A1.1 and table A1). What differs is the quantity
behind each, which the signal names tell; on 180 test pages 12 % were decided differently by at least one of the three.
"""

from gristmill.schemas.recipe.rules import Profile, Rule

_PAPER = "Rae et al. 2021, A1.1"
RAE_TABLE = "Rae et al. 2021, table A1"
_DOLMA = "dolma/taggers/gopher.py"
_QUALITY = "datatrove gopher_quality_filter.py"
_REPETITION = "datatrove gopher_repetition_filter.py"
_DCLM = "baselines/mappers/filters/content_filters.py"

DOLMA_QUALITY = (
    Rule(name="few_words", signal="word_count", keep=">= 50", source=f"{_PAPER}; {_DOLMA}"),
    Rule(name="many_words", signal="word_count", keep="<= 100000", source=f"{_PAPER}; {_DOLMA}"),
    # without a word Dolma's median is 0.0, which is below the limit
    Rule(
        name="short_words",
        signal="median_word_length",
        keep=">= 3",
        if_null="drop",
        source=f"{_PAPER} has the mean; {_DOLMA} takes the median",
    ),
    Rule(name="long_words", signal="median_word_length", keep="<= 10", source=f"{_PAPER} (mean); {_DOLMA} (median)"),
    Rule(name="many_symbols", signal="symbol_word_fraction_dolma", keep="<= 0.1", source=f"{_PAPER}; {_DOLMA}"),
    Rule(
        name="few_alpha_words",
        signal="alpha_word_fraction",
        keep=">= 0.8",
        if_null="drop",
        source=f"{_PAPER}; {_DOLMA}",
    ),
    Rule(name="few_stop_words", signal="stop_word_count", keep=">= 2", source=f"{_PAPER}; {_DOLMA} counts each"),
    Rule(name="many_bullet_lines", signal="bullet_line_fraction_dolma", keep="<= 0.9", source=f"{_PAPER}; {_DOLMA}"),
    Rule(
        name="many_ellipsis_lines", signal="ellipsis_line_fraction_dolma", keep="<= 0.3", source=f"{_PAPER}; {_DOLMA}"
    ),
)

DCLM_QUALITY = (
    Rule(name="few_words", signal="word_count_dclm", keep=">= 50", source=f"{_PAPER}; {_DCLM}:page_length_filter"),
    Rule(name="many_words", signal="word_count_dclm", keep="<= 100000", source=f"{_PAPER}; {_DCLM}:page_length_filter"),
    Rule(
        name="short_words",
        signal="mean_word_length",
        keep=">= 3",
        if_null="drop",
        source=f"{_PAPER}; {_DCLM}:word_length_filter",
    ),
    Rule(name="long_words", signal="mean_word_length", keep="<= 10", source=f"{_PAPER}; {_DCLM}:word_length_filter"),
    Rule(
        name="many_symbols",
        signal="symbols_per_word_dclm",
        keep="<= 0.1",
        if_null="drop",
        source=f"{_PAPER}; {_DCLM}:symbol_ratio_filter",
    ),
    Rule(
        name="many_bullet_lines",
        signal="bullet_line_fraction",
        keep="<= 0.9",
        source=f"{_PAPER}; {_DCLM}:bullet_count_filter",
    ),
    Rule(
        name="many_ellipsis_lines",
        signal="ellipsis_line_fraction",
        keep="<= 0.3",
        source=f"{_PAPER}; {_DCLM}:ellipsis_count_filter",
    ),
    # as a float, words without a letter / words <= 0.2 exactly where words with one / words >= 0.8
    Rule(
        name="few_alpha_words",
        signal="alpha_word_fraction",
        keep=">= 0.8",
        if_null="drop",
        source=f"{_PAPER}; {_DCLM}:alphabetic_word_ratio_filter",
    ),
    Rule(
        name="few_stop_words",
        signal="stop_word_count_lower_cased",
        keep=">= 2",
        source=f"{_PAPER}; {_DCLM}:stop_word_filter",
    ),
)

_TOP_LIMITS = {2: 0.20, 3: 0.18, 4: 0.16}
_DUPLICATE_LIMITS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}


def frequent_ngram_rules(suffix: str = "", source: str = RAE_TABLE) -> tuple[Rule, ...]:
    """Table A1 for the most frequent n-gram of two to four words. suffix: of the signals, for whose way of counting."""
    return tuple(
        Rule(name=f"frequent_{n}gram", signal=f"top_{n}gram_char_fraction{suffix}", keep=f"<= {limit}", source=source)
        for n, limit in _TOP_LIMITS.items()
    )


def ngram_rules(suffix: str = "", source: str = RAE_TABLE) -> tuple[Rule, ...]:
    """Table A1 for n-grams of any length; a text too short to hold an n-gram passes, as everywhere."""
    repeated = (
        Rule(name=f"repeated_{n}grams", signal=f"dup_{n}gram_char_fraction{suffix}", keep=f"<= {limit}", source=source)
        for n, limit in _DUPLICATE_LIMITS.items()
    )
    return (*frequent_ngram_rules(suffix, source), *repeated)


DOLMA_REPETITION = (
    Rule(
        name="repeated_lines",
        signal="dup_line_fraction_dolma",
        keep="<= 0.3",
        source=f"{RAE_TABLE}; {_DOLMA}",
    ),
    Rule(
        name="repeated_line_characters",
        signal="dup_line_char_fraction_dolma",
        keep="<= 0.2",
        source=f"{RAE_TABLE}; {_DOLMA}; Dolma's own mixes ran 0.3",
    ),
    # Dolma's v1.5 and v1.6 mixes name the top n-gram attributes wrongly, so these three never ran there
    *ngram_rules("_dolma", f"{RAE_TABLE}; {_DOLMA}"),
)

DCLM_REPETITION = (
    Rule(
        name="repeated_lines",
        signal="dup_line_fraction_all_copies",
        keep="<= 0.3",
        if_null="drop",
        source=f"{RAE_TABLE}; {_DCLM}:repetition_filter drops a text without a line",
    ),
    Rule(
        name="repeated_paragraphs",
        signal="dup_paragraph_fraction_all_copies",
        keep="<= 0.3",
        if_null="drop",
        source=f"{RAE_TABLE}; {_DCLM}:repetition_filter",
    ),
    Rule(
        name="repeated_line_characters",
        signal="dup_line_char_fraction_all_copies",
        keep="<= 0.2",
        if_null="drop",
        source=f"{RAE_TABLE}; {_DCLM}:repetition_filter",
    ),
    Rule(
        name="repeated_paragraph_characters",
        signal="dup_paragraph_char_fraction_all_copies",
        keep="<= 0.2",
        if_null="drop",
        source=f"{RAE_TABLE}; {_DCLM}:repetition_filter",
    ),
    *ngram_rules("_dclm", f"{RAE_TABLE}; {_DCLM}:repetition_filter"),
)

# in the order of the filters, whose reason is the first rule that fails
DATATROVE_QUALITY = (
    Rule(name="few_words", signal="word_count_datatrove", keep=">= 50", source=f"{_PAPER}; {_QUALITY}"),
    Rule(name="many_words", signal="word_count_datatrove", keep="<= 100000", source=f"{_PAPER}; {_QUALITY}"),
    Rule(name="short_words", signal="mean_word_length_datatrove", keep=">= 3", source=f"{_PAPER}; {_QUALITY}"),
    Rule(name="long_words", signal="mean_word_length_datatrove", keep="<= 10", source=f"{_PAPER}; {_QUALITY}"),
    Rule(name="many_hashes", signal="hashes_per_token_datatrove", keep="<= 0.1", source=f"{_PAPER}; {_QUALITY}"),
    Rule(name="many_ellipses", signal="ellipses_per_token_datatrove", keep="<= 0.1", source=f"{_PAPER}; {_QUALITY}"),
    Rule(
        name="many_bullet_lines",
        signal="bullet_line_fraction_datatrove",
        keep="<= 0.9",
        source=f"{_PAPER}; {_QUALITY}",
    ),
    Rule(
        name="many_ellipsis_lines",
        signal="ellipsis_line_fraction_datatrove",
        keep="<= 0.3",
        source=f"{_PAPER}; {_QUALITY}",
    ),
    Rule(
        name="few_alpha_words",
        signal="alpha_token_fraction_datatrove",
        keep=">= 0.8",
        source=f"{_PAPER}; {_QUALITY} divides by all tokens, punctuation included",
    ),
    Rule(
        name="few_stop_words",
        signal="unique_stop_word_count_datatrove",
        keep=">= 2",
        source=f"{_PAPER}; {_QUALITY} counts different ones",
    ),
)

DATATROVE_REPETITION = (
    Rule(name="empty_text", signal="char_count_datatrove", keep=">= 1", source=_REPETITION),
    Rule(
        name="repeated_paragraphs",
        signal="dup_paragraph_fraction_datatrove",
        keep="<= 0.3",
        source=f"{RAE_TABLE}; {_REPETITION}",
    ),
    Rule(
        name="repeated_paragraph_characters",
        signal="dup_paragraph_char_fraction_datatrove",
        keep="<= 0.2",
        source=f"{RAE_TABLE}; {_REPETITION}",
    ),
    Rule(
        name="repeated_lines",
        signal="dup_line_fraction_datatrove",
        keep="<= 0.3",
        source=f"{RAE_TABLE}; {_REPETITION}",
    ),
    Rule(
        name="repeated_line_characters",
        signal="dup_line_char_fraction_datatrove",
        keep="<= 0.2",
        source=f"{RAE_TABLE}; {_REPETITION}",
    ),
    *ngram_rules("_datatrove", f"{RAE_TABLE}; {_REPETITION}"),
)

GOPHER_DOLMA = Profile(
    name="gopher@dolma",
    description="Gopher quality and repetition as Dolma's gopher_v1 tagger measures them, thresholds of the paper.",
    source="allenai/dolma 1.2.1 taggers/gopher.py; arXiv:2112.11446",
    languages=("en",),
    rules=DOLMA_QUALITY + DOLMA_REPETITION,
)

GOPHER_DCLM = Profile(
    name="gopher@dclm",
    description="Gopher quality and repetition as DCLM's filters decide them.",
    source="mlfoundations/dclm baselines_configs/dclm_baseline_refinedweb.yaml",
    languages=("en",),
    rules=DCLM_QUALITY + DCLM_REPETITION,
)

GOPHER_DATATROVE = Profile(
    name="gopher@datatrove",
    description="datatrove's GopherQualityFilter and GopherRepetitionFilter with their defaults.",
    source="huggingface/datatrove 0.10.1 pipeline/filters",
    languages=("en",),
    rules=DATATROVE_QUALITY + DATATROVE_REPETITION,
)
