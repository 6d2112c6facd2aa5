# mypy: disallow-untyped-defs=False
"""The vote: the probability of each language in question, and of none, from what both detectors and its words say.

A conditional logit model. Each language in question has a sum of weighted evidence (`evidence.CANDIDATE_EVIDENCE`) and
three biases of its own, "none of them" one of `evidence.NONE_EVIDENCE`; the probabilities are the exponentials of the
sums, divided by their total. The score is the probability of the likeliest language, so it means the same in every
language: of texts with score s, a share of about s is right. It is 0 where two letters make up LEAST_REPEATED of at least
FEW_LETTERS letters (`qqqqqqqqqqqq`, `hahahahahaha`): such a run is in no language. Ties go to what stands first among those
in question.

Source: McFadden, "Conditional logit analysis of qualitative choice behavior" (1974); weights: weights.json, learnt by
benchmarks/language_learn.py on lid.176 and CLD2. With another fastText model the score is a score, not a probability.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gristmill.filters.language.detectors import (
    LANGUAGES,
    NO_LANGUAGE,
    LanguageCandidates,
    cld2_languages,
    number_of_language,
)
from gristmill.filters.language.evidence import (
    CANDIDATE_EVIDENCE,
    CANDIDATES,
    NONE_EVIDENCE,
    best_ratios,
    collect_evidence,
    is_in,
    languages_in_question,
    lead_of_relatives,
    weigh_candidate,
    weigh_none,
)
from gristmill.filters.language.profiles import (
    BIAS,
    BIAS_CLD2,
    BIAS_FASTTEXT,
    NO_PROFILE,
    OTHER_SCRIPT,
    Profiles,
)
from gristmill.filters.language.scripts import SCRIPT_NAMES
from gristmill.filters.language.words import COMMONEST, LETTERS, WordCounts, count_words
from gristmill.kernels.compile import kernel

SERBO_CROATIAN = "sh"
MEMBERS = ("hr", "bs", "sr")
MOST_RELATIVES = 3
FEW_LETTERS, LEAST_REPEATED = 12, 0.9


@dataclass(frozen=True)
class Ballot:
    """Who stands in the vote of a batch, and what is known of them; languages are numbers in LANGUAGES.

    languages int32 n x CANDIDATES, NO_LANGUAGE behind the last of a text; profiles: theirs in the script of the text, or
    NO_PROFILE, OTHER_SCRIPT. by_fasttext, by_cld2: bool of every language, whether the detector has a name for it;
    near_of: bool of every two, whether they are relatives.
    """

    fasttext: LanguageCandidates
    cld2: LanguageCandidates
    languages: np.ndarray
    profiles: np.ndarray
    words: WordCounts
    by_fasttext: np.ndarray
    by_cld2: np.ndarray
    near_of: np.ndarray


def ballot(
    fasttext: LanguageCandidates,
    cld2: LanguageCandidates,
    named_by_fasttext: Sequence[int],
    sampled: tuple[np.ndarray, np.ndarray],
    scripts: np.ndarray,
    profiles: Profiles,
    relatives: Mapping[str, Sequence[str]],
) -> Ballot:
    """The languages in question of each text with their words counted.

    named_by_fasttext: numbers of the languages that the model has labels for. sampled: (bytes, offsets) of the samples.
    scripts: of each text, a place in SCRIPT_NAMES. relatives: of a language, up to MOST_RELATIVES that it may stand for.
    """
    number_of = number_of_language
    named_by_cld2 = [number_of[language] for language in cld2_languages()]
    related = [(number_of[language], [number_of[relative] for relative in its]) for language, its in relatives.items()]
    serbo_croatian, members = _serbo_croatian()
    with_profile = [(number_of[language], script, n) for (language, script), n in profiles.numbers.items()]
    count = len(LANGUAGES)
    table = np.full((count, MOST_RELATIVES), NO_LANGUAGE, np.int32)
    near_of = np.zeros((count, count), np.bool_)
    for language, its in related:
        table[language, : len(its)] = its
        near_of[language, its] = near_of[its, language] = True
    lookup = np.full((count, len(SCRIPT_NAMES)), NO_PROFILE, np.int32)
    lookup[[language for language, _, _ in with_profile]] = OTHER_SCRIPT
    for language, script, n in with_profile:
        lookup[language, SCRIPT_NAMES.index(script)] = n
    by_fasttext, by_cld2 = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    by_fasttext[list(named_by_fasttext)] = True
    by_cld2[named_by_cld2] = True
    languages = np.empty((len(scripts), CANDIDATES), np.int32)
    found = np.full(languages.shape, NO_PROFILE, np.int32)
    _stand(fasttext.numbers, cld2.numbers, table, serbo_croatian, members, lookup, scripts, languages, found)
    words = count_words(*sampled, found, profiles.table)
    return Ballot(fasttext, cld2, languages, found, words, by_fasttext, by_cld2, near_of)


def _serbo_croatian() -> tuple[int, np.ndarray]:
    return number_of_language[SERBO_CROATIAN], np.array([number_of_language[m] for m in MEMBERS], np.int32)


@kernel
def _stand(named, shown, relatives, serbo_croatian, members, lookup, scripts, languages, profiles):
    for row in range(len(languages)):
        count = languages_in_question(named[row], shown[row], relatives, serbo_croatian, members, languages[row])
        for k in range(count):
            profiles[row, k] = lookup[languages[row, k], scripts[row]]


def evidence_of(ballot: Ballot, figures: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All that would be weighed, for learning: (evidence n x CANDIDATES x names, whether it is fastText's and CLD2's first
    answer bool n x CANDIDATES x 2, evidence for none n x names)."""
    n, k = ballot.languages.shape
    candidate = np.zeros((n, k, len(CANDIDATE_EVIDENCE)))
    firsts, none = np.zeros((n, k, 2), np.bool_), np.zeros((n, len(NONE_EVIDENCE)))
    collect_evidence(*_arguments(ballot, figures), candidate, firsts, none)
    return candidate, firsts, none


