"""The profile `preference`: what a careful curator asks of a pair before a reward model or DPO is trained on it.

It asks nothing of what a set may be about: refusals (where the chosen answer refuses for good reason), length and form.
Those are signals; `opens_with_refusal@chosen` and `chosen_to_rejected_length_ratio` are rules of one line where they
are wanted.
"""

from gristmill.schemas.recipe.rules import Profile, Rule

PREFERENCE = Profile(
    name="preference",
    description="Recommended for preference pairs: answers that differ, a prompt that is their own, a judgement that prefers "
    "the chosen one, a chosen answer that is whole.",
    source="thresholds are ours",
    rules=(
        Rule(name="equal_answers", signal="chosen_equals_rejected", keep="!= true", source="it teaches chance"),
        Rule(name="nearly_equal_answers", signal="chosen_rejected_similarity", keep="< 0.95", source="ours"),
        Rule(name="prompt_mismatch", signal="prompt_mismatch", keep="!= true", source="ours"),
        Rule(name="no_margin", signal="score_margin", keep="> 0", source="the scores contradict the choice"),
        Rule(name="empty_chosen_answer", signal="chosen_characters", keep=">= 1", source="there is nothing to prefer"),
        Rule(name="chosen_ends_mid_sentence", signal="ends_mid_sentence@chosen", keep="!= true", source="ours"),
    ),
)
