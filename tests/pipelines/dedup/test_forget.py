"""Forgetting: what is gone, who takes over, and that the run is what a build without the document would be."""

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.decide.reselect import reselect
from gristmill.pipelines.dedup.near.step import FindNearDuplicates
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.forget import forget as forgetting
from gristmill.pipelines.forget.forget import forget
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.scrub import finish as finishing
from gristmill.pipelines.scrub.forget_requests import read_forget_requests
from gristmill.pipelines.scrub.keep_text import purge_raw
from gristmill.pipelines.shards.manifest import read_shard_manifest
from gristmill.pipelines.shards.tombstones import read_tombstones
from gristmill.pipelines.shards.train_tokenizer import train_tokenizer
from gristmill.pipelines.shards.write import write_shards
from gristmill.pipelines.write.corpus import materialise
from gristmill.schemas.errors import InputError

from tests.pipelines.dedup.near_corpora import VOCABULARY, corpus, kept_ids, table, write_records

QUIET = Console(quiet=True)
SECRET = "xyzzysecret"
DEDUP: dict[str, Any] = {"exact": {"survivor": ["oldest"]}, "near": {"similarity": 0.7, "shingle": {"words": 3}}}
RULES = {"rules": [{"name": "long", "signal": "text_bytes", "keep": "<= 800"}]}


def records() -> list[dict[str, Any]]:
    """A corpus, and a family around one secret: the original, an exact copy, a near copy, a long text that a rule drops."""
    words = random.Random(5).choices(VOCABULARY, k=60)
    family = [
        [SECRET, *words],
        [SECRET, *words],
        [SECRET, *words[:-1], "otherword"],
        [SECRET, *words, *words[::-1]],
    ]
    made = [
        {"id": name, "text": " ".join(text), "date": f"2001-01-0{day}T00:00:00Z"}
        for day, (name, text) in enumerate(zip(("first", "copy", "near", "long"), family, strict=True), start=1)
    ]
    return corpus(12, seed=3) + made


def recipe_of(path: Path, **changes: Any) -> dict[str, Any]:
    columns = {"id": "id", "timestamp": "date"}
    source = {"name": "docs", "path": str(path / "input.jsonl"), "columns": columns}
    return {"name": "forget", "sources": [source], "dedup": DEDUP, "policy": RULES, **changes}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("forget")
    write_records(folder / "input.jsonl", records())
    return recipe_of(folder)


