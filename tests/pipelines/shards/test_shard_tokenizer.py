"""The tokenizer of a shard folder: who plays which role, what is said of it, and that it is stored whole."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from gristmill.console import Console
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.shards.encoding.tokenizer import PreparedTokenizer, prepare_tokenizer
from gristmill.pipelines.shards.train_tokenizer import train_tokenizer
from gristmill.pipelines.shards.verify import verify_shards
from gristmill.pipelines.shards.write import write_shards
from gristmill.schemas.errors import ModelError, RunError
from gristmill.schemas.recipe.shards import ShardOptions
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

from tests.pipelines.shards.made_corpora import contents, documents_of, options, rows, write_corpus
from tests.pipelines.shards.made_tokenizers import KINDS, word_level

TEXTS = ["the </s> mill", "<s>river</s>", "high [SEP] <pad> <unk>", "a word </s>", "<extra_id_0> grain"] * 3


def unigram() -> Tokenizer:
    """As T5's: ends with </s>, sentinels in the vocabulary."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<pad>", "</s>", "<unk>", "<s>", *(f"<extra_id_{number}>" for number in range(3))]
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator([*TEXTS, "the mill of the river", "grain [SEP] / < >"], trainer=trainer)
    return tokenizer


def white_space_words() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = ["[UNK]", "[SEP]", "[PAD]", "</s>"]
    tokenizer.train_from_iterator(TEXTS, trainer=trainers.WordLevelTrainer(special_tokens=special, show_progress=False))
    return tokenizer


def byte_level() -> Tokenizer:
    return Tokenizer.from_str(KINDS["gpt2"]())


def longest_word(tokenizer: Tokenizer) -> str:
    return max(
        (token for token in tokenizer.get_vocab() if token.strip("▁").isalpha()), key=lambda token: (len(token), token)
    )


def save(folder: Path, tokenizer: Tokenizer, config: dict[str, Any] | None = None) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return str(folder)


def prepared(folder: str, **chosen: Any) -> PreparedTokenizer:
    return prepare_tokenizer(ShardOptions(tokenizer=folder, **chosen))


@pytest.mark.parametrize("make", [unigram, white_space_words, byte_level], ids=lambda make: make.__name__)
def test_literal_special_tokens_are_no_special_ids_in_shards(tmp_path: Path, make: Any) -> None:
    tokenizer = save(tmp_path / "tokenizer", make())
    corpus = write_corpus(tmp_path / "corpus", [{"doc_id": f"{n:032x}", "text": text} for n, text in enumerate(TEXTS)])
    manifest = write_shards(corpus, tmp_path / "shards", {"tokenizer": tokenizer, "sentinels": 3})
    assert manifest.facts["documents_with_special_text"] >= (0 if make is byte_level else 9)
    special = manifest.tokenizer.special_ids
    for row in documents_of(tmp_path / "shards"):
        assert row["tokens"][-1] == manifest.tokenizer.eos_id
        assert special.isdisjoint(row["tokens"][:-1])
    assert verify_shards(tmp_path / "shards").problems == []


def test_a_token_that_text_is_written_with_plays_no_role(tmp_path: Path) -> None:
    folders = {
        "gpt2": (save(tmp_path / "gpt2", byte_level()), ("e", "Ġthe", "the", "Ċ")),
        "unigram": (save(tmp_path / "unigram", unigram()), ("e", longest_word(unigram()))),
        "words": (save(tmp_path / "words", white_space_words()), ("mill", "a")),
        "bert": (save(tmp_path / "bert", Tokenizer.from_str(word_level())), ("e", "##e")),
    }
    for folder, tokens in folders.values():
        vocabulary = Tokenizer.from_file(f"{folder}/tokenizer.json").get_vocab()
        for token in tokens:
            assert token in vocabulary
            for role in ("eos", "bos", "pad", "mask", "separator"):
                with pytest.raises(ModelError, match="ordinary text is written with"):
                    prepared(folder, **{role: token})


def test_a_configured_token_that_text_is_written_with_is_passed_over_and_said(tmp_path: Path) -> None:
    config = {"pad_token": "!", "eos_token": {"content": "<|endoftext|>"}, "mask_token": "Ġthe"}
    found = prepared(save(tmp_path, byte_level(), config))
    ids = Tokenizer.from_str(found.content).get_vocab()
    assert (found.record.pad_id, found.record.mask_id) == (ids["<|pad|>"], ids["<|mask|>"])
    notes = "\n".join(found.notes)
    assert "pad: the configured '!' is a token that ordinary text is written with, so '<|pad|>' is taken" in notes
    assert "mask: the configured 'Ġthe'" in notes
    assert "eos '<|endoftext|>' (as the tokenizer's configuration says)" in notes


@pytest.mark.parametrize(
    ("config", "chosen", "expected"),
    [
        ({"eos_token": "<|im_start|>"}, {}, ["eos '<|im_start|>' (as the tokenizer's configuration says)"]),
        (None, {"eos": "<|im_start|>"}, ["eos '<|im_start|>' (as named)"]),
        (None, {}, ["eos '<|endoftext|>' (found by its usual name)", "pad '<|pad|>'", "mask '<|mask|>'",
                    "separator '<|separator|>'", "100 sentinels"]),
        (None, {"add_bos": True, "sentinels": 0}, ["bos '<|bos|>'"]),
        ({"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}, {},
         ["pad: '<|endoftext|>' is the end of text, so '<|pad|>' is taken"]),
    ],
)  # fmt: skip
def test_roles_are_said(tmp_path: Path, config: Any, chosen: dict[str, Any], expected: list[str]) -> None:
    notes = "\n".join(prepared(save(tmp_path, byte_level(), config), **chosen).notes)
    assert [part for part in expected if part not in notes] == []
    assert ("sentinels" in notes) == (chosen.get("sentinels") != 0)


def test_a_tokenizer_without_an_end_of_text_is_said_to_have_none(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "mill": 1}, unk_token="[UNK]"))
    found = prepared(save(tmp_path, tokenizer))
    assert any("no end of text is known of this tokenizer; name one with --eos" in note for note in found.notes)
    written = io.StringIO()
    corpus = write_corpus(tmp_path / "corpus", [{"doc_id": "a" * 32, "text": "mill"}])
    write_shards(corpus, tmp_path / "shards", {"tokenizer": str(tmp_path)}, console=Console(written))
    assert (
        "shards: reserved above the vocabulary, because the tokenizer has none: eos '<|endoftext|>'"
        in written.getvalue()
    )


