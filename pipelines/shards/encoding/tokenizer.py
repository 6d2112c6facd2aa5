"""The tokenizer of a shard folder: any `tokenizer.json`, with the ids that the objectives need reserved.

A Hugging Face tokenizer becomes ours by adding, above its vocabulary, the special tokens it has not: pad, mask,
separator, sentinels. What `transformers` needs to load the result lies beside it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.chat.templates import CHAT_TEMPLATES as CHAT_TEMPLATES_OF_OURS
from gristmill.filters.text.text_tokenizer import without_randomness
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.shards.special_roles import CONFIG_KEYS, choose_roles, role_notes, token_name
from gristmill.schemas.errors import ModelError
from gristmill.schemas.recipe.shards import ShardOptions
from gristmill.schemas.shards.format import TOKENIZER_FOLDER, TokenizerRecord
from tokenizers import AddedToken, Tokenizer

TOKENIZER_FILE, CONFIG_FILE, SPECIAL_FILE = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"
CHAT_TEMPLATE, CHAT_TEMPLATES = "chat_template.jinja", "additional_chat_templates"
_SENTINELS = ("<extra_id_{}>", "<|sentinel_{}|>")
# Of the tokenizer's own configuration: what does not depend on the class that it was made for.
_KEPT_KEYS = ("chat_template", "model_max_length", "padding_side", "truncation_side", "clean_up_tokenization_spaces")
_KEPT_LISTS = ("additional_special_tokens", "extra_special_tokens")
_KEPT_TOKENS = ("unk_token", "cls_token")


@dataclass(frozen=True)
class PreparedTokenizer:
    """content: of tokenizer.json, special tokens reserved. files: what lies beside it, by name.

    notes: which token plays which role and who chose it, in sentences for a person.
    """

    content: str
    files: dict[str, bytes]
    record: TokenizerRecord
    notes: tuple[str, ...]


def prepare_tokenizer(options: ShardOptions) -> PreparedTokenizer:
    """Load and reserve. ModelError when there is no tokenizer, or a token named in the options cannot play its role."""
    tokenizer, config = read_tokenizer(options.tokenizer)
    before = tokenizer.get_vocab(with_added_tokens=True)
    roles = choose_roles(tokenizer, config, options)
    names = {role: chosen.name for role, chosen in roles.items()}
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    pattern = next((p for p in _SENTINELS if p.format(0) in special), _SENTINELS[-1])
    sentinels = [pattern.format(number) for number in range(options.sentinels)]
    template = CHAT_TEMPLATES_OF_OURS[options.chat_template] if options.chat_template else None
    turns = template.special_tokens if template else ()
    wanted = dict.fromkeys([*(name for name in names.values() if name), *sentinels, *turns])
    tokenizer = _with_special_tokens(tokenizer, [name for name in wanted if name not in before])
    tokenizer = _made_special(tokenizer, [name for name in wanted if name in before and name not in special])
    ids = tokenizer.get_vocab(with_added_tokens=True)
    content = tokenizer.to_str()
    record = TokenizerRecord(
        sha256=hashlib.sha256(content.encode()).hexdigest(),
        vocab_size=max(ids.values()) + 1,
        sentinel_ids=tuple(ids[name] for name in sentinels),
        add_bos=options.add_bos,
        **{f"{role}_id": ids[name] if name else None for role, name in names.items()},  # type: ignore[arg-type]
    )
    played: dict[str, Any] = {CONFIG_KEYS[role]: name for role, name in names.items() if name}
    files = {CONFIG_FILE: _config_file(config, ids, played), **_template_files(options.tokenizer)}
    if template is not None:
        files[CHAT_TEMPLATE] = template.jinja.encode()
    added_sentinels = sum(name not in before for name in sentinels)
    return PreparedTokenizer(content, files, record, role_notes(roles, added_sentinels))


def _config_file(config: dict[str, Any], ids: dict[str, int], played: dict[str, str]) -> bytes:
    """tokenizer_config.json: what the tokenizer's own says of use, and who plays which role."""
    kept = {key: config[key] for key in _KEPT_KEYS if key in config}
    for key in _KEPT_LISTS:
        if isinstance(config.get(key), list):
            kept[key] = [name for name in map(token_name, config[key]) if name in ids]
    for key in _KEPT_TOKENS:
        if token_name(config.get(key)) in ids:
            kept[key] = token_name(config[key])
    written = {"tokenizer_class": "PreTrainedTokenizerFast", **kept, **played}
    return json.dumps(written, indent=1, sort_keys=True, ensure_ascii=False).encode()


def _template_files(path: str) -> dict[str, bytes]:
    """Chat templates in files of their own, as `transformers` saves them."""
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    files = [folder / CHAT_TEMPLATE, *sorted((folder / CHAT_TEMPLATES).glob("*.jinja"))]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files if file.is_file()}


def _with_special_tokens(tokenizer: Tokenizer, names: list[str]) -> Tokenizer:
    """The tokenizer with new special tokens whose ids lie above every other.

    `tokenizers` numbers added tokens from the *size* of the vocabulary on; where ids have gaps, that would give them
    ids that text has. There they are put into the model's vocabulary first.
    """
    next_id = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    if names and next_id != tokenizer.get_vocab_size(with_added_tokens=True):
        settings = json.loads(tokenizer.to_str())
        vocabulary = settings["model"].get("vocab")
        if not isinstance(vocabulary, dict):
            raise ModelError("ids with gaps", expected="a vocabulary in which every id below the highest is taken")
        vocabulary |= {name: next_id + number for number, name in enumerate(names)}
        tokenizer = Tokenizer.from_str(json.dumps(settings, ensure_ascii=False))
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return tokenizer


def _made_special(tokenizer: Tokenizer, names: list[str]) -> Tokenizer:
    """The tokenizer in which tokens that it has already are special, so that a text that spells one stays text."""
    if not names:
        return tokenizer
    settings = json.loads(tokenizer.to_str())
    for token in settings["added_tokens"]:
        token["special"] = token["special"] or token["content"] in names
    tokenizer = Tokenizer.from_str(json.dumps(settings, ensure_ascii=False))
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return tokenizer


def read_tokenizer(path: str) -> tuple[Tokenizer, dict[str, Any]]:
    """A tokenizer without truncation, padding and randomness, and the configuration beside it; `path`: file or folder."""
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
        settings = json.loads(file.read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_str(json.dumps(without_randomness(settings), ensure_ascii=False))
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


def write_tokenizer(storage: Storage, prepared: PreparedTokenizer) -> None:
    """Bring the tokenizer folder of a shard folder up to date."""
    for name, content in {TOKENIZER_FILE: prepared.content.encode(), **prepared.files}.items():
        path = f"{TOKENIZER_FOLDER}/{name}"
        if not storage.exists(path) or _bytes_of(storage, path) != content:
            storage.write_bytes(path, content)


def _bytes_of(storage: Storage, path: str) -> bytes:
    with storage.open(path) as file:
        content: bytes = file.read()
    return content
