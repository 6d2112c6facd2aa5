"""Which tokenizers give a text the ids of its words, one after the other, and where such a word begins.

Two kinds. DROPPED: white space cuts before anything else and is gone; BERT's, word-level ones. LED: a word is led by its
spaces, which stand as "▁" in the vocabulary, as SentencePiece has it (Kudo & Richardson 2018); a pre-tokeniser cuts
there, or nothing does and no token of the vocabulary goes across.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.filters.text.text_tokenizer import RANDOM

MARK = "▁"

# Each looks at one character at a time, or composes combining characters, which no white space does. Not `Precompiled`:
# it looks at graphemes, and a space is one with the combining characters behind it.
_COMPOSING = {"Lowercase", "NFC", "NFD"}
_SPACE_MAKING = {"NFKC", "NFKD"}
_EMPTYING = {"BertNormalizer", "StripAccents", "Nmt"}  # a word may be nothing to them
_CUTTERS = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit"}
_WITHIN_WORDS = _CUTTERS | {"Punctuation", "Digits", "Metaspace"}
_TO_MARK = {"type": "Replace", "pattern": {"String": " "}, "content": MARK}


@dataclass(frozen=True)
class WordSplit:
    """led: words with the spaces before them. prepended: a text that is not empty begins with one space more."""

    led: bool
    prepended: bool = False


def word_split_of(settings: dict[str, Any]) -> WordSplit | None:
    """How words are cut for the tokenizer of these settings (a tokenizer.json); None when they are no strangers to it."""
    model = settings["model"]
    normalizers = _steps(settings.get("normalizer"), "normalizers")
    cuts = _steps(settings.get("pre_tokenizer"), "pretokenizers")
    if settings.get("truncation") or settings.get("padding") or any(map(model.get, RANDOM)):
        return None
    if not all(token["special"] for token in settings.get("added_tokens", [])):
        return None
    if _drops_white_space(normalizers, cuts):
        return WordSplit(led=False)
    prepended = bool(normalizers) and normalizers[0] == {"type": "Prepend", "prepend": MARK}
    normalizers = normalizers[prepended:]
    if _cuts_at_marks(normalizers, cuts) or _is_led_by_vocabulary(normalizers, cuts, model):
        return WordSplit(led=True, prepended=prepended)
    return None


def without_prepend(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a `prepended` tokenizer without its first step."""
    steps = _steps(settings["normalizer"], "normalizers")[1:]
    return settings | {"normalizer": {"type": "Sequence", "normalizers": steps} if steps else None}


def _drops_white_space(normalizers: Sequence[dict[str, Any]], cuts: Sequence[dict[str, Any]]) -> bool:
    if not cuts or cuts[0]["type"] not in _CUTTERS or not _kinds(normalizers) <= _COMPOSING | _SPACE_MAKING | _EMPTYING:
        return False
    return all(map(_is_within_words, cuts))


def _cuts_at_marks(normalizers: Sequence[dict[str, Any]], cuts: Sequence[dict[str, Any]]) -> bool:
    """A mark begins a word, whatever was before it; a word that begins with one is no other at the start of a text."""
    if not cuts or not _is_metaspace(cuts[0], split=True):
        return False
    others = [step for step in normalizers if step != _TO_MARK]
    return all(map(_is_within_words, cuts[1:])) and _kinds(others) <= _COMPOSING | _SPACE_MAKING


def _is_led_by_vocabulary(
    normalizers: Sequence[dict[str, Any]], cuts: Sequence[dict[str, Any]], model: dict[str, Any]
) -> bool:
    """Byte-pair encoding of whole texts without a merge over the beginning of a word: merges elsewhere are its own."""
    others = [step for step in normalizers if step != _TO_MARK]
    marked = len(others) < len(normalizers)
    whole = all(_is_split_at_spaces(step) for step in cuts) if marked else _are_one_metaspace(cuts)
    changed = any(map(model.get, ("ignore_merges", "continuing_subword_prefix", "end_of_word_suffix")))
    if not whole or changed or model.get("type") != "BPE" or not _kinds(others) <= _COMPOSING:
        return False
    joined = ("".join(merge) if isinstance(merge, list) else merge.replace(" ", "") for merge in model["merges"])
    return MARK in model["vocab"] and not any(MARK in token.lstrip(MARK) for token in joined)


def _is_metaspace(step: dict[str, Any], split: bool) -> bool:
    return step["type"] == "Metaspace" and step["replacement"] == MARK and step.get("split", True) is split


def _are_one_metaspace(cuts: Sequence[dict[str, Any]]) -> bool:
    return len(cuts) == 1 and _is_metaspace(cuts[0], split=False)


def _is_split_at_spaces(step: dict[str, Any]) -> bool:
    """It cuts at plain spaces alone, of which marks have left none."""
    return step["type"] == "Split" and step["pattern"] == {"String": " "} and not step["invert"]


def _is_within_words(step: dict[str, Any]) -> bool:
    """It looks at one word alone, the first of a text as any other."""
    return step["type"] in _WITHIN_WORDS and step.get("prepend_scheme") != "first"


def _kinds(steps: Iterable[dict[str, Any]]) -> set[str]:
    return {step["type"] for step in steps}


def _steps(step: dict[str, Any] | None, name: str) -> Sequence[dict[str, Any]]:
    """The steps of a normalizer or pre-tokeniser, sequences in sequences laid out."""
    if step is None:
        return []
    return [part for inner in step[name] for part in _steps(inner, name)] if step["type"] == "Sequence" else [step]
