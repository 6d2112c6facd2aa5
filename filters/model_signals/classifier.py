"""A fastText classifier in its folder: from a text to the calibrated probability of its positive label.

The probability is sigmoid(slope * log odds + intercept) of what fastText answers, with the two numbers fitted on texts
apart from those it learnt from. It is that of the mixture it was trained on, where positives and negatives have the
shares they have there.
"""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from gristmill.filters.fasttext.classify import fasttext_classifier
from gristmill.filters.model_signals.line_text import LABEL_PREFIX, one_line
from gristmill.schemas.errors import ModelError, RecipeError
from gristmill.schemas.signal_models import Classifier, LineNormalisation, read_model

POSITIVE, NEGATIVE = f"{LABEL_PREFIX}positive", f"{LABEL_PREFIX}negative"
_CLEAREST = 1e-6  # fastText's probabilities end about here
Probability = Callable[[str], float | None]


def check_name(kind: str, name: str, quantities: tuple[str, ...]) -> None:
    """RecipeError for a name that would read as a column of another classifier."""
    if not name.isidentifier() or name != name.lower() or name.endswith(tuple(f"_{one}" for one in quantities)):
        raise RecipeError(
            f"`{kind}_{name}`",
            where="signals",
            expected=f"a name of lower-case letters, digits and `_` that ends in none of {', '.join(quantities)}",
        )


def check_classifier(folder: str, where: str) -> Classifier:
    """ModelError for a model that is missing, of another kind, or without the two labels."""
    manifest = read_model(folder, Classifier, where)
    path = Path(folder) / manifest.model
    labels = set(fasttext_classifier(path).labels)
    if labels != {POSITIVE, NEGATIVE}:
        raise ModelError(f"labels {', '.join(sorted(labels)[:5])}", where=str(path), expected=f"{POSITIVE}, {NEGATIVE}")
    return manifest


@cache
def probability_of(folder: str) -> Probability:
    """text -> calibrated probability of the positive label; None for a text without a word."""
    manifest = check_classifier(folder, folder)
    raw = raw_probability(Path(folder) / manifest.model, manifest.normalisation)
    slope, intercept = manifest.calibration

    def probability(text: str) -> float | None:
        found = raw(text)
        return None if found is None else calibrated(found, slope, intercept)

    return probability


def raw_probability(model_file: Path, normalisation: LineNormalisation) -> Probability:
    """text -> what fastText answers for the positive label; None for a text without a word."""
    model = fasttext_classifier(model_file)
    positive = model.labels.index(POSITIVE)

    def probability(text: str) -> float | None:
        line = one_line(text, normalisation)
        if not line:
            return None
        data = np.frombuffer(f"{line}\n".encode(), np.uint8)
        labels, probabilities = model.classify(data, np.array([0, len(data)], np.int64), len(model.labels))
        return min(float(probabilities[labels == positive].sum()), 1.0)

    return probability


def log_odds(probability: float) -> float:
    """Finite for every probability."""
    p = min(max(probability, _CLEAREST), 1.0 - _CLEAREST)
    return math.log(p / (1.0 - p))


def calibrated(probability: float, slope: float, intercept: float) -> float:
    """Rounded to 6 digits.

    >>> calibrated(0.5, 1.0, 0.0)
    0.5
    """
    return round(1.0 / (1.0 + math.exp(-(slope * log_odds(probability) + intercept))), 6)
