"""fastText's own library is the reference: models of every loss, with n-grams of letters and words, quantised or not."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pytest
from fasttext_pybind import fasttext as reference_model
from gristmill.filters.fasttext.classify import NO_LABEL, FasttextClassifier, fasttext_classifier
from gristmill.filters.fasttext.file import MOST_LETTERS, check_file, read_file
from gristmill.filters.fasttext.ngrams import BLOCK_LETTERS
from gristmill.filters.language.detectors import default_model
from gristmill.schemas.errors import ModelError
from hypothesis import given
from hypothesis import strategies as st

KINDS: dict[str, dict[str, Any]] = {
    "softmax": {"loss": "softmax"},
    "tree": {"loss": "hs", "minn": 2, "maxn": 4},
    "single letters": {"loss": "hs", "minn": 1, "maxn": 3},
    "negative sampling": {"loss": "ns", "minn": 2, "maxn": 3},
    "each by itself": {"loss": "ova", "wordNgrams": 2},
    "runs of words": {"loss": "softmax", "wordNgrams": 3, "minn": 3, "maxn": 5},
}
QUANTISED: dict[str, dict[str, Any]] = {
    "quantised": {},
    "with norms": {"qnorm": True},
    "output too": {"qout": True},
    "pruned": {"cutoff": 400},
    "pruned, norms and output": {"cutoff": 300, "qnorm": True, "qout": True, "dsub": 3},
}
WORDS = (
    *("kar", "vel", "tos", "mün", "šie", "なつ", "ふゆ", "привет", "дом", "מה", "你", "好", "é", "𝒳", "a", "bb", "ccc"),
    *("<", ">", "__label__", "__label__a", "</s>", "x\u00a0y"),
)


def lines(seed: int, labels: int = 5) -> Iterator[str]:
    """Each label at least once, the first ones oftener; words lean on the label."""
    rng = np.random.default_rng(seed)
    for n in range(700):
        label = n if n < labels else int(rng.integers(0, labels) * rng.random())
        own = [f"{WORDS[(label * 3 + int(k)) % 15]}{int(k) % 7}" for k in rng.integers(0, 40, 8)]
        yield f"__label__l{label} {' '.join(own)}"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """The file of a model of a kind, quantised or not, trained once."""
    folder = tmp_path_factory.mktemp("models")

    def path(kind: str, quantised: str = "") -> Path:
        file = folder / f"{kind}-{quantised}.bin"
        if not file.exists():
            text = folder / "lines.txt"
            text.write_text(
                "\n".join(lines(0, 300 if "output" in quantised else 5)) + "\n"
            )  # 256 are quantised at least
            options = {"dim": 10, "epoch": 5, "lr": 0.4, "thread": 10, "bucket": 3_000, "minCount": 2, "verbose": 0}
            model = fasttext.train_supervised(str(text), **options, **KINDS[kind])
            if quantised:
                model.quantize(str(text), verbose=0, thread=1, **QUANTISED[quantised])
            model.save_model(str(file))
        return file

    return path


def asked(model: FasttextClassifier, texts: list[bytes], most: int) -> list[list[tuple[str, float]]]:
    """(label, probability) of each text from our own code."""
    offsets = np.array([0, *np.cumsum([len(text) for text in texts])], np.int64)
    labels, probabilities = model.classify(np.frombuffer(b"".join(texts) or b"\0", np.uint8), offsets, most)
    return [
        [(model.labels[n], float(p)) for n, p in zip(*row, strict=True) if n != NO_LABEL]
        for row in zip(labels, probabilities, strict=True)
    ]


def agree(file: Path, texts: list[bytes], most: int = 3) -> None:
    """Probabilities are equal rank by rank, and so are labels but where the next one is as likely."""
    peer = reference_model()
    peer.loadModel(str(file))
    for text, ours in zip(texts, asked(fasttext_classifier(file), texts, most), strict=True):
        theirs = [(label, p) for p, label in peer.predict(text, most, 0.0, "replace")]
        assert [p for _, p in ours] == pytest.approx([p for _, p in theirs], rel=1e-4, abs=1e-6), text
        for rank, ((label, _), (other, p)) in enumerate(zip(ours, theirs, strict=True)):
            tied = [q for k, (_, q) in enumerate(theirs) if k != rank and abs(q - p) < 1e-5]
            assert label == other or tied or rank == most - 1, text


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_those_of_fasttext(trained: Callable[..., Path], kind: str) -> None:
    texts = [f"{line.split(' ', 1)[1]}\n".encode() for line in list(lines(1))[:200]]
    agree(trained(kind), texts, 5)


@pytest.mark.parametrize("quantised", QUANTISED)
@pytest.mark.parametrize("kind", ["tree", "runs of words"])
def test_quantised_and_pruned_models(trained: Callable[..., Path], kind: str, quantised: str) -> None:
    agree(trained(kind, quantised), [f"{line.split(' ', 1)[1]}\n".encode() for line in list(lines(2))[:100]], 5)


_pieces = st.one_of(
    st.sampled_from(WORDS), st.text(max_size=8), st.sampled_from(["\n", "\t", "\0", "\x0b", "\x0c", "\r"])
)


@given(st.lists(st.lists(_pieces, max_size=30).map(lambda some: " ".join(some).encode()), min_size=1, max_size=8))
def test_any_text(trained: Callable[..., Path], texts: list[bytes]) -> None:
    for kind, quantised in (("single letters", ""), ("runs of words", "pruned"), ("softmax", "")):
        agree(trained(kind, quantised), texts)
    agree(default_model(), texts)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5))
def test_bytes_that_are_no_text(texts: list[bytes]) -> None:
    agree(default_model(), texts)


def test_texts_of_many_scripts_by_the_published_model() -> None:
    said = [
        "The river rose again in the night and took the bridge with it.",
        "Der Fluss stieg in der Nacht wieder und nahm die Brücke mit.",
        "夜のあいだに川はまた水かさを増し、橋を流してしまった。",
        "Ночью река снова поднялась и унесла с собой мост.",
        "في الليل ارتفع النهر مرة أخرى وجرف الجسر معه.",
        "रात में नदी फिर चढ़ी और पुल को अपने साथ बहा ले गई।",
    ]
    texts = [f"{text * times}\n".encode() for text in said for times in (1, 7, 400)]
    agree(default_model(), texts, 4)


@pytest.mark.parametrize("kind", ["tree", "single letters", "runs of words"])
@pytest.mark.parametrize("letter", ["v", "š", "夏", "𝒳"])
def test_words_at_and_across_the_end_of_a_block(trained: Callable[..., Path], kind: str, letter: str) -> None:
    """Letters are hashed in blocks; a block ends between words, in the middle of one, or at its edge."""
    around = [*range(BLOCK_LETTERS - 8, BLOCK_LETTERS + 6), 2 * BLOCK_LETTERS - 3, 5 * BLOCK_LETTERS]
    texts = [f"kar1 {letter * size} vel2 mün3\n".encode() for size in around]
    texts += [f"{'kar1 ' * (size // 6)}{letter * (size % 6)} tos4 a\n".encode() for size in around]
    agree(trained(kind), texts)


def test_a_text_without_anything_learnt_has_no_label(trained: Callable[..., Path]) -> None:
    model = fasttext_classifier(trained("softmax"))
    assert asked(model, [b"", b"   ", b"nothingofit", b"__label__a"], 2) == [[], [], [], []]


def test_labels_are_in_the_order_of_the_file(trained: Callable[..., Path]) -> None:
    peer = reference_model()
    peer.loadModel(str(trained("tree")))
    assert list(fasttext_classifier(trained("tree")).labels) == peer.getLabels("replace")[0]


@pytest.mark.parametrize("kind", ["runs of words", "tree"])
@pytest.mark.parametrize("quantised", ["", "pruned, norms and output"])
def test_a_file_that_is_cut_anywhere_is_an_error(
    trained: Callable[..., Path], tmp_path: Path, kind: str, quantised: str
) -> None:
    whole = trained(kind, quantised).read_bytes()
    cut = tmp_path / "cut.bin"
    for size in (*range(0, 400, 7), *(len(whole) * n // 50 for n in range(1, 50)), len(whole) - 1):
        cut.write_bytes(whole[:size])
        with pytest.raises(ModelError, match="fastText"):
            read_file(cut)


def test_a_file_of_another_kind_says_what_it_is(trained: Callable[..., Path], tmp_path: Path) -> None:
    whole, path = trained("tree").read_bytes(), tmp_path / "other.bin"
    for place, value, said in (
        (0, 1, "not a fastText model"),
        (1, 13, "version 13"),
        (8, 9, "loss 9"),
        (9, 2, "vectors"),
    ):
        path.write_bytes(whole[: 4 * place] + struct.pack("<i", value) + whole[4 * place + 4 :])
        with pytest.raises(ModelError, match=said):
            check_file(path)


def test_the_longest_ngrams_are_read_and_longer_ones_refused(trained: Callable[..., Path], tmp_path: Path) -> None:
    whole, path = trained("single letters").read_bytes(), tmp_path / "long.bin"
    for most in (MOST_LETTERS, MOST_LETTERS + 1, 1 << 30, -1):
        path.write_bytes(whole[: 4 * 12] + struct.pack("<i", most) + whole[4 * 13 :])
        if most == MOST_LETTERS:
            assert read_file(path).max_letters == MOST_LETTERS
            agree(path, [f"{'v' * size} kar1 {'夏' * size}\n".encode() for size in (100, 300, 600, 2_000)])
        else:
            with pytest.raises(ModelError, match="n-grams of up to"):
                read_file(path)
