"""A recipe's `dedup.near` as the kernels take it."""

from typing import Any

from gristmill.filters.dedup import shingles
from gristmill.filters.dedup.content_key import chosen_normalisation
from gristmill.filters.dedup.lsh_parameters import Bands, choose_bands, described
from gristmill.filters.transforms.versions import checked_version
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.kind import RowKind


def shingling_of(near: NearDedup) -> shingles.Shingling:
    """How documents become shingles."""
    chosen = near.shingle
    normalisation = chosen_normalisation(chosen.normalise)
    return shingles.Shingling(chosen.words, chosen.characters, chosen.unit, normalisation)


def bands_of(near: NearDedup) -> Bands:
    """The bands given, else those with the least false-positive area that reach the recall; RecipeError when none do."""
    if near.bands is not None and near.rows is not None:
        return described(near.bands, near.rows, near.similarity)
    return choose_bands(near.similarity, near.recall, near.permutations)


def signature_config(near: NearDedup) -> dict[str, Any]:
    """What decides a signature: two runs can be compared if and only if these are equal."""
    chosen = near.shingle.model_dump(mode="json")
    chosen["normalise"] = sorted(chosen["normalise"])
    view = {} if near.view is None else {"view": near.view}
    return {"shingle": chosen, "permutations": near.permutations, "seed": near.seed, **view}


def compared_version(near: NearDedup, kind: RowKind) -> str:
    """The text version that rows of this kind are compared by; RecipeError where they have no such."""
    return checked_version(near.view or ORIGINAL, kind, "dedup.near.view")


def bucket_config(near: NearDedup) -> dict[str, Any]:
    """What decides the buckets, beyond the signatures."""
    bands = bands_of(near)
    return {"bands": bands.bands, "rows": bands.rows, "scope": near.scope}


def decision_config(near: NearDedup) -> dict[str, Any]:
    """What decides who is dropped, beyond the buckets."""
    return {"similarity": near.similarity, "verify": near.verify, "link": near.link, "max_hubs": near.max_hubs}
