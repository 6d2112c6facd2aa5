"""What the objectives make of a window: proportions, what is never touched, purity, and the exact way back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gristmill.schemas.errors import ModelError, RecipeError
from gristmill.schemas.shards.format import TokenizerRecord
from gristmill.training.objectives import span_corruption
from gristmill.training.objectives.keyed import uniforms
from gristmill.training.objectives.masked import chosen_positions, chosen_words
from gristmill.training.objectives.registry import OBJECTIVES, Objective, make
from gristmill.training.objectives.windows import document_numbers
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.training.objective_cases import (
    EOS,
    MASK,
    PAD,
    SENTINELS,
    SEPARATOR,
    SHAPES,
    TEXT_IDS,
    TOKENIZER,
    random_windows,
    window_of,
)

SPECIAL = sorted(TOKENIZER.special_ids)
WINDOWS = st.builds(random_windows, st.integers(0, 2**32), st.integers(1, 5), st.sampled_from([8, 31, 64, 129]))
POSITIONS = st.integers(0, 2**40)


def _untouchable(windows: dict[str, np.ndarray]) -> np.ndarray:
    return np.isin(windows["input_ids"], SPECIAL) | (windows["labels"] == -100)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_inputs_are_functions_of_seed_and_position_alone(name: str) -> None:
    """One by one, reversed, or in another batch: the same rows."""
    windows, positions = random_windows(1, 7, 64), np.arange(100, 107)
    whole = make(name, TOKENIZER, 64, seed=5)(windows, positions)
    backwards = make(name, TOKENIZER, 64, seed=5)({key: value[::-1] for key, value in windows.items()}, positions[::-1])
    other = make(name, TOKENIZER, 64, seed=6)(windows, positions)
    moved = make(name, TOKENIZER, 64, seed=5)(windows, positions + 1)
    for key, value in whole.items():
        if not isinstance(value, bool | float):
            for row in range(7):
                one = {column: windows[column][row : row + 1] for column in windows}
                alone = make(name, TOKENIZER, 64, seed=5)(one, positions[row : row + 1])
                if key in alone:
                    width = alone[key].shape[1]
                    assert (alone[key][0] == value[row, :width]).all(), key
                assert (backwards[key][6 - row] == value[row]).all(), key
    if name != "clm":
        assert not _same(whole, other)
        assert not _same(whole, moved)


def _same(a: dict, b: dict) -> bool:
    return a["input_ids"].shape == b["input_ids"].shape and bool((a["input_ids"] == b["input_ids"]).all())


@settings(max_examples=examples(60))
@given(WINDOWS, POSITIONS)
def test_causal_labels(windows: dict[str, np.ndarray], position: int) -> None:
    inputs = make("clm", TOKENIZER, 64)(windows, np.arange(len(windows["labels"])) + position)
    assert inputs["use_cache"] is False
    assert "attention_mask" not in inputs
    labels = inputs["labels"].numpy()
    assert (labels[windows["position_ids"] == 0] == -100).all()
    learned = labels != -100
    assert (labels[learned] == windows["input_ids"][learned]).all()
    assert (learned == ((windows["labels"] != -100) & (windows["position_ids"] != 0))).all()


@settings(max_examples=examples(60))
@given(WINDOWS, POSITIONS, st.sampled_from([0.05, 0.15, 0.5]))
def test_masked_tokens(windows: dict[str, np.ndarray], position: int, fraction: float) -> None:
    rows, width = windows["input_ids"].shape
    objective = make("mlm", TOKENIZER, width, {"fraction": fraction})
    inputs = objective(windows, np.arange(rows) + position)
    hidden, labels = inputs["input_ids"].numpy(), inputs["labels"].numpy()
    chosen = labels != -100
    assert (labels[chosen] == windows["input_ids"][chosen]).all()
    assert (hidden[~chosen] == windows["input_ids"][~chosen]).all()
    assert not chosen[_untouchable(windows)].any()
    free = (~_untouchable(windows)).sum(axis=1)
    assert (chosen.sum(axis=1) == np.minimum(np.maximum(1, np.rint(free * fraction)), free)).all()
    assert np.isin(hidden[chosen], [*range(TEXT_IDS), MASK]).all()


def test_four_in_five_are_masked_one_in_ten_random_one_in_ten_stays() -> None:
    ids = np.tile(np.arange(1, 101) % TEXT_IDS, (400, 10))
    windows = {"input_ids": ids, "position_ids": np.tile(np.arange(1000), (400, 1)), "labels": ids}
    inputs = make("mlm", TOKENIZER, 1000)(windows, np.arange(400))
    hidden, labels = inputs["input_ids"].numpy(), inputs["labels"].numpy()
    chosen = labels != -100
    count = chosen.sum()
    assert count == 400 * 150
    masked = (hidden == MASK)[chosen].mean()
    changed = ((hidden != MASK) & (hidden != ids))[chosen].mean()
    assert masked == pytest.approx(0.8, abs=0.01)
    assert changed == pytest.approx(0.1 * (1 - 1 / TEXT_IDS), abs=0.005)
    where = np.flatnonzero(chosen.any(axis=0))
    assert len(where) == 1000  # every place is chosen now and then
    assert np.abs(chosen.mean(axis=0) - 0.15).max() < 0.1
    random_ids = hidden[chosen & (hidden != MASK) & (hidden != ids)]
    assert np.bincount(random_ids, minlength=TEXT_IDS).min() > 20


def test_uniforms_are_uniform_and_independent() -> None:
    draws = uniforms(3, "test", np.arange(500), 400)
    assert draws.min() >= 0
    assert draws.max() < 1
    counts = np.histogram(draws, bins=100, range=(0, 1))[0]
    chi_square = ((counts - 2000) ** 2 / 2000).sum()
    assert chi_square < 160  # 99 degrees of freedom: beyond 160 once in 10,000
    for a, b in (
        (draws[:-1], draws[1:]),
        (draws[:, :-1], draws[:, 1:]),
        (draws, uniforms(4, "test", np.arange(500), 400)),
    ):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.01


def _words_by_hand(candidate: np.ndarray, inside: np.ndarray, noise: np.ndarray, fraction: float) -> np.ndarray:
    """`chosen_words`, one row and one word at a time."""
    chosen = np.zeros_like(candidate)
    for row in range(len(candidate)):
        words: list[list[int]] = []
        for column in np.flatnonzero(candidate[row]):
            if words and inside[row, column] and words[-1][-1] == column - 1:
                words[-1].append(column)
            else:
                words.append([column])
        words.sort(key=lambda word: noise[row, word[0]])
        left = max(1, round(int(candidate[row].sum()) * fraction))
        for word in words:
            if len(word) <= left:
                chosen[row, word] = True
                left -= len(word)
        if words and not chosen[row].any():
            chosen[row, words[0]] = True
    return chosen


@settings(max_examples=examples(100))
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 60), st.sampled_from([0.1, 0.3, 0.6]))
def test_words_are_chosen_as_by_hand(seed: int, rows: int, width: int, fraction: float) -> None:
    random = np.random.default_rng(seed)
    candidate, inside = random.random((2, rows, width)) < [[[0.9]], [[0.5]]]
    noise = random.random((rows, width))
    assert np.array_equal(
        chosen_words(candidate, inside, noise, fraction), _words_by_hand(candidate, inside, noise, fraction)
    )


def test_every_set_of_positions_is_chosen_equally_often() -> None:
    """Two of five candidates among seven columns: ten sets, each a tenth of 20,000 rows."""
    candidate = np.zeros((20_000, 7), bool)
    candidate[:, [0, 2, 3, 5, 6]] = True
    chosen = chosen_positions(candidate, uniforms(9, "sets", np.arange(20_000), 7), 0.4)
    assert (chosen.sum(axis=1) == 2).all()
    sets, counts = np.unique(chosen, axis=0, return_counts=True)
    assert len(sets) == 10
    assert ((counts - 2000) ** 2 / 2000).sum() < 34  # chi-square of 9 degrees of freedom: beyond it once in 10,000
    assert not chosen[~candidate].any()


def _objective_of(folder: Path, window: int) -> Objective:
    return make("mlm", TOKENIZER, window, {"whole_words": True}, tokenizer_folder=folder)


def test_whole_words_need_the_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="tokenizer"):
        make("mlm", TOKENIZER, 64, {"whole_words": True})
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        _objective_of(tmp_path, 64)


def _corrupt_by_hand(ids: list[int], noise: list[bool], documents: list[int]) -> tuple[list[int], list[int], list[int]]:
    """(inputs, targets, column of each target) of one row, token by token."""
    inputs, targets, columns = [], [], []
    for document in sorted(set(documents) - {0}):
        span = -1
        own = [column for column in range(len(ids)) if documents[column] == document]
        for place, column in enumerate(own):
            if noise[column]:
                opens = place == 0 or not noise[own[place - 1]]
                span += opens
                if span >= len(SENTINELS):
                    inputs.append(ids[column])
                    continue
                if opens:
                    inputs.append(SENTINELS[span])
                    targets.append(SENTINELS[span])
                    columns.append(-1)
                targets.append(ids[column])
                columns.append(column)
            else:
                inputs.append(ids[column])
        if span >= 0:
            targets.append(EOS)
            columns.append(-1)
    return inputs, targets, columns


@settings(max_examples=examples(120))
@given(WINDOWS, POSITIONS, st.sampled_from([0.15, 0.3, 0.6]), st.sampled_from([1.0, 2.0, 3.0, 10.0]))
def test_spans_are_cut_out_and_come_back(
    windows: dict[str, np.ndarray], position: int, fraction: float, mean_span: float
) -> None:
    rows, width = windows["input_ids"].shape
    if round(round(width * fraction) / mean_span) > len(SENTINELS):
        return
    objective = make("span_corruption", TOKENIZER, width, {"fraction": fraction, "mean_span_tokens": mean_span})
    made = objective.corrupted(windows, np.arange(rows) + position)
    ids, documents = windows["input_ids"], document_numbers(windows, TOKENIZER)
    noise = np.zeros_like(ids, bool)
    for row in range(rows):
        targets = made.target_columns[row]
        noise[row, targets[targets >= 0]] = True
        real = ids[row][documents[row] > 0]
        restored = span_corruption.restore(made.inputs[row], made.targets[row], np.array(SENTINELS), EOS, PAD)
        assert np.array_equal(restored, real)  # inputs and targets together are the text
        inputs, wanted, columns = _corrupt_by_hand(ids[row].tolist(), noise[row].tolist(), documents[row].tolist())
        assert made.inputs[row][made.documents[row] > 0].tolist() == inputs
        written = made.target_documents[row] > 0
        assert made.targets[row][written].tolist() == wanted
        assert made.target_columns[row][written].tolist() == columns
        assert (made.targets[row][~written] == PAD).all()
    assert not noise[_untouchable(windows)].any()


@settings(max_examples=examples(100))
@given(st.integers(0, 2**32), st.integers(0, 80), st.sampled_from([0.15, 0.5]), st.sampled_from([1.0, 3.0]))
def test_noise_is_counted_like_the_authors_do(seed: int, length: int, fraction: float, mean_span: float) -> None:
    """T5's counts for each document, noise tokens and spans; none below two tokens."""
    draws = np.random.default_rng(seed).random((2, 1, length + 5))
    candidate = np.zeros((1, length + 5), bool)
    candidate[0, 3 : 3 + length] = True
    noise = span_corruption.span_noise(candidate, np.ones((1, length + 5), np.int64), draws, fraction, mean_span)[0]
    inner = noise[3 : 3 + length]
    assert noise.sum() == inner.sum()
    if length < 2:
        assert not inner.any()
        return
    hidden = min(max(round(length * fraction), 1), length - 1)
    spans = min(max(round(hidden / mean_span), 1), hidden, length - hidden + 1)
    assert inner.sum() == hidden
    assert (np.diff(np.r_[0, inner.astype(int)]) == 1).sum() == spans


