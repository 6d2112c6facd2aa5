"""Deduplicating new documents against finished runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gristmill.console import Console
from gristmill.pipelines.decide.reselect import reselect
from gristmill.pipelines.dedup.near.component_batches import BatchLimits
from gristmill.pipelines.dedup.near.decide import InMemory
from gristmill.pipelines.engine.session import Engine
from gristmill.schemas.errors import RecipeError

from tests.pipelines.dedup.near_corpora import built, corpus, kept_ids, table

NORMALISE = ["case", "whitespace", "punctuation"]
NEAR: dict[str, Any] = {"similarity": 0.7, "recall": 0.95, "shingle": {"words": 3}}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(cores=2) as running:
        yield running


def dedup(**near: Any) -> dict[str, Any]:
    return {"exact": {"normalise": NORMALISE, "survivor": ["oldest"]}, "near": {**NEAR, **near}}


def older_and_newer() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The corpus cut in two; everything in the second half is newer, and it repeats some of the first."""
    records = [{**record, "id": f"r{record['id']}"} for record in corpus(40, 2)]
    half = len(records) // 2
    newer = records[half:] + [{**record, "id": f"{record['id']}-again"} for record in records[:10]]
    return records[:half], [{**record, "date": record["date"].replace("2024", "2025")} for record in newer]


@pytest.mark.parametrize(
    ("near", "limits"),
    [
        ({}, InMemory()),
        ({"max_hubs": 1}, InMemory()),
        ({"verify": "signature"}, InMemory()),
        ({"index_store": "shingles"}, InMemory()),
        ({}, InMemory(batches=BatchLimits(rows=40, hashes=400, documents=8))),
        ({"verify": "signature"}, InMemory(batches=BatchLimits(rows=40, hashes=400, documents=8))),
        pytest.param({}, InMemory(rows=0, hashes=0), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_first_then_second_gives_the_survivors_of_both_at_once(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, near: dict[str, Any], limits: InMemory
) -> None:
    monkeypatch.setattr("gristmill.pipelines.dedup.near.decide.IN_MEMORY", limits)
    older, newer = older_and_newer()
    first = built(tmp_path / "a", older, dedup(**near), engine)
    before = first.storage.read_json("manifest.json")
    second = built(tmp_path / "b", newer, dedup(**near, against=[first.storage.root]), engine)
    both = built(tmp_path / "ab", older + newer, dedup(**near), engine)
    assert id_texts(first) | id_texts(second) == id_texts(both)
    assert first.storage.read_json("manifest.json") == before
    partners = {row["duplicate_of"] for row in table(second, second.decisions).to_pylist() if row["duplicate_of"]}
    assert len(partners & kept_ids(first)) > 5
    assert partners <= kept_ids(first) | kept_ids(second)
    reasons = {row["why"] for row in table(second, second.decisions).to_pylist() if row["why"]}
    assert "published" in reasons


def id_texts(run: Any) -> set[tuple[str, str]]:
    """(date, text) of kept documents: ids depend on the file a record came in."""
    rows = table(run, run.documents).to_pylist()
    kept = kept_ids(run)
    return {(row["timestamp"], row["text"]) for row in rows if row["doc_id"] in kept}


def test_components_name_what_a_union_would_drop(engine: Engine, tmp_path: Path) -> None:
    """A new document between two published ones links them: both stay, the new one goes to the first."""
    words = [f"w{n}" for n in range(60)]
    one, middle, other = words, [*words[:52], *"abcdefgh"], [*words[:44], *"ijklmnop", *"abcdefgh"]
    older = [
        {"id": "1", "text": " ".join(one), "date": "2024-01-01T00:00:00Z"},
        {"id": "2", "text": " ".join(other), "date": "2024-01-02T00:00:00Z"},
    ]
    newer = [{"id": "3", "text": " ".join(middle), "date": "2025-01-01T00:00:00Z"}]
    near = {"link": "component", "similarity": 0.6, "recall": 0.999}
    first = built(tmp_path / "a", older, dedup(**near), engine)
    assert len(kept_ids(first)) == 2
    second = built(tmp_path / "b", newer, dedup(**near, against=[first.storage.root]), engine)
    facts = second.decisions.facts["near"]
    ids = {row["timestamp"]: row["doc_id"] for row in table(first, first.documents).to_pylist()}
    assert facts["published_a_union_would_drop"] == 1
    assert facts["published_examples"] == [ids["2024-01-02T00:00:00Z"]]
    row = table(second, second.decisions).to_pylist()[0]
    assert row["duplicate_of"] == ids["2024-01-01T00:00:00Z"]
    assert len(kept_ids(first)) == 2


def test_reselect_of_a_run_built_against_another(engine: Engine, tmp_path: Path) -> None:
    older, newer = older_and_newer()
    first = built(tmp_path / "a", older, dedup(), engine)
    second = built(tmp_path / "b", newer, dedup(against=[first.storage.root]), engine)
    policy = {"rules": [{"name": "few_bytes", "signal": "text_bytes", "keep": ">= 200"}]}
    selection = reselect(second, policy, "strict", engine=engine, console=Console(quiet=True))
    whole = built(tmp_path / "c", newer, dedup(against=[first.storage.root]), engine, policy=policy)
    assert selection.decisions.digest == whole.decisions.digest


def test_a_run_without_an_index_or_with_other_signatures(engine: Engine, tmp_path: Path) -> None:
    older, newer = older_and_newer()
    plain = built(tmp_path / "a", older[:5], {"exact": {}}, engine)
    with pytest.raises(RecipeError, match="no near-duplicate index"):
        built(tmp_path / "b", newer[:5], dedup(against=[plain.storage.root]), engine)
    first = built(tmp_path / "c", older[:5], dedup(seed=9), engine)
    with pytest.raises(RecipeError, match="signatures were made with"):
        built(tmp_path / "d", newer[:5], dedup(against=[first.storage.root]), engine)
