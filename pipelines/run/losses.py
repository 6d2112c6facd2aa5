"""What a run lost of its input, in sentences: nothing kept, sources not read, files not read whole, much quarantined."""

from collections.abc import Iterator, Mapping
from typing import Any

from gristmill.schemas.manifest import DatasetManifest

MAX_QUARANTINED_FRACTION = 0.1  # of a source's records; web crawls lose one or two in a hundred
FILES_NAMED = 3


def losses(documents: DatasetManifest, decisions: DatasetManifest) -> Iterator[str]:
    """One sentence for each way in which a run lost most of its input, or part of it unread; nothing for a whole run.

    documents, decisions: the finished datasets. A policy that drops documents by its rules is no loss, unless it drops all.
    """
    facts = documents.facts
    kept = sum(part.rows_by.get("True", 0) for part in decisions.parts)
    if not kept and (decisions.rows or not facts["left_out_by_sample"]):
        yield f"no document was kept of {decisions.rows:,}"
    for name, counts in facts["sources"].items():
        yield from _losses_of(name, counts)
    if facts["files_not_whole"]:
        named = "; ".join(f"{entry['url']}: {entry['error']}" for entry in facts["errors"][:FILES_NAMED])
        more = facts["files_not_whole"] - FILES_NAMED
        named += f"; and {more:,} more" if more > 0 else ""
        count = "1 file was" if facts["files_not_whole"] == 1 else f"{facts['files_not_whole']:,} files were"
        yield f"{count} not read whole: {named}"


def _losses_of(source: str, counts: Mapping[str, Any]) -> Iterator[str]:
    read, quarantined = counts["documents"], counts["quarantined"]
    if not read:
        skipped = sum(counts["skipped"].values())
        yield f"source {source}: no document was read ({quarantined:,} records quarantined, {skipped:,} skipped by design)"
    elif quarantined > MAX_QUARANTINED_FRACTION * (read + quarantined):
        share = quarantined / (read + quarantined)
        yield f"source {source}: {quarantined:,} of {read + quarantined:,} records are quarantined ({share:.1%})"
