"""Answers in JSON where JSON was asked for: whether the last turn of the user (or the system) asks, and what came.

Asking is a phrase (`respond in JSON`, `as a JSON object`, `only valid JSON`), in English, German, French, Spanish and
Chinese; a request for code that handles JSON is none. An answer is JSON when all of it parses, or a fence in it, or the
larger part of it, from its first bracket on.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.dialogue.code import JSON, fences
from gristmill.filters.dialogue.turns import SYSTEM, USER, turns_of
from gristmill.schemas.signals import Family, Signal

ASKED = (
    r"(?i)(?:"
    r"\b(?:respond|reply|answer|output|return)\b[^.\n]{0,60}\b(?:in|as|with|using|only)\b[^.\n]{0,30}\bjson\b"
    r"|\b(?:return|output|respond with|reply with|produce|give me)(?: only| just)?"
    r"(?: an?| the)?(?: single| valid| raw| strict)* json\b"
    r"|\b(?:only|valid|strict|strictly)(?: in| as)? json\b"
    r"|\b(?:as|in|into|to)(?: an?| valid| the following)* json(?: format| object| array| list|[.,:;!?]|\s*\z)"
    r"|\b(?:im|als|in)(?: gültiges| reines)? json(?:-format|-objekt)?\b"
    r"|\b(?:au format|en|sous forme de|en formato) json\b"
    r"|以 ?json|json ?格式"
    r")"
)
CODE_ASKED = (
    r"(?i)\b(?:function|script|program|class|method|parser?|parses|deseriali[sz]e|endpoint|library|module|command|regex|"
    r"python|javascript|typescript|java|golang|rust|php|c#|funktion|fonction|función)\b|函数|代码"
)
MAX_BYTES = 1_000_000  # a longer answer is not read, and counts as JSON

FAMILY = Family(
    name="json_answers",
    version=1,
    signals=(
        Signal("json_requested", "bool", "", "the last turn of the user, or the system, asks for an answer in JSON"),
        Signal(
            "json_answer_valid",
            "bool",
            "",
            "the response is, or holds, JSON",
            "JSON was not asked for, or there is no response",
        ),
    ),
    measure="gristmill.filters.dialogue.json_answers:measure",
    source="this file",
    reads=("text", "pieces"),
    rows=("conversation",),
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """Whether JSON was asked for and came; see FAMILY for the columns."""
    turns = turns_of(batch)
    asked = np.zeros(batch.num_rows, bool)
    for role in (USER, SYSTEM):
        texts = turns.texts(*turns.span(turns.last(role)))
        wants, code = (_matches(texts, pattern) for pattern in (ASKED, CODE_ASKED))
        asked |= wants & ~code
    starts, ends = turns.response()
    valid: list[bool | None] = [None] * batch.num_rows
    for row in np.flatnonzero(asked & (ends > starts)).tolist():
        valid[row] = holds_json(bytes(turns.data[starts[row] : ends[row]]).decode())
    return pa.RecordBatch.from_arrays([pa.array(asked), pa.array(valid, pa.bool_())], schema=FAMILY.schema)


def _matches(texts: pa.Array, pattern: str) -> np.ndarray:
    return pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)


def holds_json(text: str) -> bool:
    """Whether a text is JSON, has a fence that is, or is by half a value that begins with its first bracket."""
    if len(text) > MAX_BYTES or _value(text.strip()):
        return True
    if any(_value(code.strip()) for language, code, _ in fences(text) if language in JSON or not language):
        return True
    bracket = re.search(r"[{\[]", text)
    return bracket is not None and _value(text[bracket.start() :], least=len(text) // 2)


def _value(text: str, least: int | None = None) -> bool:
    """Whether a text is a JSON value; with `least`, whether it begins with one of at least so many characters."""
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return end == len(text) if least is None else end >= least
