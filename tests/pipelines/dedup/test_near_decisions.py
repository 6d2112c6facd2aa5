"""Near-duplicate decisions end to end on Sail: in memory, in rounds, against brute force, under another policy."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from gristmill.console import Console
from gristmill.filters.dedup.content_key import chosen_normalisation
from gristmill.filters.dedup.minhash import band_hashes, signatures
from gristmill.filters.dedup.shingles import Shingling, shingles_plainly
from gristmill.pipelines.decide.decisions import policy_config
from gristmill.pipelines.decide.reselect import measured, reselect
from gristmill.pipelines.dedup.near import component_batches
from gristmill.pipelines.dedup.near import decide as decide_module
from gristmill.pipelines.dedup.near.component_batches import BatchLimits
from gristmill.pipelines.dedup.near.decide import InMemory, NearInputs, decide_near
from gristmill.pipelines.dedup.near.warm import KERNELS
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.policy.compile import compile_policy
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.regroup import Regroup
from gristmill.pipelines.run.run import Run
from gristmill.schemas import layout
from gristmill.schemas.lookup import load_object
from gristmill.schemas.recipe.dedup import NearDedup

from tests.pipelines.dedup.near_corpora import built, corpus, kept_ids, table

NORMALISE = ["case", "whitespace", "punctuation"]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(cores=2) as running:
        yield running


@pytest.fixture(scope="module")
def run(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Run:
    near = {"similarity": 0.7, "recall": 0.95, "shingle": {"words": 3}}
    dedup = {"exact": {"normalise": NORMALISE, "survivor": ["oldest"]}, "near": near}
    return built(tmp_path_factory.mktemp("near"), corpus(40, 1), dedup, engine)


def decided(run: Run, engine: Engine, folder: str, limits: InMemory, **changes: Any) -> tuple[Any, Any, Any]:
    """(members, outcome, pairs) of another way to decide on the same edges."""
    near = NearDedup.model_validate({**run.recipe.dedup.near.model_dump(), **changes})  # type: ignore[union-attr]
    policy = compile_policy(run.recipe.policy, run.recipe.floor, run.recipe.text)
    made_from = measured(run)
    assert made_from.near is not None
    survivors = read_manifest(run.storage, layout.EXACT_SURVIVORS.folder)
    given = NearInputs(
        near, policy, run.documents, run.signals, made_from.near, survivors, run.recipe.dedup.near_order, {"docs": 0}
    )
    storage = run.storage
    storage.remove(folder)
    # survivors among exact copies are read from the folder that wrote them
    context = replace(run.context(engine, Console(quiet=True)), selection=f"{folder}/")
    config, inputs = {"policy": policy_config(policy)}, made_from.digests()
    members, outcome = decide_near(context, given, config, inputs, limits)
    return members, outcome, read_manifest(storage, layout.NEAR_PAIRS.of(f"{folder}/").folder)


NO_MEMORY = InMemory(rows=0, hashes=0)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"max_hubs": 1},
        {"verify": "signature"},
        {"link": "component"},
        {"link": "component", "max_hubs": 1, "similarity": 0.5},
    ],
    ids=str,
)
def test_rounds_give_what_memory_gives(run: Run, engine: Engine, changes: dict[str, Any]) -> None:
    answers = [decided(run, engine, f"try/{n}", limits, **changes) for n, limits in enumerate((InMemory(), NO_MEMORY))]
    (memory, outcome, pairs), (rounds, other_outcome, other_pairs) = answers
    assert memory.rows > 20
    assert memory.facts == rounds.facts
    assert memory.digest == rounds.digest
    assert pairs.digest == other_pairs.digest
    assert outcome.digest == other_outcome.digest


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"max_hubs": 1},
        {"verify": "signature"},
        {"link": "component"},
        {"link": "component", "max_hubs": 1, "similarity": 0.5},
    ],
    ids=str,
)
def test_batches_of_components_give_what_one_problem_gives(
    run: Run, engine: Engine, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that wait in files, connections found range by range, and every component decided in its own batch or two."""
    solved = []
    monkeypatch.setattr(component_batches, "ROWS_AT_ONCE", 100)
    monkeypatch.setattr(component_batches, "Regroup", lambda schema, by: Regroup(schema, by, 5000))
    problems = component_batches.problems

    def counted(*given: Any) -> Iterator[component_batches.Problem]:
        for problem in problems(*given):
            solved.append(problem)
            yield problem

    whole, whole_outcome, whole_pairs = decided(run, engine, "try/one", InMemory(), **changes)
    monkeypatch.setattr("gristmill.pipelines.dedup.near.decide.problems", counted)
    small = InMemory(batches=BatchLimits(rows=40, hashes=400, documents=8))
    members, outcome, pairs = decided(run, engine, "try/batches", small, **changes)
    assert len(solved) > 3
    assert members.facts == whole.facts
    assert (members.digest, outcome.digest, pairs.digest) == (
        whole.digest,
        whole_outcome.digest,
        whole_pairs.digest,
    )


