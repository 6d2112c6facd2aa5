"""The profile `sft`: what a careful curator asks of a conversation before a model is tuned on it.

Every rule is a fault that was found in published instruction data or that a trainer cannot learn from. What it does not
ask: length (a short answer may be the right one), fillers, quality, and whether an answer is true.
"""

from gristmill.schemas.recipe.rules import Profile, Rule

_SHAPE = "chat templates of trl and of Hugging Face transformers refuse or bend such a row"
_ALPACA = "AlpacaDataCleaned's and LIMA's (Zhou et al. 2023, section 2) lists of faults in instruction data"
_VICUNA = "FastChat, data cleaning for Vicuna: optional_clean.py, filter_wrong_format.py"
_UNFILTERED = "the `unfiltered` editions of WizardLM and Vicuna data remove such answers"
_LOOPS = "Holtzman et al. 2020 (arXiv:1904.09751): degenerate repetition; the limits are ours"
_OURS = "ours: measured on planted faults, benchmarks/curate.py faults"

SFT = Profile(
    name="sft",
    description="Recommended for supervised fine-tuning: turns in order, an answer that is whole, in the language and "
    "form asked for, without refusals, loops, copies of the prompt or marks of templates.",
    source="as each rule says; thresholds without one are ours",
    rules=(
        Rule(
            name="no_assistant_turn",
            signal="assistant_turn_count",
            keep=">= 1",
            source="there is nothing to learn from",
        ),
        Rule(name="no_user_turn", signal="user_turn_count", keep=">= 1", source=_SHAPE),
        Rule(name="ends_with_other_role", signal="ends_with_assistant", keep="== true", source=_SHAPE),
        Rule(name="roles_out_of_turn", signal="out_of_turn_count", keep="<= 0", source=f"{_SHAPE}; {_VICUNA}"),
        Rule(name="late_system_message", signal="late_system_count", keep="<= 0", source=_SHAPE),
        Rule(name="unknown_role", signal="unknown_role_count", keep="<= 0", source=_SHAPE),
        Rule(name="empty_turn", signal="empty_turn_count", keep="<= 0", source=f"{_ALPACA}; {_VICUNA}"),
        Rule(name="unanswered_tool_call", signal="unanswered_tool_call_count", keep="<= 0", source=_SHAPE),
        Rule(name="orphan_tool_result", signal="orphan_tool_result_count", keep="<= 0", source=_SHAPE),
        Rule(name="truncated_by_length", signal="truncated_by_length", keep="!= true", source="the row says so itself"),
        Rule(name="ends_mid_sentence", signal="ends_mid_sentence@response", keep="!= true", source=_OURS),
        Rule(name="refusal", signal="opens_with_refusal@response", keep="== false", source=_UNFILTERED),
        Rule(
            name="assistant_speaks_of_itself", signal="self_reference_count@assistant", keep="<= 0", source=_UNFILTERED
        ),
        Rule(name="loop", signal="loop_character_fraction@response", keep="<= 0.25", source=_LOOPS),
        Rule(name="many_loop_repeats", signal="loop_repeats@response", keep="<= 20", source=_LOOPS),
        Rule(name="copied_prompt", signal="prompt_echo_fraction", keep="<= 0.9", source=_OURS),
        Rule(name="response_equals_prompt", signal="response_equals_prompt", keep="!= true", source=_ALPACA),
        Rule(name="template_tokens", signal="template_token_count", keep="<= 0", source=_VICUNA),
        Rule(name="turn_markers", signal="turn_marker_count@assistant", keep="<= 0", source=_VICUNA),
        Rule(name="unclosed_code_fence", signal="unclosed_code_fence_count@response", keep="<= 0", source=_OURS),
        Rule(name="unparsed_python", signal="unparsed_python_fence_count@response", keep="<= 0", source=_OURS),
        Rule(name="unparsed_json", signal="unparsed_json_fence_count@response", keep="<= 0", source=_OURS),
        Rule(name="no_json_answer", signal="json_answer_valid", keep="!= false", source=_OURS),
        Rule(name="response_in_other_language", signal="response_in_prompt_language", keep="!= false", source=_OURS),
    ),
)
