"""The common ways to cut text into pre-tokens before byte-level BPE merges them, and how a tokenizer.json says so."""

from dataclasses import dataclass
from typing import Any

from tokenizers import Regex, pre_tokenizers

GPT2, CL100K, O200K = 0, 1, 2  # families of patterns, each with a kernel (pre_token_kernels)

_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_WORD = r"[^\r\n\p{L}\p{N}]?"


@dataclass(frozen=True)
class Pattern:
    """regex: as it stands in tokenizer.json; None: ByteLevel's own. digits: the longest run of digits in one piece."""

    name: str
    family: int
    regex: str | None
    digits: int = 3

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """As tokenizers are saved with it."""
        if self.regex is None:
            return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(self.regex), "isolated"), byte_level])


PATTERNS = {
    pattern.name: pattern
    for pattern in (
        Pattern("gpt2", GPT2, None),
        Pattern(  # Llama 3 uses it too
            "cl100k",
            CL100K,
            _CONTRACTIONS + "|" + _WORD + r"\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + _SPACES,
        ),
        Pattern(
            "qwen",
            CL100K,
            _CONTRACTIONS + "|" + _WORD + r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + _SPACES,
            digits=1,
        ),
        Pattern(
            "o200k",
            O200K,
            f"{_WORD}{_UPPER}*{_LOWER}+{_CONTRACTIONS}?|{_WORD}{_UPPER}+{_LOWER}*{_CONTRACTIONS}?"
            r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + _SPACES,
        ),
    )
}


def recognised(pre_tokenizer: dict[str, Any] | None) -> Pattern | None:
    """The pattern of a tokenizer.json's `pre_tokenizer`; None when it does anything else."""
    if pre_tokenizer is None:
        return None
    steps = pre_tokenizer["pretokenizers"] if pre_tokenizer["type"] == "Sequence" else [pre_tokenizer]
    if not steps or steps[-1]["type"] != "ByteLevel" or steps[-1]["add_prefix_space"]:
        return None
    uses_regex = steps[-1].get("use_regex", True)
    if len(steps) == 1:
        return PATTERNS["gpt2"] if uses_regex else None
    if len(steps) != 2 or uses_regex or steps[0]["type"] != "Split":
        return None
    # a pattern that matches everywhere leaves nothing between its matches: isolating them is keeping only them
    kept = (steps[0]["behavior"], steps[0]["invert"])
    if kept not in (("Isolated", False), ("Removed", True)):
        return None
    regex = steps[0]["pattern"].get("Regex")
    return next(
        (pattern for pattern in PATTERNS.values() if pattern.regex is not None and pattern.regex == regex), None
    )
