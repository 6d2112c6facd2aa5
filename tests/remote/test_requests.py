"""What a store is asked: one writer among many, no request in vain, none in a row that could go side by side."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import PartWriter, read_each, read_part
from gristmill.pipelines.run.lock import run_lock
from gristmill.pipelines.run.units import UnitWriter, read_units, unfinished
from gristmill.schemas import layout
from gristmill.schemas.errors import RunError
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import Part

from tests.builds import COLUMNS, rows, write_recipe
from tests.remote.store import BUCKET, Store, requests_by_folder

SCHEMA = pa.schema([pa.field("text", pa.large_string())])
SPEC = DatasetSpec("rows", SCHEMA, ("text",))
UNITS = 40


def at_once(threads: int, function: Callable[[int], None]) -> None:
    """Call the function in that many threads, which begin together."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> None:
        barrier.wait()
        function(number)

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


@pytest.mark.parametrize("left", ["nothing", "a dead run's lock", "a lock cut short"])
def test_of_many_runs_into_one_folder_one_writes(store: Store, left: str) -> None:
    storage = Storage(f"s3://{BUCKET}/locks/{left.replace(' ', '-')}")
    if left == "a dead run's lock":
        with run_lock(storage):
            owner = storage.read_json(layout.LOCK)
        storage.write_json(layout.LOCK, owner | {"host": "elsewhere", "refreshed": time.time() - 500})
    elif left == "a lock cut short":
        storage.write_bytes(layout.LOCK, b"{")
    held, refused = [], []
    over = threading.Event()

    def take(number: int) -> None:
        mine = Storage(storage.url)
        try:
            with run_lock(mine):
                held.append(number)
                over.wait(30)
        except RunError as error:
            refused.append(str(error))
            if len(refused) == 7:
                over.set()

    at_once(8, take)
    assert len(held) == 1
    assert len(refused) == 7
    assert all("another run is writing here" in message for message in refused)
    assert storage.list("") == []


def test_a_run_that_lost_its_lock_leaves_the_other_ones(store: Store) -> None:
    storage = Storage(f"s3://{BUCKET}/lost-lock")
    other = {"host": "elsewhere", "pid": 1, "token": "of another", "refreshed": time.time()}
    with pytest.raises(RunError, match="another run took this folder over"), run_lock(storage):
        storage.write_json(layout.LOCK, other)
    assert storage.read_json(layout.LOCK) == other


def test_putting_if_absent_is_one_request_and_sees_what_is_there(store: Store) -> None:
    storage = Storage(f"s3://{BUCKET}/puts")
    with store.counting() as seen:
        assert storage.put_if_absent("a.json", {"n": 1})
    assert seen == [("put", f"{BUCKET}/puts/a.json")]
    assert not storage.put_if_absent("a.json", {"n": 2})
    assert storage.put_if_absent("a.json", {"n": 1})  # as a put whose answer was lost finds it
    assert storage.read_json("a.json") == {"n": 1}


def test_what_is_not_there(store: Store) -> None:
    storage = Storage(f"s3://{BUCKET}/nowhere")
    assert storage.read_json_if_there("a.json") is None
    assert storage.list("") == []
    assert not storage.exists("a.json")
    storage.remove_file("a.json")
    storage.remove("folder")
    with pytest.raises(FileNotFoundError):
        storage.read_bytes("a.json")


@pytest.fixture(scope="module")
def parts(store: Store) -> list[Part]:
    """A dataset of many small units."""
    storage = Storage(f"s3://{BUCKET}/many")
    for number in range(UNITS):
        with UnitWriter(storage, SPEC, f"k{number:03d}") as unit:
            unit.write(pa.record_batch({"text": pa.array([f"row {number}"], pa.large_string())}))
            unit.facts = {"n": number}
    return [Part.model_validate(unit["parts"][0]) for unit in read_units(storage, SPEC).values()]


def most_at_once(store: Store, work: Callable[[], object]) -> int:
    """How many requests the store had to answer at one time."""
    waiting, most = 0, 0
    lock = threading.Lock()

    def wait(_kind: str, _key: str) -> None:
        nonlocal waiting, most
        with lock:
            waiting += 1
            most = max(most, waiting)
        time.sleep(0.05)
        with lock:
            waiting -= 1

    with store.disturbed(wait):
        work()
    return most


def test_writing_a_part_and_its_marker_is_two_requests(store: Store) -> None:
    storage = Storage(f"s3://{BUCKET}/one")
    with store.counting() as seen, UnitWriter(storage, SPEC, "k") as unit:
        unit.write(pa.record_batch({"text": pa.array(["row"], pa.large_string())}))
    assert [kind for kind, _ in seen] == ["put", "put"]
    size = fsspec.filesystem("s3").info(f"{BUCKET}/one/{unit.parts[0].path}")["size"]
    assert unit.parts[0].bytes == size


