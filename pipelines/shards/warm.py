"""Compiling the kernels of token shards ahead, and asking `tokenizers` what each code point is to it."""

import numpy as np
import pyarrow as pa
from gristmill.pipelines.shards.encode_part import in_order
from gristmill.pipelines.shards.encoding.encode import Encoder
from gristmill.pipelines.shards.encoding.patterns import PATTERNS
from gristmill.pipelines.shards.order import in_fraction, order_keys
from gristmill.pipelines.shards.ranges import copy_ranges
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers


def warm_shards(texts: pa.Array) -> None:
    """Run every kernel of writing on a few texts, with a tokenizer of single bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={char: number for number, char in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer, tokenizer.normalizer = PATTERNS["o200k"].pre_tokenizer(), normalizers.NFC()
    ids, offsets = Encoder(tokenizer.to_str()).encode(texts)
    in_fraction(texts, 0.5, 0)
    order_keys(texts, np.zeros(len(texts), np.int64), 0)
    for dtype in (np.uint16, np.int32, np.uint8):
        values = in_order(ids.astype(dtype), offsets, np.arange(len(texts)), -1, 0)
        copy_ranges(values, offsets[:-1], np.diff(offsets))
