"""One corpus, built on every engine, in any partitioning and row order and under any hash seed: the same rows."""

import contextlib
import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from tests.builds import COLUMNS, datasets, digests, rows, table, write_jsonl, write_parquet, write_recipe
from tests.engines.cluster import LOOPBACK_ENVIRONMENT, standalone_cluster
from tests.engines.cover import LEVELS, Case, full_cross, missing_pairs, pairwise_cover, quick_cover
from tests.recording import recorded

EXACT = {"normalise": ["case", "whitespace"], "survivor": ["source_priority", "oldest"]}
NEAR = {"similarity": 0.9, "shingle": {"words": 1}}  # documents over a small vocabulary: many are alike in words alone
REPEATED = (
    "\nEvery mill along this river grinds grain.",
    " and all of it is weighed again by the miller before noon, as always",
)
LAYOUT_ONLY = {
    "documents/ids/rows",  # a working file: the ids as they were before colliding ones were separated
    "contamination/grams",  # what of each part is counted; the counts are compared
    "mix/weights",
}
SUBSTRINGS = {"method": "partitioned", "length": 60}
LINES = {"min_characters": 20}
DECONTAMINATE = {
    "sets": [{"name": "exam", "path": "exam.jsonl", "fields": ["question"], "id": "id"}],
    "ngrams": [4, 6],
    "max_items": 40,
}
MIX = {"shares": {"web": 2, "books": 1}, "max_repetitions": 2.5, "upweight": {"by": "cluster_size"}}


def write_inputs(folder: Path) -> dict[str, Path]:
    """The same documents in two row orders, each with its recipe."""
    recipes = {}
    for order in ("sorted", "shuffled"):
        web, books = rows(180, seed=5), rows(120, seed=6)
        for number, row in enumerate([*web, *books]):
            row["text"] = row["text"] and row["text"] + REPEATED[number % 2]
        books = [{**row, "id": row["id"].replace("doc", "book")} for row in books] + web[:25]
        for entries in (web, books):
            if order == "sorted":
                entries.sort(key=lambda row: json.dumps(row, sort_keys=True))
            else:
                random.Random(99).shuffle(entries)
        place = folder / order
        texts = sorted(row["text"] for row in rows(40, seed=5) if row["text"])
        questions = [{"id": number, "question": " ".join(text.split()[:20])} for number, text in enumerate(texts)]
        write_jsonl(place / "exam.jsonl", questions)
        write_jsonl(place / "web.jsonl", [*web, {"id": "number", "text": 5}])
        write_parquet(place / "books.parquet", books, row_group_size=40)
        recipes[order] = write_recipe(
            place / "recipe.yaml",
            [
                {"name": "web", "path": "web.jsonl", "columns": COLUMNS, "snapshot": "2024-10"},
                {"name": "books", "path": "books.parquet", "columns": COLUMNS, "priority": 1},
            ],
            dedup={"exact": EXACT, "near": NEAR, "substrings": SUBSTRINGS, "lines": LINES},
            decontaminate=DECONTAMINATE,
            mix=MIX,
        )
    return recipes


def run_cases(cases: list[Case], folder: Path) -> dict[Case, Path]:
    """Build every case; those of one engine share its start, but Sail's, which starts in a second, one each."""
    recipes = write_inputs(folder)
    runs = {case: folder / case.name for case in cases}

    def group(case: Case) -> tuple[str, int, str]:
        return (case.engine, case.partitions, case.hash_seed) if case.engine == "sail" else (case.engine, 0, "")

    with contextlib.ExitStack() as stack:
        for (engine, _, _), members in groupby(sorted(cases, key=group), key=group):
            name, master = engine, ""
            if engine == "cluster":
                name, master = "spark", stack.enter_context(standalone_cluster(folder))
            builds = defaultdict(list)
            for case in members:
                builds[case.hash_seed].append([str(recipes[case.order]), str(runs[case]), case.partitions])
            _run(name, master, builds)
    return runs


