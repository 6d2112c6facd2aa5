"""The fast encoder gives the ids of `tokenizers` for every text; every part of it against what it stands for."""

import json
import random
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from gristmill.pipelines.shards.encoding import fast_encoder as module
from gristmill.pipelines.shards.encoding import slices
from gristmill.pipelines.shards.encoding.code_point_classes import LETTER, NFC_CHANGES, SPACE, code_point_flags
from gristmill.pipelines.shards.encoding.encode import Encoder
from gristmill.pipelines.shards.encoding.fast_pretokenizer import pre_tokens
from gristmill.pipelines.shards.encoding.literals import Literals
from gristmill.pipelines.shards.encoding.merges import SHORT_BYTES, byte_characters, merge_bytes, read_merges
from gristmill.pipelines.shards.encoding.patterns import PATTERNS, recognised
from gristmill.schemas.errors import RunError
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from tokenizers import Tokenizer, normalizers

from tests.generated import examples
from tests.pipelines.shards.made_tokenizers import (
    KINDS,
    SYMBOLS,
    array,
    assert_same,
    code_points,
    made,
    prose,
    word_level,
)

TEXTS = st.lists(st.sampled_from(SYMBOLS), max_size=40).map("".join) | st.text(max_size=30)


@pytest.fixture(scope="module")
def encoders() -> dict[str, Encoder]:
    return {kind: Encoder(content()) for kind, content in KINDS.items()}


@settings(max_examples=examples(300))
@given(texts=st.lists(TEXTS, max_size=4))
@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_tokenizers(encoders: dict[str, Encoder], kind: str, texts: list[str]) -> None:
    assert_same(encoders[kind], texts)


@pytest.mark.parametrize("kind", KINDS)
def test_prose_long_words_and_empty_texts(encoders: dict[str, Encoder], kind: str) -> None:
    dice = random.Random(1)
    letters = "".join(dice.choice("abcdeés") for _ in range(5000))
    assert_same(
        encoders[kind], ["", prose(seed=9), "a" * 3000, letters, " " * 700 + "x", "\n" * 400, "", "0123456789" * 40]
    )


