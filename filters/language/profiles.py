"""What is known of each language in each script it is written in, and what evidence weighs: three files, learnt from text.

`profiles.tsv` has a line a language and script (`sr` twice), `unknown_languages.tsv` one of each that no detector knows,
`weights.json` the weights of all evidence and where they come from. All are written by benchmarks/language_learn.py and are
plain enough to read: an entry that looks wrong can be looked up.

Tab-separated columns of profiles.tsv: language; script; mean and spread of the logarithm of CLD2's strength on right
answers; mean and spread of the log likelihood ratio of a word; three biases (of the language, of being fastText's first
answer, of being CLD2's); frequent words, each followed by its share of all words in 1 : 100,000. Those of
unknown_languages.tsv: language and script, as `crh-Latn`; words that no known language has nearly as often.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from gristmill.filters.language.words import WordTable, word_table

PROFILES_FILE, UNKNOWN_FILE, WEIGHTS_FILE = (
    Path(__file__).with_name(name) for name in ("profiles.tsv", "unknown_languages.tsv", "weights.json")
)
PER = 100_000  # a word's share in the files is in these parts
STRENGTH, STRENGTH_SPREAD, RATIO, RATIO_SPREAD, BIAS, BIAS_FASTTEXT, BIAS_CLD2 = range(7)
FIGURES = 7
MISS = FIGURES  # behind them where they are compiled: what a word says that is not listed
# Instead of a profile's number: nothing is known of the language, or of it in the script.
NO_PROFILE, OTHER_SCRIPT = -1, -2
UNKNOWN_PROFILE = (6.9, 0.45, 0.0, 0.5, 0.0, 0.0, 0.0)  # of a language that no text was there to learn from

Words = Mapping[str, float]  # word -> its share of all words


@dataclass(frozen=True)
class LanguageProfile:
    """A language in one script. figures: FIGURES numbers; words: share of all words, of the most frequent ones."""

    language: str
    script: str
    figures: tuple[float, ...]
    words: Words


@dataclass(frozen=True)
class Profiles:
    """All profiles. numbers: by language and script.

    figures: float64 n + 2 x FIGURES + 1 (MISS), the last two rows those of OTHER_SCRIPT and NO_PROFILE.
    """

    profiles: tuple[LanguageProfile, ...]
    figures: np.ndarray
    table: WordTable
    numbers: Mapping[tuple[str, str], int]


def compiled(profiles: list[LanguageProfile], unknown: Mapping[str, Words]) -> Profiles:
    """The profiles as arrays for the kernels; unknown: words of each language that no detector knows."""
    figures = np.array([profile.figures for profile in profiles] + 2 * [UNKNOWN_PROFILE], np.float64)
    numbers = {(profile.language, profile.script): n for n, profile in enumerate(profiles)}
    table = word_table([profile.words for profile in profiles], list(unknown.values()))
    miss = np.concatenate((table.miss[: len(profiles)], np.zeros(2)))
    return Profiles(tuple(profiles), np.column_stack((figures, miss)), table, numbers)


def read_profiles(path: Path = PROFILES_FILE) -> list[LanguageProfile]:
    """The profiles in a file, in its order."""
    found = []
    for line in path.read_text("utf-8").split("\n"):
        if line and not line.startswith("#"):
            language, script, *figures, words = line.split("\t")
            found.append(LanguageProfile(language, script, tuple(map(float, figures)), _read_words(words)))
    return found


def write_profiles(profiles: list[LanguageProfile], path: Path = PROFILES_FILE) -> None:
    """Write what `read_profiles` reads; shares and figures are rounded."""
    lines = ["# language\tscript\tstrength\tspread\tratio\tspread\tbias\tbias-fasttext\tbias-cld2\twords"]
    for profile in profiles:
        figures = (f"{x:.3f}" for x in profile.figures)
        lines.append("\t".join([profile.language, profile.script, *figures, _written_words(profile.words)]))
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _read_words(text: str) -> Words:
    pairs = text.split(" ")
    return {word: int(share) / PER for word, share in zip(pairs[::2], pairs[1::2], strict=True)}


def _written_words(words: Words) -> str:
    ranked = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    return " ".join(f"{word} {max(1, round(share * PER))}" for word, share in ranked)


def read_unknown(path: Path = UNKNOWN_FILE) -> dict[str, Words]:
    """The words of each language that no detector knows, by language and script."""
    lines = path.read_text("utf-8").split("\n")
    pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {name: _read_words(words) for name, words in pairs}


def write_unknown(unknown: Mapping[str, Words], path: Path = UNKNOWN_FILE) -> None:
    """Write what `read_unknown` reads; shares are rounded."""
    lines = ["# language\twords", *(f"{name}\t{_written_words(words)}" for name, words in sorted(unknown.items()))]
    path.write_text("\n".join(lines) + "\n", "utf-8")


@cache
def read_weights(path: Path = WEIGHTS_FILE) -> dict[str, Any]:
    """The weights by name, `candidate` and `none`; `relatives`: which languages an answer may stand for; provenance."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@cache
def default_profiles() -> Profiles:
    """The profiles and words in the package, read once."""
    return compiled(read_profiles(), read_unknown())
