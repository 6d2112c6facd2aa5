"""MinHash signatures of every document above the floor: `edges/near/signatures`, a unit for each part of the documents."""

from functools import partial

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.minhash import signatures
from gristmill.filters.transforms.versions import columns_of, version_texts
from gristmill.pipelines.dedup.near.options import compared_version, shingling_of, signature_config
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import CompiledPolicy
from gristmill.pipelines.policy.evaluate import evaluate, read_columns
from gristmill.pipelines.run.by_part import NumberedPart
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import iterate_part
from gristmill.pipelines.run.stages import layout_fingerprint, rate
from gristmill.pipelines.run.units import UnitWriter
from gristmill.schemas import layout
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.rows.registry import row_kind


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
    context.run_units(
        partial(write_signatures, context.storage, floor, near, context.recipe.rows),
        context.numbered_documents(floor.needed),
        (layout.SIGNATURES, lambda documents: documents.key),
        label="signatures",
        amount=lambda documents: documents.part.text_bytes,
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


def write_signatures(
    storage: Storage, floor: CompiledPolicy, near: NearDedup, rows_kind: str, documents: NumberedPart
) -> int:
    """Signatures of one part's documents above the floor. Returns the bytes of text."""
    columns = read_columns(storage, documents.part, documents.signals, floor.needed)
    above = evaluate(columns, floor).floor
    shingling, kind = shingling_of(near), row_kind(rows_kind)
    version = compared_version(near, kind)
    without_pieces, short, row = 0, 0, 0
    with UnitWriter(storage, layout.SIGNATURES, documents.key) as unit:
        for batch in iterate_part(storage, documents.part, ["doc_id", *columns_of(version)]):
            places = np.flatnonzero(above[row : row + batch.num_rows])
            chosen = batch.take(pa.array(places))
            texts = version_texts(chosen, version, kind)
            found = signatures(texts, shingling, count=near.permutations, seed=near.seed)
            wanted = np.where(found.by_character, shingling.characters, shingling.words)
            without_pieces += int((found.pieces == 0).sum())
            short += int(((found.pieces > 0) & (found.pieces < wanted)).sum())
            rows = {
                "doc_id": chosen.column("doc_id"),
                "part": pa.array(np.full(len(places), documents.number, np.int64)),
                "row": pa.array(places + row),
                "pieces": pa.array(found.pieces),
                "signature": signature_lists(found.values.view(np.int32)),
            }
            unit.write(pa.record_batch(rows))
            row += batch.num_rows
        unit.facts = {"without_pieces": without_pieces, "short": short}
    return documents.part.text_bytes


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