def test_a_component_too_large_for_memory_goes_to_rounds(
    run: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    rounds = decide_module.decide_in_rounds
    monkeypatch.setattr(decide_module, "decide_in_rounds", lambda *given: asked.append(1) or rounds(*given))
    whole, _, _ = decided(run, engine, "try/whole", InMemory())
    part, _, _ = decided(run, engine, "try/part", InMemory(rows=30, batches=BatchLimits(10, 10, 10)))
    assert asked == [1]
    assert part.digest == whole.digest


def test_rounds_finish_in_memory_once_they_fit(run: Run, engine: Engine) -> None:
    whole, _, _ = decided(run, engine, "try/whole", InMemory())
    entries = read_manifest(run.storage, "edges/near/buckets").rows  # type: ignore[union-attr]
    assert entries > 300
    part, _, _ = decided(run, engine, "try/part", InMemory(rows=200, hashes=0))
    assert part.facts == whole.facts
    assert part.digest == whole.digest


def bands_and_shingles(texts: list[str], near: NearDedup) -> tuple[list[set[Any]], list[set[int]]]:
    from gristmill.pipelines.dedup.near.options import bands_of

    options = near.shingle
    shingling = Shingling(options.words, options.characters, options.unit, chosen_normalisation(options.normalise))
    bands = bands_of(near)
    values = signatures(pa.array(texts), shingling, count=near.permutations, seed=near.seed).values
    keys = band_hashes(values, bands.bands, bands.rows)
    return [set(enumerate(row)) for row in keys.tolist()], [set(shingles_plainly(text, shingling)) for text in texts]


def test_star_is_the_greedy_pass_over_all_candidate_pairs(run: Run) -> None:
    """Documents in survivor order (oldest, content hash, id) after exact duplicates, every pair looked at."""
    near = run.recipe.dedup.near
    assert near is not None
    documents, decisions = table(run, run.documents), table(run, run.decisions)
    rows = documents.select(["doc_id", "timestamp", "content_hash", "text"]).to_pylist()
    exact = {
        row["doc_id"] for row in decisions.to_pylist() if {"duplicate/exact", "floor/empty"} & set(row["failed_rules"])
    }
    rows = sorted(
        (row for row in rows if row["doc_id"] not in exact),
        key=lambda row: (row["timestamp"], row["content_hash"], row["doc_id"]),
    )
    bands, shingles = bands_and_shingles([row["text"] for row in rows], near)
    kept: list[int] = []
    survivors: dict[str, tuple[str, float]] = {}
    for later in range(len(rows)):
        for hub in kept:
            both = shingles[hub] | shingles[later]
            if both and bands[hub] & bands[later]:
                similarity = len(shingles[hub] & shingles[later]) / len(both)
                if similarity >= near.similarity:
                    survivors[rows[later]["doc_id"]] = (rows[hub]["doc_id"], similarity)
                    break
        else:
            kept.append(later)
    assert kept_ids(run) == {rows[number]["doc_id"] for number in kept}
    near_rows = [
        row for row in decisions.to_pylist() if "duplicate/near" in row["failed_rules"] and row["doc_id"] in survivors
    ]
    assert len(near_rows) == len(survivors) > 20
    for row in near_rows:
        assert (row["duplicate_of"], row["similarity"]) == survivors[row["doc_id"]]


def test_copies_go_with_their_survivor(run: Run) -> None:
    decisions = {row["doc_id"]: row for row in table(run, run.decisions).to_pylist()}
    kinds = {tuple(row["failed_rules"]) for row in decisions.values()}
    assert {("duplicate/exact",), ("duplicate/near",), ("duplicate/exact", "duplicate/near"), ()} <= kinds
    sizes: dict[str, int] = {}
    for row in decisions.values():
        if row["cluster"]:
            sizes[row["cluster"]] = sizes.get(row["cluster"], 0) + 1
        if row["duplicate_of"]:
            assert decisions[row["duplicate_of"]]["kept"]
            assert decisions[row["duplicate_of"]]["cluster"] == row["cluster"]
            assert 0.7 <= row["similarity"] <= 1.0
        if row["failed_rules"] == ["duplicate/exact"]:
            assert row["similarity"] == 1.0
            assert row["band"] is None
        if "duplicate/near" in row["failed_rules"]:
            assert row["band"] >= 0
            assert row["why"] in ("oldest", "content_hash", "doc_id")
    for row in decisions.values():
        if row["cluster"]:
            assert row["cluster_size"] == sizes[row["cluster"]]


def test_texts_without_words_are_counted_and_never_near_duplicates(run: Run) -> None:
    signed = run.dataset("edges/near/signatures")
    assert signed.facts["without_pieces"] == 2
    assert signed.facts["short"] >= 3
    rows = {row["text"]: row["doc_id"] for row in table(run, run.documents).to_pylist()}
    kept = kept_ids(run)
    assert rows["three"] in kept
    assert len({rows["one two"], rows["One  two!"]} & kept) == 1


def test_reselect_decides_again_without_text(run: Run, engine: Engine) -> None:
    """Documents that a stricter policy drops free those they stood for; the same as building with that policy."""
    policy = {"rules": [{"name": "few_bytes", "signal": "text_bytes", "keep": ">= 200"}]}
    for part in run.documents.parts:
        assert run.storage.exists(part.path)
    selection = reselect(run, policy, "strict", engine=engine, console=Console(quiet=True))
    whole = built(
        Path(run.storage.root).parent / "again",
        corpus(40, 1),
        run.recipe.dedup.model_dump(mode="json"),
        engine,
        policy=policy,
    )
    assert selection.decisions.digest == whole.decisions.digest
    assert selection.decisions.digest != run.decisions.digest


@pytest.mark.parametrize("partitions", [1, 17])
def test_any_partitioning_and_order_gives_the_same_rows(run: Run, tmp_path: Path, partitions: int) -> None:
    records = corpus(40, 1)
    shuffled = [records[n] for n in np.random.default_rng(partitions).permutation(len(records))]
    other = Engine(cores=2, partitions=partitions)
    again = built(tmp_path, shuffled, run.recipe.dedup.model_dump(mode="json"), other)
    assert again.decisions.digest == run.decisions.digest
    assert again.dataset("edges/near/signatures").digest == run.dataset("edges/near/signatures").digest
    assert again.dataset("edges/near/buckets").digest == run.dataset("edges/near/buckets").digest


@pytest.mark.parametrize("limits", [InMemory(), NO_MEMORY], ids=["memory", "rounds"])
def test_nothing_to_compare(
    run: Run, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: InMemory
) -> None:
    """No two documents share a bucket; no document passes; no document at all."""
    monkeypatch.setattr("gristmill.pipelines.dedup.near.decide.IN_MEMORY", limits)
    dedup = run.recipe.dedup.model_dump(mode="json")
    alone = [{"id": str(n), "text": f"{n}a {n}b {n}c {n}d", "date": "2024-01-01T00:00:00Z"} for n in range(4)]
    for name, records in (("alone", alone), ("none", [])):
        for link in ("star", "component"):
            dedup["near"]["link"] = link
            other = built(tmp_path / f"{name}-{link}", records, dedup, engine)
            assert len(kept_ids(other)) == len(records)
            assert other.decisions.facts["near"]["compared"] == 0
    policy = {"rules": [{"name": "few_bytes", "signal": "text_bytes", "keep": ">= 1000000"}]}
    name = f"nothing-{limits.rows}"
    selection = reselect(run, policy, name, engine=engine, console=Console(quiet=True))
    assert kept_ids(selection) == set()


@pytest.mark.parametrize("name", KERNELS)
def test_what_is_compiled_ahead_runs(name: str) -> None:
    load_object(name)(pa.array(["a b c d e f g", "", "word"], pa.large_string()))
