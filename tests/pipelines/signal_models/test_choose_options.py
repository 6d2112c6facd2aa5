"""Samples whose near copies stay on one side, options chosen by what is kept out, and a warning where nothing was learnt."""

import csv
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gristmill.console import Console
from gristmill.pipelines.signal_models.choose_options import choose_options, part_folds, source_folds
from gristmill.pipelines.signal_models.fasttext_options import FasttextOptions
from gristmill.pipelines.signal_models.sample import (
    NO_SOURCE,
    TEST,
    TRAIN,
    TUNE,
    Labelled,
    diluted,
    make_sample,
    parse_labelled,
    read_groups,
)
from gristmill.pipelines.signal_models.texts import Text
from gristmill.pipelines.signal_models.train_fasttext import train_fasttext, warning
from gristmill.schemas.errors import InputError, RecipeError

from tests.made_texts import SMALL, insult, prose, story

QUIET = Console(quiet=True)
FAST = replace(SMALL, epochs=5)


def rows(path: Path, texts: list[tuple[str, str]]) -> Labelled:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *texts])
    return Labelled((str(path),), "text", "label", ("bad",))


def test_near_copies_are_on_one_side_of_the_split() -> None:
    dice = random.Random(1)
    originals = [story(dice, 4) for _ in range(150)]
    copies = [f"RT: {text} #{n}" for n in range(3) for text in originals]
    labels = {text: number % 2 == 0 for number, text in enumerate(originals)}
    texts = list(labels.items())
    texts += [(copy, labels[original]) for copy, original in zip(copies, originals * 3, strict=True)]
    groups = {side: [(Text(text, {}), NO_SOURCE) for text, truth in texts if truth == side] for side in (True, False)}
    sample = make_sample(groups, FasttextOptions())
    place_of = {line.split("rt : ")[-1].split(" #")[0]: set() for line, _ in sample.texts}
    for (line, _), part in zip(sample.texts, sample.part, strict=True):
        place_of[line.split("rt : ")[-1].split(" #")[0]].add(part)
    assert len(place_of) == 150
    assert all(len(parts) == 1 for parts in place_of.values())
    assert {part for parts in place_of.values() for part in parts} == {TRAIN, TUNE, TEST}
    assert sample.near_copies >= 450


def test_sources_and_parts_kept_out_share_no_copies_with_the_rest() -> None:
    draws = np.random.default_rng(0)
    clusters = draws.integers(0, 300, 900)
    _, first = np.unique(clusters, return_index=True)
    clusters = first[np.searchsorted(np.unique(clusters), clusters)]
    truths = draws.random(900) < 0.4
    sources = draws.integers(-1, 3, 900)
    by_source = source_folds(sources, clusters, truths)
    by_part = part_folds(clusters, truths, seed=0)
    assert len(by_source) == 3
    assert len(by_part) >= 2
    for learn, asked in by_source + by_part:
        assert not set(clusters[learn]) & set(clusters[asked])
        assert min((truths & asked).sum(), (~truths & asked).sum()) >= 10
    assert source_folds(np.where(sources == 0, 0, NO_SOURCE), clusters, truths) == []  # one source: nothing to compare
    assert part_folds(np.zeros(9, np.int64), np.arange(9) < 4, seed=0) == []  # one cluster cannot be divided


def test_what_is_only_seen_in_letters_is_learnt_by_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad words are long and each is new, only their stem is known: words alone cannot know them."""
    monkeypatch.setattr("gristmill.pipelines.signal_models.choose_options.MIN_ASKED", 20)  # two eighths: fewer models
    dice = random.Random(2)

    def word(stem: str) -> str:
        return "".join(dice.choices("aeiourstlm", k=4)) + stem + "".join(dice.choices("aeiourstlm", k=4))

    texts = [(f"{story(dice, 1)} {word('grumble')}", "bad") for _ in range(130)]
    texts += [(f"{story(dice, 1)} {word('flowers')}", "fine") for _ in range(130)]
    given = replace(FAST, word_ngrams=None, character_ngrams=None, learning_rate=0.5, buckets=20_000)
    sample = make_sample(read_groups((), (), [rows(tmp_path / "a.csv", texts)], given, None, tmp_path, QUIET), given)
    one_fold = replace(given, epochs=5)
    choice = choose_options(sample, one_fold, tmp_path, QUIET)
    assert choice.options.character_ngrams != (0, 0)
    assert choice.options.learning_rate == 0.5  # given options stay
    assert choice.area is not None
    assert choice.area > 0.9
    assert choice.area == max(area for _, area in choice.tried)
    everything_given = replace(one_fold, word_ngrams=1, character_ngrams=(0, 0))
    assert choose_options(sample, everything_given, tmp_path, QUIET).options == everything_given


def test_a_classifier_that_learnt_nothing_says_so(tmp_path: Path) -> None:
    dice = random.Random(6)
    nonsense = [(prose(dice, 2), dice.choice(("bad", "fine"))) for _ in range(240)]
    manifest = train_fasttext(tmp_path / "m", labelled=rows(tmp_path / "a.csv", nonsense), options=FAST, console=QUIET)
    said = warning(manifest)
    assert said is not None
    assert f"held-out AUC {manifest.held_out['auc'][0]:.3f}" in said
    assert "look whether the labels" in said
    texts = [(insult(dice), "bad") for _ in range(120)] + [(prose(dice, 2), "fine") for _ in range(120)]
    learnt = train_fasttext(tmp_path / "n", labelled=rows(tmp_path / "b.csv", texts), options=SMALL, console=QUIET)
    assert warning(learnt) is None


def test_diluted_texts_are_toxic_when_a_part_is() -> None:
    texts = [(f"bad{n}", True) for n in range(30)] + [(f"fine{n}", False) for n in range(50)]
    made = diluted(texts, 0.5, seed=0)
    assert len(made) == 120
    assert set(texts) <= set(made)
    for line, truth in made:
        assert truth == ("bad" in line)
        assert len(line.split()) <= 2
    assert diluted(texts, 0.0, seed=0) == texts
    assert diluted(texts, 0.5, seed=0) == made


@pytest.mark.parametrize(
    ("given", "path", "columns", "positive"),
    [
        ("tweets.csv:tweet:class=0,1", "tweets.csv", ("tweet", "class"), ("0", "1")),
        ("s3://b/x:y/t.csv:a b:c=yes", "s3://b/x:y/t.csv", ("a b", "c"), ("yes",)),
        ("s3://b/k=v/t.csv", "s3://b/k=v/t.csv", ("text", "label"), ("1",)),
        ("plain.csv", "plain.csv", ("text", "label"), ("1",)),
    ],
)
def test_labelled_files_are_named_with_their_columns(
    given: str, path: str, columns: tuple[str, str], positive: tuple[str, ...]
) -> None:
    assert parse_labelled(given, "text", "label", ("1",)) == Labelled((path,), *columns, positive)


def test_positive_labels_that_are_missing(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no positive label"):
        parse_labelled("plain.csv", "text", "label", ())
    labelled = replace(rows(tmp_path / "a.csv", [("a b", "fine"), ("c d", "bad")]), positive=("bad", "BAD"))
    with pytest.raises(InputError, match=r"no row has the label 'BAD'.*'fine', 'bad'"):
        read_groups((), (), [labelled], FasttextOptions(), None, tmp_path, QUIET)
