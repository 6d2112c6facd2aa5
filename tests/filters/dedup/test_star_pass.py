"""The star rule and the component links over buckets, against plain Python on generated buckets."""

import numpy as np
import pytest
from gristmill.filters.dedup.linking import hops_from, link_buckets
from gristmill.filters.dedup.star_pass import DROPPED, KEPT, UNDECIDED, Contents, compare_all, star_pass, survivors_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

SETTINGS = settings(max_examples=examples(60))


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[list[int]], list[tuple[int, int, int]], list[int]]:
    """(sorted shingle sets, entries (document, bucket, band) sorted, state) of a few documents, many alike."""
    count = draw(st.integers(0, 14))
    families = [draw(st.sets(st.integers(0, 30), min_size=3, max_size=9)) for _ in range(3)]
    sets = []
    for _ in range(count):
        base = set(draw(st.sampled_from(families)))
        base ^= draw(st.sets(st.integers(0, 40), max_size=2))
        sets.append(sorted(base))
    entries = set()
    for bucket in range(draw(st.integers(0, 8))):
        for document in draw(st.sets(st.integers(0, max(0, count - 1)), max_size=count)):
            entries.add((document, bucket, bucket % 3))
    published = draw(st.integers(0, count)) if draw(st.booleans()) else 0
    return sets, sorted(entries), [KEPT] * published + [UNDECIDED] * (count - published)


def contents_of(sets: list[list[int]]) -> Contents:
    ends = np.cumsum([len(one) for one in sets], dtype=np.int64)
    starts = ends - np.array([len(one) for one in sets], np.int64)
    return Contents(np.array([v for one in sets for v in one], np.uint64), starts, ends, False)


def jaccard(a: list[int], b: list[int]) -> float:
    return len(set(a) & set(b)) / len(set(a) | set(b)) if a or b else 0.0


def columns(entries: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = np.array(entries, np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def run_star(sets, entries, state, similarity, max_hubs):  # type: ignore[no-untyped-def]
    document, bucket, band = columns(entries)
    edges = np.concatenate(([0], np.cumsum(np.bincount(document, minlength=len(sets)))))
    used = np.zeros(int(bucket.max(initial=-1)) + 1, np.int64)
    return star_pass(edges, bucket, band, used, np.array(state, np.int64), contents_of(sets), similarity, max_hubs)


def star_plainly(sets, entries, state, similarity, max_hubs):  # type: ignore[no-untyped-def]
    """(survivors, pairs with their band, pairs left): the rule as it is written."""
    survivors, pairs, left = list(range(len(sets))), {}, 0
    kept: dict[int, list[int]] = {bucket: [] for _, bucket, _ in entries}
    for document, shingles in enumerate(sets):
        mine = [(bucket, band) for d, bucket, band in entries if d == document]
        if state[document] != KEPT:
            met: dict[int, int] = {}
            for bucket, band in mine:
                left += max(0, len(kept[bucket]) - max_hubs)
                for hub in kept[bucket][:max_hubs]:
                    met[hub] = min(band, met.get(hub, band))
            for hub in sorted(met):
                pairs[hub, document] = met[hub]
                if survivors[document] == document and jaccard(sets[hub], shingles) >= similarity:
                    survivors[document] = hub
        if survivors[document] == document:
            for bucket, _ in mine:
                kept[bucket].append(document)
    return survivors, pairs, left


@SETTINGS
@given(corpora(), st.sampled_from([0.3, 0.5, 0.8]), st.sampled_from([1, 2, 100]))
def test_star_is_the_greedy_pass(corpus, similarity, max_hubs) -> None:  # type: ignore[no-untyped-def]
    sets, entries, state = corpus
    pairs, left = run_star(sets, entries, state, similarity, max_hubs)
    survivors, plain_pairs, plain_left = star_plainly(sets, entries, state, similarity, max_hubs)
    assert survivors_of(pairs, similarity, len(sets)).tolist() == survivors
    found = list(zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True))
    assert dict(zip(found, pairs.band.tolist(), strict=True)) == plain_pairs
    assert len(found) == len(set(found))
    assert left == plain_left
    for (a, b), similar in zip(found, pairs.similar(similarity).tolist(), strict=True):
        assert similar == (jaccard(sets[a], sets[b]) >= similarity)


@SETTINGS
@given(corpora(), st.sampled_from([0.3, 0.5, 0.8]))
def test_star_without_a_cap_compares_all_candidates_with_kept_ones(corpus, similarity) -> None:  # type: ignore[no-untyped-def]
    """Brute force over all candidate pairs: dropped if and only if similar to an earlier kept document."""
    sets, entries, state = corpus
    pairs, _ = run_star(sets, entries, state, similarity, 10_000)
    kept: list[int] = []
    buckets = [{bucket for d, bucket, _ in entries if d == document} for document in range(len(sets))]
    for document in range(len(sets)):
        similar = [k for k in kept if buckets[k] & buckets[document] and jaccard(sets[k], sets[document]) >= similarity]
        if state[document] == KEPT or not similar:
            kept.append(document)
    survivors = survivors_of(pairs, similarity, len(sets))
    assert [d for d in range(len(sets)) if survivors[d] == d] == kept


def test_a_document_dropped_before_is_compared_but_never_a_hub() -> None:
    sets = [[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]]
    entries = [(0, 0, 0), (1, 0, 0), (2, 0, 0)]
    pairs, _ = run_star(sets, entries, [DROPPED, UNDECIDED, UNDECIDED], 0.8, 10)
    assert list(zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True)) == [(1, 2)]


