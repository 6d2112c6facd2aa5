"""Matches and overlaps against plain Python on generated text."""

import random

import numpy as np
import pyarrow as pa
import pytest
from gristmill.filters.decontamination.gram_hash import fill_prefixes, gram_hash, hash_plainly, powers
from gristmill.filters.decontamination.index import Index, build_index
from gristmill.filters.decontamination.match import find_matches, matches_plainly
from gristmill.filters.decontamination.overlap import ONE, held_by, weigh
from gristmill.filters.decontamination.words import cut_words, scratch, word_table, words_plainly
from gristmill.filters.dedup.normalise import FULL, RAW, Normalisation
from gristmill.kernels.buffers import string_buffers
from gristmill.kernels.compile import kernel
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

OPTIONS = Normalisation(case=True, punctuation="space", whitespace=True)
LETTERS = st.sampled_from(list("aB, .\n!\u00a0ΣßÉe\u0301\u0130中文ไทย가🙂'\u200b-7"))


def cut(text: str, options: Normalisation) -> list[tuple[str, int, int]]:
    """The kernel's words of one text."""
    data, offsets = string_buffers(pa.array([text], pa.large_string()))
    table = word_table(options)
    out, starts, first, last = scratch(int(offsets[-1]), table)
    count = cut_words(data, offsets[0], offsets[1], *table[:3], out, starts, first, last)
    spans = [bytes(out[starts[k] : starts[k + 1] - 1]).decode() for k in range(count)]
    return [(word, int(first[k]), int(last[k])) for k, word in enumerate(spans)]


@pytest.mark.parametrize("options", [RAW, FULL, OPTIONS])
@settings(max_examples=examples(150))
@given(text=st.text(LETTERS, max_size=40))
def test_words_are_those_of_plain_python(options: Normalisation, text: str) -> None:
    assert cut(text, options) == words_plainly(text, options)


def test_words_keep_their_bytes_of_the_original() -> None:
    text = "«Être», don't! 水車a e\u0301"
    words = words_plainly(text, Normalisation(case=True, accents=True, punctuation="space"))
    assert [word for word, _, _ in words] == ["etre", "don", "t", "水", "車", "a", "e"]
    assert [text.encode()[a:b].decode() for _, a, b in words] == ["Être", "don", "t", "水", "車", "a", "e\u0301"]


def index_of(items: list[list[str]], sets: list[int], n: int, min_words: int, max_items: int) -> Index:
    """An index of items, each a list of passages."""
    passages = [passage for item in items for passage in item]
    owner = [number for number, item in enumerate(items) for _ in item]
    return build_index(
        pa.array(passages, pa.large_string()),
        np.array(owner, np.int64),
        np.array(sets, np.int64),
        n=n,
        min_words=min_words,
        max_items=max_items,
        normalisation=OPTIONS,
    )


def counted_plainly(
    passages: list[list[str]], owner: list[int], sets: list[int], n: int, min_words: int, max_items: int
) -> list[list[bool]]:
    """For each word of each passage, whether the n-gram that begins there counts: by comparing every n-gram."""
    where: dict[tuple[int, tuple[str, ...]], set[int]] = {}
    grams = []
    for number, words in enumerate(passages):
        size = min(n, len(words))
        last = len(words) - size + 1 if len(words) >= min_words and words else 0
        grams.append([tuple(words[at : at + size]) if at < last else None for at in range(len(words))])
        for gram in grams[-1]:
            if gram is not None:
                where.setdefault((sets[owner[number]], gram), set()).add(owner[number])
    return [
        [gram is not None and len(where[sets[owner[number]], gram]) <= max_items for gram in row]
        for number, row in enumerate(grams)
    ]


VOCABULARY = ["a", "b", "C", "d-e", "é", "水"]


def sentence(dice: random.Random, least: int, most: int) -> str:
    return " ".join(dice.choices(VOCABULARY, k=dice.randint(least, most)))


@settings(max_examples=examples(120))
@given(
    seed=st.integers(0, 1 << 30), n=st.integers(2, 5), min_words=st.integers(1, 4), max_items=st.sampled_from([1, 2, 9])
)
def test_matches_are_those_of_brute_force(seed: int, n: int, min_words: int, max_items: int) -> None:
    dice = random.Random(seed)
    items = [[sentence(dice, 0, 12) for _ in range(dice.randint(1, 3))] for _ in range(dice.randint(0, 6))]
    sets = [dice.randint(0, 1) for _ in items]
    documents = [sentence(dice, 0, 30) for _ in range(4)]
    # certain hits, with other words around them
    documents += [f"{sentence(dice, 0, 4)} {item[0].upper()}! {sentence(dice, 0, 4)}" for item in items[:2]]
    index = index_of(items, sets, n, min_words, max_items)

    owner = [number for number, item in enumerate(items) for _ in item]
    passages = [[word for word, _, _ in words_plainly(text, OPTIONS)] for item in items for text in item]
    counted = counted_plainly(passages, owner, sets, n, min_words, max_items)
    found = find_matches(pa.array(documents, pa.large_string()), index, OPTIONS)
    rows = [tuple(map(int, row)) for row in zip(*found, strict=True)]
    for number, document in enumerate(documents):
        mine = sorted(row[1:] for row in rows if row[0] == number)
        assert mine == sorted(matches_plainly(document, passages, counted, n, OPTIONS))


