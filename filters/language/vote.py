# mypy: disallow-untyped-defs=False
"""The vote of fastText and CLD2: a score is the mean of two confidences.

fastText's confidence is its probability, or UNKNOWN_TO_FASTTEXT for a language it has no label for. CLD2's is the share
of the text times its strength, at most 1 (FULL_STRENGTH). Ties go to CLD2's first candidate, then to its others, then
to fastText's. Serbo-Croatian (`sh`) votes for the likeliest of hr, bs and sr.
"""

import numpy as np
from gristmill.filters.language.detectors import LANGUAGES, NO_LANGUAGE, Candidates, number_of_language
from gristmill.kernels.compile import helper, kernel

# CLD2 score from which its word counts fully: the best of 200-1,300 on the tuning half, by 0.0005 over 600 and 0.0017 over
# 1,000.
FULL_STRENGTH = 800.0
UNKNOWN_TO_FASTTEXT = 0.3  # what fastText grants a language it cannot name, instead of 0
_MEMBERS = ("hr", "bs", "sr")


def vote(fasttext: Candidates, cld2: Candidates, known: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """(numbers int32, scores float64) of the two languages with most votes, n x 2. known: those fastText can name."""
    serbo_croatian = number_of_language["sh"]
    members = np.array([number_of_language[language] for language in _MEMBERS], np.int32)
    nameable = np.zeros(len(LANGUAGES), np.bool_)
    nameable[known] = True
    numbers = np.full((len(cld2.numbers), 2), NO_LANGUAGE, np.int32)
    scores = np.zeros((len(cld2.numbers), 2))
    _vote(
        *(fasttext.numbers, fasttext.scores, cld2.numbers, cld2.scores, cld2.strengths),
        *(nameable, serbo_croatian, members, numbers, scores),
    )
    return numbers, scores


@kernel
def _vote(named, probabilities, shown, shares, strengths, nameable, serbo_croatian, members, numbers, scores):
    languages = np.empty(named.shape[1] + shown.shape[1] + 1, np.int32)
    votes = np.empty(len(languages), np.float64)
    for row in range(len(shown)):
        count = 0
        certainty = min(strengths[row] / FULL_STRENGTH, 1.0)
        for k in range(shown.shape[1]):
            if shown[row, k] != NO_LANGUAGE:
                place, count = _place(languages, votes, count, shown[row, k])
                doubt = 0.0 if nameable[shown[row, k]] else UNKNOWN_TO_FASTTEXT
                votes[place] = shares[row, k] * certainty + doubt
        for k in range(named.shape[1]):
            if named[row, k] != NO_LANGUAGE:
                place, count = _place(languages, votes, count, named[row, k])
                votes[place] += probabilities[row, k]
        for place in range(count):
            if languages[place] == serbo_croatian:
                count = _give_to_a_member(languages, votes, count, place, members)
                break
        for rank in range(min(2, count)):
            best = 0
            for place in range(count):
                if votes[place] > votes[best]:
                    best = place
            numbers[row, rank], scores[row, rank] = languages[best], votes[best] / 2
            votes[best] = -1.0


@helper
def _place(languages, votes, count, language):
    """(where the language stands, how many there are), after adding it with no vote if it was missing."""
    for place in range(count):
        if languages[place] == language:
            return place, count
    languages[count], votes[count] = language, 0.0
    return count, count + 1


@helper
def _give_to_a_member(languages, votes, count, place, members):
    """Move the votes at `place` to the member with most, the first of equals; returns how many languages are left."""
    given, likeliest, most = votes[place], members[0], -1.0
    for member in members:
        its = 0.0
        for other in range(count):
            if languages[other] == member:
                its = votes[other]
        if its > most:
            likeliest, most = member, its
    target, count = _place(languages, votes, count, likeliest)
    votes[target] += given
    for other in range(place, count - 1):
        languages[other], votes[other] = languages[other + 1], votes[other + 1]
    return count - 1