def _run(name: str, master: str, builds: dict[str, list[list[str | int]]]) -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("several_builds.py")), name, master, json.dumps(builds)],
        env={**os.environ, **LOOPBACK_ENVIRONMENT, "PYTHONHASHSEED": next(iter(builds))},
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def assert_all_alike(runs: dict[Case, Path]) -> None:
    (first, reference), *others = runs.items()
    expected = {name: digest for name, digest in digests(reference).items() if name not in LAYOUT_ONLY}
    for case, out in others:
        found = {name: digest for name, digest in digests(out).items() if name not in LAYOUT_ONLY}
        assert found == expected, f"{case} differs from {first}"
        for folder in ("documents", "decisions", "corpus"):
            columns = [name for name in table(out, folder).column_names if name != "location"]
            ours, theirs = (table(o, folder).select(columns).sort_by("doc_id").to_pylist() for o in (out, reference))
            assert ours == theirs, f"{folder} of {case}"


def test_the_pairwise_cover_covers_every_pair_with_the_fewest_builds() -> None:
    cases = pairwise_cover()
    assert missing_pairs(cases) == set()
    assert len(cases) == 9 == len(LEVELS[0]) * len(LEVELS[1])
    assert missing_pairs(cases[:-1])
    assert len(full_cross()) == 36


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Case, Path]]:
    return run_cases(quick_cover(), tmp_path_factory.mktemp("cover"))


@pytest.mark.java
@pytest.mark.timeout(1800)
def test_builds_on_every_engine_give_the_same_rows(covered: dict[Case, Path]) -> None:
    assert_all_alike(covered)


@pytest.mark.java
@pytest.mark.timeout(1800)
def test_the_corpus_built_here_exercises_what_could_differ(covered: dict[Case, Path]) -> None:
    """Kept and dropped documents, several rules, duplicates within and across sources, shared ids, quarantine, edits."""
    out = next(iter(covered.values()))
    documents = datasets(out)["documents"]
    assert documents.facts["colliding_ids"] > 20
    assert documents.facts["quarantined"] == 7
    decisions = table(out, "decisions").to_pylist()
    kept = sum(row["kept"] for row in decisions)
    assert 50 < kept < len(decisions) - 50
    assert len({name for row in decisions for name in row["failed_rules"]}) > 5
    source_of = {row["doc_id"]: row["source"] for row in decisions}
    copies = [row for row in decisions if row["duplicate_of"]]
    assert sum("duplicate/near" in row["failed_rules"] for row in decisions) > 10
    assert {source_of[row["duplicate_of"]] == row["source"] for row in copies} == {True, False}
    assert {row["why"] for row in copies} > {"source_priority", "oldest"}
    assert datasets(out)["edits"].rows > 0
    assert all(datasets(out)[f"cuts/{kind}"].facts["cut_bytes"] > 500 for kind in ("lines", "substrings"))
    assert 10 < sum("contamination/exam" in row["failed_rules"] for row in decisions) < len(decisions) / 2
    assert len({row["overlap"] for row in table(out, "contamination/hits").to_pylist()}) > 10
    assert {row["copies"] for row in table(out, "mixed").to_pylist()} >= {1, 2, 3}
    assert len({case.partitions: len(datasets(o)["documents"].parts) for case, o in covered.items()}) == 3


@pytest.mark.java
@pytest.mark.timeout(1800)
def test_the_rows_are_those_that_were_recorded(covered: dict[Case, Path]) -> None:
    left_out = ("after-cuts", *LAYOUT_ONLY)  # the folder of decisions after cuts is named by its key
    out = next(iter(covered.values()))
    found = {name: value for name, value in digests(out).items() if not any(part in name for part in left_out)}
    assert found == recorded("engines", found)


@pytest.mark.java
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_full_cross_gives_the_same_rows(tmp_path: Path) -> None:
    assert_all_alike(run_cases(full_cross(), tmp_path))
