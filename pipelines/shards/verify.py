"""Verifying token shards: files, checksums, counts, ids, what begins and ends documents, tombstones, exports."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from gristmill.console import Console
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.shards.conversations import CONVERSATIONS
from gristmill.pipelines.shards.encoding.tokenizer import TOKENIZER_FILE
from gristmill.pipelines.shards.export import RECORD, tombstone_digest
from gristmill.pipelines.shards.gather import file_record
from gristmill.pipelines.shards.manifest import read_shard_manifest
from gristmill.pipelines.shards.tombstones import ERASE, read_tombstones
from gristmill.schemas.errors import RunError
from gristmill.schemas.shards.format import (
    BIN,
    DOCS,
    EXPORTS,
    IDX,
    LOSS,
    SPLITS,
    TOKENIZER_FOLDER,
    Shard,
    ShardSetManifest,
    Tombstone,
    identity_of,
)
from gristmill.schemas.shards.index import decode_index


@dataclass
class ShardReport:
    """What `verify_shards` found. problems: empty for good shards. forgotten_on_disk: tokens that erasing would remove."""

    manifest: ShardSetManifest
    tombstones: int = 0
    forgotten_on_disk: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{len(self.manifest.shards)} shards, {self.manifest.documents:,} documents, {self.manifest.tokens:,} tokens"
        ]
        if self.tombstones:
            on_disk = f"{self.forgotten_on_disk:,} of their tokens are still on disk (gristmill shards erase)"
            lines.append(f"{self.tombstones:,} tombstones; {on_disk if self.forgotten_on_disk else 'erased'}")
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"problem: {problem}" for problem in self.problems] or ["no problem found"]
        return "\n".join(lines)


def verify_shards(shards: Storage | str | Path, console: Console | None = None) -> ShardReport:
    """Read every file of a folder or URL of token shards once, and report what is wrong with them.

    Checked are sizes, checksums, ids, document boundaries, tombstones, totals, tokenizer and exports. `problems` of the report
    is empty for good shards. Raises RunError if there are no shards to verify.
    """
    storage = shards if isinstance(shards, Storage) else Storage(str(shards))
    console = console or Console(quiet=True)
    with explained(storage.url):
        manifest = read_shard_manifest(storage)
        report = ShardReport(manifest)
        stones = read_tombstones(storage)
        report.tombstones = len(stones)
        by_shard: dict[str, list[Tombstone]] = {shard.name: [] for shard in manifest.shards}
        for stone in stones:
            if stone.shard not in by_shard:
                report.problems.append(f"a tombstone of {stone.doc_id} names the unknown shard {stone.shard}")
            else:
                by_shard[stone.shard].append(stone)
        special = _special_ids(storage, manifest, report)
        with console.progress("verify", manifest.tokens, "tokens") as advance, ThreadPoolExecutor(2) as threads:

            def check(shard: Shard) -> tuple[list[str], int]:
                found = _check_shard(storage, manifest, shard, by_shard[shard.name], special)
                advance(shard.tokens)
                return found

            for problems, on_disk in threads.map(check, manifest.shards):
                report.problems += problems
                report.forgotten_on_disk += on_disk
        report.problems += _check_totals(manifest)
        _check_exports(storage, manifest, stones, report)
        report.notes += _unlisted(storage, manifest)
    return report


def _special_ids(storage: Storage, manifest: ShardSetManifest, report: ShardReport) -> np.ndarray:
    """True for each id that no text can have; a changed tokenizer is a problem."""
    with storage.open(f"{TOKENIZER_FOLDER}/{TOKENIZER_FILE}") as file:
        content = file.read()
    if sha256(content).hexdigest() != manifest.tokenizer.sha256:
        report.problems.append(f"{TOKENIZER_FOLDER}/{TOKENIZER_FILE} is not the tokenizer that wrote the shards")
        return np.zeros(manifest.tokenizer.vocab_size, bool)
    settings = json.loads(content)
    unknown = settings["model"].get("unk_token"), settings["model"].get("unk_id")  # what text it cannot write becomes
    special = np.zeros(manifest.tokenizer.vocab_size, bool)
    for token in settings.get("added_tokens", []):
        if token["special"] and token["content"] != unknown[0] and token["id"] != unknown[1]:
            special[token["id"]] = True
    return special


def _check_shard(
    storage: Storage, manifest: ShardSetManifest, shard: Shard, stones: list[Tombstone], special: np.ndarray
) -> tuple[list[str], int]:
    """(problems, forgotten tokens that are still there) of one shard."""
    contents: dict[str, bytes] = {}
    problems: list[str] = []
    for extension, recorded in shard.files.items():
        path = shard.name + extension
        if not storage.exists(path):
            problems.append(f"{path}: missing")
            continue
        with storage.open(path) as file:
            contents[extension] = file.read()
        found = file_record(contents[extension])
        if found.bytes != recorded.bytes:
            problems.append(f"{path}: {found.bytes:,} bytes; expected {recorded.bytes:,}")
        elif found != recorded:
            problems.append(f"{path}: checksum {found.checksum}; expected {recorded.checksum}")
    if problems:
        if storage.exists(ERASE):
            problems.append(f"{shard.name}: erasing was interrupted; `gristmill shards erase` finishes it")
        return problems, 0
    try:
        return _check_contents(storage, manifest, shard, contents, stones, special)
    except RunError as error:
        return [str(error)], 0


def _check_contents(
    storage: Storage,
    manifest: ShardSetManifest,
    shard: Shard,
    contents: dict[str, bytes],
    stones: list[Tombstone],
    special: np.ndarray,
) -> tuple[list[str], int]:
    tokens = np.frombuffer(contents[BIN], manifest.numpy_dtype)
    index = decode_index(contents[IDX], shard.name + IDX)
    with storage.open(shard.name + DOCS) as file:
        documents = pq.read_table(file, columns=["doc_id", "offset", "length"])
    starts, ends = index.offsets[:-1], index.offsets[1:]
    counts = {len(tokens), index.tokens, shard.tokens}
    if len(counts) > 1 or {index.documents, documents.num_rows} != {shard.documents}:
        return [f"{shard.name}: manifest, .bin, .idx and .docs.parquet disagree on documents or tokens"], 0
    if LOSS in contents and len(contents[LOSS]) != len(tokens):
        return [f"{shard.name}: {len(contents[LOSS]):,} bytes of loss mask for {len(tokens):,} tokens"], 0
    if not np.array_equal(documents.column("offset").to_numpy(), starts):
        return [f"{shard.name}: .docs.parquet and .idx place documents differently"], 0
    record = manifest.tokenizer
    if len(tokens) and (int(tokens.max()) >= record.vocab_size or int(tokens.min()) < 0):
        return [f"{shard.name}: an id outside the vocabulary of {record.vocab_size:,}"], 0
    problems, gone, on_disk = _check_stones(
        shard, tokens, documents.column("doc_id").to_pylist(), starts, stones, record.separator_id
    )
    alive = ~np.isin(starts, gone)
    if (index.lengths < 1 + record.add_bos).any() or (tokens[ends[alive] - 1] != record.eos_id).any():
        problems.append(f"{shard.name}: a document does not end with EOS ({record.eos_id})")
    if record.add_bos and (tokens[starts[alive]] != record.bos_id).any():
        problems.append(f"{shard.name}: a document does not begin with BOS ({record.bos_id})")
    expected = int(alive.sum()) * (1 + record.add_bos) * bool(special[record.eos_id])
    erased = int((ends - starts)[~alive].sum()) * bool(special[record.separator_id])
    has_turns = bool(manifest.facts.get(CONVERSATIONS))  # which special tokens open and close
    if not has_turns and int(special[tokens].sum()) > expected + erased:
        problems.append(f"{shard.name}: special ids inside documents")
    return problems, on_disk


def _check_stones(
    shard: Shard, tokens: np.ndarray, doc_ids: list[str], starts: np.ndarray, stones: list[Tombstone], separator: int
) -> tuple[list[str], list[int], int]:
    """(problems, starts of documents whose tokens are gone, forgotten tokens that are still there)."""
    problems: list[str] = []
    gone, on_disk = [], 0
    edges = {int(start): row for row, start in enumerate(starts)}
    for stone in stones:
        row = edges.get(stone.start)
        end = len(tokens) if row is None or row + 1 == len(starts) else int(starts[row + 1])
        if row is None or stone.end != end or doc_ids[row] != stone.doc_id:
            problems.append(f"{shard.name}: the tombstone of {stone.doc_id} is not at that document's tokens")
        elif (tokens[stone.start : stone.end] == separator).all():
            gone.append(stone.start)
        else:
            on_disk += stone.end - stone.start
    return problems, gone, on_disk


def _check_totals(manifest: ShardSetManifest) -> Iterator[str]:
    for name in ("documents", "tokens"):
        total = sum(getattr(shard, name) for shard in manifest.shards)
        if total != getattr(manifest, name):
            yield f"manifest: {getattr(manifest, name):,} {name}; its shards have {total:,}"


def _check_exports(storage: Storage, manifest: ShardSetManifest, stones: list[Tombstone], report: ShardReport) -> None:
    """An export that holds documents forgotten since, or shards that are no more these, is a problem."""
    for url in storage.read_json(EXPORTS) if storage.exists(EXPORTS) else []:
        exported = Storage(url)
        if not exported.exists(RECORD):
            report.notes.append(f"the export {url} is not there any more")
            continue
        record = exported.read_json(RECORD)
        if record["tombstones"] != tombstone_digest(stones):
            report.problems.append(f"the export {url} is older than the tombstones: export again into a new folder")
        elif record["identity"] != identity_of(manifest.shards):
            report.notes.append(f"the export {url} was made of other shards (fewer, or written since)")


def _unlisted(storage: Storage, manifest: ShardSetManifest) -> Iterator[str]:
    listed = {shard.name + extension for shard in manifest.shards for extension in shard.files}
    for split in SPLITS:
        for name in storage.list(split):
            if f"{split}/{name}" not in listed:
                yield f"{split}/{name} is not in the manifest"
