"""From texts to token ids: exactly what `tokenizers` gives, by the fast way where there is one.

Special tokens that stand literally in a text are encoded as text (filters.text.text_tokenizer); BOS and EOS are not added
here.
"""

import json

import numpy as np
import pyarrow as pa
from gristmill.filters.text.text_tokenizer import settings_for_text
from gristmill.pipelines.shards.encoding.fast_encoder import fast_encoder
from gristmill.pipelines.shards.encoding.literals import Literals
from gristmill.pipelines.shards.encoding.plain_encoder import PlainEncoder
from gristmill.pipelines.shards.encoding.word_encoder import word_encoder
from gristmill.pipelines.shards.order import in_fraction
from gristmill.schemas.errors import RunError

COMPARED = 1 / 1024  # of the documents are encoded by `tokenizers` too, and must be the same
_COMPARED_SEED = 0x636F6D70


class Encoder:
    """The tokenizer of a tokenizer.json's content. fast: an encoder with a table; None where only `tokenizers` is exact.

    special: the tokens that never stand for text, to be counted where a text holds them literally.
    """

    def __init__(self, content: str) -> None:
        settings = json.loads(content)
        self.content = content
        self.plain = PlainEncoder(content)
        text_settings = settings_for_text(settings)
        self.fast = fast_encoder(text_settings, self.plain) or word_encoder(text_settings, self.plain)
        special = (token["content"] for token in settings.get("added_tokens") or [] if token["special"])
        self.special = Literals(name for name in special if len(name) > 1)

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """(ids int32 of all texts, offsets int64 of rows + 1)."""
        return (self.fast or self.plain).encode(texts)

    def compare_sample(self, texts: pa.Array, doc_ids: pa.Array, ids: np.ndarray, offsets: np.ndarray) -> int:
        """Encode a sample by `tokenizers` itself, chosen by the documents' ids; RunError where `ids` differ.

        Returns how many documents were compared.
        """
        if self.fast is None:
            return 0
        rows = np.flatnonzero(in_fraction(doc_ids, COMPARED, _COMPARED_SEED))
        theirs, their_offsets = self.plain.encode(texts.take(pa.array(rows)))
        for number, row in enumerate(rows):
            mine = ids[offsets[row] : offsets[row + 1]]
            if not np.array_equal(mine, theirs[their_offsets[number] : their_offsets[number + 1]]):
                raise RunError(
                    f"document {doc_ids[int(row)].as_py()} has other token ids than `tokenizers` gives",
                    expected="the same ids",
                    next_step="report it with the document's text: this is a fault of gristmill",
                )
        return len(rows)
