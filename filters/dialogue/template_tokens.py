"""Marks of chat templates that stand in the text itself: control tokens, and lines that begin somebody's turn.

A control token in a text is what a template was applied to twice, or what a scraper took from a log; a model trained on
it writes it. Marks of turns (`### Response:`, `Human:`) also occur in honest texts (an interview), so that they are a
signal of their own.

Sources: the chat templates of the model families named beside each pattern.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.schemas.signals import Family, Signal

TOKENS = (
    r"<\|[A-Za-z][A-Za-z0-9_ ]{0,40}\|>",  # ChatML, Llama 3, Phi, Zephyr, Qwen, Harmony: <|im_end|>, <|eot_id|>, <|user|>
    r"<｜[^｜<>\n]{1,40}｜>",  # DeepSeek: <｜begin▁of▁sentence｜>
    r"\[/?INST\]",  # Llama 2, Mistral
    r"<</?SYS>>",  # Llama 2
    r"\[/?(?:AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|SYSTEM_PROMPT)\]",  # Mistral
    r"</?(?:start_of_turn|end_of_turn)>",  # Gemma
    r"<(?:bos|eos|pad|unk)>",  # Gemma and others
    r"(?:\A|\n)<s>|</s>\s*\z",  # Llama 2; elsewhere <s> is struck-out text of HTML
    r"<\|?endoftext\|?>",  # GPT-2
    r"\bGPT4 Correct (?:User|Assistant):",  # OpenChat
)
TURNS = (
    r"#{2,3} ?(?:Instruction|Input|Response|Human|Assistant|User|System|Question|Answer) ?:",  # Alpaca, Guanaco
    r"(?:Human|Assistant|USER|ASSISTANT|AI|User) ?: ",  # HH-RLHF, Vicuna
    r"<(?:user|assistant|human|bot)> ?:? ?",
)
TOKEN = "(?:" + "|".join(TOKENS) + ")"
TURN = r"(?m)^[ \t]*(?:" + "|".join(TURNS) + ")"

FAMILY = Family(
    name="template_tokens",
    version=1,
    signals=(
        Signal(
            "template_token_count", "int", "tokens", "control tokens of chat templates: `<|im_end|>`, `[INST]`, `</s>`"
        ),
        Signal("turn_marker_count", "int", "lines", "lines that begin as somebody's turn: `### Response:`, `Human:`"),
    ),
    measure="gristmill.filters.dialogue.template_tokens:measure",
    source="the chat templates named in this file",
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The marks of templates in `text`; see FAMILY for the columns."""
    texts = batch.column("text").fill_null("")
    columns = [pc.count_substring_regex(texts, pattern).cast(pa.int64()) for pattern in (TOKEN, TURN)]
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)
