"""A tokenizer.json as a text is encoded with it: nothing is random, and no text becomes a special id.

`encode_special_tokens` of the `tokenizers` library keeps special tokens from being cut out of a text. That is not enough:
the model then finds their entries in its own vocabulary, because Unigram, WordLevel and WordPiece take any entry that
matches, and byte-pair encoding takes one that its merges lead to. So those entries get names that no text has, and merges
that lead to them go. Every other text keeps its ids. A special token of one character stays as it is, because it may be
the only way to write that character.

Bytes written as entries (`<0x0A>`, for characters outside the vocabulary) are found by name and cannot be renamed: a text
that spells one is cut behind its `<` instead.
"""

import json
import secrets
from typing import Any

from tokenizers import Tokenizer

# How entries begin that no text may match: of this process alone, so that no text can hold it.
HIDDEN = f"\ufdd0{secrets.token_hex(16)}"
RANDOM = ("dropout", "alpha", "nbest_size")  # of BPE; of Unigram
_BYTE_ENTRIES = frozenset(f"<0x{byte:02X}>" for byte in range(256))
_CUT_BYTE_ENTRIES = {
    "type": "Split",
    "pattern": {"Regex": "<(?=0x[0-9A-F]{2}>)"},
    "behavior": "Isolated",
    "invert": False,
}


def load_for_text(content: str) -> Tokenizer:
    """The tokenizer of a tokenizer.json's content: one text gives the same ids every time, and none that is special.

    It neither truncates nor pads. Raises Exception, as `tokenizers` does, when the content is no tokenizer.
    """
    settings = json.loads(content)
    if not isinstance(settings, dict) or not isinstance(settings.get("model"), dict):
        raise ValueError("no JSON object with a `model`")
    changed = _cut_at_byte_entries(settings_for_text(settings))
    tokenizer = Tokenizer.from_str(content if changed is settings else json.dumps(changed, ensure_ascii=False))
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def without_randomness(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings without BPE dropout and Unigram sampling; the same object when there is none."""
    model = settings["model"]
    if not any(map(model.get, RANDOM)):
        return settings
    return settings | {"model": {key: value for key, value in model.items() if key not in RANDOM}}


def settings_for_text(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings without randomness, and with special entries of the vocabulary that no text matches.

    The same object when nothing has to be changed.
    """
    settings = without_randomness(settings)
    model = settings["model"]
    entries = _entries(model)
    special = {token["content"] for token in settings.get("added_tokens") or [] if token["special"]}
    hidden = {name: HIDDEN + name for name in special if len(name) > 1 and name in entries}
    barred = hidden.keys() | (_BYTE_ENTRIES if model.get("byte_fallback") else set())
    kept = [merge for merge in model.get("merges") or () if barred.isdisjoint(produced(merge, model))]
    if not hidden and len(kept) == len(model.get("merges") or ()):
        return settings
    added = [token | {"content": hidden.get(token["content"], token["content"])} for token in settings["added_tokens"]]
    model = _renamed(model, hidden) | ({"merges": kept} if "merges" in model else {})
    return settings | {"model": model, "added_tokens": added}


def produced(merge: list[str] | str, model: dict[str, Any]) -> tuple[str, str, str]:
    """(left, right, the entry that they become) of a merge of byte-pair encoding."""
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right, left + right.removeprefix(model.get("continuing_subword_prefix") or "")


def _entries(model: dict[str, Any]) -> set[str]:
    """The names of a vocabulary: a mapping, or Unigram's list of (name, score)."""
    return {entry if isinstance(entry, str) else entry[0] for entry in model.get("vocab") or ()}


def _renamed(model: dict[str, Any], hidden: dict[str, str]) -> dict[str, Any]:
    """The model with entries under other names."""
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        changed: dict[str, Any] = {"vocab": {hidden.get(name, name): number for name, number in vocabulary.items()}}
    else:
        changed = {"vocab": [[hidden.get(name, name), score] for name, score in vocabulary]}
    unknown = model.get("unk_token")
    return model | changed | ({"unk_token": hidden[unknown]} if unknown in hidden else {})


def _cut_at_byte_entries(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with one more cut where a text spells the entry of a byte; the same object where none can match."""
    model = settings["model"]
    if not model.get("byte_fallback") or ("merges" in model and not model.get("ignore_merges")):
        return settings
    before = settings.get("pre_tokenizer")
    steps = [*([before] if before else []), _CUT_BYTE_ENTRIES]
    return settings | {"pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}}
