"""The vote on languages: the kernels against the rule in Python, frequent words, the tables in the package, ties."""

import hashlib
import math
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from gristmill.filters.fasttext.classify import fasttext_classifier
from gristmill.filters.language.detectors import (
    LANGUAGES,
    NO_LANGUAGE,
    LanguageCandidates,
    cld2_languages,
    fasttext_languages,
    model_path,
    number_of_language,
)
from gristmill.filters.language.evidence import CANDIDATE_EVIDENCE, NONE_EVIDENCE
from gristmill.filters.language.identify import FAMILY
from gristmill.filters.language.profiles import (
    FIGURES,
    PROFILES_FILE,
    UNKNOWN_FILE,
    UNKNOWN_PROFILE,
    WEIGHTS_FILE,
    LanguageProfile,
    compiled,
    default_profiles,
    read_profiles,
    read_unknown,
    read_weights,
    write_profiles,
    write_unknown,
)
from gristmill.filters.language.sample import sample_buffers
from gristmill.filters.language.scripts import SCRIPT_NAMES, script_numbers
from gristmill.filters.language.vote import MOST_RELATIVES, ballot, vote
from gristmill.filters.language.words import WORDS, count_words, word_table, words_plainly
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples

Guesses = list[tuple[str, float]]

PROFILES = [
    LanguageProfile("bs", "Latn", (6.4, 0.4, 0.2, 0.4, 0.1, -0.2, 0.3), {"da": 0.05, "je": 0.06, "šta": 0.01}),
    LanguageProfile("en", "Latn", (7.1, 0.3, 1.2, 0.5, 0.7, 0.1, -0.1), {"the": 0.07, "a": 0.03, "and": 0.04}),
    LanguageProfile("hr", "Latn", (6.3, 0.4, 0.2, 0.4, 0.2, 0.2, 0.1), {"da": 0.04, "je": 0.07, "što": 0.01}),
    LanguageProfile("ja", "Jpan", (7.5, 0.3, 0.9, 0.3, 0.0, 0.0, 0.0), {"の": 0.05, "は": 0.04}),
    LanguageProfile("sr", "Cyrl", (6.8, 0.4, 0.8, 0.4, 0.3, 0.0, 0.0), {"да": 0.05, "је": 0.06}),
]
RELATIVES = {"hr": ["bs", "sr"], "en": ["sco"]}
UNKNOWN = {"und-1-Latn": {"je": 0.02, "kei": 0.05, "é": 0.03}, "und-2-Hani": {"漢": 0.08}}  # that no detector knows
LABELLED = {"en", "hr", "sr", "bs", "ja", "sh"}


