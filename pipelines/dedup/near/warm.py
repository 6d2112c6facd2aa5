"""The kernels of near-duplicate removal, run once on next to nothing, so that they are compiled ahead."""

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.content_key import chosen_normalisation
from gristmill.filters.dedup.minhash import band_hashes, signatures
from gristmill.filters.dedup.shingles import Shingling, shingle_hashes
from gristmill.filters.dedup.star_pass import Contents, star_pass
from gristmill.pipelines.dedup.near.signatures import signature_lists
from gristmill.pipelines.run.digest import batch_digest
from gristmill.schemas import layout

KERNELS = tuple(f"{__name__}:{name}" for name in ("warm_signatures", "warm_shingles", "warm_pairs"))


def warm_signatures(texts: pa.Array) -> None:
    """Run the kernels of signatures and bands, and of the digest of their rows."""
    found = signatures(texts, _shingling())
    band_hashes(found.values, 13, 8)
    places = pa.array(np.zeros(len(texts), np.int64))
    columns = [pa.array([""] * len(texts), pa.large_string()), places, places, places]
    rows = [*columns, signature_lists(found.values.view(np.int32))]
    batch_digest(pa.record_batch(rows, schema=layout.SIGNATURES.schema), list(layout.SIGNATURES.digest_columns))


def warm_shingles(texts: pa.Array) -> None:
    """Run the kernel of shingle hashes."""
    shingle_hashes(texts, _shingling())


def warm_pairs(texts: pa.Array) -> None:
    """Run the kernel of the star rule."""
    contents = Contents(np.zeros(2, np.uint64), np.array([0, 1]), np.array([1, 2]), False)
    zeros = np.zeros(2, np.int64)
    star_pass(np.array([0, 1, 2]), zeros, zeros, zeros[:1], zeros, contents, 0.8, 64)


def _shingling() -> Shingling:
    return Shingling(normalisation=chosen_normalisation(["case"]))
