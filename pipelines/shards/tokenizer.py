"""The tokenizer of a shard folder: any `tokenizer.json`, with the ids that the objectives need reserved.

A Hugging Face tokenizer becomes ours by adding, above its vocabulary, the special tokens it has not: pad, mask,
separator, sentinels. What `transformers` needs to load the result lies beside it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.pipelines.engine.storage import Storage
from gristmill.schemas.errors import ModelError
from gristmill.schemas.shard_format import TOKENIZER_FOLDER, TokenizerRecord
from gristmill.schemas.shard_options import ShardOptions
from tokenizers import AddedToken, Tokenizer

TOKENIZER_FILE, CONFIG_FILE, SPECIAL_FILE = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"
_ROLES = {
    "bos": ("bos_token", "<|bos|>"),
    "eos": ("eos_token", "<|endoftext|>"),
    "pad": ("pad_token", "<|pad|>"),
    "mask": ("mask_token", "<|mask|>"),
    "separator": ("sep_token", "<|separator|>"),
}
_USUAL = {  # names by which a tokenizer without a configuration gives its special tokens away
    "bos": ("<|begin_of_text|>", "<s>", "<bos>", "<｜begin▁of▁sentence｜>", "[CLS]"),
    "eos": ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<｜end▁of▁sentence｜>", "[SEP]"),
    "pad": ("<|pad|>", "<pad>", "[PAD]", "<｜▁pad▁｜>", "<|finetune_right_pad_id|>"),
    "mask": ("<|mask|>", "<mask>", "[MASK]"),
    "separator": ("<|separator|>",),
}
_SENTINELS = ("<extra_id_{}>", "<|sentinel_{}|>")


@dataclass(frozen=True)
class PreparedTokenizer:
    """content: of tokenizer.json, special tokens reserved. config: of tokenizer_config.json. added: tokens of ours."""

    content: str
    config: dict[str, Any]
    record: TokenizerRecord
    added: tuple[str, ...]


def prepare_tokenizer(options: ShardOptions) -> PreparedTokenizer:
    """Load and reserve. ModelError when there is no tokenizer, or a token named in the options is unknown to it."""
    tokenizer, config = read_tokenizer(options.tokenizer)
    before = tokenizer.get_vocab(with_added_tokens=True)
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    names: dict[str, str | None] = {
        role: _name_of(role, getattr(options, role), config, before, special) for role in _ROLES
    }
    if not options.add_bos and names["bos"] not in before:
        names["bos"] = None
    if names["pad"] == names["eos"]:
        names["pad"] = _ROLES["pad"][1]  # a padding that is the end of text would teach a model never to stop
    if names["separator"] in (names["eos"], names["pad"], names["mask"]):
        names["separator"] = _ROLES["separator"][1]
    pattern = next((p for p in _SENTINELS if p.format(0) in special), _SENTINELS[-1])
    sentinels = [pattern.format(number) for number in range(options.sentinels)]
    wanted = [*(name for name in names.values() if name), *sentinels]
    added = tuple(dict.fromkeys(name for name in wanted if name not in before))
    tokenizer = _with_special_tokens(tokenizer, added, next_id=max(before.values()) + 1)
    ids = tokenizer.get_vocab(with_added_tokens=True)
    content = tokenizer.to_str()
    record = TokenizerRecord(
        sha256=hashlib.sha256(content.encode()).hexdigest(),
        vocab_size=max(ids.values()) + 1,
        sentinel_ids=tuple(ids[name] for name in sentinels),
        add_bos=options.add_bos,
        **{f"{role}_id": ids[name] if name else None for role, name in names.items()},  # type: ignore[arg-type]
    )
    kept: dict[str, Any] = {key: config[key] for key in ("chat_template", "model_max_length") if key in config}
    roles: dict[str, Any] = {key: names[role] for role, (key, _) in _ROLES.items() if names[role]}
    return PreparedTokenizer(content, {"tokenizer_class": "PreTrainedTokenizerFast", **kept, **roles}, record, added)


def _with_special_tokens(tokenizer: Tokenizer, names: tuple[str, ...], next_id: int) -> Tokenizer:
    """The tokenizer with special tokens whose ids lie above every other.

    `tokenizers` numbers added tokens from the *size* of the vocabulary on; where ids have gaps, that would give them
    ids that text has. There they are put into the model's vocabulary first.
    """
    if next_id != tokenizer.get_vocab_size(with_added_tokens=True):
        settings = json.loads(tokenizer.to_str())
        vocabulary = settings["model"].get("vocab")
        if not isinstance(vocabulary, dict):
            raise ModelError("ids with gaps", expected="a vocabulary in which every id below the highest is taken")
        vocabulary |= {name: next_id + number for number, name in enumerate(names)}
        tokenizer = Tokenizer.from_str(json.dumps(settings, ensure_ascii=False))
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return tokenizer


def read_tokenizer(path: str) -> tuple[Tokenizer, dict[str, Any]]:
    """A tokenizer without truncation and padding, and the configuration beside it; `path`: its file or folder."""
    given = Path(path)
    file = given / TOKENIZER_FILE if given.is_dir() else given
    if not file.is_file():
        raise ModelError(
            "no tokenizer here",
            where=str(file),
            expected="a tokenizer.json, or a folder with one",
            next_step="train one with `gristmill tokenizer train`, or save one with `save_pretrained`",
        )
    try:
        tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises Exception itself
        raise ModelError(
            f"not a tokenizer that `tokenizers` reads ({error})", where=str(file), expected="a tokenizer.json"
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    config: dict[str, Any] = {}
    for name in (SPECIAL_FILE, CONFIG_FILE):
        if (file.parent / name).is_file():
            config |= _read_config(file.parent / name)
    return tokenizer, config


def _read_config(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"not JSON ({error})", where=str(path), expected="a JSON object") from error
    if not isinstance(data, dict):
        raise ModelError(f"found {type(data).__name__}", where=str(path), expected="a JSON object")
    return data


def _name_of(
    role: str, chosen: str | None, config: dict[str, Any], vocabulary: dict[str, int], special: set[str]
) -> str:
    """The token that plays a role: the user's, the configuration's, a usual one, ours."""
    if chosen is not None:
        if chosen not in vocabulary:
            raise ModelError(
                f"the tokenizer has no token {chosen!r}",
                expected=f"a token of its vocabulary as `{role}`, or none named",
            )
        return chosen
    key, ours = _ROLES[role]
    configured = config.get(key)
    name = configured.get("content") if isinstance(configured, dict) else configured
    if isinstance(name, str) and name in vocabulary:
        return name
    return next((usual for usual in _USUAL[role] if usual in special), ours)


def write_tokenizer(storage: Storage, prepared: PreparedTokenizer) -> None:
    """Write the tokenizer folder of a shard folder."""
    storage.write_bytes(f"{TOKENIZER_FOLDER}/{TOKENIZER_FILE}", prepared.content.encode())
    storage.write_json(f"{TOKENIZER_FOLDER}/{CONFIG_FILE}", prepared.config)