def test_giving_up_a_part_uploads_nothing(store: Store) -> None:
    storage = Storage(f"s3://{BUCKET}/given-up")
    with store.counting() as seen:
        writer = PartWriter(storage, SPEC, "k", single=True)
        writer.write(pa.record_batch({"text": pa.array(["row"], pa.large_string())}))
        writer.abandon()
        del writer
    assert "put" not in [kind for kind, _ in seen]
    assert storage.fs.find(storage.root) == []


def test_reading_a_small_part_is_one_request(store: Store, parts: list[Part]) -> None:
    storage = Storage(f"s3://{BUCKET}/many")
    with store.counting() as seen:
        assert read_part(storage, parts[3], ["text"]).column("text").to_pylist() == ["row 3"]
    assert [kind for kind, _ in seen] == ["get"]


def test_columns_of_a_large_part_come_without_the_others(store: Store) -> None:
    """The footer and the columns asked for; not the file."""
    schema = pa.schema([pa.field("text", pa.large_string()), pa.field("n", pa.int64())])
    spec = DatasetSpec("large", schema, ("n",))
    storage = Storage(f"s3://{BUCKET}/large")
    dice = random.Random(1)
    texts = pa.array([dice.randbytes(2000).hex() for _ in range(1000)], pa.large_string())
    writer = PartWriter(storage, spec, "k", single=True)
    writer.write(pa.record_batch({"text": texts, "n": pa.array(range(1000))}))
    (part,) = writer.close()
    assert part.bytes > 1 << 20
    before = store.range_bytes
    with store.counting() as seen:
        assert read_part(storage, part, ["n"]).column("n").to_pylist() == list(range(1000))
    assert {kind for kind, _ in seen} == {"get"}
    assert len(seen) <= 3
    assert 0 < store.range_bytes - before < 200_000


def test_the_driver_lists_and_reads_side_by_side(store: Store, parts: list[Part]) -> None:
    storage = Storage(f"s3://{BUCKET}/many")
    with store.counting() as seen:
        assert unfinished(storage, range(UNITS + 2), (SPEC, lambda n: f"k{n:03d}")) == [UNITS, UNITS + 1]
    assert [kind for kind, _ in seen] == ["list"]
    with store.counting() as seen:
        assert [unit["facts"]["n"] for unit in read_units(storage, SPEC).values()] == list(range(UNITS))
    assert Counter(kind for kind, _ in seen) == {"list": 1, "get": UNITS}
    assert most_at_once(store, lambda: read_units(storage, SPEC)) >= 8
    assert most_at_once(store, lambda: list(read_each(storage, parts, ["text"]))) >= 4
    with store.counting() as seen:
        storage.remove_files([part.path for part in parts[:5]])
    assert [kind for kind, _ in seen] == ["post"]


def test_requests_of_a_build_grow_with_its_parts_alone(store: Store, engine: Engine, tmp_path: Path) -> None:
    """For each part and stage a few requests that do not depend on the number of parts; for each stage a few more."""
    remote = fsspec.filesystem("s3")
    counts = {}
    for files in (2, 4):
        for number in range(files):
            lines = "".join(json.dumps(row) + "\n" for row in rows(30, seed=number))
            remote.pipe(f"{BUCKET}/grow/{files}/{number}.jsonl", lines.encode())
        sources = [
            {"name": f"s{n}", "path": f"s3://{BUCKET}/grow/{files}/{n}.jsonl", "columns": COLUMNS} for n in range(files)
        ]
        recipe = write_recipe(tmp_path / "recipe.yaml", sources, policy={}, text="original")
        with store.counting() as seen:
            out = f"s3://{BUCKET}/grown/{files}"
            build(str(recipe), out, engine=engine, console=Console(quiet=True), report=False)
        counts[files] = requests_by_folder(seen, f"{BUCKET}/grown/{files}/")
    for folder in ("signals/content_key", "decisions", "corpus"):
        two, four = counts[2][folder], counts[4][folder]
        assert four["put"] - two["put"] == 2 * 2, folder  # data and marker
        assert two["put"] - 2 * 2 == 2, folder  # stage and manifest
        assert four["get"] - two["get"] <= 2 * 3, folder  # the marker; the columns, for what reads them
        assert two["get"] - 2 * 3 <= 2, folder
        assert four["list"] == two["list"] <= 5, folder
        assert four["ask"] == two["ask"] <= 1, folder
        assert four["delete"] == two["delete"] <= 2, folder


@pytest.mark.parametrize(
    ("url", "said"),
    [("gs://bucket/run", "gcsfs"), ("nonsense://bucket/run", "nonsense"), ("s3://bucket/run", "gristmill[s3]")],
)
def test_a_url_whose_package_is_missing(url: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if url.startswith("s3"):
        missing = ImportError("Install s3fs to access S3")
        monkeypatch.setattr("fsspec.core.url_to_fs", lambda *_, **__: (_ for _ in ()).throw(missing))
    with pytest.raises(RunError) as refused:
        Storage(url)
    assert said in str(refused.value)
    assert url in str(refused.value)