@pytest.fixture(scope="module")
def built(recipe: dict[str, Any], sail: dict[int, Engine], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with a report and two selections, one of them with a corpus."""
    out = tmp_path_factory.mktemp("run") / "run"
    run = build(recipe, out, engine=sail[1], console=QUIET)
    loose = reselect(run, {}, "loose", engine=sail[1], console=QUIET)
    materialise(loose, engine=sail[1], console=QUIET)
    reselect(run, RULES, "same", engine=sail[1], console=QUIET)
    return out


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    """A copy of the finished run to forget in."""
    return Path(shutil.copytree(built, tmp_path / "run"))


def ids_of(run: Run, *names: str) -> list[str]:
    """doc_ids of records by their own ids, which the documents' locations do not tell: by their texts."""
    documents = table(run, run.documents)
    texts = {record["id"]: record["text"] for record in records()}
    dates = {record["id"]: record["date"] for record in records()}
    rows = documents.select(["doc_id", "text", "timestamp"]).to_pylist()
    return [
        next(row["doc_id"] for row in rows if (row["text"], row["timestamp"]) == (texts[name], dates[name]))
        for name in names
    ]


def files_that_hold(folder: Path, text: str) -> list[str]:
    """Every file below a folder with the text in it, in any column of any table, JSON or page."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = json.dumps(pq.read_table(path).to_pylist(), default=str) if path.suffix == ".parquet" else ""
        if text in content or text.encode() in path.read_bytes():
            found.append(str(path.relative_to(folder)))
    return found


def digests(out: Path) -> dict[str, str]:
    """Content digest of every dataset of a run."""
    storage = Storage(str(out))
    folders = [str(path.parent.relative_to(out)) for path in sorted(out.rglob("manifest.json")) if path.parent != out]
    manifests = {folder: read_manifest(storage, folder) for folder in folders}
    return {folder: f"{found.rows} {found.digest}" for folder, found in manifests.items() if found is not None}


def assert_lists_what_is_there(out: Path) -> None:
    """Every part is listed by a manifest, with its size, and every listed part is there."""
    storage, listed = Storage(str(out)), set()
    for path in out.rglob("manifest.json"):
        if path.parent != out:
            manifest = read_manifest(storage, str(path.parent.relative_to(out)))
            assert manifest is not None
            for part in manifest.parts:
                assert storage.size(part.path) == part.bytes
                listed.add(part.path)
    assert {str(path.relative_to(out)) for path in out.rglob("*.parquet")} == listed


def test_a_record_leaves_and_its_next_survivor_takes_over(out: Path, sail: dict[int, Engine]) -> None:
    first, copy = ids_of(open_run(out), "first", "copy")
    kept, balance = kept_ids(open_run(out)), open_run(out).documents.facts
    assert first in kept
    assert copy not in kept
    forgotten = forget(out, [first], "record", engine=sail[1], console=QUIET)
    after = open_run(out)
    assert [one.doc_id for one in forgotten.removed] == [first]
    assert forgotten.promoted == (copy,)
    assert kept_ids(after) == kept - {first} | {copy}
    row = next(row for row in table(after, after.documents).to_pylist() if row["doc_id"] == first)
    left = {name: value for name, value in row.items() if value not in (None, "", 0)}
    assert left == {"doc_id": first, "source": "docs", "status": "quarantined", "reason": "forgotten"}
    facts = after.documents.facts
    assert facts["documents"] == balance["documents"] - 1
    assert facts["quarantined"] == balance["quarantined"] + 1
    assert facts["sources"]["docs"]["documents"] == facts["documents"]
    assert after.summary["totals"]["kept"] == len(kept_ids(after))
    assert "still there" in str(forgotten)
    assert_lists_what_is_there(out)


def test_a_content_leaves_with_every_verified_copy(out: Path, sail: dict[int, Engine]) -> None:
    before = open_run(out)
    held = files_that_hold(out, SECRET)
    assert {name.split("/")[0] for name in held} >= {"documents", "corpus", "report.html", "report.json", "selections"}
    names = ids_of(before, "first", "copy", "near", "long")
    forgotten = forget(out, names[:1], "content", engine=sail[1], console=QUIET)
    how = dict(zip(names[:3], ("asked", "exact", "near"), strict=True))
    assert {one.doc_id: one.how for one in forgotten.removed} == how
    forget(out, names[3:], "content", engine=sail[1], console=QUIET)  # a rule drops it, and the report shows it
    assert files_that_hold(out, SECRET) == []
    assert not kept_ids(open_run(out)) & set(names)
    assert open_run(out).selections == ["main", "loose", "same"]
    assert (out / "selections" / "loose" / "corpus" / "manifest.json").exists()
    assert not (out / "selections" / "same" / "corpus").exists()
    assert_lists_what_is_there(out)


@pytest.mark.parametrize("mode", ["record", "content"])
def test_the_run_is_what_a_build_with_the_same_ledger_gives(
    recipe: dict[str, Any], out: Path, sail: dict[int, Engine], tmp_path: Path, mode: str
) -> None:
    names = ids_of(open_run(out), "copy", "near")
    forget(out, names, mode, engine=sail[1], console=QUIET)  # type: ignore[arg-type]
    shutil.rmtree(out / "selections")
    again = tmp_path / "again"
    again.mkdir()
    shutil.copy(out / "gristmill-run.json", again)
    shutil.copytree(out / "forgotten", again / "forgotten")
    build(recipe, again, engine=sail[3], console=QUIET)
    theirs = {name: digest for name, digest in digests(again).items() if not name.startswith("documents/")}
    assert digests(out) == theirs
    ours, fresh = (table(open_run(o), open_run(o).decisions).to_pylist() for o in (out, again))
    assert ours == fresh


def test_a_later_build_brings_nothing_back_and_measures_nothing(
    recipe: dict[str, Any], out: Path, sail: dict[int, Engine]
) -> None:
    forget(out, ids_of(open_run(out), "first"), "content", engine=sail[1], console=QUIET)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    begun = out / "signals" / "c4" / "units" / "begun.json"  # of a build with another recipe that was interrupted
    begun.parent.mkdir(parents=True)
    begun.touch()
    build(recipe, out, engine=sail[1], console=QUIET)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")} == before
    assert begun.exists()
    more = {**recipe["sources"][0], "max_document_bytes": 1 << 20}  # read again: the request is all that remembers
    build({**recipe, "sources": [more]}, out, engine=sail[1], console=QUIET)
    reasons = table(open_run(out), open_run(out).documents).column("reason").to_pylist()
    assert reasons.count("forgotten") >= 3


def test_a_copy_that_arrives_later_is_forgotten_by_its_content(
    out: Path, sail: dict[int, Engine], recipe: dict[str, Any], tmp_path: Path
) -> None:
    forget(out, ids_of(open_run(out), "first"), "content", engine=sail[1], console=QUIET)
    late = {**records()[-4], "id": "late"}
    write_records(tmp_path / "late.jsonl", [late])
    source = {**recipe["sources"][0], "name": "late", "path": str(tmp_path / "late.jsonl")}
    build({**recipe, "sources": [*recipe["sources"], source]}, out, engine=sail[1], console=QUIET)
    rows = table(open_run(out), open_run(out).documents).to_pylist()
    assert [row["reason"] for row in rows if row["source"] == "late"] == ["forgotten"]


@pytest.mark.parametrize("keep_text", ["kept", pytest.param("none", marks=pytest.mark.slow)])
def test_a_run_without_texts_is_built_again_from_its_sources(
    recipe: dict[str, Any], sail: dict[int, Engine], tmp_path: Path, keep_text: str
) -> None:
    whole = build(recipe, tmp_path / "whole", engine=sail[1], console=QUIET, report=False)
    run = build({**recipe, "keep_text": keep_text}, tmp_path / "run", engine=sail[1], console=QUIET, report=False)
    first, copy = ids_of(whole, "first", "copy")
    forget(run, [first], "record", engine=sail[1], console=QUIET)
    assert copy in kept_ids(open_run(tmp_path / "run"))
    forget(whole, [first], "record", engine=sail[1], console=QUIET)
    corpora = [table(run, open_run(run.storage.url).dataset("corpus")).to_pylist() for run in (run, whole)]
    assert corpora[0] == corpora[1]


class Stopped(Exception):
    """What an interrupted run raises here."""


STEPS = {  # function -> what it is called through
    "honour_forget_requests": forgetting,
    "scrub_measured": forgetting,
    "adopt": FindNearDuplicates,
    "build_from": forgetting,
    "_decide_again": forgetting,
    "mark_finished": finishing,
}
QUICK = [("scrub_measured", False), ("build_from", True)]
EVERY = [(step, after) for step in STEPS for after in (False, True)]


@pytest.mark.parametrize(
    ("step", "after"),
    [pytest.param(*one, marks=[] if one in QUICK else pytest.mark.slow) for one in EVERY],
)
def test_an_interrupted_request_goes_on_where_it_stopped(
    out: Path, sail: dict[int, Engine], monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    names = ids_of(open_run(out), "first", "copy", "near", "long")
    owner = STEPS[step]
    original = getattr(owner, step)

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if after:
            original(*arguments, **options)
        raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr(owner, step, interrupted)
        with pytest.raises(Stopped):
            forget(out, names, "record", engine=sail[1], console=QUIET)
    forget(out, names, "record", engine=sail[1], console=QUIET)
    assert files_that_hold(out, SECRET) == []
    assert open_run(out).selections == ["main", "loose", "same"]
    assert_lists_what_is_there(out)


def test_a_build_finishes_what_was_interrupted(
    recipe: dict[str, Any], out: Path, sail: dict[int, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ids_of(open_run(out), "first", "copy", "near", "long")

    def interrupted(*_: Any) -> None:
        raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr(forgetting, "scrub_measured", interrupted)
        with pytest.raises(Stopped):
            forget(out, names, "record", engine=sail[1], console=QUIET)
    build({**recipe, "dedup": {}}, out, engine=sail[1], console=QUIET, report=False)
    assert files_that_hold(out, SECRET) == []
    assert not kept_ids(open_run(out)) & set(names)


@pytest.mark.slow
def test_a_purged_run_is_purged_again(recipe: dict[str, Any], sail: dict[int, Engine], tmp_path: Path) -> None:
    run = build(recipe, tmp_path / "run", engine=sail[1], console=QUIET, report=False)
    first, copy = ids_of(run, "first", "copy")
    purge_raw(run, engine=sail[1], console=QUIET)
    assert forget(run, [first], "record", engine=sail[1], console=QUIET).promoted == (copy,)
    after = open_run(tmp_path / "run")
    assert table(after, after.documents).column("text").null_count == after.documents.rows
    assert copy in kept_ids(after)


def test_unknown_ids_change_nothing(out: Path, sail: dict[int, Engine]) -> None:
    before = digests(out)
    known: Sequence[str] = ids_of(open_run(out), "first")
    with pytest.raises(InputError, match="nothing was forgotten"):
        forget(out, [*known, "0" * 32], "record", engine=sail[1], console=QUIET)
    assert digests(out) == before
    assert not (out / "forgotten").exists()


@pytest.mark.slow
def test_token_shards_get_tombstones_and_who_took_over(
    out: Path, sail: dict[int, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, copy = ids_of(open_run(out), "first", "copy")
    train_tokenizer(out, out / "tok", vocab_size=400, console=QUIET)
    for folder in (out / "shards", out / "elsewhere"):
        write_shards(str(out), str(folder), {"tokenizer": str(out / "tok")}, engine=sail[1], console=QUIET)
    monkeypatch.chdir(out)
    forgotten = forget(out, [first], "record", shards=["elsewhere", "shards"], engine=sail[1], console=QUIET)
    [entry] = read_forget_requests(Storage(str(out))).entries
    assert entry.shards == [str(out / "shards"), str(out / "elsewhere")]
    assert forgotten.promoted == (copy,)
    for name in ("shards", "elsewhere"):
        storage = Storage(str(out / name))
        assert [stone.doc_id for stone in read_tombstones(storage)] == [first]
        assert [shard.documents for shard in read_shard_manifest(storage).shards if shard.generation] == [1]
        assert f"tokens in {storage.root}: never served again, on disk" in str(forgotten)
    again = forget(out, [first], "record", shards=[str(out / "elsewhere")], erase=True, engine=sail[1], console=QUIET)
    assert again.removed == ()
    assert "tokens in" not in str(again)
