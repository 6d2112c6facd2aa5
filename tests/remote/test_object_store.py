"""A run in an object store is the run that a folder would hold: built, killed, gone on with, decided again, forgotten."""

import json
import os
import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec
import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.cli.main import app
from gristmill.pipelines.decide.reselect import reselect
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.forget.forget import forget
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.shards.train_tokenizer import train_tokenizer
from gristmill.pipelines.shards.verify import verify_shards
from gristmill.pipelines.shards.write import write_shards
from gristmill.pipelines.write.corpus import materialise
from gristmill.schemas.errors import InputError, RunError
from typer.testing import CliRunner

from tests.builds import COLUMNS, POLICY, command, prose, rows, write_jsonl, write_recipe
from tests.remote.store import BUCKET, Store

FILES = 4
REPEATED = {
    ("put", "data"),
    ("put", "units"),
    ("get", "data"),
    ("get", "units"),
    ("get", "manifest.json"),
    ("list", ""),
}
QUIET = Console(quiet=True)
DEDUP = {
    "exact": {"normalise": ["case", "whitespace"], "survivor": ["oldest"]},
    "near": {"similarity": 0.7, "shingle": {"words": 3}},
}


def entries() -> list[dict[str, Any]]:
    """Documents with copies and shared ids, and near copies of two of them."""
    dice = random.Random(3)
    family = [prose(dice, "en", 12) for _ in range(2)]
    near = [{"id": f"near-{n}", "text": f"{family[n % 2]} Last word {n}.", "note": "near"} for n in range(6)]
    return rows(90) + near


