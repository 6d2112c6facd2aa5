"""MinHash signatures of every document above the floor: `edges/near/signatures`, a unit for each part of the documents."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.minhash import signatures
from gristmill.filters.transforms.versions import columns_of, version_texts
from gristmill.pipelines.dedup.near.options import compared_version, shingling_of, signature_config
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import CompiledPolicy
from gristmill.pipelines.policy.evaluate import evaluate, read_columns
from gristmill.pipelines.run.by_part import part_key
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import PartWriter, iterate_part
from gristmill.pipelines.run.stages import layout_fingerprint, rate
from gristmill.pipelines.run.units import commit_unit
from gristmill.schemas import layout
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.rows.registry import row_kind
from gristmill.schemas.signals import FamilyKey


@dataclass(frozen=True)
class SignatureTask:
    """One part of the documents."""

    storage: Storage
    number: int
    documents: Part
    signals: Mapping[FamilyKey, Part]
    floor: CompiledPolicy
    near: NearDedup
    kind: str


def measure_signatures(
    context: RunContext,
    near: NearDedup,
    floor: CompiledPolicy,
) -> DatasetManifest:
    """Bring `edges/near/signatures` up to date. facts: documents without pieces, and with fewer than one shingle's."""
    config = {**signature_config(near), "floor": [named.rule.model_dump() for named in floor.floor]}
    inputs = {"documents": layout_fingerprint(context.documents)}
    inputs |= {f"signals/{name}@{version}": context.signals[name, version].digest for name, version in floor.needed}
    stage = context.stage(layout.SIGNATURES, config, inputs)
    if stage.manifest is not None:
        context.console.log(f"{layout.SIGNATURES.folder}: up to date ({stage.manifest.rows:,} rows)")
        return stage.manifest
    stage.start()
    tasks = [
        SignatureTask(
            context.storage,
            number,
            part,
            {key: context.signals[key].parts[number] for key in floor.needed},
            floor,
            near,
            context.recipe.rows,
        )
        for number, part in enumerate(context.documents.parts)
    ]
    context.run_units(
        write_signatures,
        tasks,
        (layout.SIGNATURES, lambda task: part_key(task.number)),
        label="signatures",
        amount=lambda task: task.documents.text_bytes,
        of="bytes",
    )
    units = stage.units().values()
    facts = {name: sum(unit["facts"][name] for unit in units) for name in ("without_pieces", "short")}
    manifest = stage.finish({**facts, "text_bytes": context.documents.text_bytes})
    timed = manifest.model_copy(update={"text_bytes": context.documents.text_bytes})
    context.console.log(
        f"{layout.SIGNATURES.folder}: {manifest.rows:,} documents in {manifest.seconds:.1f} s{rate(timed)}; "
        f"{facts['short']:,} shorter than one shingle, {facts['without_pieces']:,} with nothing to compare"
    )
    return manifest


def write_signatures(task: SignatureTask) -> int:
    """Signatures of one part's documents above the floor. Returns the bytes of text."""
    spec, key = layout.SIGNATURES, part_key(task.number)
    above = evaluate(
        read_columns(task.storage, task.documents, task.signals, task.floor.needed), task.floor
    ).floor  # fmt: skip
    shingling, kind = shingling_of(task.near), row_kind(task.kind)
    version = compared_version(task.near, kind)
    writer = PartWriter(task.storage, spec, key, single=True)
    without_pieces, short, row = 0, 0, 0
    try:
        for batch in iterate_part(task.storage, task.documents, ["doc_id", *columns_of(version)]):
            places = np.flatnonzero(above[row : row + batch.num_rows])
            chosen = batch.take(pa.array(places))
            texts = version_texts(chosen, version, kind)
            found = signatures(texts, shingling, count=task.near.permutations, seed=task.near.seed)
            wanted = np.where(found.by_character, shingling.characters, shingling.words)
            without_pieces += int((found.pieces == 0).sum())
            short += int(((found.pieces > 0) & (found.pieces < wanted)).sum())
            columns = {
                "doc_id": chosen.column("doc_id"),
                "part": pa.array(np.full(len(places), task.number, np.int64)),
                "row": pa.array(places + row),
                "pieces": pa.array(found.pieces),
                "signature": signature_lists(found.values.view(np.int32)),
            }
            writer.write(pa.record_batch(columns))
            row += batch.num_rows
    except BaseException:
        writer.abandon()
        raise
    commit_unit(task.storage, spec, key, writer, {"without_pieces": without_pieces, "short": short})
    return task.documents.text_bytes


def signature_lists(matrix: np.ndarray) -> pa.LargeListArray:
    """Each row of a matrix as one list."""
    rows, width = matrix.shape
    offsets = np.arange(rows + 1, dtype=np.int64) * width
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(matrix.reshape(-1)))


def signature_matrix(table: pa.Table, permutations: int) -> np.ndarray:
    """uint32 (rows, permutations) of the column `signature`."""
    lists = table.column("signature").combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = (
            pa.concat_arrays(lists.chunks) if lists.num_chunks else pa.array([], table.schema.field("signature").type)
        )
    values: np.ndarray = lists.flatten().to_numpy()
    return values.view(np.uint32).reshape(-1, permutations)