def test_tokens_with_a_role_become_special(tmp_path: Path) -> None:
    """Those in the vocabulary only, and those that were added as ordinary ones: text that spells them stays text."""
    tokenizer = unigram()
    settings = json.loads(tokenizer.to_str())
    settings["added_tokens"] = [
        token | {"special": False} for token in settings["added_tokens"] if token["content"] != "</s>"
    ]
    folder = tmp_path / "tokenizer"
    save(folder, tokenizer, {"eos_token": "</s>", "pad_token": "<pad>"})
    (folder / "tokenizer.json").write_text(json.dumps(settings))
    found = prepared(str(folder), sentinels=0)
    special = {token["content"] for token in json.loads(found.content)["added_tokens"] if token["special"]}
    assert {"</s>", "<pad>"} <= special
    original = Tokenizer.from_str(json.dumps(settings)).get_vocab()
    assert (found.record.eos_id, found.record.pad_id) == (original["</s>"], original["<pad>"])


def test_what_is_random_is_neither_applied_nor_stored(tmp_path: Path) -> None:
    settings = json.loads(KINDS["gpt2"]())
    corpus = write_corpus(tmp_path / "corpus", rows(40))
    for name, dropout in (("with", 0.3), ("without", None)):
        settings["model"]["dropout"] = dropout
        folder = tmp_path / name
        folder.mkdir()
        (folder / "tokenizer.json").write_text(json.dumps(settings))
        for number in range(2 if dropout else 1):
            write_shards(corpus, tmp_path / f"{name}-{number}", options(str(folder)))
    assert contents(tmp_path / "with-0") == contents(tmp_path / "with-1") == contents(tmp_path / "without-0")
    stored = json.loads((tmp_path / "with-0" / "tokenizer" / "tokenizer.json").read_text())
    assert not stored["model"].get("dropout")


def test_chat_templates_are_kept_wherever_they_stand(tmp_path: Path) -> None:
    template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    config = {
        "tokenizer_class": "Qwen2Tokenizer",
        "chat_template": "inner",
        "padding_side": "left",
        "model_max_length": 77,
        "unk_token": "<|im_start|>",
        "cls_token": "nowhere",
        "extra_special_tokens": ["<|im_start|>", "<|gone|>"],
        "auto_map": {"AutoTokenizer": "code.py"},
    }
    folder = tmp_path / "tokenizer"
    save(folder, byte_level(), config)
    corpus = write_corpus(tmp_path / "corpus", rows(20))
    write_shards(corpus, tmp_path / "inner", options(str(folder)))
    assert AutoTokenizer.from_pretrained(tmp_path / "inner" / "tokenizer").chat_template == "inner"
    (folder / "chat_template.jinja").write_text(template)
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tools.jinja").write_text("tools")
    first = write_shards(corpus, tmp_path / "shards", options(str(folder)))
    stored = tmp_path / "shards" / "tokenizer"
    assert (stored / "chat_template.jinja").read_text() == template
    assert (stored / "additional_chat_templates" / "tools.jinja").read_text() == "tools"
    loaded = AutoTokenizer.from_pretrained(stored)
    assert (
        loaded.apply_chat_template([{"role": "user", "content": "hi"}], chat_template="default", tokenize=False)
        == "user: hi\n"
    )
    assert (loaded.padding_side, loaded.model_max_length, loaded.unk_token) == ("left", 77, "<|im_start|>")
    assert len(loaded) == first.tokenizer.vocab_size
    written = json.loads((stored / "tokenizer_config.json").read_text())
    assert "auto_map" not in written
    assert "cls_token" not in written
    assert written["extra_special_tokens"] == ["<|im_start|>"]
    (folder / "chat_template.jinja").write_text("changed")
    assert write_shards(corpus, tmp_path / "shards", options(str(folder))) == first
    assert (stored / "chat_template.jinja").read_text() == "changed"


def test_a_trained_tokenizer_is_not_overwritten_silently(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", rows(40))
    train_tokenizer(corpus, tmp_path / "tokenizer", vocab_size=300, console=Console(quiet=True))
    before = (tmp_path / "tokenizer" / "tokenizer.json").read_bytes()
    with pytest.raises(RunError, match="a tokenizer lies here already"):
        train_tokenizer(corpus, tmp_path / "tokenizer", vocab_size=310, console=Console(quiet=True))
    assert (tmp_path / "tokenizer" / "tokenizer.json").read_bytes() == before
    train_tokenizer(corpus, tmp_path / "tokenizer", vocab_size=310, console=Console(quiet=True), replace=True)
    assert Tokenizer.from_file(str(tmp_path / "tokenizer" / "tokenizer.json")).get_vocab_size() == 310
    assert Storage(str(tmp_path / "tokenizer")).list("") == ["tokenizer.json", "tokenizer_config.json"]
