"""Learn the tables of language identification: profiles.tsv, unknown_languages.tsv and weights.json in filters/language.

    python benchmarks/language_learn.py texts.tsv.gz [--without SOURCE] [--out FOLDER]

texts.tsv.gz is written by benchmarks/language_texts.py. A quarter of all texts, by hash, is not read, and weights see nothing
of a third of the languages that no detector knows: benchmarks/language_scores.py reports on them. --without leaves one
source out, to see what the tables say of a genre that they were not learnt from.

1. Texts become units as corpora have them: single texts, slices of 10 to 80 characters, several texts joined to 300,
   1,000 and 3,000, capitals only, Latin letters without their marks (`Prilis zlutoucky kun`), and three parts of a language
   with one of English.
2. Frequent words of each language and script: every source counts alike, words of near languages are those that tell them
   apart. For the weights, the words of one half are counted in units of the other. Of a language that no detector knows,
   words are listed that are more than twice as frequent as in any known language; for the weights, half have no list.
3. The mean and spread of CLD2's strength and of the words' likelihood ratio, each source alike.
4. Weights and biases by maximum likelihood with L2. Languages weigh alike but for those that no detector can name
   (IMPORTANCE), so that a language found by its words alone takes nothing from one that detectors know. Languages that
   nobody knows are UNKNOWN_SHARE of the whole, texts in no language NOISE_SHARE. A sixth of the languages are there a
   second time with their words hidden, so that languages without a profile are judged too.
"""

import argparse
import gzip
import hashlib
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.fasttext.classify import fasttext_classifier
from gristmill.filters.language.detectors import (
    LANGUAGES,
    cld2_candidates,
    cld2_languages,
    fasttext_candidates,
    fasttext_languages,
    model_path,
    number_of_language,
)
from gristmill.filters.language.evidence import CANDIDATE_EVIDENCE, NONE_EVIDENCE
from gristmill.filters.language.profiles import (
    NO_PROFILE,
    PROFILES_FILE,
    UNKNOWN_FILE,
    UNKNOWN_PROFILE,
    WEIGHTS_FILE,
    LanguageProfile,
    compiled,
    write_profiles,
    write_unknown,
)
from gristmill.filters.language.sample import sample_buffers, separate
from gristmill.filters.language.scripts import SCRIPT_NAMES, majority_scripts, script_numbers
from gristmill.filters.language.vote import Ballot, ballot, evidence_of
from gristmill.filters.language.words import WORDS, words_plainly
from language_noise import mojibake, noise
from scipy.optimize import minimize

PARTS = 8  # of the texts, by hash: two held out, three to each half
HELD_OUT = (0, 1)
WORDS_OF_A_PROFILE = 150
GROUPS = (
    ("bs", "hr", "sr"), ("nb", "nn", "da"), ("id", "ms"), ("xh", "zu", "ss", "nr"), ("st", "tn", "nso"),
    ("es", "ca", "gl", "pt"), ("cs", "sk"), ("rw", "rn"), ("bo", "dz"), ("crs", "mfe", "ht"),
)  # fmt: skip
WORDS_OF_A_GROUP = 400
LEAST_WORDS = 300  # of a source, to be counted
WITHOUT_MARKS = 0.15  # of the texts of every language are taken to be written so
WORDS_OF_AN_UNKNOWN = 80
LEAST_SHARE_OF_AN_UNKNOWN, LEAST_COUNT_OF_AN_UNKNOWN = 1e-3, 2.5  # of a word in its list
# Languages that a first answer may stand for though nobody names them, found in the confusions of both detectors.
RELATIVES = {
    "hr": ("bs", "sr"), "bs": ("hr", "sr"), "sr": ("hr", "bs"), "sh": ("hr", "bs", "sr"), "nb": ("nn",), "nn": ("nb",),
    "da": ("nb",), "id": ("ms", "min"), "ms": ("id", "min"), "zu": ("xh", "ss", "nr"), "xh": ("zu", "nr"), "ss": ("zu",),
    "tn": ("nso", "st"), "st": ("nso", "tn"), "nso": ("tn", "st"), "rw": ("rn",), "es": ("an", "ast"), "it": ("sc",),
    "ca": ("sc",), "fr": ("wa",), "pt": ("mwl",), "en": ("sco",), "pl": ("dsb", "hsb"), "sl": ("hsb",), "eo": ("io",),
    "fi": ("vep",), "et": ("vep",), "ru": ("os",), "tg": ("os",), "kk": ("os",), "ky": ("tyv",), "mn": ("tyv",),
    "hi": ("mai", "bh"), "ne": ("mai",), "tl": ("bcl", "pam"), "zh": ("yue", "wuu"),
    "bo": ("dz",), "dz": ("bo",), "crs": ("mfe", "ht"), "mfe": ("crs",), "ht": ("crs",),
}  # fmt: skip
MISLABELLED = {("sentences", "ms")}  # mostly Indonesian
UNIT_SIZES, SLICES = (300, 1000, 3000), (10, 20, 40, 80)
KIND_WEIGHTS = {"slice10": 0.25, "unmarked": 0.5}  # others 1: texts of two words are rare
MOST_UNITS = 32  # of a source, language and kind
_MANY = ("ru", "de", "ja", "zh", "es", "fr", "it", "pt", "nl", "pl")  # what much of the web is written in
_SOME = (
    "cs", "tr", "vi", "id", "ar", "ko", "fa", "sv", "uk", "el", "ro", "hu", "da", "th", "fi", "sk", "nb", "bg", "he", "hi",
    "ca", "hr",
)  # fmt: skip
IMPORTANCE = {"en": 12, **dict.fromkeys(_MANY, 3), **dict.fromkeys(_SOME, 1.5)}
LEAST_IMPORTANCE = 0.1  # of a language that no detector names
UNKNOWN_SHARE, NOISE_SHARE = 0.06, 0.05
L2, L2_OF_BIASES = 1e-5, 3e-3