@pytest.mark.parametrize("kind", ["qwen", pytest.param("o200k", marks=pytest.mark.slow)])
def test_every_code_point(encoders: dict[str, Encoder], kind: str) -> None:
    points = code_points()
    assert_same(encoders[kind], [" ".join(points[i : i + 512]) for i in range(0, len(points), 512)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "frame", ["{}", "a{}", "{}a", "A{}1", " {}s", "'{}", "'{}e", "'r{}", "'l{}", "{}\n", "e{}\u0301"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_every_code_point_in_every_place(encoders: dict[str, Encoder], kind: str, frame: str) -> None:
    """What stands around a code point decides which alternative of a pattern takes it."""
    framed = [frame.format(point) for point in code_points()]
    joints = ["", " ", ".", "\n"]
    assert_same(encoders[kind], [joints[i // 256 % 4].join(framed[i : i + 256]) for i in range(0, len(framed), 256)])


@pytest.mark.parametrize("kind", ["cl100k", "llama3"])
def test_a_full_table_changes_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_CAPACITY", 16)
    monkeypatch.setattr(module, "LAST_CAPACITY", 64)
    monkeypatch.setattr(slices, "SLICE_BYTES", 1000)
    assert_same(Encoder(KINDS[kind]()), [prose(seed=seed) for seed in range(4)])


@settings(max_examples=examples(200))
@given(text=TEXTS)
@pytest.mark.parametrize("name", PATTERNS)
def test_pre_tokens_are_those_of_tokenizers(name: str, text: str) -> None:
    pattern, raw = PATTERNS[name], text.encode()
    data = np.frombuffer(raw + b"\0", np.uint8)
    mine = pre_tokens(data, 0, len(raw), code_point_flags(), pattern.family, pattern.digits)
    pieces = [piece for piece, _ in pattern.pre_tokenizer().pre_tokenize_str(text)]
    assert mine.tolist() == np.cumsum([len(piece) for piece in pieces], dtype=int).tolist()  # a character for a byte


def merged_by_the_book(raw: bytes, model: dict) -> list[int]:
    """Byte-level BPE as it is defined: the pair of lowest rank, the leftmost of equals, until none is left."""
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
    ranks = {(left, right): rank for rank, (left, right) in enumerate(pairs)}
    symbols = [byte_characters()[byte] for byte in raw]
    while True:
        best = min(
            ((ranks[pair], i) for i, pair in enumerate(pairwise(symbols)) if pair in ranks),
            default=None,
        )
        if best is None:
            return [model["vocab"][symbol] for symbol in symbols]
        symbols[best[1] : best[1] + 2] = ["".join(symbols[best[1] : best[1] + 2])]


@njit
def _merged(data, byte_ids, keys, values):  # type: ignore[no-untyped-def]
    out = np.empty(len(data), np.int32)
    scratch = np.empty(SHORT_BYTES, np.int64)
    return out[: merge_bytes(data, 0, len(data), byte_ids, keys, values, scratch, out)]


@settings(max_examples=examples(100))
@given(
    raw=st.text(alphabet="thewand milgruβв水", min_size=1, max_size=120).map(str.encode)
    | st.binary(min_size=1, max_size=120)
)
def test_merges_follow_the_definition(raw: bytes) -> None:
    model = json.loads(made("gpt2"))["model"]
    merges = read_merges(model)
    assert merges is not None
    mine = _merged(np.frombuffer(raw, np.uint8), merges.byte_ids, merges.keys, merges.values)
    assert mine.tolist() == merged_by_the_book(raw, model)


def test_classes_are_those_of_tokenizers_not_of_python() -> None:
    flags = code_point_flags()
    letters = sum(char.isalpha() != bool(flags[ord(char)] & LETTER) for char in code_points())
    assert letters > 0  # else asking `tokenizers` would be idle
    assert [char for char in map(chr, range(0x100)) if flags[ord(char)] & SPACE] == list("\t\n\x0b\x0c\r \x85\xa0")


@settings(max_examples=examples(300))
@given(
    text=st.text(max_size=12)
    | st.lists(st.sampled_from(["e", "\u0301", "\u0327", "\u1100", "\u1161", "\u11a8", "가", "か", "\u3099"])).map(
        "".join
    )
)
def test_a_text_without_flagged_code_points_is_in_nfc(text: str) -> None:
    flags = code_point_flags()
    if not any(flags[ord(char)] & NFC_CHANGES for char in text):
        assert normalizers.NFC().normalize_str(text) == text


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings.update(pre_tokenizer={"type": "Digits", "individual_digits": True}),
        lambda settings: settings["pre_tokenizer"].update(add_prefix_space=True),
        lambda settings: settings.update(normalizer={"type": "Lowercase"}),
        lambda settings: (settings["model"]["vocab"].pop("Ā"), settings["model"].update(merges=[])),
    ],
    ids=["another pre-tokenizer", "a space is added", "another normalizer", "a byte is missing"],
)
def test_anything_else_is_left_to_tokenizers(change: Callable[[dict], object]) -> None:
    settings = json.loads(made("gpt2"))
    change(settings)
    content = json.dumps(settings)
    encoder = Encoder(content)
    assert encoder.fast is None
    ids, _ = encoder.encode(array([prose()]))
    assert ids.tolist() == Tokenizer.from_str(content).encode(prose(), add_special_tokens=False).ids


@pytest.mark.parametrize(
    "change",
    [{"dropout": 0.1}, {"continuing_subword_prefix": "##"}, {"end_of_word_suffix": "</w>"}, {"type": "Unigram"}],
)
def test_other_models_have_no_merges_for_the_kernel(change: dict) -> None:
    assert read_merges(json.loads(made("gpt2"))["model"] | change) is None


def test_no_pre_tokenizer_is_no_pattern() -> None:
    assert recognised(None) is None


@pytest.mark.parametrize("kind", [*KINDS, "word_level"])
def test_a_literal_special_token_is_text(kind: str) -> None:
    content = word_level() if kind == "word_level" else KINDS[kind]()
    encoder = Encoder(content)
    added = json.loads(content)["added_tokens"]
    special = {token["id"] for token in added if token["special"] and token["content"] != "[UNK]"}
    texts = array(["before <|endoftext|> after", "[SEP] <|im_start|>", "plain"])
    ids, _ = encoder.encode(texts)
    assert special.isdisjoint(ids.tolist())
    expected = [False, True, False] if kind == "word_level" else [True, True, False]
    assert encoder.special.found_in(texts).tolist() == expected


@settings(max_examples=examples(200))
@given(texts=st.lists(st.text(alphabet="<|ab>é", max_size=12)), wanted=st.lists(st.text(alphabet="<|ab>é", max_size=3)))
def test_literals_are_found_wherever_they_stand(texts: list[str], wanted: list[str]) -> None:
    expected = [any(string in text for string in wanted if string) for text in texts]
    assert Literals(wanted).found_in(array(texts)).tolist() == expected


def test_a_difference_to_tokenizers_stops_the_run(encoders: dict[str, Encoder]) -> None:
    texts = array(["the mill"] * 20_000)
    ids, offsets = encoders["gpt2"].encode(texts)
    doc_ids = pa.array([f"d{n}" for n in range(20_000)], pa.large_string())
    assert encoders["gpt2"].compare_sample(texts, doc_ids, ids, offsets) > 0
    with pytest.raises(RunError, match="other token ids"):
        encoders["gpt2"].compare_sample(texts, doc_ids, ids + 1, offsets)
