"""The corpus and the mix of a finished selection, where they are those of its decisions."""

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.schemas import layout
from gristmill.schemas.manifest import DatasetManifest


def current_corpus(run: Run) -> DatasetManifest | None:
    """The corpus of a selection; None when it was written from other decisions or not at all."""
    found = run.find(layout.CORPUS)
    return found if found is not None and found.inputs.get("decisions") == run.decisions.digest else None


def mixed_corpus(run: Run) -> DatasetManifest | None:
    """The mix of a selection's corpus; None when it was not mixed, or has been written anew since."""
    found = run.find(layout.MIXED)
    corpus = current_corpus(run)
    return found if found and corpus and found.inputs["corpus"] == layout_fingerprint(corpus) else None


def copies_in_mix(run: Run, part_key: str, doc_id: str) -> int | None:
    """How often the mix uses a document of that part; None when there is no mix of the selection's corpus."""
    manifest = mixed_corpus(run)
    if manifest is None:
        return None
    parts = [part for part in manifest.parts if part.key == part_key]
    rows = pa.concat_tables([read_part(run.storage, part, ["doc_id", "copies"]) for part in parts])
    found = rows.filter(pc.equal(rows.column("doc_id"), doc_id)).column("copies").to_pylist()
    return found[0] if found else 0