@dataclass(frozen=True)
class Text:
    """A labelled text. part: which of PARTS."""

    source: str
    document: str
    language: str
    text: str
    part: int


@dataclass(frozen=True)
class Unit:
    """What is identified. kind: single, slice20, joined300, capitals, unmarked, mixed, whole, noise."""

    source: str
    language: str
    kind: str
    text: str
    part: int
    document: str = ""


def hashed(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def read_texts(path: Path) -> list[Text]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        rows = (line.rstrip("\n").split("\t", 3) for line in lines)
        return [Text(*row, part=hashed(row[3]) % PARTS) for row in rows]


_MARKS = re.compile(r"(?<=[A-Za-z])[\u0300-\u036f]+")
_PLAIN = {n: unicodedata.normalize("NFD", chr(n))[0] for n in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))}
_PLAIN_LATIN = {n: char for n, char in _PLAIN.items() if char.isascii()} | str.maketrans("đĐłŁøØıß", "dDlLoOis")


@cache
def without_marks(text: str) -> str:
    """Latin letters without their marks, as they are written where a keyboard lacks them; all else as it is.

    >>> without_marks("Příliš žluťoučký, Łódź, й")
    'Prilis zlutoucky, Lodz, й'
    """
    return _MARKS.sub("", text.translate(_PLAIN_LATIN))


def known_languages() -> set[str]:
    """What one of the detectors has a name for and can say."""
    return {LANGUAGES[n] for n in fasttext_languages(fasttext_classifier(model_path(None)))} | set(cld2_languages())


def held_out_language(language: str) -> bool:
    """A third of the languages that no detector knows."""
    return hashed("language " + language) % 3 == 0


def without_languages(unknown: Mapping[str, Any], hidden: Callable[[str], bool]) -> dict[str, Any]:
    """The lists of unknown languages but those of languages that are hidden."""
    return {name: words for name, words in unknown.items() if not hidden(name.rpartition("-")[0])}