def stretches_plainly(sample: bytes) -> list[str]:
    """What of a sample is read."""

    def next_space(place: int) -> int:
        space = sample.find(b" ", place, place + 48)
        while space < 0 and place < len(sample) and sample[place] & 0xC0 == 0x80:
            place += 1
        return space if space >= 0 else place

    if len(sample) <= 3 * 512:
        return [sample.decode()]
    starts = [(len(sample) - 512) * n // 2 for n in range(3)]
    return [sample[next_space(start) if start else 0 : next_space(start + 512)].decode() for start in starts]


def words_counted_plainly(text: str, words: Mapping[str, float]) -> tuple[float, dict[str, int]]:
    """(log likelihood ratio of a list of words, counts) of one text, in Python."""
    miss = math.log(1 - min(sum(words.values()), 0.95))
    found = [word for stretch in stretches_plainly(text.encode()) for word in words_plainly(stretch)]
    ratio, times, read, unlike, skip = len(found) * miss, dict[str, int](), 0, 0, 0
    for n, word in enumerate(found):
        if skip:
            skip -= 1
            continue
        read = n + 1
        if word is not None and len(word) > 24:
            skip = len(word) // 8
            read += skip
        if word is None:
            unlike += 1
            continue
        times[word] = times.get(word, 0) + 1
        if word in words and 20 * times[word] <= 40 + 3 * read:
            owners = [profile.words[word] for profile in PROFILES if word in profile.words]
            ratio += math.log(words[word] / ((sum(owners) + 0.02) / len(PROFILES))) - miss
    return ratio, {"words": len(found), "foreign": unlike}


PIECES = (
    *(
        "the",
        "The",
        "a",
        "A",
        "and",
        "da",
        "je",
        "šta",
        "što",
        "да",
        "је",
        "の",
        "は",
        "漢",
        "x86",
        "86",
        "aB",
        "_",
        "…",
    ),
    *(" ", "  ", "\n", "w" * 25, "W" * 40, "é", "’", "\u200d", "🙂", "กำ", "{}", "İ"),
)
TEXT = st.lists(
    st.sampled_from(PIECES)
    | st.characters(codec="utf-8"),
    max_size=60,
).map(lambda pieces: "".join(pieces))  # fmt: skip


@settings(max_examples=examples(300))
@given(st.lists(TEXT | TEXT.map(" ".join) | TEXT.map(lambda text: 40 * text), min_size=1, max_size=4))
def test_counted_words_are_the_reference(texts: list[str]) -> None:
    profiles = np.array([[0, 1, 2, 3, 4, -1]] * len(texts), np.int32)
    data, offsets = sample_buffers(pa.array(texts, pa.large_string()), 6, 1024)
    table = word_table([profile.words for profile in PROFILES], list(UNKNOWN.values()))
    counted = count_words(data, offsets, profiles, table)
    for row in range(len(texts)):
        sample = data[offsets[row] : offsets[row + 1]].tobytes().decode()
        for n, profile in enumerate(PROFILES):
            expected, plain = words_counted_plainly(sample, profile.words)
            assert counted.ratios[row, n] == pytest.approx(expected, abs=1e-9)
        assert counted.unknown_ratios[row] == pytest.approx(unknown_plainly(sample), abs=1e-9)
        assert counted.counts[row, WORDS] == plain["words"]
        assert counted.ratios[row, 5] == 0


def unknown_plainly(text: str) -> float:
    """The greatest ratio of UNKNOWN, at least 0."""
    return max(0.0, *(words_counted_plainly(text, words)[0] for words in UNKNOWN.values()))


def test_words() -> None:
    assert words_plainly("Don’t STOP: İ, é\u0301, x86, Abc, aBc, 漢字かな 한국 กำ") == (
        ["don", "t", "stop", "İ", "é\u0301", None, "abc", None, "漢", "字", "か", "な", "한", "국", "ก", "ำ"]
    )
    assert words_plainly("a" * 24) == ["a" * 24]
    assert words_plainly("a" * 25) == ["a" * 25, None, None, None]


def evidence_plainly(
    language: str, profile: int, fasttext: Guesses, cld2: Guesses, strength: float, reliable: int,
    ratio: float, lead: float, near_lead: float | None, counts: Mapping[str, float],
) -> dict[str, float]:  # fmt: skip
    """CANDIDATE_EVIDENCE of one language by name, in Python."""

    def logit(p: float) -> float:
        p = min(max(p, 1e-4), 1 - 1e-4)
        return math.log(p / (1 - p)) / 4

    length, found = counts["length"], dict.fromkeys(CANDIDATE_EVIDENCE, 0.0)

    def say(name: str, value: float, also_long: bool = True) -> None:
        found[name] = value
        if also_long and f"{name}_long" in found:
            found[f"{name}_long"] = value * length

    members = ("hr", "bs", "sr")
    named = [
        (n, p / 3 if x == "sh" else p)
        for n, (x, p) in enumerate(fasttext)
        if x == language or (x == "sh" and language in members)
    ]
    first = logit(fasttext[0][1] if fasttext else 0.0)
    place = next((n for n, (x, _) in enumerate(cld2) if x == language), None)
    own, vigour = 0.0, 0.0
    if named:
        own = logit(sum(p for _, p in named))
        say("fasttext_names_it", 1.0)
        say("fasttext_logit", own)
        say("fasttext_names_it_first", float(named[0][0] == 0))
    elif language in LABELLED:
        say("fasttext_does_not_name_it", 1.0)
        say("fasttext_names_others_logit", first)
    if language not in LABELLED:
        say("fasttext_has_no_label", 1.0)
        say("fasttext_without_label_logit", first)
    figures = PROFILES[profile].figures if profile >= 0 else UNKNOWN_PROFILE
    if place == 0:
        vigour = min(max((math.log(max(strength, 1.0)) - figures[0]) / figures[1], -8.0), 3.0) / 2.5
        say("cld2_names_it_first", 1.0)
        say("cld2_strength", vigour)
        say("cld2_weakness", min(vigour + 0.8, 0.0))
        say("cld2_reliable", float(reliable == 1))
    elif place:
        say("cld2_names_it_later", 1.0)
    if place is not None:
        say("cld2_share", cld2[place][1])
    elif language in cld2_languages():
        say("cld2_does_not_name_it", 1.0)
    if language not in cld2_languages():
        say("cld2_does_not_know_it", 1.0)
        say("fasttext_logit_alone", own)
    if place == 0 and named and named[0][0] == 0:
        say("both_first", 1.0)
        say("both_first_logit", own)
        say("both_first_strength", vigour)
    unnamed = not named and place is None
    say("unnamed", float(unnamed))
    if profile >= 0:
        words = max(counts["words"], 1)
        mean = ratio / words
        fit = min(max((mean - figures[2]) / math.sqrt(figures[3] ** 2 + 1.5**2 / words), -8.0), 3.0) / 2.5
        say("profile", 1.0)
        say("word_ratio", mean)
        say("word_evidence", math.copysign(math.log1p(abs(ratio)) / 3, ratio))
        say("word_fit", fit)
        say("word_misfit", min(fit + 0.8, 0.0))
        say("word_lead", min(max(lead, -30.0), 30.0) / 10)
        say("word_lead_logged", math.copysign(math.log1p(abs(lead)) / 3, lead))
        if language not in LABELLED:
            say("profile_without_label", 1.0)
            say("word_fit_without_label", fit)
        if unnamed:
            say("unnamed_fit", fit)
            say("unnamed_ratio", mean)
    say("other_script", float(profile == -2))
    if near_lead is not None:
        say("near", 1.0)
        say("near_cld2_first", float(place == 0))
        say("near_cld2_strength", vigour)
        say("near_fasttext_logit", own)
        say("near_fasttext_first", found["fasttext_names_it_first"])
        say("near_lead", min(max(near_lead, -30.0), 30.0) / 10)
        say("near_lead_logged", math.copysign(math.log1p(abs(near_lead)) / 3, near_lead))
    return found


def none_plainly(text: str, best: float) -> tuple[dict[str, float], dict[str, float]]:
    """(NONE_EVIDENCE by name, counts) of a sample without marks and formats; best: ratio of a language in question."""
    words, foreign_words = words_plainly(text), words_counted_plainly(text, {})[1]["foreign"]
    letters, characters = sum(c.isalpha() for c in text), max(sum(not c.isspace() for c in text), 1)
    symbols = sum(c in '_{}[]()\\/@#*&%";:+=<>|~^`$' for c in text) / characters
    length = min(max((math.log(max(letters, 1)) - math.log(20)) / math.log(20), -0.7), 2.0)
    share, foreign, of_a_word = (
        letters / characters,
        foreign_words / max(len(words), 1),
        letters / max(len(words), 1),
    )
    found = {
        "always": 1.0, "length": length, "length_squared": length**2, "few_letters": max(0.75 - share, 0),
        "few_letters_long": max(0.6 - share, 0) * length, "very_few_letters": max(0.6 - share, 0), "symbols": symbols,
        "symbols_long": symbols * length, "many_symbols": max(symbols - 0.1, 0), "foreign_words": foreign,
        "foreign_words_long": foreign * length, "digits": sum(c.isdigit() for c in text) / characters,
        "long_words": math.log1p(of_a_word) - 1.7, "very_many_symbols": max(symbols - 0.25, 0),
        "hardly_letters": max(0.45 - share, 0), "very_long_words": max(math.log(of_a_word + 0.1) - 2.3, 0),
    }  # fmt: skip
    unknown = unknown_plainly(text)
    mean, evidence = unknown / max(len(words), 1), math.log1p(unknown) / 3
    found |= {"unknown_ratio": mean, "unknown_ratio_long": mean * length}
    found |= {"unknown_evidence": evidence, "unknown_evidence_long": evidence * length}
    found["unknown_lead"] = min(max(unknown - best, -30.0), 30.0) / 10 if unknown else 0.0
    return found, {"length": length, "words": len(words)}


def related(one: str, other: str) -> bool:
    return other in RELATIVES.get(one, []) or one in RELATIVES.get(other, [])


def vote_plainly(
    text: str, fasttext: Guesses, cld2: Guesses, strength: float, reliable: int, weights: Mapping[str, Any]
) -> Guesses:
    """The vote of one text in Python: the two likeliest languages with their probabilities."""
    standing: list[str] = []
    relatives = [x for first in (cld2[:1], fasttext[:1]) for name, _ in first for x in RELATIVES.get(name, [])]
    members = ["hr", "bs", "sr"] if any(x == "sh" for x, _ in fasttext) else []
    for language in [*(x for x, _ in cld2), *(x for x, _ in fasttext), *relatives, *members]:
        if language != "sh" and language not in standing:
            standing.append(language)
    script = SCRIPT_NAMES[script_numbers(pa.array([text]))[0]]
    with_profile = {profile.language for profile in PROFILES}
    numbers = {(profile.language, profile.script): n for n, profile in enumerate(PROFILES)}
    own = [numbers.get((language, script), -2 if language in with_profile else -1) for language in standing]
    ratios = [words_counted_plainly(text, PROFILES[n].words)[0] if n >= 0 else 0.0 for n in own]
    none, counts = none_plainly(text, max((ratios[k] for k, n in enumerate(own) if n >= 0), default=0.0))
    sums = []
    for k, language in enumerate(standing):
        others = [ratio for j, ratio in enumerate(ratios) if j != k and own[j] >= 0]
        lead = ratios[k] - max(others) if others and own[k] >= 0 else 0.0
        nearest = [j for j, other in enumerate(standing) if related(language, other)]
        near = [ratios[j] for j in nearest if own[j] >= 0] if own[k] >= 0 else []
        near_lead = (ratios[k] - max(near) if near else 0.0) if nearest else None
        evidence = evidence_plainly(
            language, own[k], fasttext, cld2, strength, reliable, ratios[k], lead, near_lead, counts
        )
        biases = PROFILES[own[k]].figures[4:] if own[k] >= 0 else UNKNOWN_PROFILE[4:]
        first_of_cld2 = bool(cld2) and cld2[0][0] == language
        total = sum(weights["candidate"][name] * value for name, value in evidence.items())
        total += biases[0] + biases[1] * evidence["fasttext_names_it_first"] + biases[2] * first_of_cld2
        sums.append(total)
    of_none = sum(weights["none"][name] * value for name, value in none.items())
    whole = sum(map(math.exp, [*sums, of_none]))
    commonest = Counter(ord(c.lower()) % 64 for c in text if c.isalpha()).most_common(2)
    if sum(c.isalpha() for c in text) >= 12 and sum(n for _, n in commonest) >= 0.9 * sum(c.isalpha() for c in text):
        whole = math.inf
    ranked = sorted(range(len(standing)), key=lambda k: -sums[k])
    return [(standing[k], math.exp(sums[k]) / whole) for k in ranked[:2]]


def as_candidates(rows: list[Guesses], strengths: list[float], reliable: list[int], width: int) -> LanguageCandidates:
    numbers, scores = np.full((len(rows), width), NO_LANGUAGE, np.int32), np.zeros((len(rows), width))
    for row, guesses in enumerate(rows):
        for place, (language, score) in enumerate(guesses):
            numbers[row, place], scores[row, place] = number_of_language[language], score
    return LanguageCandidates(numbers, scores, np.array(strengths, np.float64), np.array(reliable, np.int8))


LANGUAGE = st.sampled_from(["sh", "hr", "bs", "sr", "en", "ja", "zu", "ast"])
SCORE = st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(0, 1)
TEXTS = [
    "the rain and a river",
    "da je što",
    "šta je x86 da",
    "да је",
    "の雨は",
    "{a: 1, b: 2}",
    "a" * 60,
    "A",
    "rain " * 40,
    "ha haha hahaha a",
    "kei da é je kei",
]


def guesses(most: int) -> st.SearchStrategy[Guesses]:
    return st.lists(st.tuples(LANGUAGE, SCORE), max_size=most, unique_by=lambda guess: guess[0])


@settings(max_examples=examples(150))
@given(
    st.lists(
        st.tuples(st.sampled_from(TEXTS), guesses(2), guesses(3), st.floats(0, 1600), st.integers(0, 2)), min_size=1, max_size=5
    ),
    st.integers(0, 10),
)  # fmt: skip
def test_the_vote_is_the_rule_in_python(rows: list[tuple[str, Guesses, Guesses, float, int]], seed: int) -> None:
    draw = np.random.default_rng(seed)
    weights = {
        "candidate": {
            name: float(w)
            for name, w in zip(CANDIDATE_EVIDENCE, draw.normal(size=len(CANDIDATE_EVIDENCE)), strict=True)
        },
        "none": {name: float(w) for name, w in zip(NONE_EVIDENCE, draw.normal(size=len(NONE_EVIDENCE)), strict=True)},
    }
    texts = pa.array([row[0] for row in rows], pa.large_string())
    fasttext = as_candidates([row[1] for row in rows], [0.0] * len(rows), [2] * len(rows), 2)
    cld2 = as_candidates([row[2] for row in rows], [row[3] for row in rows], [row[4] for row in rows], 3)
    profiles, labelled = compiled(PROFILES, UNKNOWN), [number_of_language[language] for language in sorted(LABELLED)]
    sampled = sample_buffers(texts, 6, 1024)
    standing = ballot(fasttext, cld2, labelled, sampled, script_numbers(texts), profiles, RELATIVES)
    numbers, scores = vote(standing, profiles.figures, weights)
    for row, (text, by_fasttext, by_cld2, strength, reliable) in enumerate(rows):
        expected = vote_plainly(text, by_fasttext, by_cld2, strength, reliable, weights)
        assert [LANGUAGES[n] for n in numbers[row] if n != NO_LANGUAGE] == [language for language, _ in expected]
        assert scores[row, : len(expected)] == pytest.approx([score for _, score in expected], abs=1e-9)


def test_profiles_are_read_as_they_are_written(tmp_path: Any) -> None:
    write_profiles(PROFILES, tmp_path / "profiles.tsv")
    assert read_profiles(tmp_path / "profiles.tsv") == PROFILES
    write_unknown(UNKNOWN, tmp_path / "unknown.tsv")
    assert read_unknown(tmp_path / "unknown.tsv") == UNKNOWN


# Of the tables in the package. Where one changes, raise the family's version, so that runs are measured again.
TABLES_OF_VERSION = (9, "fc46a8f9d437d424")


def test_other_tables_are_another_version() -> None:
    tables = b"".join(file.read_bytes() for file in (PROFILES_FILE, UNKNOWN_FILE, WEIGHTS_FILE))
    digest = hashlib.blake2b(tables, digest_size=8).hexdigest()
    assert (FAMILY.version, digest) == TABLES_OF_VERSION


def test_the_tables_of_the_package() -> None:
    profiles, weights = default_profiles(), read_weights()
    assert set(weights["candidate"]) == set(CANDIDATE_EVIDENCE)
    assert set(weights["none"]) == set(NONE_EVIDENCE)
    assert all(len(its) <= MOST_RELATIVES for its in weights["relatives"].values())
    known = {LANGUAGES[n] for n in fasttext_languages(fasttext_classifier(model_path(None)))} | set(cld2_languages())
    assert {profile.language for profile in profiles.profiles} <= known
    assert len(profiles.numbers) == len(profiles.profiles) >= 180
    assert {("sr", "Cyrl"), ("sr", "Latn"), ("zu", "Latn"), ("zh", "Hani"), ("ja", "Jpan")} <= set(profiles.numbers)
    for profile in profiles.profiles:
        assert len(profile.figures) == FIGURES
        assert all(map(math.isfinite, profile.figures))
        assert profile.figures[1] > 0
        assert profile.figures[3] > 0
        assert profile.script in SCRIPT_NAMES
        for word, share in profile.words.items():
            assert words_plainly(word)[0] == word
            assert 0 < share < 0.2
    unknown = read_unknown()
    assert len(unknown) >= 250
    assert not {name.rpartition("-")[0] for name in unknown} & known
    for words in unknown.values():
        assert all(words_plainly(word)[0] == word and share > 0 for word, share in words.items())
        assert sum(words.values()) < 1


@pytest.mark.parametrize(
    ("language", "articles", "adjectives", "nouns", "verbs", "near"),
    [
        (
            "en",
            "The",
            "old heavy quiet distant narrow",
            "river mill grain bread stone",
            "turns carries holds keeps",
            "near the",
        ),
        (
            "de",
            "Der",
            "alte große kleine neue",
            "Fluss Müller Stein Turm",
            "trägt bricht findet hält",
            "in der Nähe vom",
        ),
        ("fr", "Le", "vieux grand petit bon", "moulin pain pont jardin", "porte tourne tient trouve", "près du"),
        ("es", "El", "viejo gran nuevo buen", "río molino puente pan", "lleva gira guarda tiene", "cerca del"),
        ("ru", "Этот", "старый большой тихий новый", "мост дом хлеб лес", "стоит держит ломает несёт", "возле того"),
    ],
)
def test_texts_of_few_different_words_keep_their_language(
    language: str, articles: str, adjectives: str, nouns: str, verbs: str, near: str
) -> None:
    """Sentences over a small vocabulary, as lists, rhymes and generated texts have: both detectors are sure of them."""
    dice = random.Random(5)
    texts = [
        " ".join(
            f"{articles} {dice.choice(adjectives.split())} {dice.choice(nouns.split())} {dice.choice(verbs.split())} "
            f"{near} {dice.choice(nouns.split())}."
            for _ in range(12)
        )
        for _ in range(20)
    ]
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    answers = FAMILY.function(batch, FAMILY.complete_options({}))
    assert answers.column("language").to_pylist() == [language] * len(texts)