def test_every_token_of_a_short_document_is_hidden_equally_often() -> None:
    draws = np.stack([uniforms(1, purpose, np.arange(8000), 9) for purpose in ("a", "b")])
    noise = span_corruption.span_noise(np.ones((8000, 9), bool), np.ones((8000, 9), np.int64), draws, 0.15, 3.0)
    assert noise.mean(axis=0) == pytest.approx([1 / 9] * 9, abs=0.015)


def test_spans_are_three_tokens_long_on_average_and_anywhere() -> None:
    ids = np.tile(np.arange(500) % TEXT_IDS, (600, 1))
    draws = np.stack([uniforms(1, purpose, np.arange(600), 500) for purpose in ("a", "b")])
    noise = span_corruption.span_noise(np.ones_like(ids, bool), np.ones_like(ids), draws, 0.15, 3.0)
    assert (noise.sum(axis=1) == 75).all()
    starts = np.diff(noise.astype(int), axis=1, prepend=0) == 1
    assert (starts.sum(axis=1) == 25).all()
    assert np.abs(noise[:, 50:450].mean(axis=0) - 0.15).max() < 0.07
    lengths = np.diff(np.flatnonzero(np.diff(np.r_[0, noise[0].astype(int), 0])))[::2]
    assert len(set(lengths.tolist())) > 2