@pytest.fixture(scope="module")
def folder(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local files, a copy of them in the store, and a recipe for each place."""
    folder = tmp_path_factory.mktemp("inputs")
    found = entries()
    remote = fsspec.filesystem("s3")
    for number in range(FILES):
        path = write_jsonl(folder / "in" / f"{number}.jsonl", found[number::FILES])
        remote.pipe(f"{BUCKET}/in/{number}.jsonl", path.read_bytes())
    remote.pipe(f"{BUCKET}/in/_not_read.jsonl", b"{}")
    for name, place in (("local", str(folder / "in")), ("remote", f"s3://{BUCKET}/in")):
        sources = [{"name": f"s{n}", "path": f"{place}/{n}*.jsonl", "columns": COLUMNS} for n in range(FILES)]
        write_recipe(folder / f"{name}.yaml", sources, dedup=DEDUP)
        write_recipe(folder / f"{name}-plain.yaml", sources, policy={}, text="original")
    return folder


def digests_of(storage: Storage) -> dict[str, str]:
    """Content digest of every dataset of a run, wherever it lies."""
    summary = open_run(storage.url).summary
    names = [*summary["digests"], "decisions/near/pairs", "edges/near/buckets", "edges/exact/members"]
    manifests = {name: read_manifest(storage, name) for name in names}
    return {name: manifest.digest for name, manifest in manifests.items() if manifest is not None}


@pytest.fixture(scope="module")
def local(folder: Path, engine: Engine) -> dict[str, str]:
    """Digests of the run in a folder."""
    run = build(str(folder / "local.yaml"), folder / "run", engine=engine, console=QUIET, report=False)
    return digests_of(run.storage)


@pytest.fixture(scope="module")
def plain(folder: Path, engine: Engine) -> dict[str, str]:
    """Digests of a run in a folder without rules and near duplicates."""
    run = build(str(folder / "local-plain.yaml"), folder / "plain", engine=engine, console=QUIET, report=False)
    return digests_of(run.storage)


@pytest.fixture(scope="module")
def built(folder: Path, engine: Engine) -> Run:
    """The run in the store, with its report."""
    return build(str(folder / "remote.yaml"), f"s3://{BUCKET}/run", engine=engine, console=QUIET)


def test_the_run_is_the_one_of_a_folder(built: Run, local: dict[str, str]) -> None:
    """Inputs by a glob in the store, files beginning with `_` left out."""
    assert len(local) == 10
    assert digests_of(built.storage) == local
    assert built.summary["balance"]["files"] == FILES
    assert built.storage.exists("report.html")
    assert built.storage.exists("README.md")


def test_no_dataset_is_made_again(built: Run, folder: Path, store: Store, engine: Engine) -> None:
    """And the same command asks for nothing but listings, manifests and the inputs' states."""
    with store.counting() as seen:
        build(str(folder / "remote.yaml"), built.storage.url, engine=engine, console=QUIET, report=False)
    written = Counter(key.removeprefix(f"{BUCKET}/run/") for kind, key in seen if kind in ("put", "post", "delete"))
    assert set(written) <= {"lock.json", "manifest.json"}
    assert not [key for _, key in seen if "/data/" in key or "/units/" in key]
    asked = Counter(key.removeprefix(f"{BUCKET}/in/") for kind, key in seen if "/in/" in key and kind != "list")
    # is there a file of that name, and can the first file be read at all
    assert asked == {f"{n}{end}": 1 for n in range(FILES) for end in ("*.jsonl", ".jsonl")}


def test_printed_paths_are_addresses(built: Run) -> None:
    printed = CliRunner().invoke(app, ["report", built.storage.url, "--quiet"])
    assert f"report: s3://{BUCKET}/run/report.html\n" in printed.output
    with pytest.raises(RunError) as refused:
        built.dataset("nothing")
    assert f"s3://{BUCKET}/run" in str(refused.value)


def test_a_selection_its_corpus_and_shards(built: Run, folder: Path, engine: Engine, tmp_path: Path) -> None:
    policy = {**POLICY, "thresholds": {"gopher@dolma/few_words": ">= 40"}}
    chosen = reselect(built, policy, "strict", engine=engine, console=QUIET)
    assert 0 < materialise(chosen, engine=engine, console=QUIET).rows < built.dataset("corpus").rows
    assert open_run(f"{built.storage.url}:strict").selection == "strict"
    train_tokenizer(built, tmp_path / "tokenizer", vocab_size=400, console=QUIET)
    options = {"tokenizer": str(tmp_path / "tokenizer")}
    shards = write_shards(built, f"s3://{BUCKET}/shards", options, engine=engine, console=QUIET)
    assert sum(shard.documents for shard in shards.shards) == built.dataset("corpus").rows
    assert verify_shards(f"s3://{BUCKET}/shards").problems == []


def test_forgetting_leaves_nothing_in_the_store(folder: Path, engine: Engine, tmp_path: Path) -> None:
    secret = "xyzzysecret"
    kept = [{"id": f"d{n}", "text": prose(random.Random(n), "en", 12), "note": ""} for n in range(12)]
    lines = [*kept, {"id": "gone", "text": f"{secret} {kept[0]['text']} and much more of {secret}", "note": ""}]
    remote = fsspec.filesystem("s3")
    remote.pipe(f"{BUCKET}/secret/a.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
    source = {"name": "docs", "path": f"s3://{BUCKET}/secret/a.jsonl", "columns": COLUMNS}
    recipe = write_recipe(tmp_path / "recipe.yaml", [source], policy={})
    run = build(str(recipe), f"s3://{BUCKET}/forgetting", engine=engine, console=QUIET)
    train_tokenizer(run, tmp_path / "tokenizer", vocab_size=400, console=QUIET)
    shards = f"s3://{BUCKET}/forgetting-shards"
    write_shards(run, shards, {"tokenizer": str(tmp_path / "tokenizer")}, engine=engine, console=QUIET)
    (doc_id,) = [row["doc_id"] for row in _documents(run) if secret in str(row["text"])]
    forgotten = forget(run, [doc_id], "record", shards=[shards], erase=True, engine=engine, console=QUIET)
    assert [one.doc_id for one in forgotten.removed] == [doc_id]
    assert verify_shards(shards).forgotten_on_disk == 0
    contents = {path: remote.cat_file(path) for path in remote.find(f"{BUCKET}/forgetting")}
    assert not [path for path, content in contents.items() if secret.encode() in content]
    assert doc_id not in {row["doc_id"] for row in _documents(open_run(run.storage.url)) if row["status"] == "ok"}
    assert secret not in str(_documents(open_run(run.storage.url)))
    assert verify_shards(shards).problems == []
    again = build(str(recipe), run.storage.url, engine=engine, console=QUIET)
    assert secret not in str(_documents(again))


def _documents(run: Run) -> list[dict[str, Any]]:
    from gristmill.pipelines.run.dataset import read_part
    from gristmill.schemas.rows.document import DOCUMENT

    return [row for part in run.documents.parts for row in read_part(run.storage, part, DOCUMENT.names).to_pylist()]


def environment(store: Store) -> Mapping[str, str]:
    return {**os.environ, **store.environment}


def killed_at(store: Store, recipe: Path, out: str, units: int) -> None:
    """Start a build and `kill -9` it when it puts its unit number `units`, which is refused."""
    put = 0
    process: subprocess.Popen[bytes] | None = None
    lock = threading.Lock()

    def kill(kind: str, key: str) -> int | None:
        nonlocal put
        if kind == "put" and "/units/" in key:
            with lock:
                put += 1
                if put >= units and process is not None:
                    os.killpg(process.pid, signal.SIGKILL)
                    return 503
        return None

    with store.disturbed(kill):
        process = subprocess.Popen(
            command(recipe, out),
            env=environment(store),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        process.wait(120)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("units", [3, 9, 20])
def test_a_killed_build_goes_on(folder: Path, store: Store, engine: Engine, plain: dict[str, str], units: int) -> None:
    out = f"s3://{BUCKET}/killed-{units}"
    killed_at(store, folder / "remote-plain.yaml", out, units)
    storage = Storage(out)
    assert storage.exists("lock.json")  # of a dead process: taken over
    done = {int(name[1:4]) for name in storage.list("documents/units")}  # s002-000000.json is of source s2
    assert len(done) == min(units - 1, FILES)
    with store.counting() as seen:
        run = build(str(folder / "remote-plain.yaml"), out, engine=engine, console=QUIET, report=False)
    assert digests_of(run.storage) == plain
    read = Counter(int(key[len(f"{BUCKET}/in/")]) for kind, key in seen if kind == "get" and "/in/" in key)
    assert read == {n: 1 if n in done else 2 for n in range(FILES)}  # the first bytes when planning; then the whole
    named = {part.path for name in digests_of(storage) for part in read_manifest(storage, name).parts}  # type: ignore[union-attr]
    found = {path.removeprefix(f"{storage.root}/") for path in storage.fs.find(storage.path("documents/data"))}
    assert found <= named


def test_a_bucket_that_denies_writing(folder: Path, store: Store, engine: Engine) -> None:
    def deny(kind: str, key: str) -> int | None:
        return 403 if kind in ("put", "post", "delete") and "/denied" in key else None

    with store.disturbed(deny), pytest.raises(RunError) as refused:
        build(str(folder / "remote-plain.yaml"), f"s3://{BUCKET}/denied", engine=engine, console=QUIET)
    assert "cannot write" in str(refused.value)
    assert f"s3://{BUCKET}/denied" in str(refused.value)
    assert "permission" in str(refused.value)


def test_a_bucket_that_denies_reading(folder: Path, store: Store, engine: Engine, tmp_path: Path) -> None:
    def deny(kind: str, key: str) -> int | None:
        return 403 if "/in/" in key or (key.rstrip("/") == BUCKET and kind == "list") else None

    with store.disturbed(deny), pytest.raises(InputError) as refused:
        build(str(folder / "remote-plain.yaml"), tmp_path / "run", engine=engine, console=QUIET)
    assert f"s3://{BUCKET}/in/0*.jsonl" in str(refused.value)
    assert "readable" in str(refused.value)


def test_a_store_without_such_a_bucket(folder: Path, engine: Engine) -> None:
    with pytest.raises(RunError) as refused:
        build(str(folder / "remote-plain.yaml"), "s3://no-such-bucket/run", engine=engine, console=QUIET)
    assert "s3://no-such-bucket/run" in str(refused.value)
    assert "bucket" in str(refused.value)


@pytest.mark.slow
def test_requests_that_fail_twice_and_then_answer(
    folder: Path, store: Store, engine: Engine, plain: dict[str, str]
) -> None:
    """One request of each kind: every repetition waits for a moment."""
    refused: dict[tuple[str, str], Counter[str]] = {}
    lock = threading.Lock()

    def twice(kind: str, key: str) -> int | None:
        what = next((name for name in ("data", "units", "manifest.json") if name in key), "")
        if (kind, what) not in REPEATED:
            return None
        with lock:
            chosen = refused.setdefault((kind, what), Counter())
            if chosen and key not in chosen:
                return None
            chosen[key] += 1
            return 503 if chosen[key] <= 2 else None

    with store.disturbed(twice):
        run = build(
            str(folder / "remote-plain.yaml"), f"s3://{BUCKET}/flaky", engine=engine, console=QUIET, report=False
        )
    assert digests_of(run.storage) == plain
    assert refused.keys() == REPEATED
    assert all(count >= 3 for keys in refused.values() for count in keys.values())


@pytest.mark.slow
def test_answers_that_are_lost(folder: Path, store: Store, engine: Engine, plain: dict[str, str]) -> None:
    """A marker, or the lock, that was put although its putter heard an error is the putter's when it tries again."""
    lost: set[str] = set()

    def lose(kind: str, key: str) -> bool:
        first = (
            kind == "put" and key not in lost and key.endswith(("/lock.json", "-00000001.json", "-000000-0000.json"))
        )
        lost.update([key] if first else [])
        return first

    with store.disturbed(lose=lose):
        run = build(
            str(folder / "remote-plain.yaml"), f"s3://{BUCKET}/lost", engine=engine, console=QUIET, report=False
        )
    assert len(lost) > 5
    assert digests_of(run.storage) == plain
