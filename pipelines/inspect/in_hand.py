"""A list of strings in a notebook: signals and near duplicates without a recipe, a folder or an engine."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.dedup.minhash import band_hashes, signatures_of_hashes
from gristmill.filters.dedup.shingles import shingle_hashes
from gristmill.filters.dedup.star_pass import UNDECIDED, Contents, star_pass, survivors_of
from gristmill.filters.registry import family
from gristmill.pipelines.dedup.near.in_memory import numbered_entries
from gristmill.pipelines.dedup.near.options import bands_of, shingling_of
from gristmill.pipelines.measure.families import measure_batch, providers_first
from gristmill.schemas.errors import InputError, RecipeError
from gristmill.schemas.lookup import unknown_name_error
from gristmill.schemas.recipe.dedup import NearDedup
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.signals import error_column
from gristmill.schemas.yaml_files import validated

NEAR_OPTIONS = ("shingle", "permutations", "seed", "recall", "bands", "rows", "max_hubs")
NEAR_ROWS = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("survivor", pa.int64(), nullable=False),
        pa.field("similarity", pa.float64()),
    ]
)


def measure(
    texts: Iterable[str | None], families: Sequence[str] | Mapping[str, Mapping[str, Any]] = ("gopher_quality",)
) -> pa.Table:
    """The signals of some texts: a row for every text, a column for every signal of the families.

    families: names (`gristmill signals` lists them), or names with their options. Values are those that a build measures;
    of a missing text (None) all are null. A text that cannot be measured has nulls, and the reason in `<family>_error`, a
    column that is there only then. RecipeError for unknown families and options, or a family that reads more than text.

    >>> measure(["The mill turns.", "Grain!"]).column("word_count").to_pylist()
    [3, 1]
    """
    chosen = dict(families) if isinstance(families, Mapping) else {name: {} for name in families}
    batch = pa.record_batch({"text": _column(texts)})
    inputs: dict[str, pa.Array] = {}
    columns: dict[str, pa.Array] = {}
    for name, _ in providers_first((name, ORIGINAL) for name in chosen):
        one = family(name)
        if one.reads != ("text",):
            raise RecipeError(f"the family `{name}` reads {', '.join(one.reads)}", expected="one that reads text alone")
        options = one.complete_options(chosen.get(name, {}))
        one.check_options(options)
        given = batch
        for read in one.inputs:
            given = given.append_column(read, inputs[read])
        measured = measure_batch(one, given, options)
        inputs |= zip(measured.schema.names, measured.columns, strict=True)
        if name in chosen:
            missing = batch.column("text").is_null()
            columns |= {signal.name: _null_where(missing, measured.column(signal.name)) for signal in one.signals}
            errors = measured.column(error_column(name))
            if errors.null_count < len(errors):
                columns[error_column(name)] = errors
    return pa.table(columns)


def near_duplicates(texts: Iterable[str | None], similarity: float = 0.8, **options: Any) -> pa.Table:
    """Which of some texts are near duplicates of an earlier one.

    similarity: Jaccard similarity of their shingles from which a text goes with an earlier, kept one. options: those of a
    recipe's `dedup.near` in NEAR_OPTIONS, such as `recall` or `shingle={"words": 3}`. A text without a word is like no other.
    Returns a row for every text: row; kept; survivor, the row that is kept for it (its own where it is kept); similarity,
    the true one with its survivor, null where it is kept. The rule is that of a build with `link: star` whose survivor is the
    first. Pairs are found by MinHash with the probability `recall`, and every one is verified.
    """
    for name in options:
        if name not in NEAR_OPTIONS:
            raise unknown_name_error("option of near_duplicates", name, NEAR_OPTIONS)
    near = validated(NearDedup, {"similarity": similarity, **options})
    column = _column(texts)
    bands = bands_of(near)
    found = shingle_hashes(column, shingling_of(near))
    hashes = band_hashes(
        signatures_of_hashes(found.values, found.offsets, near.permutations, near.seed), bands.bands, bands.rows
    )
    rows = np.flatnonzero(found.pieces > 0)
    document = np.repeat(rows, bands.bands)
    band = np.tile(np.arange(bands.bands), len(rows))
    entries = numbered_entries(document, hashes[rows].ravel() + band.astype(np.uint64), band)
    values, starts, ends = _sets(found.values, found.offsets)
    pairs, _ = star_pass(
        *(entries.edges(len(column)), entries.bucket, entries.band, np.zeros(entries.buckets, np.int64)),
        np.full(len(column), UNDECIDED),
        *(Contents(values, starts, ends, False), near.similarity, near.max_hubs),
    )
    survivors = survivors_of(pairs, near.similarity, len(column))
    similarities = np.full(len(column), np.nan)
    own = survivors[pairs.later] == pairs.earlier
    similarities[pairs.later[own]] = pairs.shared[own] / np.maximum(pairs.total[own], 1)
    numbers = np.arange(len(column))
    kept = survivors == numbers
    return pa.table(
        [
            *(pa.array(numbers), pa.array(kept), pa.array(survivors)),
            pa.array(similarities, pa.float64(), mask=kept),
        ],
        schema=NEAR_ROWS,
    )


def _column(texts: Iterable[str | None]) -> pa.Array:
    if isinstance(texts, str):
        raise InputError("found one string", expected="a list of texts", next_step="put it into a list: [text]")
    try:
        return pa.array(list(texts), pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError) as error:
        raise InputError(f"a text cannot be read: {error}", expected="strings, or None for a missing text") from error


def _null_where(missing: pa.Array, values: pa.Array) -> pa.Array:
    return pa.compute.if_else(missing, pa.scalar(None, values.type), values)


def _sets(values: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The hashes of every text sorted without repeats: (values, starts, ends)."""
    found = [np.unique(values[first:last]) for first, last in pairwise(offsets.tolist())]
    sizes = np.array([len(one) for one in found], np.int64)
    ends = np.cumsum(sizes)
    return np.concatenate([np.zeros(0, np.uint64), *found]), ends - sizes, ends
