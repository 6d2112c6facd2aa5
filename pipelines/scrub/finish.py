"""The end of a request to forget, once the run is built without its documents: who took over, and shards without them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.console import Console
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.scrub.forget_requests import kept_before, mark_finished, read_forget_requests
from gristmill.pipelines.write.corpus import corpus_spec
from gristmill.schemas import layout
from gristmill.schemas.forgetting import ForgetRequest


def finish(storage: Storage, console: Console) -> tuple[str, ...]:
    """The end of the unfinished request, once the run is built without its documents; returns who took over."""
    requests, run = read_forget_requests(storage), open_run(storage.url)
    (index,) = requests.unfinished
    entry = requests.entries[index]
    promoted = _promoted(run, kept_before(storage, index))
    for folder in entry.shards:
        _forget_in_shards(run, folder, entry, promoted, console)
    for name in sorted(set(entry.selections) - set(run.selections)):
        console.log(
            f"{layout.SELECTIONS}/{name}: removed with what was forgotten; `gristmill reselect` decides it again"
        )
    mark_finished(storage, requests, requests.unfinished)
    return promoted


def _forget_in_shards(run: Run, folder: str, entry: ForgetRequest, promoted: Sequence[str], console: Console) -> None:
    """Tombstones for what is forgotten, a delta shard for those that took over."""
    from gristmill.pipelines.shards.tombstones import forget as forget_in_shards

    ids = pa.array(promoted, pa.large_string())
    schema = corpus_spec(run.recipe.rows).schema
    rows = [schema.empty_table()]
    for part in run.dataset(layout.CORPUS.folder).parts if promoted else ():
        table = read_part(run.storage, part, schema.names)
        rows.append(table.filter(pc.is_in(table.column("doc_id"), value_set=ids)))
    forget_in_shards(
        folder,
        entry.doc_ids,
        reason=f"forgotten ({entry.mode})",
        promoted=pa.concat_tables(rows),
        console=console,
    )


def kept_bits(run: Run) -> Iterator[bytes]:
    """Of each part of the decisions, which rows are kept, as bits."""
    for part in run.decisions.parts:
        yield np.packbits(read_part(run.storage, part, ["kept"]).column("kept").to_numpy()).tobytes()


def _promoted(run: Run, before: bytes) -> tuple[str, ...]:
    """Ids of documents that are kept now and were not before; none where the sources have changed meanwhile."""
    found: list[str] = []
    then, at = np.frombuffer(before, np.uint8), 0
    if len(then) != sum((part.rows + 7) // 8 for part in run.decisions.parts):
        return ()
    for part, bits in zip(run.decisions.parts, kept_bits(run), strict=True):
        now = np.frombuffer(bits, np.uint8)
        new = np.unpackbits(now & ~then[at : at + len(now)], count=part.rows).astype(bool)
        at += len(now)
        if new.any():
            found += read_part(run.storage, part, ["doc_id"]).column("doc_id").filter(pa.array(new)).to_pylist()
    return tuple(sorted(found))
