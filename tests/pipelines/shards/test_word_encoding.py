"""The word encoder gives the ids of `tokenizers` for every text, and takes only tokenizers of which that is certain."""

import json
import random
from collections.abc import Callable
from functools import cache

import pytest
from gristmill.pipelines.shards.encoding import slices
from gristmill.pipelines.shards.encoding import word_encoder as module
from gristmill.pipelines.shards.encoding.encode import Encoder
from gristmill.pipelines.shards.encoding.word_encoder import WordEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from tests.generated import examples
from tests.pipelines.shards.made_tokenizers import SYMBOLS, array, assert_same, code_points, prose, word_level

HARD = [
    *SYMBOLS,
    "\x0b",
    "\x0c",
    "\u200b",
    "\ufdfa",
    "水",
    "ﬁ",
    "Σ",
    "İ",
    "\u0600",
    "\U00011f02",
    "\u0903",
    "▁",
    "▁▁",
    "##a",
]
TEXTS = st.lists(st.sampled_from(HARD), max_size=40).map("".join) | st.text(max_size=30)


def metaspace() -> str:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    steps = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([prose()], trainer=trainer)
    return tokenizer.to_str()


def folded() -> str:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    steps = [normalizers.Nmt(), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    cuts = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits()]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cuts)
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]"], show_progress=False)
    tokenizer.train_from_iterator([prose()], trainer=trainer)
    return tokenizer.to_str()


def words() -> str:
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.NFC(), pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(vocab_size=300, special_tokens=["[UNK]"], show_progress=False)
    tokenizer.train_from_iterator([prose()], trainer=trainer)
    return tokenizer.to_str()


