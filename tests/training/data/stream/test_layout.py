"""Where sequences lie: ranges split at shards as a plain walk does, and any way of reading on gives the same rows."""

from bisect import bisect_right
from itertools import accumulate

import numpy as np
import pytest
from gristmill.training.data.stream.dataset import LOOK_AHEAD, PlanDataset
from gristmill.training.data.stream.history import StreamHistory
from gristmill.training.data.stream.layout import Layout, PlanSource, Span
from gristmill.training.data.stream.packing import packed_sources
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.made_shards import numbered, write_shards

SIZES = st.lists(st.lists(st.integers(1, 20), min_size=1, max_size=5), min_size=1, max_size=4)


def layout_of(sizes: list[list[int]], window: int) -> Layout:
    """Sources s0, s1, …, each of shards of so many tokens."""
    sources = []
    for number, shards in enumerate(sizes):
        names = tuple(f"s{number}-{i}" for i in range(len(shards)))
        edges = [0, *accumulate(shards)]
        sources.append(PlanSource(f"s{number}", names, edges, -(-edges[-1] // window), None))
    return Layout(sources, window)


@given(SIZES, st.integers(2, 30))
@settings(max_examples=examples(100))
def test_windows_are_cut_at_shards_as_a_plain_walk_cuts_them(sizes: list[list[int]], window: int) -> None:
    layout = layout_of(sizes, window)
    expected = []
    for source in layout.sources:
        for first in range(0, source.tokens, window):
            spans: list[Span] = []
            for token in range(first, min(first + window, source.tokens)):
                shard = bisect_right(source.edges, token) - 1
                name = source.shards[shard]
                if spans and spans[-1].shard == name:
                    spans[-1] = spans[-1]._replace(length=spans[-1].length + 1)
                else:
                    spans.append(Span(name, token - source.edges[shard], 1))
            expected.append(spans)
    every = [(s, p) for s, source in enumerate(layout.sources) for p in range(source.sequences)]
    assert [layout.spans(*one) for one in every] == expected
    pieces = layout.pieces(*np.array(every).T)
    rows = [[] for _ in every]  # type: list[list[Span]]
    for row, shard, start, length in pieces.tolist():
        rows[row].append(Span(layout.shard_names[shard], start, length))
    assert rows == expected


def test_bins_of_several_sources_are_found_in_their_shards(tmp_path) -> None:  # type: ignore[no-untyped-def]
    lengths = {"a": [[3, 2], [4]], "b": [[1, 1, 6]]}
    built = packed_sources(
        tmp_path, "k", ((name, iter([np.array(one) for one in shards])) for name, shards in lengths.items()), 4, 100
    )
    sources = [
        PlanSource(name, tuple(f"{name}{i}" for i in range(len(shards))), edges, built[name].bins, built[name])
        for name, shards in lengths.items()
        for edges in [[0, *accumulate(map(sum, shards))]]
    ]
    layout = Layout(sources, 4)
    assert layout.documents_are_whole
    found = [[layout.spans(s, p) for p in range(source.sequences)] for s, source in enumerate(sources)]
    assert found == [
        [[Span("a1", 0, 4)], [Span("a0", 0, 3)], [Span("a0", 3, 2)]],
        [[Span("b0", 2, 4)], [Span("b0", 6, 2), Span("b0", 0, 1), Span("b0", 1, 1)]],
    ]


@pytest.mark.parametrize("packing", [False, True])
def test_any_way_of_reading_gives_the_same_rows(tmp_path, packing: bool) -> None:  # type: ignore[no-untyped-def]
    """On and on, with gaps, backwards, past what was located at once, and after an event in what was."""
    rng = np.random.default_rng(5)
    shards = {f"{name}-00000": numbered(rng.integers(0, 40, 60), 10 + 3000 * i) for i, name in enumerate("abc")}
    plan = Plan.build(
        ShardSet.open(write_shards(tmp_path / "shards", shards)), PlanConfig(window=16, packing=packing), tmp_path
    )
    history = StreamHistory.open(None, plan)
    data = PlanDataset(plan, history)
    reads = [(k, k + 3) for k in range(0, 60, 3)] + [(70, 75), (71, 74), (5, 9), (LOOK_AHEAD - 2, LOOK_AHEAD + 3)]
    reads += [(LOOK_AHEAD + 3, 3 * LOOK_AHEAD), (0, 1), (7, 7), (1, 2), (10**9, 10**9 + 2)]
    for event in (None, {"ranges": [[1, 3], [8, 40]]}):
        if event:
            data.batch(0, 6)
            history.append("skip", 6, event)
        for first, last in reads:
            read = data.batch(first, last)["input_ids"]
            assert read.shape == (last - first, 16)
            assert (data.ids(first, last) == read).all()
            chosen = range(first, last, max(1, (last - first) // 50))
            singly = [PlanDataset(plan, history).batch(k, k + 1)["input_ids"][0] for k in chosen]
            assert all((read[k - first] == one).all() for k, one in zip(chosen, singly, strict=True))
