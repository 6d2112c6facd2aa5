"""Everything about near duplicates that does not depend on a policy, measured once on the documents above the floor."""

from dataclasses import dataclass

from gristmill.filters.dedup.lsh_parameters import curve_table
from gristmill.pipelines.dedup.near.buckets import find_buckets
from gristmill.pipelines.dedup.near.member_shingles import store_shingles
from gristmill.pipelines.dedup.near.options import bands_of
from gristmill.pipelines.dedup.near.published import Published, open_published
from gristmill.pipelines.dedup.near.signatures import measure_signatures
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.policy.compile import CompiledPolicy
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.schemas import layout
from gristmill.schemas.errors import RunError
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.dedup import Dedup


@dataclass(frozen=True)
class NearEdges:
    """Manifests of edges/near/. contents: what pairs are verified with, shingles or signatures."""

    signatures: DatasetManifest
    buckets: DatasetManifest
    shingles: DatasetManifest | None
    published: tuple[Published, ...]

    def digests(self) -> dict[str, str]:
        """What decisions are made from."""
        found = {
            "edges/near": layout_fingerprint(self.buckets),
            "edges/signatures": layout_fingerprint(self.signatures),
        }
        if self.shingles is not None:
            found["edges/shingles"] = layout_fingerprint(self.shingles)
        return found | {f"against/{n}": one.run.decisions.digest for n, one in enumerate(self.published)}


def near_edges(
    context: RunContext,
    dedup: Dedup,
    floor: CompiledPolicy,
) -> NearEdges:
    """Bring edges/near/ up to date; prints the probability curve and what the index takes on disk."""
    near = dedup.near
    assert near is not None
    context.console.log("near duplicates: " + curve_table(bands_of(near), steps=10).replace("\n", "\n  "))
    published = open_published(dedup, len(context.documents.parts))
    signatures = measure_signatures(context, near, floor)
    buckets = find_buckets(context, dedup, signatures, published)
    shingles = None
    if near.verify == "shingles" or near.index_store == "shingles":
        shingles = store_shingles(context, near, signatures, buckets, published)
    found = NearEdges(signatures, buckets, shingles, published)
    sizes = {"signatures": signatures, "buckets": buckets, "shingles": shingles}
    shown = ", ".join(f"{name} {stored_megabytes(one):.1f} MB" for name, one in sizes.items() if one is not None)
    context.console.log(f"near duplicates: index on disk: {shown}")
    return found


def stored_megabytes(manifest: DatasetManifest) -> float:
    return sum(part.bytes for part in manifest.parts) / 1e6


def stored_edges(storage: Storage, dedup: Dedup, parts: int) -> NearEdges:
    """The edges of a finished run. RunError when they are not there."""
    manifests = [
        read_manifest(storage, spec.folder) for spec in (layout.SIGNATURES, layout.BUCKETS, layout.MEMBER_SHINGLES)
    ]
    signatures, buckets, shingles = manifests
    if signatures is None or buckets is None or (shingles is None and dedup.near and dedup.near.verify == "shingles"):
        raise RunError("the edges of near duplicates are not there", where=storage.url, next_step="build the run again")
    return NearEdges(signatures, buckets, shingles, open_published(dedup, parts))
