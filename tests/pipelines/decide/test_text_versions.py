"""Web, wiki and code in one recipe, each with its own cleaning."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill import build, reselect
from gristmill.console import Console
from gristmill.filters.transforms.apply import versioned_text
from gristmill.pipelines.policy.text_versions import TextVersions
from gristmill.schemas.errors import RecipeError

QUIET = Console(quiet=True)
TEXTS = {
    "web": "Home page\u200b of the mill\n\nThe river  turns\u00a0the wheel \u00c3\u00a9very day.   "
    "\n\n\n\n3 Likes\nRead more...",
    "wiki": "The mill\u200b is old.\n\n\n\nIt stands  by the river.\t\n",
    "code": "def grind(corn):\n\treturn  corn \u200b  \n\n\n\n",
}


@pytest.fixture
def sources(tmp_path: Path) -> list[dict[str, Any]]:
    """A file for each source, with twelve documents."""
    for name, text in TEXTS.items():
        rows = [{"id": f"{name}-{number}", "text": f"{text}\nNumber {number}"} for number in range(12)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    return [{"name": name, "path": str(tmp_path / f"{name}.parquet"), "columns": {"id": "id"}} for name in TEXTS]


def written(run: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in TEXTS}
    for row in run.corpus:
        found[row["source"]].add(row["text"])
    return found


def expected(**versions: str) -> dict[str, set[str]]:
    texts = {
        name: pa.array([f"{text}\nNumber {n}" for n in range(12)], pa.large_string()) for name, text in TEXTS.items()
    }
    return {name: set(versioned_text(texts[name], version)[0].to_pylist()) for name, version in versions.items()}


def test_each_source_is_written_in_its_own_version(sources: list[dict[str, Any]], tmp_path: Path) -> None:
    recipe = {"name": "three", "sources": sources, "text": "clean", "dedup": {"exact": None}}
    recipe["sources"] = [{**one, "text": "original"} if one["name"] == "code" else one for one in sources]
    run = build(recipe, tmp_path / "own", console=QUIET, report=True)
    assert written(run) == expected(web="clean", wiki="clean", code="original")
    assert "clean; code: original" in (tmp_path / "own/report.html").read_text()
    again = build(recipe, tmp_path / "own", console=QUIET, report=False)
    assert again.corpus.manifest.digest == run.corpus.manifest.digest


def test_profiles_of_sources_choose_their_versions(sources: list[dict[str, Any]], tmp_path: Path) -> None:
    everything = {"thresholds": {}, "rules": []}
    policy = {
        "by_source": {
            "web": {"profiles": ["refinedweb@dclm"], "disable": disabled("refinedweb@dclm")},
            "wiki": {"profiles": ["c4@paper"], "disable": disabled("c4@paper")},
            "code": everything,
        }
    }
    recipe = {"name": "three", "sources": sources, "policy": policy, "dedup": {"exact": None, "lines": {}}}
    run = build(recipe, tmp_path / "profiles", console=QUIET)
    without_cuts = build({**recipe, "dedup": {"exact": None}}, tmp_path / "plain", console=QUIET, report=False)
    versions = {"web": version_of("refinedweb@dclm"), "wiki": version_of("c4@paper"), "code": "original"}
    assert len(set(versions.values())) == 3
    assert written(without_cuts) == expected(**versions)
    for name, texts in written(run).items():  # repeated lines are cut from the version of their source
        lines = {line for text in expected(**versions)[name] for line in text.split("\n")}
        assert {line for text in texts for line in text.split("\n")} <= lines
    other = reselect(run, {"min_text_bytes": 1}, "plain", console=QUIET)
    assert other.selection == "plain"


def disabled(name: str) -> list[str]:
    from gristmill.filters.profiles import profile

    return [rule.name for rule in profile(name).rules]


def version_of(name: str) -> str:
    from gristmill.filters.profiles import profile

    return str(profile(name).text_version)


def test_two_versions_of_one_source_are_refused(sources: list[dict[str, Any]], tmp_path: Path) -> None:
    policy = {"by_source": {"web": {"profiles": ["c4@paper", "refinedweb@dclm"]}}}
    with pytest.raises(RecipeError, match=r"policy\.by_source\.web"):
        build({"name": "two", "sources": sources, "policy": policy}, tmp_path / "run", console=QUIET)


def test_versions_go_to_the_rows_of_their_source() -> None:
    texts = pa.array([f"a\u200b  {number}  \n\n\n\nb" for number in range(6)], pa.large_string())
    sources = pa.array(["x", "y", "x", None, "z", "y"], pa.large_string())
    versions = TextVersions("clean", {"y": "original", "x": "clean"})
    assert versions == TextVersions("clean", {"y": "original"})
    made, edits = versions.apply(texts, sources)
    clean = versioned_text(texts, "clean")[0]
    assert made.to_pylist() == [
        (texts if source == "y" else clean)[row].as_py() for row, source in enumerate(sources.to_pylist())
    ]
    assert [len(one) == 0 for one in edits.to_pylist()] == [source == "y" for source in sources.to_pylist()]
