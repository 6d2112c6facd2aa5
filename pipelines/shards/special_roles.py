"""Which tokens of a tokenizer play the special roles in shards: begin and end of documents, padding, mask, separator.

The user's choice comes first, then the tokenizer's own configuration, then usual names, then a token of ours that is
reserved above the vocabulary. A token that ordinary text is written with plays no role: every "e" of a text would end a
document. Who chose which token is said in `role_notes`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gristmill.filters.text.text_tokenizer import produced
from gristmill.schemas.errors import ModelError
from gristmill.schemas.recipe.shards import ShardOptions
from tokenizers import Tokenizer

CONFIG_KEYS = {
    "bos": "bos_token",
    "eos": "eos_token",
    "pad": "pad_token",
    "mask": "mask_token",
    "separator": "sep_token",
}
_OURS = {
    "bos": "<|bos|>",
    "eos": "<|endoftext|>",
    "pad": "<|pad|>",
    "mask": "<|mask|>",
    "separator": "<|separator|>",
}
_USUAL = {  # names by which a tokenizer without a configuration gives its special tokens away
    "bos": ("<|begin_of_text|>", "<s>", "<bos>", "<｜begin▁of▁sentence｜>", "[CLS]"),
    "eos": ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<｜end▁of▁sentence｜>", "[SEP]"),
    "pad": ("<|pad|>", "<pad>", "[PAD]", "<｜▁pad▁｜>", "<|finetune_right_pad_id|>"),
    "mask": ("<|mask|>", "<mask>", "[MASK]"),
    "separator": ("<|separator|>",),
}
_BRACKETED = re.compile(r"[<\[{|].*\w.*[>\]}|]", re.DOTALL)  # how names of tokens look that are no text

Origin = Literal["named", "configured", "usual", "reserved", "unused"]


@dataclass(frozen=True)
class Role:
    """name: the token; None: nobody plays this role. passed_over: why the configured token does not, if it does not."""

    name: str | None
    origin: Origin
    passed_over: str = ""


def choose_roles(tokenizer: Tokenizer, config: Mapping[str, Any], options: ShardOptions) -> dict[str, Role]:
    """The token of each role. ModelError when the options name a token that is unknown, or that text is written with."""
    written = TextTokens(tokenizer)
    roles = {role: _chosen(role, getattr(options, role), config, written) for role in CONFIG_KEYS}
    if not options.add_bos and roles["bos"].origin == "reserved":
        roles["bos"] = Role(None, "unused")
    if roles["pad"].name == roles["eos"].name:  # a padding that is the end of text would teach a model never to stop
        roles["pad"] = _ours("pad", written, f"{roles['pad'].name!r} is the end of text")
    if roles["separator"].name in (roles["eos"].name, roles["pad"].name, roles["mask"].name):
        roles["separator"] = _ours("separator", written, f"{roles['separator'].name!r} plays another role")
    return roles


class TextTokens:
    """Which tokens of a tokenizer are special, and which ones text is written with."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        settings = json.loads(tokenizer.to_str())
        self.model = settings["model"]
        self.ids = tokenizer.get_vocab(with_added_tokens=True)
        self.special = {token["content"] for token in settings["added_tokens"] if token["special"]}
        self.added = {token["content"] for token in settings["added_tokens"]}

    def holds(self, name: str) -> bool:
        """Whether ordinary text may get this token. A name in brackets that is a token can be made special instead."""
        if len(name) == 1:
            return True
        if name in self.special or _BRACKETED.fullmatch(name):
            return False
        if name in self.added or "merges" not in self.model or self.model.get("ignore_merges"):
            return True
        return any(name == produced(merge, self.model)[2] for merge in self.model["merges"])


def _chosen(role: str, chosen: str | None, config: Mapping[str, Any], written: TextTokens) -> Role:
    if chosen is not None:
        if chosen not in written.ids:
            raise ModelError(
                f"the tokenizer has no token {chosen!r}",
                expected=f"a token of its vocabulary as `{role}`, or none named",
            )
        if written.holds(chosen):
            raise ModelError(
                f"`{role}: {chosen}` is a token that ordinary text is written with",
                expected="a special token: each place where a text has this one would read as "
                + {"eos": "the end of a document", "bos": "the beginning of a document"}.get(role, f"a {role}"),
                next_step=f"name no `{role}` (the tokenizer's own or a reserved one is taken), or add a special token to "
                "the tokenizer",
            )
        return Role(chosen, "named")
    name, passed_over = token_name(config.get(CONFIG_KEYS[role])), ""
    if name in written.ids:
        if not written.holds(str(name)):
            return Role(name, "configured")
        passed_over = f"the configured {name!r} is a token that ordinary text is written with"
    usual = next((name for name in _USUAL[role] if name in written.special), None)
    return Role(usual, "usual", passed_over) if usual else _ours(role, written, passed_over)


def _ours(role: str, written: TextTokens, passed_over: str) -> Role:
    """The token of ours; it may be in the vocabulary already."""
    name = _OURS[role]
    return Role(name, "usual" if name in written.ids else "reserved", passed_over)


def token_name(configured: Any) -> Any:
    """The text of a token as configurations name it: a string, or a mapping with `content`."""
    return configured.get("content") if isinstance(configured, Mapping) else configured


def role_notes(roles: Mapping[str, Role], sentinels_added: int) -> tuple[str, ...]:
    """Sentences that say which token plays which role, and who chose it."""
    told = {
        "named": "as named",
        "configured": "as the tokenizer's configuration says",
        "usual": "found by its usual name",
    }
    found = [f"{role} {one.name!r} ({told[one.origin]})" for role, one in roles.items() if one.origin in told]
    reserved = [f"{role} {one.name!r}" for role, one in roles.items() if one.origin == "reserved"]
    if sentinels_added:
        reserved.append(f"{sentinels_added} sentinels")
    notes = [f"special tokens: {', '.join(found)}"] if found else []
    if reserved:
        notes.append(f"reserved above the vocabulary, because the tokenizer has none: {', '.join(reserved)}")
    notes += [f"{role}: {one.passed_over}, so {one.name!r} is taken" for role, one in roles.items() if one.passed_over]
    if roles["eos"].origin == "reserved":
        notes.append("no end of text is known of this tokenizer; name one with --eos if its model has learnt one")
    return tuple(notes)
