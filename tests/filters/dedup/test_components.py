"""Components against scipy; the star pass against the same rule in plain Python."""

import numpy as np
import pytest
from gristmill.filters.dedup.components import connected_components, star_survivors
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as scipy_components

from tests.generated import examples

GRAPHS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=40))
)


def _smallest_member(left: np.ndarray, right: np.ndarray, nodes: int) -> np.ndarray:
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(nodes, nodes))
    _, labels = scipy_components(graph, directed=False)
    smallest = np.full(nodes, nodes)
    np.minimum.at(smallest, labels, np.arange(nodes))
    return smallest[labels]


@settings(max_examples=examples(150))
@given(GRAPHS)
def test_components_equal_scipy(graph: tuple[int, list[tuple[int, int]]]) -> None:
    nodes, edges = graph
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    assert np.array_equal(connected_components(left, right, nodes), _smallest_member(left, right, nodes))


@pytest.mark.parametrize("order", ["forward", "backward", "shuffled"])
def test_a_path_of_100_000_nodes(order: str) -> None:
    left = np.arange(99_999)
    if order != "forward":
        left = left[::-1] if order == "backward" else np.random.default_rng(1).permutation(left)
    assert not connected_components(left, left + 1, 100_000).any()
    renamed = np.random.default_rng(2).permutation(100_000)
    assert not connected_components(renamed[left], renamed[left + 1], 100_000).any()


def test_a_large_random_graph() -> None:
    random = np.random.default_rng(4)
    left, right = random.integers(0, 50_000, (2, 30_000))
    assert np.array_equal(connected_components(left, right, 50_000), _smallest_member(left, right, 50_000))


@settings(max_examples=examples(150))
@given(GRAPHS, st.randoms())
def test_star_is_the_greedy_pass(graph: tuple[int, list[tuple[int, int]]], random) -> None:
    nodes, edges = graph
    linked = {(a, b) for a, b in edges} | {(b, a) for a, b in edges}
    kept: list[int] = []
    expected = []
    for node in range(nodes):
        similar = [k for k in kept if (k, node) in linked]
        expected.append(similar[0] if similar else node)
        if not similar:
            kept.append(node)
    random.shuffle(edges)
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    assert star_survivors(left, right, nodes).tolist() == expected


def test_a_chain_keeps_every_other_node() -> None:
    left = np.arange(9)
    assert star_survivors(left, left + 1, 10).tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]
