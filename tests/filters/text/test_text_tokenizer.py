"""A text that spells a special token is text for every class of tokenizer, and every other text keeps its ids."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from gristmill.filters.text.text_tokenizer import load_for_text, settings_for_text, without_randomness
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from tests.generated import examples

SPECIAL = ("<unk>", "<s>", "</s>", "[SEP]", "<|im_end|>", "EOS")
TEXT = ["ab ba abba EO OS s im end 0x0A SEP [] <> / | unk", "VIDEOS and EOS in a text", "<s> </s> [SEP] <|im_end|>"] * 4
CHARACTERS = sorted(set("".join(TEXT)) - {" "})


def unigram(pre_tokenizer: Any = None, byte_fallback: bool = False) -> Tokenizer:
    pieces = [*SPECIAL, "▁", *CHARACTERS, "ab", "▁EO", "ba", "OS"]
    bytewise = [f"<0x{byte:02X}>" for byte in range(256)] if byte_fallback else []
    scored = [(piece, -2.0 if len(piece) < 3 else 0.0) for piece in [*pieces, *bytewise]]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=0, byte_fallback=byte_fallback))
    tokenizer.pre_tokenizer = pre_tokenizer or pre_tokenizers.Metaspace()
    return tokenizer


def whole_text() -> Tokenizer:
    """Unigram over whole texts: nothing cuts, and a normalizer makes literals out of other texts."""
    tokenizer = unigram(byte_fallback=True)
    settings = json.loads(tokenizer.to_str()) | {"pre_tokenizer": None}
    tokenizer = Tokenizer.from_str(json.dumps(settings))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" ", "▁")])
    return tokenizer


def word_level(lower_case: bool = False) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if lower_case:
        tokenizer.normalizer = normalizers.Lowercase()
    trainer = trainers.WordLevelTrainer(special_tokens=list(SPECIAL), show_progress=False)
    tokenizer.train_from_iterator(TEXT, trainer=trainer)
    return tokenizer


def word_piece() -> Tokenizer:
    pieces = [*SPECIAL, *CHARACTERS, *(f"##{character}" for character in CHARACTERS), "ab", "##ab"]
    tokenizer = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def bpe(byte_level: bool, ignore_merges: bool = False) -> Tokenizer:
    """Trained on texts with literal special tokens, so that merges lead to some of them."""
    tokenizer = Tokenizer(models.BPE(unk_token=None if byte_level else "<unk>", ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel() if byte_level else pre_tokenizers.WhitespaceSplit()
    alphabet = pre_tokenizers.ByteLevel.alphabet() if byte_level else []
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer=trainer)
    tokenizer.decoder = decoders.ByteLevel() if byte_level else decoders.Fuse()
    return tokenizer


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "unigram": unigram,
    "unigram, white space": lambda: unigram(pre_tokenizers.WhitespaceSplit()),
    "unigram, bytes": lambda: unigram(byte_fallback=True),
    "unigram, whole texts": whole_text,
    "word level": word_level,
    "word level, lower case": lambda: word_level(lower_case=True),
    "word piece": word_piece,
    "bpe": lambda: bpe(byte_level=False),
    "bpe, byte level": lambda: bpe(byte_level=True),
    "bpe, whole words": lambda: bpe(byte_level=False, ignore_merges=True),
}
FLAGS: dict[str, dict[str, bool]] = {
    "plain": {},
    "normalized": {"normalized": True},
    "strips": {"lstrip": True, "rstrip": True},
    "single word": {"single_word": True},
}


def made(kind: str, flags: str = "plain", ordinary: tuple[str, ...] = ()) -> str:
    """The tokenizer.json; ordinary: added tokens that are not special."""
    tokenizer = KINDS[kind]()
    tokenizer.add_special_tokens([AddedToken(name, special=True, **FLAGS[flags]) for name in SPECIAL])
    tokenizer.add_tokens([AddedToken(name, special=False, **FLAGS[flags]) for name in ordinary])
    return str(tokenizer.to_str())


def special_ids(content: str) -> set[int]:
    """Every special id but that of what is unknown, which any text may get."""
    return {token["id"] for token in json.loads(content)["added_tokens"] if token["special"]} - {0}


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_text_gets_a_special_id(kind: str, flags: str) -> None:
    content = made(kind, flags, ordinary=("<tool>",))
    tokenizer, special = load_for_text(content), special_ids(content)
    assert len(special) == len(SPECIAL) - 1
    for name in SPECIAL:
        for text in (
            name,
            f"ab {name} ba",
            f"ab{name}ba",
            f"{name}{name}",
            f" {name}\n",
            name * 30,
            f"x{name}",
            f"＜{name}",
        ):
            assert special.isdisjoint(tokenizer.encode(text, add_special_tokens=False).ids), repr(text)
    assert tokenizer.encode("ab <tool> ba", add_special_tokens=False).ids.count(tokenizer.token_to_id("<tool>")) == 1


@settings(max_examples=examples(150))
@given(
    text=st.lists(st.sampled_from([*SPECIAL, *SPECIAL, *CHARACTERS, " ", "\n", "<0x0A>", "＜s＞"]), max_size=12).map(
        "".join
    )
)
@pytest.mark.parametrize("kind", KINDS)
def test_generated_texts_get_no_special_id(
    tokenizers: dict[str, tuple[Tokenizer, set[int]]], kind: str, text: str
) -> None:
    tokenizer, special = tokenizers[kind]
    assert special.isdisjoint(tokenizer.encode(text, add_special_tokens=False).ids)


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, tuple[Tokenizer, set[int]]]:
    return {kind: (load_for_text(made(kind)), special_ids(made(kind))) for kind in KINDS}


@settings(max_examples=examples(60))
@given(
    text=st.text(alphabet=[character for character in CHARACTERS if character not in "<[E|"] + [" ", "é"], max_size=30)
)
@pytest.mark.parametrize("kind", KINDS)
def test_other_texts_keep_their_ids(tokenizers: dict[str, tuple[Tokenizer, set[int]]], kind: str, text: str) -> None:
    """No special token is spelled by these characters."""
    theirs = Tokenizer.from_str(made(kind))
    theirs.encode_special_tokens = True
    mine = tokenizers[kind][0].encode(text, add_special_tokens=False).ids
    assert mine == theirs.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("kind", ["unigram", "unigram, bytes", "unigram, whole texts", "bpe, byte level"])
def test_what_was_spelled_is_read_back(kind: str) -> None:
    tokenizer = load_for_text(made(kind))
    if kind.startswith("unigram"):
        tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    for text in ("ab </s> ba", "[SEP]<s>", "VIDEOS EOS", "<|im_end|> ab", "<0x0A> <0x41>" if "bytes" in kind else "ab"):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False).strip() == text


@pytest.mark.parametrize("kind", ["unigram, bytes", "unigram, whole texts"])
def test_a_text_that_spells_a_byte_gets_no_byte(kind: str) -> None:
    content = made(kind)
    line_end = json.loads(content)["model"]["vocab"].index(["<0x0A>", 0.0])
    tokenizer = load_for_text(content)
    assert line_end in tokenizer.encode("ab\nba").ids
    assert line_end not in tokenizer.encode("ab<0x0A>ba<0x0A> <0x0A>").ids


def test_merges_lead_to_no_byte() -> None:
    vocabulary = {
        name: number for number, name in enumerate(["<", "0", "x", "A", ">", "<0", "xA", "<0xA", "<0x0A", "<0x0A>"])
    }
    merges = [("<", "0"), ("x", "0"), ("<0", "x0"), ("<0x0", "A"), ("<0x0A", ">")]
    vocabulary |= {"x0": 10, "<0x0": 11, "<unk>": 12}
    model = models.BPE(vocabulary, merges, byte_fallback=True, unk_token="<unk>")
    assert Tokenizer(model).encode("<0x0A>").tokens == ["<0x0A>"]
    assert load_for_text(Tokenizer(model).to_str()).encode("<0x0A>").tokens == ["<0x0A", ">"]


def test_added_tokens_that_are_not_special_keep_their_ids() -> None:
    """They are numbered after those of the vocabulary, of which some have other names now."""
    for kind in KINDS:
        content = made(kind, ordinary=("<tool>", "  two"))
        theirs = Tokenizer.from_str(content)
        theirs.encode_special_tokens = True
        for text in ("ab <tool> ba", "ab  two<tool>", "<tool>"):
            assert load_for_text(content).encode(text).ids == theirs.encode(text).ids, (kind, text)


def test_a_special_token_of_one_character_stays_text() -> None:
    tokenizer = unigram()
    tokenizer.add_special_tokens([AddedToken("/", special=True)])
    content = tokenizer.to_str()
    assert load_for_text(content).encode("a/b").tokens == ["▁", "a", "/", "b"]


@pytest.mark.parametrize("merges_as_text", [False, True])
def test_what_is_random_is_switched_off(merges_as_text: bool) -> None:
    content = json.loads(made("bpe, byte level"))
    expected = load_for_text(json.dumps(content)).encode("abba VIDEOS abba").ids
    content["model"]["dropout"] = 0.5
    if merges_as_text:
        content["model"]["merges"] = [" ".join(merge) for merge in content["model"]["merges"]]
    tokenizer = load_for_text(json.dumps(content))
    assert [tokenizer.encode("abba VIDEOS abba").ids for _ in range(30)] == [expected] * 30
    sampled = json.loads(made("unigram"))
    sampled["model"] |= {"alpha": 0.1, "nbest_size": 64}
    assert without_randomness(sampled) == json.loads(made("unigram"))


def test_a_tokenizer_without_special_entries_is_left_as_it_is() -> None:
    content = json.loads(Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")])).to_str())
    assert settings_for_text(content) is content
