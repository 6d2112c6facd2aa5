"""Measuring contamination: items and index, matches, counts, hits and signals; each redone only when it must be."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.decontamination.index import build_index
from gristmill.filters.decontamination.match import find_matches
from gristmill.filters.decontamination.overlap import held_by, weigh
from gristmill.filters.dedup.content_key import chosen_normalisation
from gristmill.pipelines.decontamination.eval_sets import set_splits
from gristmill.pipelines.decontamination.hits import weigh_matches
from gristmill.pipelines.decontamination.items import index_items
from gristmill.pipelines.decontamination.matches import compared_version, match_documents
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.by_part import parts_by_number, read_rows
from gristmill.pipelines.run.context import RunContext
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.shown import printable
from gristmill.pipelines.run.step import Place, Step
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.recipe.rules import ORIGINAL
from gristmill.schemas.rows.registry import row_kind

SPANS_SHOWN = 5


class CompareWithSets(Step):
    """What documents share with evaluation sets: items and their index, matches, hits, and the signals of every set."""

    name = "decontaminate"
    phase = "measure"

    def check(self, recipe: Recipe) -> None:
        if recipe.decontaminate is not None:
            set_splits(recipe.decontaminate)
            version = compared_version(recipe.decontaminate, row_kind(recipe.rows))
            chosen = recipe.contamination
            if version != ORIGINAL and chosen is not None and chosen.action == "cut":
                raise RecipeError(
                    f"what is found in the view {version} cannot be cut out of the row",
                    where="decontaminate",
                    expected="`action: drop`, or no `view`",
                )

    def kernels(self, context: RunContext) -> Sequence[str]:
        return (f"{__name__}:warm_contamination",)

    def datasets(self) -> Sequence[DatasetSpec]:
        return (
            *(layout.EVALUATION_ITEMS, layout.MATCHES, layout.MATCHED_GRAMS, layout.GRAM_COUNTS),
            *(layout.HITS, layout.ITEM_REPORTS),
        )

    def update(self, context: RunContext) -> None:
        options = context.recipe.decontaminate
        assert options is not None
        items = index_items(context.storage, options, set_splits(options), context.console)
        matches, counts = match_documents(context, options, items)
        context.signals.update(weigh_matches(context, options, items, matches, counts))

    def explain(self, run: Run, place: Place) -> Sequence[str]:
        lines = []
        for hit in document_hits(run, place.part, place.row):
            places = list(zip(hit["starts"], hit["ends"], strict=True))
            spans = ", ".join(f"{start}-{end}" for start, end in places[:SPANS_SHOWN])
            more = f" and {len(places) - SPANS_SHOWN} more spans" if len(places) > SPANS_SHOWN else ""
            counted = zip(hit["matched"], hit["of"], hit["ngrams"], strict=True)
            shares = ", ".join(f"{matched} of {of} {n}-grams" for matched, of, n in counted)
            lines.append(f"shares words with {hit['set']} item {printable(hit['item'])}: {shares}")
            lines.append(
                f"  weighted overlap {hit['overlap']:.3f}, longest match {hit['longest']} words, bytes {spans}{more}"
            )
        return lines


def stored_hits(storage: Storage) -> DatasetManifest:
    """The hits of a finished run with evaluation sets."""
    manifest = read_manifest(storage, layout.HITS.folder)
    assert manifest is not None
    return manifest


def document_hits(run: Run, number: int, row: int) -> tuple[dict[str, Any], ...]:
    """The HIT rows of the document at `row` of part `number`, the greatest overlap first."""
    if run.recipe.decontaminate is None:
        return ()
    rows = read_rows(run.storage, layout.HITS, parts_by_number(stored_hits(run.storage)).get(number))
    found: list[dict[str, Any]] = rows.filter(pc.equal(rows.column("row"), row)).to_pylist()
    return tuple(sorted(found, key=lambda hit: (-hit["overlap"], -hit["longest"], hit["number"])))


def warm_contamination(texts: pa.Array) -> None:
    """Compile the kernels of the stages by running them on small texts."""
    options = chosen_normalisation(["case", "punctuation", "whitespace"])
    owner = np.arange(len(texts), dtype=np.int64)
    index = build_index(texts, owner, owner * 0, n=4, min_words=1, max_items=9, normalisation=options)
    found = find_matches(texts, index, options)
    groups = np.array([0, len(found.rows)], np.int64)
    held_by(groups, *found[1:4], index, weigh(index, (4, 6), np.zeros(len(index.hashes), np.int64), len(owner)))
