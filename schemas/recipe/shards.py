"""What a recipe (`shards:`) or `gristmill shards write` says about token shards."""

from typing import Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.strict import Strict
from pydantic import Field


class ShardOptions(Strict):
    """How a corpus becomes token shards.

    tokenizer: a `tokenizer.json`, or a folder with one, as Hugging Face tokenizers save them.
    bos, eos, pad, mask, separator: the token that plays the role; None: what the tokenizer's own configuration says,
        else a token of ours is added above its vocabulary.
    sentinels: ids reserved for T5 span corruption.
    add_bos: whether every document begins with BOS; every document ends with EOS.
    validation_fraction: of the documents, chosen by a hash of their id, written as the validation split.
    tokens_per_shard: about how many; the number of shards of a source follows from its tokens.
    loss_column: a column of the corpus with byte spans of the text (list of {start, end}) that are not to be learned.
    chat_template: of conversations, one of ours that is put into the tokenizer; None: the tokenizer's own, which must say
        with `{% generation %}` what the assistant wrote. Only that bears a loss.
    seed: of the order of documents and of the validation split.
    """

    tokenizer: RecipePath
    bos: str | None = None
    eos: str | None = None
    pad: str | None = None
    mask: str | None = None
    separator: str | None = None
    sentinels: int = Field(100, ge=0, le=1000)
    add_bos: bool = False
    validation_fraction: float = Field(0.0, ge=0, lt=1)
    tokens_per_shard: int = Field(64_000_000, ge=1000)
    loss_column: str | None = None
    chat_template: Literal["chatml", "gristmill"] | None = None
    seed: int = Field(0, ge=0, lt=1 << 63)
