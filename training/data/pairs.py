"""Preference pairs as token ids: what both answers follow, and each answer with its end.

The ids are those that trl's trainers make of the same row. They are made here, because trl puts all rows into one table first:
tools and calls of tools that differ would be given each other's keys, and texts cannot stand beside messages.

A row has `chosen` and `rejected`, and mostly `prompt`; all are texts, or all messages. Without a prompt, what the two share at
their beginning is it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gristmill.training.data.conversations import ConversationEncoder, checked_messages, common_prefix
from gristmill.training.data.row_files import UnusableRow

COLUMNS = (("prompt", "chosen", "rejected"), ("chosen", "rejected"))
SAME = "chosen and rejected that are the same"


def prepared_pair(record: Mapping[str, Any], encoder: ConversationEncoder) -> dict[str, Any]:
    """prompt_ids, chosen_ids, rejected_ids (int32) [, margin] of a row. Raises UnusableRow.

    The answers begin where the ids of prompt and answer differ from those of the prompt alone, for the first of the two. A
    prompt that is a text before messages is a user's message, and so are texts after one an assistant's.
    """
    if "chosen" not in record or "rejected" not in record:
        raise UnusableRow("without chosen or rejected")
    found = {name: record[name] for name in ("prompt", "chosen", "rejected") if name in record}
    if any(not isinstance(value, str) for value in found.values()):
        found = {name: _messages(value, "user" if name == "prompt" else "assistant") for name, value in found.items()}
    if found["chosen"] == found["rejected"]:
        raise UnusableRow(SAME)
    if "prompt" not in found:
        found = _with_shared_prompt(found)
    if not found["chosen"] or not found["rejected"]:
        raise UnusableRow("an answer that is empty")
    tools = record.get("tools")
    whole = {answer: encoder.ids_of(found["prompt"], found[answer], tools) for answer in ("chosen", "rejected")}
    if any(len(ids) > encoder.max_tokens for ids in whole.values()):
        raise UnusableRow(f"more than max_tokens {encoder.max_tokens:,} tokens")
    prompt = encoder.prompt_ids(found["prompt"], tools)
    first = min(common_prefix(prompt, ids) for ids in whole.values())
    pair: dict[str, Any] = {"prompt_ids": np.array(prompt[:first], np.int32)}
    pair |= {f"{answer}_ids": np.array(ids[first:], np.int32) for answer, ids in whole.items()}
    if not len(pair["chosen_ids"]) or not len(pair["rejected_ids"]):
        raise UnusableRow("an answer without a token")
    if "margin" in record:
        if not isinstance(record["margin"], (int, float)) or not abs(record["margin"]) < float("inf"):
            raise UnusableRow("a margin that is no number")
        pair["margin"] = float(record["margin"])
    return pair


def _messages(value: Any, role: str) -> list[dict[str, Any]]:
    return [{"role": role, "content": value}] if isinstance(value, str) else checked_messages(value)


def _with_shared_prompt(pair: dict[str, Any]) -> dict[str, Any]:
    """The longest beginning that both have is the prompt; of texts one that ends with white space."""
    chosen, rejected = pair["chosen"], pair["rejected"]
    shared = 0
    while shared < min(len(chosen), len(rejected)) and chosen[shared] == rejected[shared]:
        shared += 1
    if isinstance(chosen, str):
        while shared and not chosen[shared - 1].isspace():
            shared -= 1
        shared -= bool(shared)  # an answer begins with the space before it
    if not shared:
        raise UnusableRow("no prompt, and nothing that chosen and rejected share at their beginning")
    return {"prompt": chosen[:shared], "chosen": chosen[shared:], "rejected": rejected[shared:]}
