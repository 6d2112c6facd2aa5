"""Tokenizers trained on the spot with the patterns of well-known ones, and texts that are hard on them."""

import json
import random
from functools import cache

import numpy as np
import pyarrow as pa
from gristmill.pipelines.shards.encoding.encode import Encoder
from gristmill.pipelines.shards.encoding.patterns import PATTERNS
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SPECIAL = ["<|endoftext|>", "<|im_start|>"]
_TEXT = (
    "the mill turns when river is high and of all that grain we keep what weighs enough I'll we've don't they're it's "
    "Mühle dreht sich wenn Fluss hoch steht ο μύλος γυρίζει όταν το ποτάμι мельница крутится когда река высока "
    "水車は川が高いときに回り 穀物のうち 가나다라 नमस्ते العربية XMLHttpRequest iPhone HELLO World 3 14 159 2653 1/2 e\u0301te"
)


@cache
def prose(words: int = 4000, seed: int = 3) -> str:
    """Words of several scripts with punctuation and all kinds of white space."""
    dice, vocabulary = random.Random(seed), _TEXT.split()
    joints = (" ", " ", " ", " ", ", ", ". ", "\n", "\n\n", "  ", "\t", "...", "' ", " (", ")", "/", "\r\n", "\u00a0")
    return "".join(dice.choice(vocabulary) + dice.choice(joints) for _ in range(words))


@cache
def made(
    pattern: str, *, ignore_merges: bool = False, nfc: bool = False, added: tuple[str, ...] = (), vocabulary: int = 900
) -> str:
    """The tokenizer.json of a byte-level BPE tokenizer; added: tokens that are not special."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = PATTERNS[pattern].pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([prose(seed=seed) for seed in range(3)], trainer=trainer)
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in added])
    settings = json.loads(tokenizer.to_str())
    if ignore_merges:  # and entries that no merge leads to, as real vocabularies have them
        settings["model"]["ignore_merges"] = True
        free = max(settings["model"]["vocab"].values()) + 1
        settings["model"]["vocab"] |= {
            word: free + 100 + n for n, word in enumerate(("zqzq", "Ġqqq", "ĠXMLHttpRequest"))
        }
    return json.dumps(settings)


KINDS = {
    "gpt2": lambda: made("gpt2"),
    "cl100k": lambda: made("cl100k"),
    "llama3": lambda: made("cl100k", ignore_merges=True),
    "o200k": lambda: made("o200k"),
    "qwen": lambda: made("qwen", nfc=True, added=("<tool_call>", "e\u0301e\u0301", "  \n")),
}


@cache
def word_level() -> str:
    """A tokenizer as BERT's."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=500, special_tokens=["[UNK]", "[SEP]", "[MASK]"], show_progress=False
    )
    tokenizer.train_from_iterator([prose()], trainer=trainer)
    return tokenizer.to_str()


# Everything a pattern may branch on, in few symbols, so that random texts hit the seams.
SYMBOLS = [
    *" \t\n\r'/aAsStTrReEvVlLmMdDzq0123,.!-",
    "ſ", "\u0301", "\u0300", "ʰ", "か", "é", "ß", "Ñ", "ǅ", "Ⅳ", "²", "٣", "\u00a0", "\u3000", "\u2028", "\x85", "\x1c",
    "\u1100", "\u1161", "가", "\u0344", "\U0001f600", "\U0001d400", "\u200d", "\ue000", "\x00",
    "'s", "'LL", "'re", "the", " of", "zqzq", " qqq", "<|endoftext|>", "<tool_call>", "e\u0301e\u0301", "  \n",
]  # fmt: skip


def code_points() -> list[str]:
    return [chr(cp) for cp in range(0x110000) if not 0xD800 <= cp < 0xE000]


def array(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def assert_same(encoder: Encoder, texts: list[str]) -> None:
    """The encoder's table gives every text the ids of `tokenizers`."""
    assert encoder.fast is not None
    ids, offsets = encoder.fast.encode(array(texts))
    theirs, their_offsets = encoder.plain.encode(array(texts))
    if not (np.array_equal(offsets, their_offsets) and np.array_equal(ids, theirs)):
        for row, text in enumerate(texts):
            mine = ids[offsets[row] : offsets[row + 1]].tolist()
            assert mine == theirs[their_offsets[row] : their_offsets[row + 1]].tolist(), repr(text[:200])
        raise AssertionError("offsets differ")
