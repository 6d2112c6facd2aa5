"""The profile `rl`: what a prompt must have before a model is trained on rewards for its answers."""

from gristmill.schemas.recipe.rules import Profile, Rule

_LEARNABLE = "all answers right or all wrong give no advantage: Yu et al. 2025 (DAPO, arXiv:2503.14476), section 3.2"

RL = Profile(
    name="rl",
    description="Recommended for prompts with verifiable rewards: a checker that accepts the row's own answer, and, where "
    "the source says how often models solve the prompt, neither always nor never.",
    source="as each rule says",
    rules=(
        Rule(
            name="no_checker", signal="checker_kind", keep="not in []", if_null="drop", source="nothing can be rewarded"
        ),
        Rule(
            name="self_test_failed",
            signal="self_test_passed",
            keep="== true",
            source="the checker refuses the row's own answer: the reward would teach what is wrong",
        ),
        Rule(name="always_solved", signal="pass_rate", keep="< 1", source=_LEARNABLE),
        Rule(name="never_solved", signal="pass_rate", keep="> 0", source=_LEARNABLE),
    ),
)
