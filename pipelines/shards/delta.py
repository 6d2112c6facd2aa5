"""Delta shards: documents added to a shard folder after it was written, as a new generation that moves nothing."""

import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from gristmill.console import Console
from gristmill.pipelines.engine.failures import explained
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.shards.encode_part import EncodeTask, encode_part, encoded_units
from gristmill.pipelines.shards.gather import gather_shard, gathered_shards, gathering_tasks
from gristmill.pipelines.shards.inputs import find_input
from gristmill.pipelines.shards.manifest import read_shard_manifest, with_shards, write_shard_manifest
from gristmill.schemas.recipe.shards import ShardOptions
from gristmill.schemas.shards.format import DOCS, TOKENIZER_FOLDER, Shard, ShardSetManifest

DELTA = "delta"


def add_documents(shards: Storage | str | Path, documents: pa.Table, console: Console | None = None) -> list[Shard]:
    """Append documents (rows as in corpus/) that are in no shard yet, encoded as the others; returns the new shards."""
    storage = shards if isinstance(shards, Storage) else Storage(str(shards))
    with explained(storage.url), run_lock(storage):
        manifest = read_shard_manifest(storage)
        new = documents.filter(pc.invert(_present(storage, manifest, documents.column("doc_id"))))
        if not new.num_rows:
            return []
        storage.remove(DELTA)  # of an interrupted call
        work = f"{DELTA}/{uuid.uuid4().hex[:12]}"
        with storage.open(f"{work}/documents.parquet", "wb") as file:
            pq.write_table(new, file)
        generation = 1 + max((shard.generation for shard in manifest.shards), default=0)
        made = _written(storage, work, generation, manifest)
        write_shard_manifest(storage, with_shards(manifest, [*manifest.shards, *made]))
        storage.remove(DELTA)
        (console or Console(quiet=True)).log(f"shards: {sum(shard.documents for shard in made)} documents added")
    return made


def _present(storage: Storage, manifest: ShardSetManifest, doc_ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """True for each id that lies in a shard."""
    found: list[str] = []
    wanted = doc_ids.cast(pa.large_string())
    for shard in manifest.shards:
        with storage.open(shard.name + DOCS) as file:
            ids = pq.read_table(file, columns=["doc_id"]).column("doc_id").cast(pa.large_string())
        found += ids.filter(pc.is_in(ids, wanted.combine_chunks())).to_pylist()
    return pc.is_in(wanted, pa.array(found, pa.large_string()))


def _written(storage: Storage, work: str, generation: int, manifest: ShardSetManifest) -> list[Shard]:
    """Write the documents that lie in the work folder as shards of a generation."""
    options = ShardOptions.model_validate(
        {name: value for name, value in manifest.config.items() if name in ShardOptions.model_fields}
        | {"tokenizer": storage.address(TOKENIZER_FOLDER), "loss_column": None}
    )
    given = find_input(storage.address(work))
    tasks = [EncodeTask(storage, work, part, manifest.tokenizer, options) for part in given.parts]
    for task in tasks:
        encode_part(task)
    units = encoded_units(storage, work, given.parts)
    gathering = gathering_tasks(storage, work, units, manifest.dtype, options, generation)
    for gather in gathering:
        gather_shard(gather)
    return gathered_shards(storage, work, gathering)
