"""Forgetting documents that lie in token shards.

A tombstone names the tokens of a document that must not be served any more; the stream serves separators with label
-100 in their place, so nothing else moves. The tokens stay on disk until `erase_forgotten` overwrites them with the separator:
lengths, positions and the shards' identities stay, so plans made on the shards stay good. Documents that take the place
of forgotten ones are appended as delta shards.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from gristmill.console import Console
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.shards.delta import add_documents
from gristmill.pipelines.shards.gather import documents_content, file_record
from gristmill.pipelines.shards.manifest import read_shard_manifest, write_shard_manifest
from gristmill.schemas.shards.format import (
    BIN,
    DOCS,
    LOSS,
    MANIFEST,
    TOMBSTONES,
    Shard,
    ShardFile,
    ShardSetManifest,
    Tombstone,
    parse_manifest,
    parse_tombstones,
)

ERASE = "erase"
_JOURNAL = f"{ERASE}/{MANIFEST}"


@dataclass(frozen=True)
class ForgottenInShards:
    """What a call of `forget` did: tombstones added, delta shards written, shards whose bytes were overwritten."""

    tombstones: tuple[Tombstone, ...]
    added: tuple[Shard, ...]
    erased: tuple[str, ...]


def forget(
    shards: Storage | str | Path,
    doc_ids: Sequence[str],
    *,
    reason: str,
    promoted: pa.Table | None = None,
    erase: bool = False,
    console: Console | None = None,
) -> ForgottenInShards:
    """Mark documents as not to be served, add those that take their place, and overwrite the bytes if `erase`.

    promoted: rows as in corpus/ (doc_id, text, source, url, content_hash). What is done already is not done again, so
    an interrupted call is simply repeated. Ids that are in no shard are no error.
    """
    stones = tombstone(shards, doc_ids, reason)
    added = add_documents(shards, promoted, console) if promoted is not None and promoted.num_rows else ()
    return ForgottenInShards(tuple(stones), tuple(added), tuple(erase_forgotten(shards, console)) if erase else ())


def tombstone(shards: Storage | str | Path, doc_ids: Sequence[str], reason: str) -> list[Tombstone]:
    """Append a tombstone for every copy of these documents that has none yet; returns the new ones."""
    storage = _storage(shards)
    with explained(storage.url), run_lock(storage):
        manifest = read_shard_manifest(storage)
        present = read_tombstones(storage)
        known = {(stone.shard, stone.start) for stone in present}
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        made = [
            Tombstone(doc_id=doc_id, shard=shard.name, start=start, end=start + length, reason=reason, time=time)
            for shard in manifest.shards
            for doc_id, start, length in _places(storage, shard, doc_ids)
            if (shard.name, start) not in known
        ]
        if made:
            lines = [json.dumps(stone.model_dump(), ensure_ascii=False) + "\n" for stone in [*present, *made]]
            storage.write_bytes(TOMBSTONES, "".join(lines).encode())
    return made


def read_tombstones(storage: Storage) -> list[Tombstone]:
    """Every tombstone of a shard folder, in the order in which they were written."""
    if not storage.exists(TOMBSTONES):
        return []
    with storage.open(TOMBSTONES) as file:
        return parse_tombstones(file.read(), storage.address(TOMBSTONES))


def _places(storage: Storage, shard: Shard, doc_ids: Sequence[str]) -> list[tuple[str, int, int]]:
    """(doc_id, offset, length) of those documents in a shard."""
    wanted = pa.array(sorted(set(doc_ids)), pa.large_string())
    found = []
    with storage.open(shard.name + DOCS) as file:
        for batch in pq.ParquetFile(file, page_checksum_verification=True).iter_batches(
            batch_size=1 << 16, columns=["doc_id", "offset", "length"]
        ):
            rows = batch.filter(pc.is_in(batch.column("doc_id").cast(pa.large_string()), wanted))
            found += list(zip(*(rows.column(i).to_pylist() for i in range(3)), strict=True))
    return found


def erase_forgotten(shards: Storage | str | Path, console: Console | None = None) -> list[str]:
    """Overwrite every tombstoned token with the separator, and clear url and content hash; returns the shards changed.

    New files are prepared beside the old ones, with the manifest that will list them; only then they change places. If
    that is interrupted, the next call finishes it; until then readers refuse the shards it had reached.
    """
    storage = _storage(shards)
    with explained(storage.url), run_lock(storage):
        if not storage.exists(_JOURNAL):
            storage.remove(ERASE)
            _prepare(storage, console or Console(quiet=True))
        return _exchange(storage)


def _prepare(storage: Storage, console: Console) -> None:
    """Write what changes under erase/, and last the manifest to be."""
    manifest = read_shard_manifest(storage)
    by_shard: dict[str, list[Tombstone]] = {}
    for stone in read_tombstones(storage):
        by_shard.setdefault(stone.shard, []).append(stone)
    shards = []
    with console.progress("erase", len(by_shard), "shards") as advance:
        for shard in manifest.shards:
            files = dict(shard.files)
            if shard.name in by_shard:
                files |= _overwrite(storage, shard, by_shard[shard.name], manifest)
                advance(1)
            shards.append(shard.model_copy(update={"files": files}))
    if any(new.files != old.files for new, old in zip(shards, manifest.shards, strict=True)):
        write_shard_manifest(storage, manifest.model_copy(update={"shards": tuple(shards)}), _JOURNAL)


def _overwrite(
    storage: Storage, shard: Shard, stones: Iterable[Tombstone], manifest: ShardSetManifest
) -> dict[str, ShardFile]:
    """Write the files of a shard that differ without these tokens; returns their records."""
    with storage.open(shard.name + BIN) as file:
        tokens = np.frombuffer(file.read(), manifest.numpy_dtype).copy()
    loss = None
    if LOSS in shard.files:
        with storage.open(shard.name + LOSS) as file:
            loss = np.frombuffer(file.read(), np.uint8).copy()
    with storage.open(shard.name + DOCS) as file:
        documents = pq.read_table(file)
    gone = np.zeros(len(tokens), bool)
    for stone in stones:
        gone[stone.start : stone.end] = True
    tokens[gone] = manifest.tokenizer.separator_id
    erased = gone[documents.column("offset").to_numpy()]
    for name in ("url", "content_hash"):
        cleared = pc.if_else(pa.array(erased), pa.scalar(None, pa.large_string()), documents.column(name))
        documents = documents.set_column(documents.schema.get_field_index(name), documents.schema.field(name), cleared)
    contents: dict[str, bytes] = {BIN: tokens.tobytes(), DOCS: documents_content(documents)}
    if loss is not None:
        loss[gone] = 0
        contents[LOSS] = loss.tobytes()
    changed = {}
    for extension, content in contents.items():
        record = file_record(content)
        if record != shard.files[extension]:
            storage.write_bytes(f"{ERASE}/{shard.name}{extension}", content)
            changed[extension] = record
    return changed


def _exchange(storage: Storage) -> list[str]:
    """Put prepared files in the place of the old ones, then the manifest; nothing when there are none."""
    if not storage.exists(_JOURNAL):
        storage.remove(ERASE)
        return []
    with storage.open(_JOURNAL) as file:
        manifest = parse_manifest(file.read(), storage.address(_JOURNAL))
    changed = []
    for shard in manifest.shards:
        for extension in shard.files:
            prepared = f"{ERASE}/{shard.name}{extension}"
            if storage.exists(prepared):
                storage.fs.mv(storage.path(prepared), storage.path(shard.name + extension))
                changed.append(shard.name)
    write_shard_manifest(storage, manifest)
    storage.remove(_JOURNAL)
    storage.remove(ERASE)
    return sorted(set(changed))


def _storage(shards: Storage | str | Path) -> Storage:
    return shards if isinstance(shards, Storage) else Storage(str(shards))