def units(texts: list[Text], most: int = MOST_UNITS) -> Iterator[Unit]:
    """The units of texts, none of which mixes parts."""
    groups: dict[tuple[str, str, str, int], list[Text]] = defaultdict(list)
    for text in texts:
        groups[
            text.source, text.document, text.language, text.part // 2 if text.part < 2 else text.part % 2 + 1
        ].append(text)
    english: dict[tuple[str, int], str] = {}
    for (source, _, language, part), its in groups.items():
        if language == "en":
            english[source, part] = " ".join(text.text for text in its)
    for (source, document, language, part), its in groups.items():
        first = its[0].part

        def unit(kind: str, text: str, source=source, language=language, document=document, part=first) -> Unit:
            return Unit(source, language, kind, text, part, document)

        some = sorted(its, key=lambda text: hashed(text.text))
        yield from (unit("single", text.text) for text in some[:most])
        for size in SLICES:
            long = [text.text for text in some if len(text.text) > 1.3 * size]
            yield from (unit(f"slice{size}", _slice(text, size)) for text in long[: most // (2 if size > 10 else 8)])
        for size in UNIT_SIZES:
            yield from (unit(f"joined{size}", text) for text in _joined(its, size)[: most // 2])
        paragraphs = _joined(its, 300)[: most // 8]
        yield from (unit("capitals", text.upper()) for text in paragraphs if text.upper() != text)
        for text in some[: most // 4]:
            if without_marks(text.text) != text.text:
                yield unit("unmarked", without_marks(text.text))
        if (source, part) in english and language != "en":
            for text in paragraphs:
                yield unit("mixed", f"{text} {_slice(english[source, part], len(text) // 3)}")
        if source == "udhr":
            yield unit("whole", "\n".join(text.text for text in its))


def _joined(texts: list[Text], size: int) -> list[str]:
    found, waiting, length = [], [], 0
    for text in texts:
        waiting.append(text.text)
        length += len(text.text)
        if length >= size:
            found.append(" ".join(waiting))
            waiting, length = [], 0
    return found


def _slice(text: str, size: int) -> str:
    """About `size` characters from a place given by the text itself, whole words where words are short."""
    if len(text) <= size:
        return text
    start = hashed(text) % (len(text) - size + 1)
    word = text.rfind(" ", max(0, start - 40), start + 1) + 1
    start = word if word else start
    stop = text.find(" ", start + size, start + size + 30)
    return text[start : stop if stop >= 0 else start + size].strip()


def noise_units(texts: list[Text], seed: int, rounds: int) -> list[Unit]:
    """Texts in no language; part by their place."""
    by_language: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        if text.source == "sentences" and len(by_language[text.language]) < 30:
            by_language[text.language].append(text.text)
    found = [*noise(seed, rounds), *mojibake(by_language)]
    return [Unit(kind, "none", "noise", text, 2 + n % 2) for n, (kind, text) in enumerate(found) if text.strip()]


class Words:
    """Word counts of every language and script by source."""

    def __init__(self, texts: list[Text]) -> None:
        self.counts: dict[tuple[str, str], dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        scripts = majority_scripts(pa.array([text.text for text in texts], pa.large_string())).to_pylist()
        for text, script in zip(texts, scripts, strict=True):
            if script is not None:
                words = [word for word in words_plainly(text.text) if word is not None]
                counter = self.counts[text.language, script][text.source]
                counter.update(words)
                for word in words:
                    if not word.isascii() and (bare := without_marks(word)) != word:
                        counter[word] -= WITHOUT_MARKS
                        counter[bare] += WITHOUT_MARKS

    def frequencies(self, languages: set[str]) -> dict[tuple[str, str], dict[str, float]]:
        """Share of each frequent word, of every language and script with enough of it."""
        shares = self._shares(languages.__contains__)
        found = {key: _most_frequent(its) for key, its in shares.items()}
        for group in GROUPS:
            self._tell_apart([key for key in shares if key[0] in group], shares, found)
        return found

    def _shares(self, wanted: Callable[[str], bool]) -> dict[tuple[str, str], dict[str, float]]:
        """Share of every word, each source alike, of every wanted language and script with enough of it."""
        shares: dict[tuple[str, str], dict[str, float]] = {}
        whole = Counter[str]()
        for (language, _), sources in self.counts.items():
            whole[language] += sum(counter.total() for counter in sources.values())
        for (language, script), sources in self.counts.items():
            large = [counter for counter in sources.values() if counter.total() >= LEAST_WORDS]
            enough = sum(map(Counter.total, sources.values())) >= 0.05 * whole[language]
            if wanted(language) and large and enough:
                weights = [min(1.0, counter.total() / (10 * LEAST_WORDS)) for counter in large]
                mixed: dict[str, float] = defaultdict(float)
                for counter, weight in zip(large, weights, strict=True):
                    for word, count in counter.items():
                        mixed[word] += weight / sum(weights) * count / counter.total()
                shares[language, script] = mixed
        return shares

    def unknown(self, known: set[str]) -> dict[str, dict[str, float]]:
        """Of every language that is not known, as `crh-Latn`, the words that no known language has nearly as often."""
        most: dict[str, float] = defaultdict(float)  # in any source, so that words of a subject are none of a language
        for (language, _), sources in self.counts.items():
            for counter in sources.values() if language in known else ():
                total = max(counter.total(), LEAST_WORDS)
                for word, count in counter.items():
                    most[word] = max(most[word], count / total)
        found = {}
        for (language, script), its in sorted(self._shares(lambda language: language not in known).items()):
            counts = sum(self.counts[language, script].values(), Counter[str]())
            own = {
                word: share * float(np.log(share / (most.get(word, 0.0) + 1e-4)))
                for word, share in its.items()
                if share >= LEAST_SHARE_OF_AN_UNKNOWN
                and counts[word] >= LEAST_COUNT_OF_AN_UNKNOWN
                and share > 2 * most.get(word, 0.0)
            }
            telling = sorted(own, key=lambda word: (-own[word], word))[:WORDS_OF_AN_UNKNOWN]
            if telling:
                found[f"{language}-{script}"] = {word: its[word] for word in telling}
        return found

    def _tell_apart(self, keys: list[tuple[str, str]], shares: Any, found: Any) -> None:
        """Add the words of a group of languages, in each script, that tell its members apart."""
        for script in {script for _, script in keys}:
            members = [key for key in keys if key[1] == script]
            telling: dict[str, float] = defaultdict(float)
            for key in members:
                sources = self.counts[key]
                for word, share in shares[key].items():
                    seen = [counter[word] for counter in sources.values() if counter[word]]
                    if share >= 1e-4 and sum(seen) >= 4 and len(seen) >= min(2, len(sources)):
                        mean = np.mean([shares[other].get(word, 0.0) + 3e-5 for other in members])
                        telling[word] = max(telling[word], share * abs(float(np.log((share + 3e-5) / mean))))
            for word in sorted(telling, key=lambda word: (-telling[word], word))[:WORDS_OF_A_GROUP]:
                for key in members:
                    found[key][word] = max(shares[key].get(word, 0.0), 2e-5)


def _most_frequent(shares: Mapping[str, float]) -> dict[str, float]:
    words = sorted(shares, key=lambda word: (-shares[word], word))[:WORDS_OF_A_PROFILE]
    return {word: shares[word] for word in words if shares[word] > 8e-4}


def profiles_of(
    frequencies: Mapping[tuple[str, str], dict[str, float]], figures: Mapping[Any, Any]
) -> list[LanguageProfile]:
    return [
        LanguageProfile(language, script, figures.get((language, script), UNKNOWN_PROFILE), words)
        for (language, script), words in sorted(frequencies.items())
    ]


@dataclass(frozen=True)
class Asked:
    """Units with the answers of both detectors."""

    units: list[Unit]
    sampled: tuple[np.ndarray, np.ndarray]
    scripts: np.ndarray
    fasttext: Any
    cld2: Any

    def ballot(self, profiles: list[LanguageProfile], unknown: Mapping[str, Mapping[str, float]]) -> Ballot:
        labels = fasttext_languages(fasttext_classifier(model_path(None)))
        tables = compiled(profiles, unknown)
        return ballot(self.fasttext, self.cld2, labels, self.sampled, self.scripts, tables, RELATIVES)


def ask(found: list[Unit]) -> Asked:
    texts = pa.array([unit.text for unit in found], pa.large_string())
    data, offsets = sample_buffers(texts, 6, 1024)
    fasttext = fasttext_candidates(fasttext_classifier(model_path(None)), data, offsets)
    return Asked(found, (data, offsets), script_numbers(texts), fasttext, cld2_candidates(separate(data, offsets)))


def truths(asked: Asked, known: set[str]) -> np.ndarray:
    """Number of the language of each unit, -1 where no detector knows it."""
    return np.array([number_of_language[u.language] if u.language in known else -1 for u in asked.units])


def spreads(keys: list[Any], values: np.ndarray, sources: list[str], usual: float) -> dict[Any, tuple[float, float]]:
    """(mean of the sources' medians, spread around it with every source alike and held near `usual`) by key."""
    groups: dict[Any, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for key, value, source in zip(keys, values, sources, strict=True):
        groups[key][source].append(float(value))
    found = {}
    for key, by_source in groups.items():
        large = [values for values in by_source.values() if len(values) >= 5]
        everything = np.concatenate(list(map(np.array, by_source.values())))
        mean = float(np.mean([np.median(values) for values in large])) if large else float(np.median(everything))
        square = np.mean([np.minimum((np.array(v) - mean) ** 2, 9 * usual**2).mean() for v in by_source.values()])
        weight = min(len(everything), 200) * np.sqrt(len(by_source))
        found[key] = mean, float(np.sqrt((square * weight + usual**2 * 60) / (weight + 60)))
    return found


TELLING = ("single", "joined300", "joined1000")


def figures_of(asked: list[Asked], ballots: list[Ballot], truth: list[np.ndarray]) -> dict[Any, tuple[float, ...]]:
    """Mean and spread of strength and of word ratio of every language and script, without biases."""
    strengths: tuple[list[Any], list[float], list[str]] = ([], [], [])
    ratios: tuple[list[Any], list[float], list[str]] = ([], [], [])
    for some, its, right in zip(asked, ballots, truth, strict=True):
        for row, unit in enumerate(some.units):
            if right[row] < 0 or unit.kind not in TELLING or (unit.source, unit.language) in MISLABELLED:
                continue
            key, words = (unit.language, SCRIPT_NAMES[some.scripts[row]]), its.words.counts[row, WORDS]
            if some.cld2.numbers[row, 0] == right[row] and words >= 8:
                for values, value in zip(strengths, (key, np.log(some.cld2.strengths[row]), unit.source), strict=True):
                    values.append(value)
            place = np.flatnonzero(its.languages[row] == right[row])
            if len(place) and its.profiles[row, place[0]] >= 0 and words >= 15:
                mean = its.words.ratios[row, place[0]] / words
                for values, value in zip(ratios, (key, mean, unit.source), strict=True):
                    values.append(value)
    of_strength = spreads(strengths[0], np.array(strengths[1]), strengths[2], 0.35)
    of_ratio = spreads(ratios[0], np.array(ratios[1]), ratios[2], 0.35)
    return {
        key: (*of_strength.get(key, UNKNOWN_PROFILE[:2]), *of_ratio.get(key, UNKNOWN_PROFILE[2:4]), 0.0, 0.0, 0.0)
        for key in {*of_strength, *of_ratio}
    }


@dataclass(frozen=True)
class Examples:
    """candidate n x k x names float32, firsts n x k x 2, none n x names, standing n x k, profiles n x k; answer: the column
    that is right, k for none; weights sum to 1."""

    candidate: np.ndarray
    firsts: np.ndarray
    none: np.ndarray
    standing: np.ndarray
    profiles: np.ndarray
    answer: np.ndarray
    weights: np.ndarray


def examples(
    asked: Asked, profiles: list[LanguageProfile], its: Ballot, truth: np.ndarray, hidden: np.ndarray
) -> Examples:
    """Evidence of units; where `hidden`, without the words of the right language."""
    if hidden.any():
        right = its.languages == truth[:, None]
        its = replace(its, profiles=np.where(right & hidden[:, None], NO_PROFILE, its.profiles).astype(np.int32))
    figures = compiled(profiles, {}).figures
    candidate, firsts, none = evidence_of(its, figures)
    hits = (its.languages == truth[:, None]) & (truth >= 0)[:, None]
    answer = np.where(hits.any(1), hits.argmax(1), its.languages.shape[1])
    weights = np.zeros(len(answer))
    return Examples(candidate.astype(np.float32), firsts, none, its.languages >= 0, its.profiles, answer, weights)


def weigh(found: list[Unit], truth: np.ndarray, named: Mapping[str, float], scale: np.ndarray) -> np.ndarray:
    """Weights of units: kinds of a source by KIND_WEIGHTS, sources of a language alike, languages by importance."""
    totals: Counter[Any] = Counter()
    keys = [
        (u.language if u.kind != "noise" else u.source, u.source if u.source != "udhr" else "udhr", u.kind)
        for u in found
    ]
    totals.update(keys)
    weights = np.array([KIND_WEIGHTS.get(key[2], 1.0) / totals[key] for key in keys]) * scale
    for depth in (2, 1):
        sums: dict[Any, float] = defaultdict(float)
        for key, weight in zip(keys, weights, strict=True):
            sums[key[:depth]] += weight
        weights = np.array([weight / sums[key[:depth]] for key, weight in zip(keys, weights, strict=True)])
    weights *= [max(LEAST_IMPORTANCE, named.get(u.language, 1.0)) * IMPORTANCE.get(u.language, 1.0) for u in found]
    is_noise = np.array([unit.kind == "noise" for unit in found])
    whole = weights[truth >= 0].sum()
    for some, share in ((is_noise, NOISE_SHARE), (~is_noise & (truth < 0), UNKNOWN_SHARE)):
        weights[some] *= share * whole / weights[some].sum()
    return weights / weights.sum()


def named_share(asked: list[Asked], truth: list[np.ndarray]) -> dict[str, float]:
    """Share of the right first answers of the better detector, mean over sources."""
    right: dict[str, dict[str, list[tuple[bool, bool]]]] = defaultdict(lambda: defaultdict(list))
    for some, numbers in zip(asked, truth, strict=True):
        for row, unit in enumerate(some.units):
            if numbers[row] >= 0 and unit.kind in TELLING and (unit.source, unit.language) not in MISLABELLED:
                pair = some.fasttext.numbers[row, 0] == numbers[row], some.cld2.numbers[row, 0] == numbers[row]
                right[unit.language][unit.source].append(pair)
    found = {
        language: float(np.mean([np.mean(pairs, 0) for pairs in sources.values()], 0).max())
        for language, sources in right.items()
    }
    return found | {"bs": 0.7, "ms": 0.8}  # both detectors take them for a neighbour, and they are many


def fit(found: Examples, profile_count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(weights of candidate evidence, of evidence for none, biases of each profile) of the greatest penalised likelihood."""
    n, k, names = found.candidate.shape
    flat = found.candidate.reshape(n * k, names)
    standing, profiles = found.standing, np.where(found.profiles >= 0, found.profiles, profile_count)
    first = found.firsts.astype(np.float64)
    rows = np.arange(n)
    sizes = names, found.none.shape[1], 3 * (profile_count + 1)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        a, b, biases = np.split(x, np.cumsum(sizes)[:2])
        biases = biases.reshape(-1, 3)
        own = biases[profiles]
        sums = (flat @ a.astype(np.float32)).reshape(n, k) + own[..., 0] + (own[..., 1:] * first).sum(-1)
        sums = np.concatenate([np.where(standing, sums, -1e9), (found.none @ b)[:, None]], 1)
        sums -= sums.max(1, keepdims=True)
        p = np.exp(sums)
        p /= p.sum(1, keepdims=True)
        value = -(found.weights * np.log(np.maximum(p[rows, found.answer], 1e-300))).sum()
        p[rows, found.answer] -= 1
        p *= found.weights[:, None]
        residual = np.where(standing, p[:, :k], 0.0)
        pull = np.stack([residual, residual * first[..., 0], residual * first[..., 1]], -1)
        of_biases = np.stack(
            [np.bincount(profiles.ravel(), pull[..., j].ravel(), profile_count + 1) for j in range(3)], 1
        )
        of_biases[-1] = 0.0  # languages without a profile have none
        scale = L2_OF_BIASES / profile_count
        value += L2 * (a @ a + b @ b) + scale * (biases**2).sum()
        gradient = [
            flat.T @ residual.ravel().astype(np.float32) + 2 * L2 * a,
            found.none.T @ p[:, k] + 2 * L2 * b,
            (of_biases + 2 * scale * biases).ravel(),
        ]
        return float(value), np.concatenate(gradient).astype(np.float64)

    result = minimize(loss, np.zeros(sum(sizes)), jac=True, method="L-BFGS-B", options={"maxiter": 150, "maxcor": 20})
    print(f"fitted on {n} units: mean log loss {result.fun:.4f} after {result.nit} steps")
    a, b, biases = np.split(result.x, np.cumsum(sizes)[:2])
    return a, b, biases.reshape(-1, 3)[:profile_count]


def joined(some: list[Examples]) -> Examples:
    return Examples(*(np.concatenate([getattr(e, name) for e in some]) for name in Examples.__dataclass_fields__))


def learn(texts: list[Text]) -> tuple[list[LanguageProfile], dict[str, dict[str, float]], dict[str, Any]]:
    """(profiles, words of unknown languages, weights) of texts that are not held out."""
    known = known_languages()
    texts = [text for text in texts if text.part not in HELD_OUT]
    unknown = Words([text for text in texts if (text.source, text.language) not in MISLABELLED]).unknown(known)
    texts = [text for text in texts if text.language in known or not held_out_language(text.language)]
    fair = [text for text in texts if (text.source, text.language) not in MISLABELLED]
    halves = [[text for text in fair if text.part % 2 == half] for half in (0, 1)]
    noises = noise_units(texts, seed=1, rounds=60)
    asked = [ask([*units(half), *(u for u in noises if u.part % 2 == n)]) for n, half in enumerate(halves)]
    truth = [truths(some, known) for some in asked]
    words = [Words(half) for half in halves]
    frequencies = Words(fair).frequencies(known)
    # Words of the other half, so that how often they are met is not flattered; profile numbers must agree.
    keys = sorted(frequencies)
    crossed = []
    for other in reversed(words):
        its = other.frequencies(known)
        crossed.append({key: its.get(key, {}) for key in keys})
    listed = [without_languages(other.unknown(known), _without_list) for other in reversed(words)]
    bare = [profiles_of(its, {}) for its in crossed]
    figures = figures_of(asked, [some.ballot(its, {}) for some, its in zip(asked, bare, strict=True)], truth)
    named = named_share(asked, truth)
    found, all_units, all_truth, scale = [], [], [], []
    for some, half, lists, numbers in zip(asked, crossed, listed, truth, strict=True):
        profiles = profiles_of(half, figures)
        its = some.ballot(profiles, lists)
        sixth = np.array([hashed("hidden " + unit.language) % 6 == 0 and unit.language in known for unit in some.units])
        found.append(examples(some, profiles, its, numbers, np.zeros(len(numbers), np.bool_)))
        found.append(_rows(examples(some, profiles, its, numbers, sixth), sixth))
        for chosen, share in ((np.ones(len(numbers), np.bool_), 1.0), (sixth, 0.3)):
            all_units += [unit for unit, taken in zip(some.units, chosen, strict=True) if taken]
            all_truth.append(numbers[chosen])
            scale.append(np.full(int(chosen.sum()), share))
    everything = replace(
        joined(found), weights=weigh(all_units, np.concatenate(all_truth), named, np.concatenate(scale))
    )
    a, b, biases = fit(everything, len(keys))
    full = {key: (*figures.get(key, UNKNOWN_PROFILE)[:4], *biases[n]) for n, key in enumerate(keys)}
    weights = {
        "made_by": "benchmarks/language_learn.py",
        "texts": dict(Counter(text.source for text in texts)),
        "text_sources": "see benchmarks/language_texts.py",
        "relatives": RELATIVES,
        "candidate": {name: round(float(x), 4) for name, x in zip(CANDIDATE_EVIDENCE, a, strict=True)},
        "none": {name: round(float(x), 4) for name, x in zip(NONE_EVIDENCE, b, strict=True)},
    }
    return profiles_of(frequencies, full), unknown, weights


def _without_list(language: str) -> bool:
    """Half of the unknown languages, as there are others in the world."""
    return hashed("listed " + language) % 2 == 0


def _rows(some: Examples, chosen: np.ndarray) -> Examples:
    return Examples(*(getattr(some, name)[chosen] for name in Examples.__dataclass_fields__))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--without", default="", help="source to leave out")
    parser.add_argument("--out", type=Path, default=PROFILES_FILE.parent)
    given = parser.parse_args()
    texts = [text for text in read_texts(given.texts) if not given.without or not text.source.startswith(given.without)]
    profiles, unknown, weights = learn(texts)
    given.out.mkdir(parents=True, exist_ok=True)
    write_profiles(profiles, given.out / PROFILES_FILE.name)
    write_unknown(unknown, given.out / UNKNOWN_FILE.name)
    (given.out / WEIGHTS_FILE.name).write_text(json.dumps(weights, indent=1, ensure_ascii=False) + "\n", "utf-8")
    languages = len({profile.language for profile in profiles})
    print(f"{len(profiles)} profiles of {languages} languages, words of {len(unknown)} unknown ones in {given.out}")


if __name__ == "__main__":
    main()
