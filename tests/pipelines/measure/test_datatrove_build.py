"""Steps of datatrove in a build: reasons in the decisions, edits in the corpus, other policies, partitions, bad records."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from gristmill.console import Console
from gristmill.filters.transforms.apply import apply_edits
from gristmill.pipelines.build import build
from gristmill.pipelines.decide.reselect import reselect
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.inspect.explain import explain
from gristmill.pipelines.run.run import Run
from gristmill.schemas.errors import RecipeError

from tests.builds import datasets, table, write_jsonl, write_parquet

QUIET = Console(quiet=True)
GOOD = "The mill turns when the river is high and the grain is dry enough. " * 4
QUESTION = "who ground the very first flour that was ever baked into bread by hand"
DOCUMENTS = [
    {"id": "good", "text": GOOD},
    {"id": "short", "text": "The mill."},
    {"id": "broken", "text": f"{GOOD}The cafÃ© at the mill is open."},
    {"id": "asked", "text": f"{GOOD}It is said that {QUESTION} is unknown; the cafÃ© too."},
    {"id": "none", "text": None},
    {"id": "lone", "text": "{ " + GOOD},
]
STEPS = [
    {"datatrove": "formatters.FTFYFormatter", "name": "ftfy"},
    {"datatrove": "filters.GopherQualityFilter", "options": {"min_doc_words": 20}, "name": "gopher"},
    {"datatrove": "filters.RegexFilter", "options": {"regex_exp": r"\{"}, "name": "braces"},
]


def recipe(folder: Path, suffix: str) -> dict[str, Any]:
    write = {"jsonl": write_jsonl, "parquet": write_parquet}[suffix]
    path = write(folder / f"web.{suffix}", DOCUMENTS if suffix == "jsonl" else DOCUMENTS[::-1])
    (folder / "set.jsonl").write_text(f'{{"q": "{QUESTION}"}}\n', encoding="utf-8")
    return {
        "name": "datatrove",
        "sources": [{"name": "web", "path": str(path), "columns": {"id": "id"}}],
        "datatrove_steps": STEPS,
        "decontaminate": {
            "sets": [{"name": "exam", "path": str(folder / "set.jsonl"), "fields": ["q"]}],
            "action": "cut",
        },
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("datatrove")
    return build(recipe(folder, "jsonl"), folder / "run", console=QUIET)


def failed(run: Run, folder: str = "") -> dict[str, list[str]]:
    texts = {row["doc_id"]: row["text"] for row in table(Path(run.storage.root), "documents").to_pylist()}
    names = {document["text"]: document["id"] for document in DOCUMENTS}
    decided = table(Path(run.storage.root), f"{folder}decisions").to_pylist()
    return {names[texts[row["doc_id"]]]: row["failed_rules"] for row in decided}


def test_decisions_have_every_reason(run: Run) -> None:
    found = failed(run)
    assert found.pop("short") == ["datatrove/gopher/gopher_short_doc"]
    assert found.pop("lone") == ["datatrove/braces/dropped"]
    assert found.pop("none") == ["reader/null_text"]
    assert set(map(tuple, found.values())) == {()}


def test_edits_of_steps_and_cuts_meet_in_the_corpus(run: Run) -> None:
    corpus = sorted(table(Path(run.storage.root), "corpus").column("text").to_pylist(), key=len)
    asked = f"{GOOD}It is said that  is unknown; the café too."
    assert corpus == sorted([GOOD, f"{GOOD}The café at the mill is open.", asked], key=len)
    made = table(Path(run.storage.root), "edits")
    texts = {row["doc_id"]: row["text"] for row in table(Path(run.storage.root), "documents").to_pylist()}
    originals = pa.array([texts[doc_id] for doc_id in made.column("doc_id").to_pylist()], pa.large_string())
    edited = apply_edits(originals, made.column("edits").combine_chunks()).to_pylist()
    assert set(edited) == set(corpus) - {GOOD}
    edits = made.to_pylist()
    reasons = {edit["reason"] for row in edits for edit in row["edits"]}
    assert reasons == {"datatrove/ftfy", "contamination"}


def test_explain_and_report_show_them(run: Run) -> None:
    short = next(
        row["doc_id"]
        for row in table(Path(run.storage.root), "decisions").to_pylist()
        if row["failed_rules"] and row["kept"] is False and "short_doc" in row["failed_rules"][0]
    )
    shown = str(explain(run, short))
    assert "failed: datatrove/gopher/gopher_short_doc" in shown
    assert "datatrove_gopher_reason = gopher_short_doc" in shown
    page = (Path(run.storage.root) / "report.html").read_text(encoding="utf-8")
    assert "datatrove/gopher/gopher_short_doc" in page
    assert "Evaluation sets in the documents" in page


def test_other_policies_keep_the_steps(run: Run) -> None:
    chosen = reselect(run, {"min_text_bytes": 300}, "long", console=QUIET)
    assert failed(run, chosen.folder)["short"] == ["datatrove/gopher/gopher_short_doc", "policy/few_bytes"]


@pytest.mark.parametrize("engine", ["sail", pytest.param("spark", marks=[pytest.mark.java, pytest.mark.slow])])
def test_engines_partitions_and_formats_change_nothing(run: Run, engine: str, tmp_path: Path) -> None:
    with Engine(engine, partitions=2) as other_engine:
        other = build(recipe(tmp_path, "parquet"), tmp_path / "run", console=QUIET, report=False, engine=other_engine)
        mine, theirs = (datasets(Path(one.storage.root)) for one in (run, other))
        for name in ("signals/datatrove_gopher", "signals/datatrove_braces", "corpus"):
            assert mine[name].digest == theirs[name].digest, name
        assert failed(run) == failed(other)


def test_errors_come_before_anything_is_written(tmp_path: Path) -> None:
    chosen = recipe(tmp_path, "jsonl") | {"datatrove_steps": [{"datatrove": "filters.NoSuchFilter"}]}
    with pytest.raises(RecipeError, match="NoSuchFilter"):
        build(chosen, tmp_path / "run", console=QUIET)
    assert not (tmp_path / "run").exists()
