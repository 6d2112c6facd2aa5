"""Decontamination: speed of the comparison with evaluation sets, which must not depend on how large the sets are.

    python benchmarks/decontamination.py DOCUMENTS.jsonl [--megabytes 20] [--sets PATH:FIELD,FIELD ...]

For indexes of growing size, made of the last documents' own sentences (so that there are hits) or of the sets named:
their memory, and megabytes of text a second on one core; with no items that is the cutting into words alone. Matches of
a few documents are compared with the plain definition.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from gristmill.filters.decontamination.index import Index, build_index
from gristmill.filters.decontamination.match import find_matches, matches_plainly
from gristmill.filters.decontamination.words import words_plainly
from gristmill.filters.dedup.content_key import chosen_normalisation
from gristmill.pipelines.decontamination.command import recipe_of
from gristmill.pipelines.decontamination.eval_sets import read_sets, set_splits

OPTIONS = chosen_normalisation(("case", "punctuation", "whitespace"))
WORDS_OF_ITEM = 60
CHECKED_DOCUMENTS, CHECKED_PASSAGES = 20, 300


def index_of(passages: list[str], owner: np.ndarray, sets: np.ndarray) -> Index:
    return build_index(
        pa.array(passages, pa.large_string()), owner, sets, n=8, min_words=5, max_items=10, normalisation=OPTIONS
    )


def made_index(texts: list[str], items: int) -> tuple[Index, list[str]]:
    """An index of runs of words from the end of the documents and, where these do not suffice, of shuffled ones."""
    words = " ".join(texts).split()
    dice = np.random.default_rng(1)
    passages = []
    for number in range(items):
        end = len(words) - number * WORDS_OF_ITEM
        run = (
            words[end - WORDS_OF_ITEM : end]
            if number < 200
            else [words[k] for k in dice.integers(len(words), size=WORDS_OF_ITEM)]
        )
        passages.append(" ".join(run))
    return index_of(passages, np.arange(items), np.zeros(items, np.int64)), passages


def measure(name: str, texts: pa.Array, megabytes: float, index: Index) -> None:
    started = time.process_time()
    found = find_matches(texts, index, OPTIONS)
    seconds = time.process_time() - started
    print(
        f"{name}: {len(index.hashes):,} n-grams, index {index.nbytes / 1e6:.1f} MB, "
        f"{index.nbytes / max(len(index.grams), 1):.0f} bytes a word; {megabytes / seconds:.1f} MB/s of one core, "
        f"{len(found.rows):,} matches",
        flush=True,
    )


def check(texts: list[str], passages: list[str]) -> None:
    """The kernel's matches on a few documents are those of the plain definition."""
    few = passages[:CHECKED_PASSAGES]
    index = index_of(few, np.arange(len(few)), np.zeros(len(few), np.int64))
    words = [[word for word, _, _ in words_plainly(passage, OPTIONS)] for passage in few]
    counted = [
        (index.grams[index.passage_edges[p] : index.passage_edges[p + 1]] >= 0).tolist() for p in range(len(few))
    ]
    chosen = texts[-CHECKED_DOCUMENTS:]
    found = find_matches(pa.array(chosen, pa.large_string()), index, OPTIONS)
    rows = sorted(tuple(map(int, row)) for row in zip(*found, strict=True))
    plain = sorted(
        (number, *match)
        for number, text in enumerate(chosen)
        for match in matches_plainly(text, words, counted, 8, OPTIONS)
    )
    if rows != plain:
        raise SystemExit("the kernel and the plain definition find different matches")
    print(f"checked: {len(rows)} matches of {len(chosen)} documents with {len(few)} items are those of plain Python")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("--megabytes", type=float, default=20.0)
    parser.add_argument("--items", type=int, nargs="*", default=[0, 1_000, 10_000, 100_000])
    parser.add_argument("--sets", nargs="*", default=[], metavar="[NAME=]PATH:FIELD,FIELD")
    arguments = parser.parse_args()
    texts, size = [], 0
    with arguments.documents.open(encoding="utf-8") as file:
        for line in file:
            texts.append(json.loads(line)["text"])
            size += len(texts[-1].encode())
            if size >= arguments.megabytes * 1e6:
                break
    column = pa.array(texts, pa.large_string())
    find_matches(column[:10], made_index(texts, 10)[0], OPTIONS)  # compile
    print(f"{size / 1e6:.1f} MB in {len(texts):,} documents")
    for items in arguments.items:
        measure(f"{items:,} items", column, size / 1e6, made_index(texts, items)[0])
    if arguments.sets:
        recipe = recipe_of([str(arguments.documents)], arguments.sets, "text", None, "8,13", 0.5, None, "drop")
        assert recipe.decontaminate is not None
        items = read_sets(recipe.decontaminate, set_splits(recipe.decontaminate))
        index = index_of(items.passages.to_pylist(), items.passage_item, items.set_number)
        measure(f"the sets named, {len(items.names):,} items", column, size / 1e6, index)
    check(texts, made_index(texts, CHECKED_PASSAGES)[1])


if __name__ == "__main__":
    main()
