"""Which tokens are to be learned: byte spans of a text that are not, as a byte for each token."""

import numpy as np
import pyarrow as pa
from gristmill.schemas.errors import InputError
from tokenizers import Tokenizer


def token_loss(tokenizer: Tokenizer, texts: pa.Array, spans: pa.Array, offsets: np.ndarray) -> np.ndarray:
    """uint8 for each token of the texts: 0 where it shares a byte with a span {start, end} of its text, else 1.

    offsets: of each text's tokens. Only texts with spans are encoded again, for the places of their tokens.
    """
    loss = np.ones(int(offsets[-1]), np.uint8)
    for row, unlearned in enumerate(spans.to_pylist()):
        if not unlearned:
            continue
        text = texts[row].as_py()
        places = np.array(tokenizer.encode(text, add_special_tokens=False).offsets, np.int64).reshape(-1, 2)
        starts = np.zeros(len(text) + 1, np.int64)  # of each character, in bytes
        np.cumsum([len(char.encode()) for char in text], out=starts[1:])
        first, last = starts[places[:, 0]], starts[places[:, 1]]
        for span in unlearned:
            if not 0 <= span["start"] <= span["end"] <= starts[-1]:
                raise InputError(
                    f"a span {span['start']}..{span['end']} in a text of {int(starts[-1])} bytes",
                    expected="0 <= start <= end <= bytes of the text",
                )
            hit = (first < span["end"]) & (last > span["start"])
            loss[offsets[row] : offsets[row + 1]][hit] = 0
    return loss


def check_spans(kind: pa.DataType, column: str, where: str) -> None:
    """InputError unless the column is a list of {start, end}."""
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    names = {kind.value_type.field(i).name for i in range(kind.value_type.num_fields)} if is_list else set()
    if not {"start", "end"} <= names:
        raise InputError(f"column `{column}` is {kind}", where=where, expected="list<struct<start: int64, end: int64>>")
