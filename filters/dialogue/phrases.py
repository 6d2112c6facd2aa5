"""Phrases that give an answer away: refusals, an assistant that speaks of itself, filler.

Regular expressions of RE2, which reads a text once whatever it holds. The phrases are ours, collected from what assistants
write; a phrase is in the list of its language only where it means this and nothing else. They see words, not meaning: a
text about refusals refuses.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.schemas.signals import Family, Signal

OPENING_CHARACTERS = 300  # a refusal further back is a caveat of an answer that was given

REFUSALS: Mapping[str, tuple[str, ...]] = {
    "en": (
        r"\bi(?:['’]m| am)(?: very| so| truly)? sorry,? but (?:i |as an ai)",
        r"\bi (?:apologi[sz]e|regret),? but i (?:can|am|do|must|will)",
        r"\bi (?:cannot|can['’]t|can not|won['’]t|will not|am unable to|am not able to|am not going to) "
        r"(?:assist|help(?: you)?(?: with|[.,!]| to)|provide|fulfil|comply|create|generate|write|engage|participate|"
        r"support|answer that|do that)",
        r"\bi['’]m (?:unable|not able|not going) to (?:assist|help|provide|fulfil|comply|create|generate|write|answer)",
        r"\bi (?:must|have to) (?:decline|refuse)\b",
        r"\bas an ai[^.\n]{0,40}, i (?:cannot|can['’]t|can not|do not|don['’]t|am unable|am not able|won['’]t)",
        r"\bunfortunately,? i(?: (?:cannot|can['’]t|can not|am unable|am not able)|['’]m (?:unable|not able))",
    ),
    "de": (
        r"\btut mir (?:sehr )?leid, (?:aber )?(?:ich kann|das kann ich|dabei kann ich|als)\b",
        r"\bich kann (?:dir|ihnen|euch)?\s?(?:dabei|damit|hierbei) (?:leider )?nicht (?:helfen|weiterhelfen)",
        r"\bals (?:ki|künstliche intelligenz)[^.\n]{0,40} kann ich (?:leider )?(?:nicht|kein)",
        r"\bleider kann ich (?:dir|ihnen|dabei|damit|diese anfrage|keine)\b",
    ),
    "fr": (
        r"\bje suis (?:vraiment )?désolée?,? (?:mais )?je ne (?:peux|suis)",
        r"\ben tant qu(?:['’]ia|['’]intelligence artificielle|e modèle de langage)[^.\n]{0,40} je ne (?:peux|suis)",
        r"\bje ne (?:peux pas|suis pas en mesure de) (?:vous |t['’])?(?:aider|fournir|répondre|créer)",
    ),
    "es": (
        r"\blo siento,? (?:pero )?(?:no puedo|como)",
        r"\bcomo (?:una )?(?:ia|inteligencia artificial|modelo de lenguaje)[^.\n]{0,40} no puedo",
        r"\bno puedo (?:ayudarte|ayudarle|proporcionar|cumplir con)",
    ),
    "it": (
        r"\bmi dispiace,? (?:ma )?(?:non posso|come)",
        r"\bcome (?:ia|intelligenza artificiale|modello linguistico)[^.\n]{0,40} non posso",
    ),
    "pt": (
        r"\b(?:desculpe|sinto muito|lamento),? (?:mas )?(?:eu )?não posso",
        r"\bcomo (?:uma )?(?:ia|inteligência artificial|um modelo de linguagem|modelo de linguagem)[^.\n]{0,40} não posso",
    ),
    "nl": (r"\bhet spijt me,? (?:maar )?(?:ik kan|als)", r"\bals ai[^.\n]{0,30} kan ik (?:niet|geen)"),
    "ru": (
        r"(?:извините|простите|к сожалению),? (?:но )?я не (?:могу|в состоянии)",
        r"как (?:языковая модель|ии|искусственный интеллект)[^.\n]{0,40} не могу",
    ),
    "zh": (
        r"(?:抱歉|对不起|對不起)[，,]?.{0,8}(?:不能|无法|無法)",
        r"(?:作为|作為)(?:一个|一個|一名)?(?:人工智能|ai)[^。\n]{0,20}(?:不能|无法|無法)",
    ),
    "ja": (
        r"申し訳(?:ありません|ございません|ない).{0,30}(?:できません|できかねます|お答えできない|お手伝いできない)",
        r"ai(?:言語モデル|アシスタント)?(?:として|なので|のため)[^。\n]{0,30}(?:できません|できかねます)",
    ),
    "ko": (
        r"죄송(?:합니다|하지만).{0,30}(?:수 없|어렵습니다)",
        r"ai (?:언어 모델|어시스턴트)(?:로서|이기 때문에)[^.\n]{0,30}수 없",
    ),
}

SELF_REFERENCES = (
    r"\bas an? (?:ai|artificial intelligence|large language model|language model)\b",
    r"\bi(?:['’]m| am) (?:just |only )?an? (?:ai|artificial intelligence|large language model|language model)\b",
    r"\b(?:my|as of my) (?:last |latest )?(?:knowledge )?(?:update|cut-?off|training data)\b",
    r"\bknowledge cut-?off\b",
    r"\bi (?:don['’]t|do not) have (?:personal (?:opinions|beliefs|experiences|feelings|preferences)|"
    r"feelings|real-time access|access to real-time)",
    r"\b(?:trained|developed|created|made) by (?:openai|anthropic|google|meta|mistral|deepseek|alibaba)\b",
    r"\bi(?:['’]m| am) (?:chatgpt|claude|gemini|bard|llama|qwen|deepseek)\b",
    r"\bals (?:ki(?:-sprachmodell|-modell|-assistent)?|sprachmodell)\b",
    r"\ben tant qu(?:['’]ia|['’]intelligence artificielle|e modèle de langage)\b",
    r"\bcomo (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje|modelo de linguagem)\b",
    r"\bcome (?:un['’]?\s?)?(?:ia|intelligenza artificiale|modello linguistico)\b",
    r"как (?:языковая модель|искусственный интеллект)",
    r"(?:作为|作為)(?:一个|一個|一名)?(?:人工智能|ai)",
    r"ai言語モデル|aiアシスタント",
    r"ai 언어 모델",
)

FILLERS = (
    r"\bi hope (?:this|that|it) helps\b",
    r"\b(?:let me know|feel free to (?:ask|reach out)|please (?:let me know|feel free)|don['’]t hesitate to)\b",
    r"\bis there anything else (?:i can|you)",
    r"\bhappy to help\b",
    r"^\s*(?:certainly|absolutely|of course|sure(?: thing)?|great question)[!,.]",
    r"\bich hoffe,? (?:das|dies) hilft\b",
    r"\bj['’]espère que cela (?:vous |t['’])?aide",
    r"\bespero que (?:esto|isso|te|le|ajude|ayude)",
    r"希望(?:这|這)?(?:对|對)?(?:你|您)有(?:所)?(?:帮助|幫助)",
)

FAMILY = Family(
    name="refusals",
    version=1,
    signals=(
        Signal(
            "opens_with_refusal",
            "bool",
            "",
            f"a refusal in the first {OPENING_CHARACTERS} characters ({', '.join(REFUSALS)})",
        ),
        Signal("refusal_count", "int", "phrases", "refusals anywhere in the text"),
        Signal(
            "self_reference_count",
            "int",
            "phrases",
            "phrases of an assistant about itself: `as an AI language model`",
        ),
        Signal("filler_phrase_count", "int", "phrases", "phrases that every answer could have: `I hope this helps`"),
    ),
    measure="gristmill.filters.dialogue.phrases:measure",
    source="this file's lists",
)


def _any(patterns: tuple[str, ...]) -> str:
    return "(?i)(?:" + "|".join(patterns) + ")"


REFUSAL = _any(tuple(pattern for patterns in REFUSALS.values() for pattern in patterns))
SELF_REFERENCE, FILLER = _any(SELF_REFERENCES), _any(FILLERS)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The phrases of `text`; see FAMILY for the columns."""
    texts = batch.column("text").fill_null("")
    opening = pc.utf8_slice_codeunits(texts, 0, OPENING_CHARACTERS)
    columns = [
        pc.match_substring_regex(opening, REFUSAL),
        *(pc.count_substring_regex(texts, pattern) for pattern in (REFUSAL, SELF_REFERENCE, FILLER)),
    ]
    return pa.RecordBatch.from_arrays(
        [column.cast(field.type) for column, field in zip(columns, FAMILY.schema, strict=True)], schema=FAMILY.schema
    )
