"""What kind of task a prompt is, by a small set of rules: for the coverage of a set, not for judging a row.

The first class whose pattern is in the prompt counts, the special ones first; `other` where none is. Patterns are English with
the commonest verbs of German, French and Spanish; classes are those of InstructGPT (Ouyang et al. 2022, table 1) with code,
mathematics and translation told apart.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.schemas.signals import Family, Signal

CLASSES: Mapping[str, str] = {
    "translation": r"\b(?:translat\w+|übersetz\w*|tradui\w*|traduc\w*|traduz\w*)\b|übersetz|翻译|翻訳|перевед",
    "code": (
        r"```|\b(?:python|javascript|typescript|java|c\+\+|c#|rust|golang|sql|html|css|bash|regex|function|algorithm|"
        r"debug|compile|source code|unit tests?|api|script that|program that|programm|código|代码)\b|代码|コード"
    ),
    "mathematics": (
        r"\\frac|\\boxed|\$[^$\n]+\$|\b(?:solve|calculate|compute|equation|integral|derivative|probability|how (?:many|much)|"
        r"sum of|prove|percent(?:age)?|berechne|calcule|calcula)\b|\d\s*[-+*/×÷^]\s*\d|计算"
    ),
    "summarisation": r"\b(?:summari[sz]e|summary|sum up|tl;?dr|condense|zusammenfass\w*|fasse|résume\w*|resum\w+)\b|总结|要約",
    "extraction": (
        r"\b(?:extract|find all|list all .{0,40} in the|identify the .{0,40} in|named entit\w+|"
        r"from the (?:text|passage))\b"
    ),
    "classification": (
        r"\b(?:classify|categori[sz]e|sentiment|label (?:the|this|each)|which category|true or false|"
        r"yes or no)\b"
    ),
    "rewriting": (
        r"\b(?:rewrite|rephrase|paraphrase|proofread|correct (?:the|this|my)|edit (?:the|this|my)|improve (?:the|this|my)|"
        r"fix (?:the|this|my)|shorten|simplify|make (?:it|this) (?:more|less))\b"
    ),
    "role play": r"\b(?:act as|pretend|role-?play|you are (?:a|an|the)|imagine you(?:'re| are))\b",
    "brainstorming": r"\b(?:brainstorm|ideas?|suggest\w*|recommend\w*|give me \d+|list \d+|name (?:\d+|some|three|five|ten))\b",
    "writing": (
        r"\b(?:write|compose|draft|create|generate) .{0,40}\b(?:story|poem|essay|letter|email|song|article|blog|speech|haiku|"
        r"paragraph|description|headline|tweet|post|review|dialogue|script)\b|\bgedicht|\bpoème|\bpoema"
    ),
    "question": (
        r"[?？]\s*\z|\A\s*(?:what|who|when|where|why|how|which|is|are|does|do|can|explain|describe|"
        r"was|wer|wie|warum|qué|que)\b"
    ),
}

FAMILY = Family(
    name="task_class",
    version=1,
    signals=(Signal("task_class", "string", "", f"{', '.join(CLASSES)} or other", "the text is blank"),),
    measure="gristmill.filters.dialogue.task_class:measure",
    source="this file's patterns; classes after Ouyang et al. 2022 (arXiv:2203.02155), table 1",
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The class of `text`; see FAMILY for the column."""
    texts = batch.column("text").fill_null("")
    found = np.full(len(texts), len(CLASSES), np.int64)
    for number, pattern in reversed(list(enumerate(CLASSES.values()))):
        found[pc.match_substring_regex(texts, f"(?i)(?:{pattern})").to_numpy(zero_copy_only=False)] = number
    blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
    names = pa.array([*CLASSES, "other"], pa.large_string()).take(pa.array(found))
    classes = pc.if_else(blank, pa.scalar(None, pa.large_string()), names)
    return pa.RecordBatch.from_arrays([classes], schema=FAMILY.schema)
