"""Finished runs that a build is deduplicated against: their kept documents come before every new one.

A published run is read, never written. Its parts are numbered after the documents' own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gristmill.pipelines.dedup.near.options import signature_config
from gristmill.pipelines.run.by_part import part_key
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.run.stages import layout_fingerprint
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.manifest import DatasetManifest, Part
from gristmill.schemas.recipe.dedup import Dedup


@dataclass(frozen=True)
class Published:
    """One finished run (or selection) and the number of its first part."""

    run: Run
    first_part: int
    signatures: DatasetManifest

    def parts(self) -> Iterator[tuple[int, Part, Part, Part]]:
        """(part number, documents, decisions, signatures) of every part."""
        keyed = {part.key: part for part in self.signatures.parts}
        decided = self.run.decisions.parts
        for number, part in enumerate(self.run.documents.parts):
            yield self.first_part + number, part, decided[number], keyed[part_key(number)]


def open_published(dedup: Dedup, first_part: int) -> tuple[Published, ...]:
    """The runs of `against`; RecipeError when one has no index or another kind of signature."""
    near, found = dedup.near, []
    assert near is not None
    for path in near.against:
        run = open_run(path)
        theirs = run.recipe.dedup.near
        signatures = read_manifest(run.storage, layout.SIGNATURES.folder)
        if theirs is None or signatures is None:
            raise RecipeError(
                "the run has no near-duplicate index",
                where=f"dedup.near.against: {path}",
                expected="a run built with `dedup.near`",
                next_step="add `dedup: {near: {}}` to its recipe and build it again; only signatures are measured",
            )
        if signature_config(theirs) != signature_config(near):
            raise RecipeError(
                f"the run's signatures were made with {signature_config(theirs)}",
                where=f"dedup.near.against: {path}",
                expected=str(signature_config(near)),
                next_step="use the same shingle, permutations and seed",
            )
        _check_content_keys(dedup, run.recipe.dedup, path)
        found.append(Published(run, first_part, signatures))
        first_part += len(run.documents.parts)
    return tuple(found)


def _check_content_keys(ours: Dedup, theirs: Dedup, path: str) -> None:
    """Copies of published documents are found by their content key: it must mean the same in both runs."""
    if ours.exact is None:
        return
    wanted = set(ours.exact.normalise)
    if theirs.exact is not None and theirs.exact.view != ours.exact.view:
        raise RecipeError(
            f"exact copies were told by the view {theirs.exact.view or 'of the whole text'}",
            where=f"dedup.near.against: {path}",
            expected=f"`dedup.exact.view: {ours.exact.view or 'null'}` in both runs",
        )
    if theirs.exact is None or set(theirs.exact.normalise) != wanted:
        raise RecipeError(
            f"exact copies were found with {sorted(theirs.exact.normalise) if theirs.exact else 'nothing'}",
            where=f"dedup.near.against: {path}",
            expected=f"`dedup.exact.normalise` {sorted(wanted)} in both runs",
            next_step="use the same normalisation, or `exact: null`",
        )


def published_inputs(published: Sequence[Published]) -> dict[str, str]:
    """What of published runs decides: their signatures and who was kept."""
    inputs = {}
    for number, one in enumerate(published):
        inputs[f"against/{number}/signatures"] = layout_fingerprint(one.signatures)
        inputs[f"against/{number}/decisions"] = one.run.decisions.digest
    return inputs
