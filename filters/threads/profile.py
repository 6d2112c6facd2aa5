"""The profile `threads`: questions with answers and discussions, in any language."""

from gristmill.filters.gopher.profiles import frequent_ngram_rules
from gristmill.schemas.recipe.rules import Profile, Rule

_OURS = "a question of one line without an answer is shorter"

THREADS = Profile(
    name="threads",
    description="For questions with answers (`format: stackexchange`) and discussions (`format: reddit`) as documents, in any "
    "language: drops what is too short to hold an exchange and what repeats itself. Lists and short lines are usual in them "
    "and no fault.",
    source="ours, with the repetition limits of Gopher (Rae et al. 2021, table A1)",
    rules=(
        Rule(name="few_characters", signal="character_count", keep=">= 200", source=_OURS),
        *frequent_ngram_rules(),
    ),
)
