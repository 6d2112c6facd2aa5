"""Fill in the middle: the way back is exact, what may not be learned is not, and documents stay apart."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gristmill.schemas.errors import RecipeError
from gristmill.training.models.build import build_model
from gristmill.training.models.masks import refuse_own_mean, refuse_what_leaks
from gristmill.training.objectives.fill_in_the_middle import FillInTheMiddle, restored
from gristmill.training.objectives.registry import make
from gristmill.training.objectives.windows import ordinary_ids
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tests.generated import examples
from tests.training.objective_cases import EOS, PAD, SENTINELS, SEPARATOR, TOKENIZER, random_windows, tiny, window_of

MARKS = np.array(SENTINELS[:3])
TEXT = "def grind(grain: str) -> str:\n    return grain.replace('ä', 'ae') + \"→\"  # die Mühle 磨坊\n" * 3


def documents(rows: dict[str, np.ndarray], row: int = 0) -> list[np.ndarray]:
    """The documents of a row, told by positions that restart; padding is left out."""
    ids, places = rows["input_ids"][row], rows["position_ids"][row]
    parts = np.split(ids, np.flatnonzero(places == 0)[1:])
    return [part for part in parts if part[0] != PAD]


def objective(window: int, folder: Path | None = None, **options: object) -> FillInTheMiddle:
    made = make("fill_in_the_middle", TOKENIZER, window, {"rate": 1.0, **options}, seed=3, tokenizer_folder=folder)
    assert isinstance(made, FillInTheMiddle)
    return made


@pytest.mark.parametrize("spm_rate", [0.0, 1.0])
@given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=4), position=st.integers(0, 2**40))
@settings(max_examples=examples(40))
def test_the_way_back_is_exact(spm_rate: float, lengths: list[int], position: int) -> None:
    texts = [np.random.default_rng(length).integers(0, 100, length).tolist() for length in lengths]
    window = window_of(texts, sum(lengths) + len(lengths) + 5)
    rows = objective(window["input_ids"].shape[1], spm_rate=spm_rate).rearranged(window, np.array([position]))
    found = documents(rows)
    assert len(found) == len(texts)
    for text, ids in zip(texts, found, strict=True):
        assert ids[-1] == EOS
        if len(text) < 10:
            assert ids.tolist() == [*text, EOS]
            continue
        order = [int(np.flatnonzero(ids == mark)[0]) for mark in MARKS]
        assert order == sorted(order)
        assert order[1] == 1 or not spm_rate
        assert restored(ids[:-1], MARKS).tolist() == text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level tokenizer of 100 ids less one, as the record says."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=100, min_frequency=2, initial_alphabet=[], show_progress=False)
    tokenizer.train_from_iterator([TEXT, "粉"], trainer)
    path = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(str(path / "tokenizer.json"))
    return path


@pytest.mark.parametrize("spm_rate", [0.0, 1.0])
def test_cuts_between_characters_give_the_text_back(folder: Path, spm_rate: float) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = tokenizer.encode(TEXT).ids
    assert max(ids) < 100
    window = window_of([ids], len(ids) + 40)
    inside_tokens = 0
    for position in range(40):
        rows = objective(len(ids) + 40, folder, spm_rate=spm_rate).rearranged(window, np.array([position]))
        (found,) = documents(rows)
        pre, suf, mid = (int(np.flatnonzero(found == mark)[0]) for mark in MARKS)
        head, tail, rest = found[pre + 1 : suf], found[suf + 1 : mid], found[mid + 1 : -1]
        assert "".join(tokenizer.decode(part.tolist()) for part in (head, rest, tail)) == TEXT
        inside_tokens += [*head.tolist(), *rest.tolist(), *tail.tolist()] != ids
    assert inside_tokens > 10


def test_what_is_no_text_of_the_tokenizer_is_cut_between_tokens(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = tokenizer.encode("粉" + TEXT).ids  # a character that occurs too rarely to be one token
    start = 1  # the window begins within it
    assert "\ufffd" in tokenizer.decode(ids[start:])
    rows = objective(400, folder).rearranged(window_of([ids[start:]], 400), np.array([7]))
    assert sorted(documents(rows)[0].tolist()) == sorted([*ids[start:], EOS, *MARKS.tolist()])


@given(seed=st.integers(0, 2**32), position=st.integers(0, 2**40))
@settings(max_examples=examples(25))
def test_nothing_forgotten_is_learned_and_nothing_is_lost(seed: int, position: int) -> None:
    windows = random_windows(seed, 2, 96)
    rows = objective(96).rearranged(windows, np.array([position, position + 1]))
    labels, ids = rows["labels"], rows["input_ids"]
    assert ((labels == -100) | (labels == ids)).all()
    assert not np.isin(labels, [SEPARATOR, PAD]).any()
    for row in range(2):
        ordinary = ids[row][ids[row] < 100]
        assert sorted(ordinary.tolist()) == sorted(windows["input_ids"][row][windows["input_ids"][row] < 100].tolist())


def test_a_document_that_fills_the_window_loses_the_end_of_its_suffix_alone() -> None:
    text = list(range(40))
    window = window_of([text], 41)
    for position in range(20):
        (found,) = documents(objective(41).rearranged(window, np.array([position])))
        back = restored(found[:-1], MARKS).tolist()
        assert len(found) == 41
        assert [token for token in text if token in back] == back
        assert len(back) == 37


def test_rates_and_what_is_asked_of_shards(folder: Path) -> None:
    window = {name: np.repeat(values, 400, axis=0) for name, values in window_of([list(range(30))], 40).items()}
    rows = make("fill_in_the_middle", TOKENIZER, 40, {"rate": 0.5, "spm_rate": 0.25}, 1).rearranged(
        window, np.arange(400)
    )  # type: ignore[attr-defined]
    cut = (rows["input_ids"] == MARKS[0]).any(axis=1)
    spm = cut & (rows["input_ids"][:, 1] == MARKS[1])
    assert 0.4 < cut.mean() < 0.6
    assert 0.15 < spm.sum() / cut.sum() < 0.4
    with pytest.raises(RecipeError, match="sentinel"):
        make("fill_in_the_middle", TOKENIZER.model_copy(update={"sentinel_ids": ()}), 40)
    with pytest.raises(RecipeError, match="level: token"):
        make("fill_in_the_middle", TOKENIZER, 40, {"level": "character"})


@pytest.mark.parametrize("shape", ["llama", "qwen"])
def test_models_learn_from_it(shape: str) -> None:
    """What training asks of a model before it starts holds, and the loss goes down."""
    model = build_model(tiny(shape), TOKENIZER, 64, seed=1).train()
    made = objective(64)
    for refuse in (refuse_what_leaks, refuse_own_mean):
        refuse(model, made, ordinary_ids(TOKENIZER), 64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for step in range(12):
        inputs = made(random_windows(step % 3, 4, 64), np.arange(4))
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.1
    assert made.token_losses(model, random_windows(0, 4, 64), np.arange(4)).losses.shape == (4, 64)