def test_a_hole_in_a_span_splits_it() -> None:
    window = window_of([list(range(20))], 21)
    window["input_ids"][0, 5:15:2], window["labels"][0, 5:15:2] = SEPARATOR, -100
    objective = make("span_corruption", TOKENIZER, 21, {"fraction": 0.6})
    made = objective.corrupted(window, np.zeros(1, np.int64))
    restored = span_corruption.restore(made.inputs[0], made.targets[0], np.array(SENTINELS), EOS, PAD)
    assert restored.tolist() == window["input_ids"][0].tolist()
    assert SEPARATOR not in made.targets


def test_a_document_is_corrupted_as_it_would_be_beside_any_other() -> None:
    """Sentinels count from the first in each document, and the decoder starts each with the pad id."""
    first, second = list(range(40)), list(range(50, 90))
    inputs = make("span_corruption", TOKENIZER, 84)(window_of([first, second], 84), np.zeros(1, np.int64))
    for number in (1, 2):
        own = inputs["input_ids"][inputs["document_ids"] == number]
        assert next(token for token in own.tolist() if token in SENTINELS) == SENTINELS[0]
        side = inputs["decoder_document_ids"] == number
        written, read = inputs["labels"][side].tolist(), inputs["decoder_input_ids"][side].tolist()
        assert written[0] == SENTINELS[0]
        assert written[-1] == EOS
        assert read == [PAD, *written[:-1]]


