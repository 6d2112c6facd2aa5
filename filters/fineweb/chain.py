"""The FineWeb chain: what a page must pass after extraction and language identification.

The four filters run one after the other and the third rewrites the text, so the last five rules read the rewritten
text. A drop by an earlier filter ends datatrove's chain; as the rules are joined by "and", the decision is the same, and
the first rule that fails names the filter that dropped the page.

Source: datatrove 0.10.1, examples/fineweb.py; Penedo et al. 2024 (FineWeb), section 3. Not in it: the URL filter,
extraction, language score, MinHash and the masks for e-mail and IP addresses.
"""

from gristmill.filters.fineweb.quality import fineweb_rules
from gristmill.filters.gopher.profiles import DATATROVE_QUALITY, DATATROVE_REPETITION
from gristmill.schemas.recipe.rules import Profile, Rule

REWRITTEN = "c4_lines_datatrove_any_end"
_SOURCE = "datatrove 0.10.1, examples/fineweb.py"
_C4 = f"{_SOURCE}, C4QualityFilter(filter_no_terminal_punct=False)"

C4_WITHOUT_END_MARKS = (
    Rule(name="lorem_ipsum", signal="c4_datatrove_any_end_lorem_ipsum", keep="== false", source=_C4),
    Rule(name="curly_bracket", signal="c4_datatrove_any_end_curly_bracket", keep="== false", source=_C4),
    Rule(name="few_sentences", signal="c4_datatrove_any_end_sentences", keep=">= 5", source=_C4),
)

FINEWEB_CHAIN = Profile(
    name="fineweb_chain",
    description="FineWeb after extraction and language identification: Gopher repetition, Gopher quality, C4 without the "
    "end-mark rule, then FineWeb's own rules on the lines C4 leaves.",
    source=_SOURCE,
    languages=("en",),
    text_version=REWRITTEN,
    rules=(*DATATROVE_REPETITION, *DATATROVE_QUALITY, *C4_WITHOUT_END_MARKS, *fineweb_rules(REWRITTEN)),
)
