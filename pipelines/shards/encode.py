"""From texts to token ids: what `tokenizers` gives, by the fast way where there is one.

Special tokens that stand literally in a text are encoded as text (`encode_special_tokens=True`); BOS and EOS are not
added here.
"""

from typing import Protocol

import numpy as np
import pyarrow as pa
from gristmill.pipelines.shards.fast_encoder import fast_encoder
from gristmill.pipelines.shards.plain_encoder import PlainEncoder


class Encoder(Protocol):
    """encode: (token ids int32 of all texts, offsets int64 of rows + 1)."""

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]: ...


def encoder_for(content: str) -> Encoder:
    """The fastest exact encoder of the tokenizer in `content` (of a tokenizer.json)."""
    plain = PlainEncoder(content)
    return fast_encoder(content, plain) or plain
