"""Token shards on disk: the manifest of a folder of shards, the columns of its sidecars, its tombstones.

shards/
  manifest.json                 ShardSetManifest, written last: its presence means complete
  tokenizer/                    tokenizer.json and what transformers needs to load it
  train/SOURCE-00000.bin        token ids, raw little-endian, one document after the other
  train/SOURCE-00000.idx        lengths and byte offsets of the documents in Megatron's layout (schemas.shards.index)
  train/SOURCE-00000.docs.parquet   SHARD_DOCUMENT, row i for document i of the .idx
  train/SOURCE-00000.loss       optional: one byte a token, 0 where nothing is to be learned
  validation/...                the same
  tombstones.jsonl              Tombstone, one a line, append-only; missing while nothing was forgotten
  exports.json                  where the shards were exported to; missing while they were not
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Literal

import numpy as np
import pyarrow as pa
from gristmill.schemas.errors import RunError
from pydantic import BaseModel, ConfigDict, ValidationError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
TOMBSTONES = "tombstones.jsonl"
EXPORTS = "exports.json"
TOKENIZER_FOLDER = "tokenizer"
UINT16_IDS = 65_500  # vocabularies below this are stored in 16 bits, as Megatron does
BIN, IDX, DOCS, LOSS = ".bin", ".idx", ".docs.parquet", ".loss"

TokenDtype = Literal["uint16", "int32"]
Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")

SHARD_DOCUMENT = pa.schema(
    [
        pa.field("doc_id", pa.large_string(), nullable=False),
        pa.field("source", pa.large_string(), nullable=False),
        pa.field("url", pa.large_string()),
        pa.field("offset", pa.int64(), nullable=False),  # of the document's first token in the shard, in tokens
        pa.field("length", pa.int64(), nullable=False),  # in tokens, BOS and EOS included
        pa.field("content_hash", pa.large_string()),  # XXH3-128 of the text; null once the text was erased
    ]
)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TokenizerRecord(_Record):
    """The tokenizer of the shards and its special ids. sha256: of tokenizer/tokenizer.json as it lies in the folder.

    vocab_size: one more than the highest id, reserved ones included: the rows of a model's embedding.
    add_bos, add_eos: what every document begins and ends with. sentinel_ids: in the order in which T5 uses them.
    """

    sha256: str
    vocab_size: int
    eos_id: int
    bos_id: int | None = None
    pad_id: int
    mask_id: int
    separator_id: int
    sentinel_ids: tuple[int, ...] = ()
    add_bos: bool = False
    add_eos: bool = True

    @property
    def special_ids(self) -> frozenset[int]:
        """Every id that stands for no text."""
        named = (self.eos_id, self.bos_id, self.pad_id, self.mask_id, self.separator_id, *self.sentinel_ids)
        return frozenset(token for token in named if token is not None)

    @property
    def dtype(self) -> TokenDtype:
        """How ids are stored."""
        return "uint16" if self.vocab_size < UINT16_IDS else "int32"


class ShardFile(_Record):
    """Size and XXH3-128 (32 hex digits) of one file."""

    bytes: int
    checksum: str


class Shard(_Record):
    """Documents of one source and split.

    name: `train/web-00000`, the files' path without extension. identity: the checksum of the .bin as it was first
    written; it stays when forgotten tokens are erased, because erasing changes no length and no position.
    generation: 0, or n for the n-th time documents were added to the folder. files: by extension.
    """

    name: str
    split: Split
    source: str
    documents: int
    tokens: int
    identity: str
    generation: int = 0
    files: dict[str, ShardFile]


class ShardSetManifest(_Record):
    """A folder of shards. Shards are listed by generation and name; those of a generation never change places.

    made_from: digests of what the shards were written from. config: what decided their bytes.
    """

    format_version: int = FORMAT_VERSION
    tokenizer: TokenizerRecord
    dtype: TokenDtype
    shards: tuple[Shard, ...]
    documents: int
    tokens: int
    validation_fraction: float
    made_from: dict[str, str]
    config: dict[str, object]
    created: str
    facts: dict[str, int] = {}  # what was counted: text_bytes, documents_with_special_text, ...

    def of_split(self, split: Split, generation: int | None = None) -> tuple[Shard, ...]:
        """Shards of a split up to a generation, in a fixed order."""
        return tuple(
            shard
            for shard in self.shards
            if shard.split == split and (generation is None or shard.generation <= generation)
        )

    @property
    def numpy_dtype(self) -> np.dtype:
        return np.dtype("<u2" if self.dtype == "uint16" else "<i4")


def identity_of(shards: Iterable[Shard]) -> str:
    """32 hex digits of a list of shards, in that order: what a plan over them is a function of."""
    entries = [[shard.name, shard.source, shard.tokens, shard.documents, shard.identity] for shard in shards]
    content = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


class Tombstone(_Record):
    """Tokens [start, end) of a shard that must not be served any more: one document, forgotten at `time`."""

    doc_id: str
    shard: str
    start: int
    end: int
    reason: str
    time: str


def parse_manifest(content: bytes | str, where: str) -> ShardSetManifest:
    """RunError when the manifest is no manifest of shards or of another version."""
    try:
        data = json.loads(content)
        found = data.get("format_version") if isinstance(data, dict) else None
        if found == FORMAT_VERSION:
            return ShardSetManifest.model_validate(data)
    except (ValueError, ValidationError) as error:
        found = str(error).splitlines()[0]
    raise RunError(
        f"no manifest of token shards (found {found!r})",
        where=where,
        expected=f"format_version {FORMAT_VERSION}",
        next_step="write the shards again with `gristmill shards write`",
    )


def parse_tombstones(content: bytes, where: str = TOMBSTONES) -> list[Tombstone]:
    """The lines of tombstones.jsonl in the order in which they were written.

    A last line without its line feed was interrupted and never reported as done: it does not count.
    """
    stones = []
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            stones.append(Tombstone.model_validate_json(line))
        except ValidationError as error:
            raise RunError(
                f"line {number} is no tombstone ({str(error).splitlines()[0]})",
                where=where,
                expected="doc_id, shard, start, end, reason, time as JSON",
                next_step="restore the file; while it is damaged nothing may be served",
            ) from error
    return stones