def led(**pre_tokenizer: object) -> str:
    """Words led by their spaces, cut by the pre-tokeniser alone."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(**pre_tokenizer)
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([prose()], trainer=trainer)
    return tokenizer.to_str()


def whole(
    normalizer: normalizers.Normalizer | None, pre_tokenizer: pre_tokenizers.PreTokenizer | None, bytewise: bool = True
) -> str:
    """Byte-pair encoding of whole texts: merges of words led by spaces, of runs of them, and of line ends."""
    model = json.loads(bpe_of_words())["model"] | {"byte_fallback": bytewise, "fuse_unk": True}
    numbered = [*model["vocab"], *(f"<0x{byte:02X}>" for byte in range(256) if bytewise)]
    model["vocab"] = {token: number for number, token in enumerate(numbered)}
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    return json.dumps(json.loads(tokenizer.to_str()) | {"model": model})


@cache
def bpe_of_words() -> str:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("▁+[^▁]*|[^▁]+"), "isolated")
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=["<unk>"], show_progress=False)
    tokenizer.train_from_iterator([prose(), "a  b   c    d"], trainer=trainer)
    return tokenizer.to_str()


TO_MARK = normalizers.Replace(" ", "▁")
KINDS = {
    "bert": word_level,
    "metaspace": metaspace,
    "folded": folded,
    "words": words,
    "led": lambda: led(prepend_scheme="always"),
    "led but the first": lambda: led(prepend_scheme="first"),
    "led as it stands": lambda: led(prepend_scheme="never"),
    "llama": lambda: whole(normalizers.Sequence([normalizers.Prepend("▁"), TO_MARK]), None),
    "llama, unknown": lambda: whole(normalizers.Sequence([normalizers.Prepend("▁"), TO_MARK]), None, bytewise=False),
    "llama, of late": lambda: whole(None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False)),
    "gemma": lambda: whole(TO_MARK, pre_tokenizers.Split(" ", "merged_with_previous")),
    "gemma, composed": lambda: whole(normalizers.Sequence([normalizers.NFC(), TO_MARK]), None),
}


@pytest.fixture(scope="module")
def encoders() -> dict[str, Encoder]:
    found = {kind: Encoder(content()) for kind, content in KINDS.items()}
    assert all(isinstance(encoder.fast, WordEncoder) for encoder in found.values())
    return found


@settings(max_examples=examples(120))
@given(texts=st.lists(TEXTS, max_size=4))
@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_tokenizers(encoders: dict[str, Encoder], kind: str, texts: list[str]) -> None:
    assert_same(encoders[kind], texts)


@pytest.mark.parametrize("kind", KINDS)
def test_prose_long_words_and_words_of_many_ids(encoders: dict[str, Encoder], kind: str) -> None:
    dice = random.Random(1)
    letters = "".join(dice.choice("abcdeés") for _ in range(5000))
    assert_same(encoders[kind], [chr(point) for point in range(32, 1000)])  # more new words than half the bytes
    texts = ["", prose(seed=9), "a" * 255, "a" * 256, f"x {letters} y", "\ufdfa" * 80, " " * 700 + "x", "\n" * 40, ""]
    assert_same(encoders[kind], texts)
    assert_same(encoders[kind], texts)  # from the table


@pytest.mark.parametrize(
    "kind", [kind if kind in ("bert", "metaspace") else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_every_code_point_of_the_basic_plane(encoders: dict[str, Encoder], kind: str) -> None:
    points = [point for point in code_points() if ord(point) < 0x10000]
    assert_same(encoders[kind], [" ".join(points[i : i + 512]) for i in range(0, len(points), 512)])


@pytest.mark.slow
@pytest.mark.parametrize("frame", ["{}", "a{}", "{}a", "A{} s", "{}\u0301", "{} \u0301", "{}\n{}", "e{}\t"])
@pytest.mark.parametrize("kind", ["bert", "metaspace", "folded", "words", "led", "llama", "gemma, composed"])
def test_every_code_point_in_every_place(encoders: dict[str, Encoder], kind: str, frame: str) -> None:
    framed = [frame.format(point, point) for point in code_points()]
    assert_same(encoders[kind], [" ".join(framed[i : i + 256]) for i in range(0, len(framed), 256)])


@pytest.mark.parametrize("last", [1024, 64])  # the smaller one does not take every text
def test_a_full_table_changes_nothing(monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    monkeypatch.setattr(module, "FIRST_CAPACITY", 16)
    monkeypatch.setattr(module, "LAST_CAPACITY", last)
    monkeypatch.setattr(slices, "SLICE_BYTES", 1000)
    assert_same(Encoder(word_level()), [prose(words=100, seed=seed) for seed in range(20)])


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings.update(pre_tokenizer=None),
        lambda settings: settings.update(pre_tokenizer={"type": "Punctuation", "behavior": "Isolated"}),
        lambda settings: settings["pre_tokenizer"]["pretokenizers"][1].update(prepend_scheme="first"),
        lambda settings: settings.update(normalizer={"type": "Replace", "pattern": {"String": "  "}, "content": " "}),
        lambda settings: settings.update(normalizer={"type": "Strip", "strip_left": True, "strip_right": True}),
        lambda settings: settings.update(
            normalizer={"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "a"}]}
        ),
        lambda settings: settings["added_tokens"][0].update(special=False),
    ],
    ids=[
        "not cut",
        "cut elsewhere",
        "the first word differs",
        "white space replaced",
        "stripped",
        "prepended",
        "an added token",
    ],
)
def test_anything_else_is_left_to_tokenizers(change: Callable[[dict], object]) -> None:
    assert_left_to_tokenizers(metaspace(), change)


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings["pre_tokenizer"].update(replacement="_"),
        lambda settings: settings["pre_tokenizer"].update(split=False),
        lambda settings: settings["normalizer"]["normalizers"].append({"type": "StripAccents"}),
        lambda settings: settings["normalizer"]["normalizers"].append({"type": "Prepend", "prepend": "▁"}),
        lambda settings: settings.update(
            pre_tokenizer={"type": "Sequence", "pretokenizers": [settings["pre_tokenizer"]] * 2}
        ),
    ],
    ids=["another mark", "not cut", "a word may be nothing", "prepended later", "the first word differs after all"],
)
def test_words_led_by_other_means(change: Callable[[dict], object]) -> None:
    assert_left_to_tokenizers(led(prepend_scheme="first"), change)


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings["model"]["merges"].append(["▁", "a▁"]),
        lambda settings: settings["model"].update(ignore_merges=True),
        lambda settings: settings["model"].update(without_mark(settings["model"])),
        lambda settings: settings["normalizer"]["normalizers"].pop(),
        lambda settings: settings["normalizer"]["normalizers"].append({"type": "NFKC"}),
        lambda settings: settings.update(
            pre_tokenizer={"type": "Split", "pattern": {"String": "a"}, "behavior": "Removed", "invert": False}
        ),
    ],
    ids=["a merge across", "whole texts are tokens", "no mark", "spaces stay", "spaces are made", "cut elsewhere"],
)
def test_vocabularies_that_go_across_words(change: Callable[[dict], object]) -> None:
    marks = normalizers.Sequence([normalizers.Prepend("▁"), TO_MARK])
    content = json.loads(whole(marks, None))
    content["model"]["vocab"]["a▁"], content["model"]["vocab"]["▁a▁"] = 8000, 8001
    assert_left_to_tokenizers(json.dumps(content), change)


def without_mark(model: dict) -> dict:
    """The vocabulary and merges that know no mark, and so nothing that is made of it."""
    merges = [merge for merge in model["merges"] if "▁" not in "".join(merge)]
    return {"vocab": {token: number for token, number in model["vocab"].items() if token != "▁"}, "merges": merges}


def assert_left_to_tokenizers(content: str, change: Callable[[dict], object]) -> None:
    assert Encoder(content).fast is not None
    settings = json.loads(content)
    change(settings)
    encoder = Encoder(json.dumps(settings))
    assert encoder.fast is None
    ids, _ = encoder.encode(array([prose()]))
    theirs = Tokenizer.from_str(json.dumps(settings))
    theirs.encode_special_tokens = True
    assert ids.tolist() == theirs.encode(prose(), add_special_tokens=False).ids