@pytest.mark.parametrize(("shared", "similar"), [(3, False), (4, True), (5, True)])
def test_similarity_just_below_at_and_above(shared: int, similar: bool) -> None:
    """Two sets of five in all: 3/5, 4/5 and 5/5 against 0.8."""
    first, second = [1, 2, 3, 4, 5], [1, 2, 3, 4, 5][:shared]
    pairs, _ = run_star([first, second], [(0, 0, 0), (1, 0, 0)], [UNDECIDED, UNDECIDED], 0.8, 10)
    assert pairs.similar(0.8).tolist() == [similar]


def test_signatures_are_compared_place_by_place() -> None:
    values = np.array([1, 2, 3, 4, 1, 2, 9, 9], np.uint32)
    contents = Contents(values, np.array([0, 4]), np.array([4, 8]), True)
    shared, total = compare_all(contents, np.array([0]), np.array([1]))
    assert (shared.tolist(), total.tolist()) == ([2], [4])


def linked_plainly(sets, entries, state, similarity, max_hubs):  # type: ignore[no-untyped-def]
    pairs: dict[tuple[int, int], int] = {}
    left = 0
    for bucket in {bucket for _, bucket, _ in entries}:
        members = [(d, band) for d, b, band in entries if b == bucket]
        for _ in range(max_hubs):
            if not members:
                break
            (hub, _), rest = members[0], members[1:]
            members = []
            for other, band in rest:
                if state[hub] == KEPT and state[other] == KEPT:
                    members.append((other, band))
                    continue
                pairs[hub, other] = min(band, pairs.get((hub, other), band))
                if jaccard(sets[hub], sets[other]) < similarity:
                    members.append((other, band))
        left += len(members) * (len(members) - 1) // 2
    return pairs, left


@SETTINGS
@given(corpora(), st.sampled_from([0.3, 0.5, 0.8]), st.sampled_from([1, 2, 100]))
def test_links_are_those_of_the_rule(corpus, similarity, max_hubs) -> None:  # type: ignore[no-untyped-def]
    sets, entries, state = corpus
    document, bucket, band = columns(entries)
    shuffle = np.random.default_rng(len(entries)).permutation(len(entries))
    pairs, left = link_buckets(
        document[shuffle], bucket[shuffle], band[shuffle], np.array(state), contents_of(sets), similarity, max_hubs
    )
    plain, plain_left = linked_plainly(sets, entries, state, similarity, max_hubs)
    found = zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True)
    assert dict(zip(found, pairs.band.tolist(), strict=True)) == plain
    assert left == plain_left


def test_hops() -> None:
    hops = hops_from(np.array([0]), np.array([0, 1, 2, 0]), np.array([1, 2, 3, 4]), 6)
    assert hops.tolist() == [0, 1, 2, 3, 1, -1]


@pytest.mark.parametrize("rule", ["star", "component"])
def test_a_bucket_of_a_million_copies_costs_a_million_edges(rule: str) -> None:
    """No pairs of copies with each other: every one is compared with the first of the bucket alone."""
    copies = 1_000_000
    documents, zeros = np.arange(copies), np.zeros(copies, np.int64)
    contents = Contents(np.ones(1, np.uint64), zeros, np.ones(copies, np.int64), False)
    if rule == "star":
        edges = np.arange(copies + 1)
        pairs, left = star_pass(edges, zeros, zeros, zeros[:1], zeros, contents, 0.8, 64)
    else:
        pairs, left = link_buckets(documents, zeros, zeros, zeros, contents, 0.8, 64)
    assert len(pairs.later) == copies - 1
    assert not pairs.earlier.any()
    assert left == 0
