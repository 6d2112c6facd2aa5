"""Near copies stand in one cluster, others apart, whatever their script, number and order."""

import random
from itertools import pairwise

import numpy as np
from gristmill.pipelines.signal_models.near_copies import MAX_SHARE, near_copy_clusters

from tests.made_texts import story


def bigrams(text: str) -> set[tuple[str, str]]:
    words = "".join(char if char.isalnum() else " " for char in text.lower()).split()
    return set(pairwise(words))


def similarity(a: str, b: str) -> float:
    left, right = bigrams(a), bigrams(b)
    return len(left & right) / len(left | right)


def changed(text: str, dice: random.Random) -> str:
    """A copy as they occur: a word replaced, something put before or behind, other marks and case."""
    words = text.split()
    words[dice.randrange(len(words))] = "cucumber"
    return (
        dice.choice(("RT @somebody: ", "", "breaking - ")) + " ".join(words).upper() + dice.choice(("!!", " #news", ""))
    )


def test_copies_are_together_and_others_apart() -> None:
    dice = random.Random(3)
    originals = [story(dice, 4) for _ in range(120)]
    texts = originals + [changed(text, dice) for text in originals for _ in range(2)]
    clusters, limit = near_copy_clusters(texts)
    assert limit == 0.5
    for number in range(120):
        for copy in (120 + 2 * number, 121 + 2 * number):
            assert similarity(texts[number], texts[copy]) >= 0.5
            assert clusters[copy] == clusters[number]
    assert (clusters <= np.arange(len(texts))).all()  # a cluster is named after its first text
    united = [(a, b) for a in range(120) for b in range(a) if clusters[a] == clusters[b]]
    assert all(similarity(texts[a], texts[b]) > 0.3 for a, b in united)


def test_scripts_without_spaces_and_texts_without_words() -> None:
    chinese = "磨坊主在河边的小村庄里修理了一整天的旧水车，然后给远方的朋友写了一封很长的信"
    texts = [
        chinese,
        "!!!",
        chinese.replace("河边", "山边") + "。",
        "???",
        "",
        "完全不同的句子，讲的是冬天的花园和面包",
    ]
    dice = random.Random(7)
    others = ["".join(dice.choices("abcdefgh ", k=60)) for _ in range(60)]  # a cluster may only be a share of all texts
    clusters, _ = near_copy_clusters(texts + others)
    assert clusters[:6].tolist() == [0, 1, 0, 3, 4, 5]
    assert near_copy_clusters([])[0].tolist() == []


def test_texts_of_one_template_do_not_become_one_cluster() -> None:
    dice = random.Random(4)
    texts = [f"today at the old mill near the river I met a miller whose name was {dice.random()}" for _ in range(200)]
    texts = [text.replace("0.", f"{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]} ") for n, text in enumerate(texts)]
    clusters, limit = near_copy_clusters(texts)
    assert limit > 0.5
    assert np.bincount(clusters).max() <= max(1, MAX_SHARE * len(texts)) or limit == 0.95
