"""The profile `wiki`: what of an encyclopaedia is text, in any language.

Articles were written and reviewed by people, so rules against spam and markup are not asked. What is left out is what is no
prose: stubs, lists, and pages that a program filled from a table.
"""

from gristmill.filters.gopher.profiles import RAE_TABLE, frequent_ngram_rules
from gristmill.schemas.recipe.rules import Profile, Rule

_OURS = "chosen on 18 Wikipedias: stubs of one sentence and pages that are one list are below, articles above"

WIKI = Profile(
    name="wiki",
    description="For articles of Wikipedia and other MediaWikis in any language, as `format: mediawiki` reads them: drops "
    "stubs, pages that are one list, and pages that repeat themselves. Redirects, disambiguations and other namespaces are "
    "no documents in the first place.",
    source="ours, with the repetition limits of Gopher (Rae et al. 2021, table A1)",
    rules=(
        Rule(name="few_characters", signal="character_count", keep=">= 200", source=_OURS),
        Rule(name="many_bullet_lines", signal="bullet_line_fraction", keep="<= 0.9", source=_OURS),
        Rule(
            name="repeated_paragraphs",
            signal="dup_paragraph_fraction_after_first",
            keep="<= 0.3",
            source=RAE_TABLE,
        ),
        *frequent_ngram_rules(),
    ),
)