def _arguments(ballot: Ballot, figures: np.ndarray) -> tuple[Any, ...]:
    fasttext, cld2, words = ballot.fasttext, ballot.cld2, ballot.words
    return (
        *(fasttext.numbers, fasttext.scores, cld2.numbers, cld2.scores, cld2.strengths, cld2.reliable),
        *(ballot.by_fasttext, ballot.by_cld2, ballot.near_of, figures),
        *(ballot.languages, ballot.profiles, words.ratios, words.unknown_ratios, words.counts),
        *_serbo_croatian(),
    )


def vote(ballot: Ballot, figures: np.ndarray, weights: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """(numbers int32, probabilities float64) of the two likeliest languages of each text, n x 2.

    figures: of the profiles. weights: `candidate` and `none`, each name -> weight.
    """
    n = len(ballot.languages)
    numbers, scores = np.full((n, 2), NO_LANGUAGE, np.int32), np.zeros((n, 2))
    of_candidate = np.array([weights["candidate"][name] for name in CANDIDATE_EVIDENCE], np.float64)
    of_none = np.array([weights["none"][name] for name in NONE_EVIDENCE], np.float64)
    _vote(*_arguments(ballot, figures), of_candidate, of_none, numbers, scores)
    return numbers, scores


@kernel
def _vote(
    named, probabilities, shown, shares, strengths, reliable, by_fasttext, by_cld2, near_of, figures, languages,
    profiles, ratios, unknown_ratios, counts, serbo_croatian, members, of_candidate, of_none, numbers, scores,
):  # fmt: skip
    evidence, for_none = np.empty(len(of_candidate)), np.empty(len(of_none))
    sums = np.empty(languages.shape[1])
    for row in range(len(languages)):
        best, second, leader = best_ratios(ratios[row], profiles[row])
        length, words = weigh_none(counts[row], unknown_ratios[row], best, for_none)
        none = 0.0
        for n in range(len(of_none)):
            none += of_none[n] * for_none[n]
        most, count = none, 0
        for k in range(languages.shape[1]):
            language, profile = languages[row, k], profiles[row, k]
            if language == NO_LANGUAGE:
                break
            near, near_lead = lead_of_relatives(k, languages[row], profiles[row], ratios[row], near_of)
            firsts = weigh_candidate(
                language, profile, named[row], probabilities[row], shown[row], shares[row], strengths[row],
                reliable[row], by_fasttext, by_cld2, figures, ratios[row, k],
                ratios[row, k] - (second if k == leader else best), near, near_lead, length, words, serbo_croatian,
                is_in(language, members), evidence,
            )  # fmt: skip
            total = figures[profile, BIAS]
            if firsts[0]:
                total += figures[profile, BIAS_FASTTEXT]
            if firsts[1]:
                total += figures[profile, BIAS_CLD2]
            for n in range(len(of_candidate)):
                total += of_candidate[n] * evidence[n]
            sums[k] = total
            most, count = max(most, total), count + 1
        whole = np.exp(none - most)
        for k in range(count):
            sums[k] = np.exp(sums[k] - most)
            whole += sums[k]
        if counts[row, LETTERS] >= FEW_LETTERS and counts[row, COMMONEST] >= LEAST_REPEATED * counts[row, LETTERS]:
            whole = np.inf
        for rank in range(min(2, count)):
            likeliest = 0
            for k in range(count):
                if sums[k] > sums[likeliest]:
                    likeliest = k
            numbers[row, rank], scores[row, rank] = languages[row, likeliest], sums[likeliest] / whole
            sums[likeliest] = -1.0