@settings(max_examples=examples(60))
@given(WINDOWS, POSITIONS)
def test_replaced_token_inputs(windows: dict[str, np.ndarray], position: int) -> None:
    rows, width = windows["input_ids"].shape
    inputs = make("replaced_token", TOKENIZER, width)(windows, np.arange(rows) + position)
    ids, labels, judged = inputs["input_ids"].numpy(), inputs["labels"].numpy(), inputs["judged"].numpy()
    chosen = labels != -100
    assert (judged == ~_untouchable(windows)).all()
    assert (ids[chosen] == MASK).all()
    assert (ids[~chosen] == windows["input_ids"][~chosen]).all()
    assert judged[chosen].all()
    free = judged.sum(axis=1)
    assert (chosen.sum(axis=1) == np.minimum(np.maximum(1, np.rint(free * 0.15)), free)).all()


def _few_sentinels() -> TokenizerRecord:
    return TOKENIZER.model_copy(update={"sentinel_ids": SENTINELS[:3]})


REFUSED: dict[str, tuple[Callable, str]] = {
    "unknown name": (lambda: make("mlms", TOKENIZER, 64), "did you mean 'mlm'"),
    "unknown option": (lambda: make("mlm", TOKENIZER, 64, {"fractoin": 0.2}), "did you mean `fraction`"),
    "nothing masked": (lambda: make("mlm", TOKENIZER, 64, {"fraction": 0}), "greater than 0"),
    "all masked": (lambda: make("replaced_token", TOKENIZER, 64, {"fraction": 1}), "less than 1"),
    "more than everything": (
        lambda: make("mlm", TOKENIZER, 64, {"mask_fraction": 0.9, "random_fraction": 0.2}),
        "more than 1 together",
    ),
    "too few sentinels": (lambda: make("span_corruption", _few_sentinels(), 512), "3 sentinel ids for 26 spans"),
    "short spans": (lambda: make("span_corruption", TOKENIZER, 64, {"mean_span_tokens": 0.5}), "mean_span_tokens"),
    "an option for none": (lambda: make("clm", TOKENIZER, 64, {"fraction": 0.1}), "fraction"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_options_that_cannot_work_are_refused(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(RecipeError, match=message):
        call()


def test_every_objective_has_a_model_shape() -> None:
    shapes = {name: make(name, TOKENIZER, 64).shapes for name in OBJECTIVES}
    assert all(shape in shapes[name] for shape, name in SHAPES.items())
    assert all(some & set(SHAPES) for some in shapes.values())
