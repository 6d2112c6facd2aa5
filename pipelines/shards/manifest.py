"""The manifest of a shard folder, read and written."""

from collections.abc import Iterable
from datetime import UTC, datetime

from gristmill.pipelines.engine.storage import Storage
from gristmill.schemas.errors import RunError
from gristmill.schemas.shards.format import MANIFEST, Shard, ShardSetManifest, parse_manifest


def find_shard_manifest(storage: Storage) -> ShardSetManifest | None:
    """The manifest of a finished shard folder; None when there is none."""
    if not storage.exists(MANIFEST):
        return None
    with storage.open(MANIFEST) as file:
        return parse_manifest(file.read(), storage.address(MANIFEST))


def read_shard_manifest(storage: Storage) -> ShardSetManifest:
    """The manifest of a shard folder. RunError when there is none."""
    manifest = find_shard_manifest(storage)
    if manifest is None:
        raise RunError(
            "no finished token shards here",
            where=storage.url,
            expected=MANIFEST,
            next_step="`gristmill shards write` (an interrupted one goes on where it stopped)",
        )
    return manifest


def write_shard_manifest(storage: Storage, manifest: ShardSetManifest, path: str = MANIFEST) -> None:
    storage.write_json(path, manifest.model_dump(mode="json"))


def with_shards(manifest: ShardSetManifest, shards: Iterable[Shard]) -> ShardSetManifest:
    """The manifest with these shards and their totals."""
    listed = tuple(shards)
    return manifest.model_copy(
        update={
            "shards": listed,
            "documents": sum(shard.documents for shard in listed),
            "tokens": sum(shard.tokens for shard in listed),
            "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )
