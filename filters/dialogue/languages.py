"""Whether an answer is in the language it was asked in.

Read are the user's last turn and the response, both without fenced code. Undefined where either has too few letters, where
its language is unsure, and where the user names another language or asks for a translation: then another language is right.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.dialogue.turns import USER, turns_of
from gristmill.filters.language import identify
from gristmill.schemas.signals import Family, Signal

MIN_SCORE = 0.8  # below, one of the two may be wrong and nobody has changed language
MIN_LETTERS = 20
_CODE = r"(?s)(?:```|~~~).*?(?:```|~~~|\z)|`[^`\n]*`"
_NAMES = (
    "english|german|french|spanish|italian|portuguese|dutch|russian|chinese|mandarin|japanese|korean|arabic|hindi|turkish|polish|"
    "ukrainian|czech|swedish|danish|norwegian|finnish|greek|hebrew|thai|vietnamese|indonesian|latin|hungarian|romanian|"
    "englisch|deutsch|französisch|spanisch|italienisch|anglais|allemand|français|espagnol|inglés|alemán|francés|español|"
    "inglese|tedesco|francese|spagnolo|italiano|inglês|alemão|espanhol"
)
OTHER_ASKED = (
    rf"(?i)\b(?:translat\w*|tradui\w*|traduc\w*|traduz\w*|tradur\w*|{_NAMES})\b"
    "|übersetz|перев[её]д|перевод|翻译|翻譯|翻訳|英语|英文|中文|日语|英語|日本語|번역|영어|한국어|ترجم|अनुवाद"
)

FAMILY = Family(
    name="conversation_languages",
    version=1,
    signals=(
        Signal("prompt_language", "string", "code", "language of the user's last turn", "unsure, or too few letters"),
        Signal(
            "response_language", "string", "code", "language of the last assistant's turn", "unsure, or too few letters"
        ),
        Signal(
            "response_in_prompt_language",
            "bool",
            "",
            "both languages are the same",
            "one of them is null, or the user names a language or asks for a translation",
        ),
    ),
    measure="gristmill.filters.dialogue.languages:measure",
    source="the family `language`, on the two texts",
    reads=("text", "pieces"),
    rows=("conversation",),
    libraries=identify.FAMILY.libraries,
)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The languages of prompt and response; see FAMILY for the columns."""
    turns = turns_of(batch)
    asked = turns.texts(*turns.span(turns.last(USER)))
    prompts, responses = (_languages(texts) for texts in (asked, turns.texts(*turns.response())))
    other = pc.match_substring_regex(asked, OTHER_ASKED)
    same = pc.if_else(other, pa.scalar(None, pa.bool_()), pc.equal(prompts, responses))
    return pa.RecordBatch.from_arrays([prompts, responses, same], schema=FAMILY.schema)


def _languages(texts: pa.Array) -> pa.Array:
    """The languages of texts without their code; null where unsure."""
    prose = pc.replace_substring_regex(texts, _CODE, " ")
    found = identify.measure(pa.record_batch({"text": prose}), {})
    letters = pc.count_substring_regex(prose, r"\pL")
    wide = pc.count_substring_regex(prose, r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
    long = np.asarray(pc.add(letters, pc.multiply(wide, 2)).to_numpy(zero_copy_only=False)) >= MIN_LETTERS
    sure = pc.and_(pa.array(long), pc.greater_equal(found.column("language_score"), MIN_SCORE).fill_null(False))
    return pc.if_else(sure, found.column("language"), pa.scalar(None, pa.large_string()))
