"""The profile `articles`: papers and abstracts with their formulas; no rule of web pages."""

from gristmill.filters.gopher.profiles import RAE_TABLE
from gristmill.schemas.recipe.rules import Profile, Rule

_OWN = "this project: 18 articles of PubMed Central, 6 papers of arXiv"

ARTICLES = Profile(
    name="articles",
    description="Scientific articles and abstracts in any language: no rule of web pages on bullets, symbols, line ends or "
    "word lengths, which formulas break. What is dropped has little text, few letters, or repeats itself.",
    source="this project",
    rules=(
        Rule(name="few_characters", signal="character_count", keep=">= 200", source=_OWN),
        Rule(name="few_letters", signal="letter_fraction", keep=">= 0.4", if_null="drop", source=_OWN),
        Rule(
            name="repeated_paragraph_characters",
            signal="dup_paragraph_char_fraction_after_first",
            keep="<= 0.2",
            source=RAE_TABLE,
        ),
        Rule(
            name="repeated_line_characters",
            signal="dup_line_char_fraction_after_first",
            keep="<= 0.3",
            source=f"{RAE_TABLE} has 0.2; lines of tables",
        ),
    ),
)
