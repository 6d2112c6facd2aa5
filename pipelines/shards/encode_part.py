"""Encoding one part of the corpus: its documents as tokens, sorted as shards want them, in a file under work/.

Out: `work/KEY-....tokens` (ids in the shards' dtype, document after document), `work/KEY-....docs` (Parquet, one row a
document) and a unit of `work`, whose facts have the segments: one for each source and split in this part.
"""

# mypy: disallow-untyped-defs=False
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from gristmill.kernels.compile import kernel
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.units import put_unit, read_units
from gristmill.pipelines.shards.conversations import CONVERSATIONS, ChatEncoder
from gristmill.pipelines.shards.encoding.encode import Encoder
from gristmill.pipelines.shards.inputs import InputPart, iterate_input
from gristmill.pipelines.shards.loss_mask import check_spans, token_loss
from gristmill.pipelines.shards.order import in_fraction, order_keys, sorted_order
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.recipe.shards import ShardOptions
from gristmill.schemas.rows.registry import DOCUMENT
from gristmill.schemas.shards.format import SPLITS, TOKENIZER_FOLDER, TokenizerRecord

ROW_GROUP = 1 << 16
_KEPT = ["doc_id", "source", "url", "content_hash", "copies"]
ENCODED = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("doc_id", pa.large_string(), nullable=False),
        pa.field("copy", pa.int64(), nullable=False),
        pa.field("url", pa.large_string()),
        pa.field("content_hash", pa.large_string()),
        pa.field("offset", pa.int64(), nullable=False),  # in tokens, in this part's file
        pa.field("length", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class EncodeTask:
    """One part of the input, to be encoded with the tokenizer that lies in the shard folder `storage`."""

    storage: Storage
    work: str
    part: InputPart
    tokenizer: TokenizerRecord
    options: ShardOptions


def encoded_spec(work: str) -> DatasetSpec:
    """The dataset of encoded parts in a work folder; a unit's files are named in its facts."""
    return DatasetSpec(work, ENCODED, ())


class EncodedFiles:
    """The files of one encoded part."""

    def __init__(self, storage: Storage, name: str) -> None:
        self.storage, self.name = storage, name

    def write(self, extension: str, write: Callable[[IO[bytes]], Any]) -> None:
        with self.storage.open(self.name + extension, "wb") as file:
            write(file)

    def abandon(self) -> None:
        for extension in (".tokens", ".docs", ".loss"):
            self.storage.remove(self.name + extension)


def encode_part(task: EncodeTask) -> int:
    """Write the unit of one part; returns the bytes it covers."""
    files = EncodedFiles(task.storage, f"{task.work}/{task.part.key}-{uuid.uuid4().hex[:12]}")
    try:
        with Borrowed(task) as encoder:
            facts = _encode(task, encoder, files)
    except BaseException:
        files.abandon()
        raise
    if not put_unit(task.storage, encoded_spec(task.work), task.part.key, facts):
        files.abandon()
    return task.part.bytes


def encoded_units(storage: Storage, work: str, parts: Sequence[InputPart]) -> list[dict[str, Any]]:
    """What the units of these parts say: name of the files, segments, counts."""
    units = read_units(storage, encoded_spec(work), [part.key for part in parts])
    return [units[part.key]["facts"] for part in parts]


def _encode(task: EncodeTask, encoder: Encoder, files: EncodedFiles) -> dict[str, Any]:
    facts: dict[str, int] = defaultdict(int)
    tokens, loss, offsets, rows = _encoded_batches(task, encoder, facts)
    codes, sources = _source_codes(rows.column("source"))
    rows, document, copies = _with_copies(rows, task.options.validation_fraction, task.options.seed)
    validation, codes = rows.column("validation").to_numpy(zero_copy_only=False), codes[document]
    doc_ids = rows.column("doc_id").combine_chunks()
    keys = order_keys(doc_ids, copies, task.options.seed)
    order = sorted_order(keys, doc_ids, copies)
    order = order[np.argsort(codes[order] * 2 + validation[order], kind="stable")]
    record = task.tokenizer
    speaks = task.part.kind != DOCUMENT
    bos = record.bos_id if record.add_bos and record.bos_id is not None else -1
    lengths = np.diff(offsets)[document[order]] + 1 + (bos >= 0)
    ends = np.cumsum(lengths)
    contents = {".tokens": in_order(tokens, offsets, document[order], bos, record.eos_id)}
    if loss is not None:
        contents[".loss"] = in_order(loss, offsets, document[order], min(bos, 1), int(not speaks))
    table = pa.table(
        {
            "key": keys[order],
            "doc_id": doc_ids.take(pa.array(order)),
            "copy": copies[order],
            "url": rows.column("url").take(pa.array(order)),
            "content_hash": rows.column("content_hash").take(pa.array(order)),
            "offset": ends - lengths,
            "length": lengths,
        },
        schema=ENCODED,
    )
    for extension, content in contents.items():
        files.write(extension, partial(_write_values, content))
    files.write(".docs", partial(_write_rows, table))
    segments = _segments(codes[order] * 2 + validation[order], ends, sources)
    return {"name": files.name, "segments": segments, "counts": dict(facts), "loss": loss is not None}


def _write_values(values: np.ndarray, file: IO[bytes]) -> None:
    file.write(values.view(np.uint8).data)


def _write_rows(rows: pa.Table, file: IO[bytes]) -> None:
    pq.write_table(rows, file, row_group_size=ROW_GROUP, compression="zstd", compression_level=1)


def _encoded_batches(
    task: EncodeTask, encoder: Encoder, facts: dict[str, int]
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray, pa.Table]:
    """(ids of all documents without BOS and EOS, their loss if there is to be any, offsets, the rows without texts)."""
    chat = None if task.part.kind == DOCUMENT else ChatEncoder(task.storage, encoder.content)
    dtype = np.dtype(task.tokenizer.dtype)
    pieces: list[np.ndarray] = [np.zeros(0, dtype)]
    lengths: list[np.ndarray] = [np.zeros(0, np.int64)]
    losses: list[np.ndarray] = [np.zeros(0, np.uint8)]
    kept = []
    column = task.options.loss_column
    for batch in iterate_input(task.part, column):
        valid = batch.filter(batch.column("text").is_valid())
        facts["null_texts"] += batch.num_rows - valid.num_rows
        if chat is not None:
            found = chat.encode(valid)
            valid = valid.take(pa.array(found.rows))
            for reason, count in found.left_out.items():
                facts[reason] += count
            pieces.append(found.ids.astype(dtype))
            lengths.append(np.diff(found.offsets))
            losses.append(found.loss)
            facts[CONVERSATIONS] += valid.num_rows
            facts["text_bytes"] += pc.sum(pc.binary_length(valid.column("text"))).as_py() or 0
            kept.append(valid.select(_KEPT))
            continue
        texts = valid.column("text")
        ids, offsets = encoder.encode(texts)
        pieces.append(ids.astype(dtype))
        lengths.append(np.diff(offsets))
        facts["text_bytes"] += pc.sum(pc.binary_length(texts)).as_py() or 0
        facts["documents_with_special_text"] += int(encoder.special.found_in(texts).sum())
        facts["compared_with_tokenizers"] += encoder.compare_sample(texts, valid.column("doc_id"), ids, offsets)
        if column is not None:
            check_spans(valid.column(column).type, column, task.part.name)
            losses.append(token_loss(encoder.plain.tokenizer, texts, valid.column(column), offsets))
        kept.append(valid.select(_KEPT))
    rows = pa.Table.from_batches(kept)
    offsets = np.zeros(rows.num_rows + 1, np.int64)
    np.cumsum(np.concatenate(lengths), out=offsets[1:])
    loss = np.concatenate(losses) if column is not None or chat is not None else None
    return np.concatenate(pieces), loss, offsets, rows


def _source_codes(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Each row's source as a number in the order of the sources' names, and the names."""
    encoded = column.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    rank = {name: number for number, name in enumerate(sorted(names))}
    numbers = np.array([rank[name] for name in names], np.int64)
    return numbers[encoded.indices.to_numpy()] if names else np.zeros(0, np.int64), sorted(names)


def _with_copies(rows: pa.Table, fraction: float, seed: int) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    """(rows with `validation`, each as often as its copies say; the document of each row; the number of its copy).

    Validation documents are written once, whatever their copies: measuring does not repeat.
    """
    validation = in_fraction(rows.column("doc_id").combine_chunks(), fraction, seed)
    times = np.maximum(rows.column("copies").to_numpy(), 0)
    times = np.where(validation, np.minimum(times, 1), times)
    rows = rows.append_column("validation", pa.array(validation))
    document = np.repeat(np.arange(rows.num_rows), times)
    copy = np.arange(len(document)) - np.repeat(np.cumsum(times) - times, times)
    return rows.take(pa.array(document)) if (times != 1).any() else rows, document, copy


def in_order(values: np.ndarray, offsets: np.ndarray, documents: np.ndarray, before: int, after: int) -> np.ndarray:
    """The documents' values in this order, `before` (unless negative) and `after` around those of each."""
    lengths = np.diff(offsets)[documents] + 1 + (before >= 0)
    out = np.empty(int(lengths.sum()), values.dtype)
    _copy_documents(values, offsets, documents, before, after, out)
    return out


@kernel
def _copy_documents(values, offsets, documents, before, after, out):
    to = 0
    for document in documents:
        if before >= 0:
            out[to] = before
            to += 1
        for i in range(offsets[document], offsets[document + 1]):
            out[to] = values[i]
            to += 1
        out[to] = after
        to += 1


def _segments(groups: np.ndarray, ends: np.ndarray, sources: list[str]) -> list[dict[str, Any]]:
    """Runs of equal groups: source, split, rows [first, last) and how many tokens."""
    edges = [*np.flatnonzero(np.diff(groups, prepend=-1)).tolist(), len(groups)]
    segments = []
    for first, last in pairwise(edges):
        before = int(ends[first - 1]) if first else 0
        segments.append(
            {
                "source": sources[int(groups[first]) // 2],
                "split": SPLITS[int(groups[first]) % 2],
                "rows": [first, last],
                "tokens": int(ends[last - 1]) - before,
            }
        )
    return segments


class Borrowed:
    """An encoder of this process that no other thread uses meanwhile; encoders keep what they learned."""

    _idle: dict[str, list[Encoder]] = defaultdict(list)  # noqa: RUF012
    _lock = threading.Lock()

    def __init__(self, task: EncodeTask) -> None:
        self.task = task

    @classmethod
    def forget(cls) -> None:
        """Let go of every encoder that nobody uses."""
        with cls._lock:
            cls._idle.clear()

    def __enter__(self) -> Encoder:
        with self._lock:
            waiting = self._idle[self.task.tokenizer.sha256]
            if waiting:
                self.encoder = waiting.pop()
                return self.encoder
        with self.task.storage.open(f"{TOKENIZER_FOLDER}/tokenizer.json") as file:
            self.encoder = Encoder(file.read().decode())
        return self.encoder

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._idle[self.task.tokenizer.sha256].append(self.encoder)
