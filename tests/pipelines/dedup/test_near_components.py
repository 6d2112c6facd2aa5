"""Components in rounds of DataFrame operations against scipy, on Sail."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from gristmill.pipelines.dedup.near.checkpoint import Rounds
from gristmill.pipelines.dedup.near.component_rounds import component_rounds
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.engine.storage import Storage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(cores=2) as running:
        yield running


def first_members(left: np.ndarray, right: np.ndarray, nodes: int) -> np.ndarray:
    """The smallest member of each node's component, by scipy."""
    graph = coo_matrix((np.ones(len(left)), (left, right)), shape=(nodes, nodes))
    _, labels = connected_components(graph, directed=False)
    least = np.full(nodes, nodes)
    np.minimum.at(least, labels, np.arange(nodes))
    return least[labels]


def in_rounds(engine: Engine, folder: Path, left: np.ndarray, right: np.ndarray, nodes: int) -> tuple[np.ndarray, int]:
    names = np.char.zfill(np.arange(nodes).astype(str), 7)
    table = pa.table({"node": pa.array(names[left]), "root": pa.array(names[right])})
    rounds = Rounds(engine, Storage(str(folder)), "rounds")
    leaves = component_rounds(rounds, engine.spark.createDataFrame(table))
    roots = np.arange(nodes)
    if leaves is not None:
        found = leaves.toArrow()
        roots[found.column("node").to_numpy(zero_copy_only=False).astype(int)] = (
            found.column("root").to_numpy(zero_copy_only=False).astype(int)
        )
    return roots, rounds.number


@pytest.mark.parametrize(("nodes", "edges", "seed"), [(60, 40, 0), (60, 90, 1), (500, 400, 2), (3, 1, 3)])
def test_random_graphs(engine: Engine, tmp_path: Path, nodes: int, edges: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    left, right = generator.integers(0, nodes, (2, edges))
    roots, _ = in_rounds(engine, tmp_path, left, right, nodes)
    assert roots.tolist() == first_members(left, right, nodes).tolist()


def test_only_self_loops(engine: Engine, tmp_path: Path) -> None:
    roots, _ = in_rounds(engine, tmp_path, np.array([1, 2]), np.array([1, 2]), 4)
    assert roots.tolist() == [0, 1, 2, 3]


@pytest.mark.slow
def test_a_path_of_100_000_nodes_in_few_rounds(engine: Engine, tmp_path: Path) -> None:
    nodes = 100_000
    names = np.random.default_rng(5).permutation(nodes)
    left, right = names[:-1], names[1:]
    roots, rounds = in_rounds(engine, tmp_path, left, right, nodes)
    assert not roots.any()
    assert rounds <= 30


def test_a_path_in_order(engine: Engine, tmp_path: Path) -> None:
    roots, rounds = in_rounds(engine, tmp_path, np.arange(4095), np.arange(1, 4096), 4096)
    assert not roots.any()
    assert rounds <= 24


class Interrupted(Exception):
    pass


def test_rounds_go_on_after_an_interruption(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the third round, taken up by another call: the finished rounds are not made again."""
    names = np.char.zfill(np.arange(256).astype(str), 7)
    frame = engine.spark.createDataFrame(pa.table({"node": pa.array(names[1:]), "root": pa.array(names[:-1])}))
    storage = Storage(str(tmp_path))
    finish, written = Rounds.finish, []

    def stop_after_three(rounds: Rounds, *arguments: object) -> None:
        if len(written) == 3:
            raise Interrupted
        written.append(rounds.number)
        finish(rounds, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Rounds, "finish", stop_after_three)
        with pytest.raises(Interrupted):
            component_rounds(Rounds(engine, storage, "rounds"), frame)
    again = Rounds(engine, storage, "rounds")
    assert again.number == 3
    leaves = component_rounds(again, frame).toArrow()
    assert set(leaves.column("root").to_pylist()) == {names[0]}
    assert leaves.num_rows == 255
