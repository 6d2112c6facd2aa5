"""What every objective reads off a batch of windows: which positions it may touch, which document each belongs to.

A batch of windows is a dict of int64 arrays (rows, window): `input_ids`, `position_ids` (0 where a document, or
padding, begins) and `labels` (the id, or -100 where nothing may be learned: forgotten, masked out, padding).
"""

from collections.abc import Mapping

import numpy as np
from gristmill.schemas.shards.format import TokenizerRecord

IGNORED = -100
Windows = Mapping[str, np.ndarray]


def special_table(tokenizer: TokenizerRecord) -> np.ndarray:
    """bool (vocabulary,): True for ids that stand for no text."""
    table = np.zeros(tokenizer.vocab_size, bool)
    table[sorted(tokenizer.special_ids)] = True
    return table


def ordinary_ids(tokenizer: TokenizerRecord) -> np.ndarray:
    """Ids that stand for text, ascending."""
    return np.flatnonzero(~special_table(tokenizer))


def candidates(windows: Windows, special: np.ndarray) -> np.ndarray:
    """bool (rows, window): positions an objective may hide, replace or score.

    Never special ids, and never a position without a label. A document's first token has no label in a causal
    sense only (nothing in its document predicts it), and the stream says so with -100; it stays untouched here too.
    """
    return (windows["labels"] != IGNORED) & ~special[windows["input_ids"]]


def document_numbers(windows: Windows, tokenizer: TokenizerRecord) -> np.ndarray:
    """int64 (rows, window): the documents of each row counted from 1; 0 is padding.

    A document begins where `position_ids` is 0. Padding is told by its id, unless that id also ends documents.
    """
    starts = windows["position_ids"] == 0
    starts[:, 0] = True
    numbers = np.cumsum(starts, axis=1)
    if tokenizer.pad_id not in (tokenizer.eos_id, tokenizer.bos_id, tokenizer.separator_id):
        numbers[windows["input_ids"] == tokenizer.pad_id] = 0
    return numbers