@settings(max_examples=examples(80))
@given(seed=st.integers(0, 1 << 30), n=st.integers(2, 4))
def test_overlaps_are_those_of_sets_of_ngrams(seed: int, n: int) -> None:
    dice = random.Random(seed)
    items = [[sentence(dice, 3, 14) for _ in range(2)] for _ in range(3)]
    document = " . ".join(
        [sentence(dice, 2, 9), items[0][0], sentence(dice, 0, 5), items[1][1][: len(items[1][1]) // 2]]
    )
    index = index_of(items, [0, 0, 0], n, 1, 3)
    lengths = (n, n + 3)
    document_counts = np.array([dice.randint(0, 5) for _ in index.hashes], np.int64)
    weights = weigh(index, lengths, document_counts, len(items))
    found = find_matches(pa.array([document], pa.large_string()), index, OPTIONS)
    for number, item in enumerate(items):
        mine = np.flatnonzero(index.passage_item[found.passages] == number)
        order = mine[np.lexsort((found.places[mine], found.passages[mine]))]
        chosen = (found.passages[order], found.places[order], found.words[order])
        held = held_by(np.array([0, len(order)]), *chosen, index, weights)
        for k, length in enumerate(lengths):
            matched, of, weight, total = 0, 0, 0, 0
            for which, passage in enumerate(item):
                first = int(index.passage_edges[2 * number + which])
                plain = [word for word, _, _ in words_plainly(passage, OPTIONS)]
                size, short = min(length, len(plain)), min(n, len(plain))
                for at in range(len(plain) - size + 1):
                    seeds = [index.grams[first + k] for k in range(at, at + size - short + 1)]
                    rarest = max(
                        ONE // (max(int(document_counts[g]), 1) * int(index.item_counts[first + at + j]))
                        for j, g in enumerate(seeds)
                    )
                    of, total = of + 1, total + rarest
                    spans = [
                        (place, place + count)
                        for at_passage, place, count in zip(*chosen, strict=True)
                        if at_passage == 2 * number + which
                    ]
                    is_held = any(start <= at and at + size <= end for start, end in spans)
                    matched, weight = matched + is_held, weight + is_held * rarest
            assert (weights.counts[k, number], weights.totals[k, number]) == (of, total)
            assert (held.matched[0, k], held.weight[0, k]) == (matched, weight)


def test_hashes_are_those_of_plain_python() -> None:
    words = ["the", "mill", "é", "水", "a" * 70, "the"]
    data, offsets = string_buffers(pa.array([" ".join(words)], pa.large_string()))
    table = word_table(OPTIONS)
    out, starts, _, _ = scratch(int(offsets[-1]), table)
    count = cut_words(data, 0, offsets[1], *table[:3], out, starts, *scratch(int(offsets[-1]), table)[2:])
    prefixes = np.empty(count + 1, np.uint64)
    fill_prefixes(out, starts, 0, count, prefixes)
    for size in (1, 2, 4, 6):
        for i in range(count - size + 1):
            assert one_hash(prefixes, i, size, powers(64)[size]) == hash_plainly(words[i : i + size])


@kernel
def one_hash(prefixes, i, size, power):  # type: ignore[no-untyped-def]
    return gram_hash(prefixes, i, size, power)


def test_an_item_held_as_a_whole_has_all_its_weight() -> None:
    item = "the quick brown fox jumps over the lazy dog near the old mill by the river"
    index = index_of(
        [[item, "and then it sleeps"], ["something else that nobody ever wrote down before"]], [0, 0], 4, 3, 9
    )
    weights = weigh(index, (4, 6), np.full(len(index.hashes), 1000), 2)
    found = find_matches(
        pa.array([f"He said: {item.title()}. And then, it sleeps?"], pa.large_string()), index, OPTIONS
    )
    held = held_by(np.array([0, len(found.rows)]), found.passages, found.places, found.words, index, weights)
    assert held.weight[0].tolist() == weights.totals[:, 0].tolist()
    assert held.matched[0].tolist() == weights.counts[:, 0].tolist() == [14, 12]
    assert held.longest[0] == 16


def test_a_template_counts_for_nothing_and_a_common_ngram_for_little() -> None:
    questions = [f"which of the following is true of {name} in the year of its making" for name in ("ox", "elm", "tin")]
    index = index_of([[question] for question in questions], [0, 0, 0], 4, 3, 2)
    found = find_matches(pa.array(["Which of the following is true of the year of its making?"]), index, OPTIONS)
    assert len(found.rows) == 0  # all it shares stands in three items
    common = np.ones(len(index.hashes), np.int64)
    start = index.passage_edges[0] + 4  # "is true of ox"
    common[index.grams[start]] = 1000
    weights = weigh(index, (4,), common, 3)
    assert weights.weights[0, start] * 900 < weights.weights[0, start + 1]


def test_periodic_text_ends() -> None:
    index = index_of([["a " * 400], ["b a " * 300]], [0, 0], 8, 5, 10)
    found = find_matches(pa.array(["a " * 5000, "b a " * 5000], pa.large_string()), index, OPTIONS)
    assert found.words.sum() >= 5000
