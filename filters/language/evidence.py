# mypy: disallow-untyped-defs=False
"""What speaks for each language that comes into question, and for none of them: the numbers that `vote` weighs.

In question are the languages that a detector names (CLD2's come first) and the relatives that its first answer often
stands for (`hr` for `bs`, `id` for `ms`); Serbo-Croatian (`sh`) shares its probability among hr, bs and sr. Each
quantity is 0 where it says nothing, and most come a second time multiplied by `length`, so that what is telling in a
page may be moot in a line: length is log(letters / 20) / log 20, 0 at 20 letters and 1 at 400.
"""

import numpy as np
from gristmill.filters.language.detectors import NO_LANGUAGE
from gristmill.filters.language.profiles import (
    MISS,
    OTHER_SCRIPT,
    RATIO,
    RATIO_SPREAD,
    STRENGTH,
    STRENGTH_SPREAD,
)
from gristmill.filters.language.words import CHARACTERS, DIGITS, FOREIGN, LETTERS, SYMBOLS, WORDS
from gristmill.kernels.compile import helper, kernel

# Names ending in `_long` are the one before, times length.
CANDIDATE_EVIDENCE = (
    "fasttext_names_it",
    "fasttext_logit",  # of its probability, within 1e-4 and 1 - 1e-4, a quarter
    "fasttext_logit_long",
    "fasttext_names_it_first",
    "fasttext_does_not_name_it",  # though it has a label for it
    "fasttext_does_not_name_it_long",
    "fasttext_names_others_logit",  # of its first answer, where it has a label for this language
    "fasttext_has_no_label",
    "fasttext_has_no_label_long",
    "fasttext_without_label_logit",  # of its first answer, where it has no label for this language
    "fasttext_without_label_logit_long",
    "cld2_names_it_first",
    "cld2_names_it_first_long",
    "cld2_share",
    "cld2_share_long",
    "cld2_strength",  # of its first answer: log strength, in the spreads usual for the language, from its mean; 1 is 2.5
    "cld2_strength_long",
    "cld2_weakness",  # what of it lies below -0.8
    "cld2_weakness_long",
    "cld2_reliable",
    "cld2_reliable_long",
    "cld2_names_it_later",
    "cld2_does_not_name_it",
    "cld2_does_not_name_it_long",
    "cld2_does_not_know_it",
    "cld2_does_not_know_it_long",
    "fasttext_logit_alone",  # where CLD2 does not know the language
    "fasttext_logit_alone_long",
    "both_first",
    "both_first_long",
    "both_first_logit",
    "both_first_strength",
    "profile",  # there are words of this language in this script
    "word_ratio",  # mean log likelihood ratio of a word
    "word_ratio_long",
    "word_evidence",  # sign(r) log(1 + |r|) / 3 of the sum of ratios r
    "word_evidence_long",
    "word_fit",  # mean ratio from that of the language, in spreads that are wider for few words; 1 is 2.5
    "word_fit_long",
    "word_misfit",  # what of it lies below -0.8
    "word_misfit_long",
    "profile_without_label",  # `profile` where fastText has no label
    "word_fit_without_label",
    "unnamed",  # a relative that nobody names
    "unnamed_fit",
    "unnamed_ratio",
    "word_lead",  # sum of ratios above that of the best other language in question, within 30, a tenth
    "word_lead_logged",  # sign(lead) log(1 + |lead|) / 3
    "other_script",  # there are words of this language, but none in this script
    "near",  # a relative of this language is in question, so that the rest tells the two apart
    "near_cld2_first",
    "near_cld2_strength",
    "near_fasttext_logit",
    "near_fasttext_first",
    "near_cld2_first_long",
    "near_fasttext_first_long",
    "near_lead",  # as word_lead, above the best relative
    "near_lead_logged",
)
NONE_EVIDENCE = (
    "always",
    "length",
    "length_squared",
    "few_letters",  # 0.75 - letters / characters, if above 0
    "few_letters_long",  # the same with 0.6
    "very_few_letters",
    "symbols",  # share of the characters
    "symbols_long",
    "many_symbols",  # above a tenth
    "foreign_words",
    "foreign_words_long",
    "digits",
    "long_words",  # log(1 + letters a word) - 1.7
    "very_long_words",
    "very_many_symbols",  # above a quarter
    "hardly_letters",  # 0.45 - letters / characters, if above 0
    "unknown_ratio",  # mean log likelihood ratio of a word for the likeliest language that no detector knows, at least 0
    "unknown_ratio_long",
    "unknown_evidence",  # log(1 + sum of its ratios) / 3
    "unknown_evidence_long",
    "unknown_lead",  # where it has words, the sum above that of the best language in question, within 30, a tenth
)
CANDIDATES = 12
_LOGIT_END = 1e-4
_MEMBERS = 3  # of Serbo-Croatian
_SPREADS = 2.5
# Where both detectors are sure (of fastText's probability, of 1) and listed words of the language say at least so much (in
# nats), a text of few different words, as lists and stories for children are, is not held to be none for that.
SURE, LEAST_LISTED, LEAST_FIT = 0.8, 6.0, -0.4
_WORD_NOISE = 1.5  # spread of the ratio of a single word


@helper
def languages_in_question(named, shown, relatives, serbo_croatian, members, found):
    """Fill `found` with the languages of one row, NO_LANGUAGE behind the last; returns how many there are.

    named, shown: what fastText and CLD2 name, best first. relatives: languages x r, of each, NO_LANGUAGE behind them.
    """
    count = 0
    for language in shown:
        count = _add(language, serbo_croatian, found, count)
    for language in named:
        count = _add(language, serbo_croatian, found, count)
    for first in (shown[0], named[0]):
        if first != NO_LANGUAGE:
            for language in relatives[first]:
                count = _add(language, serbo_croatian, found, count)
    for language in named:
        if language == serbo_croatian:
            for member in members:
                count = _add(member, serbo_croatian, found, count)
    for k in range(count, len(found)):
        found[k] = NO_LANGUAGE
    return count


@helper
def _add(language, serbo_croatian, found, count):
    if language in (NO_LANGUAGE, serbo_croatian) or count == len(found):
        return count
    for k in range(count):
        if found[k] == language:
            return count
    found[count] = language
    return count + 1


@helper
def _logit(p):
    p = min(max(p, _LOGIT_END), 1 - _LOGIT_END)
    return np.log(p / (1 - p)) / 4


@helper
def text_length(letters):
    """0 at 20 letters, 1 at 400, within -0.7 and 2."""
    return min(max((np.log(max(letters, 1)) - np.log(20.0)) / np.log(20.0), -0.7), 2.0)


@helper
def weigh_none(counts, unknown_ratio, best, out):
    """Fill `out` with NONE_EVIDENCE of one text; returns (its length, its words, at least 1).

    unknown_ratio: the greatest of a language that no detector knows, at least 0; best: of one in question.
    """
    letters, characters, words = counts[LETTERS], max(counts[CHARACTERS], 1), max(counts[WORDS], 1)
    length = text_length(letters)
    share, symbols, foreign = letters / characters, counts[SYMBOLS] / characters, counts[FOREIGN] / words
    out[0], out[1], out[2] = 1.0, length, length * length
    out[3] = max(0.75 - share, 0.0)
    out[4] = max(0.6 - share, 0.0) * length
    out[5] = max(0.6 - share, 0.0)
    out[6], out[7] = symbols, symbols * length
    out[8] = max(symbols - 0.1, 0.0)
    out[9], out[10] = foreign, foreign * length
    out[11] = counts[DIGITS] / characters
    out[12] = np.log1p(letters / words) - 1.7
    out[13] = max(np.log(letters / words + 0.1) - 2.3, 0.0)
    out[14] = max(symbols - 0.25, 0.0)
    out[15] = max(0.45 - share, 0.0)
    out[16], out[18] = unknown_ratio / words, np.log1p(unknown_ratio) / 3
    out[17], out[19] = out[16] * length, out[18] * length
    out[20] = min(max(unknown_ratio - best, -30.0), 30.0) / 10 if unknown_ratio > 0 else 0.0
    return length, words


@helper
def weigh_candidate(
    language, profile, named, probabilities, shown, shares, strength, reliable, by_fasttext, by_cld2,
    figures, ratio, lead, near, near_lead, length, words, serbo_croatian, is_member, out,
):  # fmt: skip
    """Fill `out` with CANDIDATE_EVIDENCE of one language of one text; returns (fastText's first, CLD2's first).

    ratio, lead: sum of the words' log likelihood ratios, and what it is above that of the best other language. near,
    near_lead: whether a relative is in question, and what the ratio is above that of the best of them. length, words: of
    `weigh_none`.
    """
    for n in range(len(out)):
        out[n] = 0.0
    rank, probability = 0, 0.0
    for n in range(len(named)):
        if named[n] == language:
            probability += probabilities[n]
            rank = n + 1 if rank == 0 else rank
        elif is_member and named[n] == serbo_croatian:
            probability += probabilities[n] / _MEMBERS
            rank = n + 1 if rank == 0 else rank
    shown_at = 0
    for n in range(len(shown)):
        if shown[n] == language:
            shown_at = n + 1
            break
    has_label, known = by_fasttext[language], by_cld2[language]
    first_logit = _logit(probabilities[0])
    logit = 0.0
    if rank > 0:
        logit = _logit(probability)
        out[0], out[1], out[2] = 1.0, logit, logit * length
        out[3] = 1.0 if rank == 1 else 0.0
    elif has_label:
        out[4], out[5], out[6] = 1.0, length, first_logit
    if not has_label:
        out[7], out[8], out[9], out[10] = 1.0, length, first_logit, first_logit * length
    vigour = 0.0
    if shown_at == 1:
        vigour = (np.log(max(strength, 1.0)) - figures[profile, STRENGTH]) / figures[profile, STRENGTH_SPREAD]
        vigour = min(max(vigour, -8.0), 3.0) / _SPREADS
        weakness = min(vigour + 0.8, 0.0)
        out[11], out[12] = 1.0, length
        out[15], out[16], out[17], out[18] = vigour, vigour * length, weakness, weakness * length
        if reliable == 1:
            out[19], out[20] = 1.0, length
    elif shown_at > 1:
        out[21] = 1.0
    if shown_at > 0:
        out[13], out[14] = shares[shown_at - 1], shares[shown_at - 1] * length
    elif known:
        out[22], out[23] = 1.0, length
    if not known:
        out[24], out[25], out[26], out[27] = 1.0, length, logit, logit * length
    if rank == 1 and shown_at == 1:
        out[28], out[29], out[30], out[31] = 1.0, length, logit, vigour
    unnamed = rank == 0 and shown_at == 0
    if profile >= 0:
        mean = ratio / words
        evidence = np.log1p(abs(ratio)) / 3
        if ratio < 0:
            evidence = -evidence
        spread = np.sqrt(figures[profile, RATIO_SPREAD] ** 2 + _WORD_NOISE**2 / words)
        fit = min(max((mean - figures[profile, RATIO]) / spread, -8.0), 3.0) / _SPREADS
        listed = ratio - figures[profile, MISS] * words
        if rank == 1 and shown_at == 1 and reliable == 1 and probability >= SURE and listed >= LEAST_LISTED:
            fit, mean, evidence = max(fit, LEAST_FIT), max(mean, 0.0), max(evidence, 0.0)
        misfit = min(fit + 0.8, 0.0)
        out[32], out[33], out[34] = 1.0, mean, mean * length
        out[35], out[36] = evidence, evidence * length
        out[37], out[38], out[39], out[40] = fit, fit * length, misfit, misfit * length
        if not has_label:
            out[41], out[42] = 1.0, fit
        if unnamed:
            out[44], out[45] = fit, mean
        out[46] = min(max(lead, -30.0), 30.0) / 10
        out[47] = np.log1p(abs(lead)) / 3 if lead >= 0 else -np.log1p(abs(lead)) / 3
    if unnamed:
        out[43] = 1.0
    if profile == OTHER_SCRIPT:
        out[48] = 1.0
    if near:
        out[49], out[50], out[51] = 1.0, 1.0 if shown_at == 1 else 0.0, vigour
        out[52], out[53] = logit, 1.0 if rank == 1 else 0.0
        out[54], out[55] = out[50] * length, out[53] * length
        out[56] = min(max(near_lead, -30.0), 30.0) / 10
        out[57] = np.log1p(abs(near_lead)) / 3 if near_lead >= 0 else -np.log1p(abs(near_lead)) / 3
    return rank == 1, shown_at == 1


@kernel
def collect_evidence(
    named, probabilities, shown, shares, strengths, reliable, by_fasttext, by_cld2, near_of, figures, languages,
    profiles, ratios, unknown_ratios, counts, serbo_croatian, members, candidate_evidence, firsts, none_evidence,
):  # fmt: skip
    """Everything `vote` would weigh, for learning: candidate_evidence n x k x names, firsts bool n x k x 2, none_evidence."""
    for row in range(len(languages)):
        best, second, leader = best_ratios(ratios[row], profiles[row])
        length, words = weigh_none(counts[row], unknown_ratios[row], best, none_evidence[row])
        for k in range(languages.shape[1]):
            language = languages[row, k]
            if language == NO_LANGUAGE:
                break
            near, near_lead = lead_of_relatives(k, languages[row], profiles[row], ratios[row], near_of)
            firsts[row, k, 0], firsts[row, k, 1] = weigh_candidate(
                language, profiles[row, k], named[row], probabilities[row], shown[row], shares[row], strengths[row],
                reliable[row], by_fasttext, by_cld2, figures, ratios[row, k],
                ratios[row, k] - (second if k == leader else best), near, near_lead, length, words, serbo_croatian,
                is_in(language, members), candidate_evidence[row, k],
            )  # fmt: skip


@helper
def best_ratios(ratios, profiles):
    """(greatest ratio of a language with a profile, the greatest of the others, place of the first); one alone leads by 0."""
    best, second, leader = 0.0, 0.0, -1
    count = 0
    for k in range(len(ratios)):
        if profiles[k] >= 0:
            count += 1
            if leader < 0 or ratios[k] > best:
                best, second, leader = ratios[k], best, k
            elif count == 2 or ratios[k] > second:
                second = ratios[k]
    return best, best if count == 1 else second, leader


@helper
def lead_of_relatives(k, languages, profiles, ratios, near_of):
    """(whether a relative of the k-th language is in question, its ratio above that of the best of them: 0 without words).

    near_of: bool, languages x languages.
    """
    near, best, any_words = False, 0.0, False
    for other in range(len(languages)):
        if languages[other] == NO_LANGUAGE:
            break
        if near_of[languages[k], languages[other]]:
            near = True
            if profiles[other] >= 0 and (not any_words or ratios[other] > best):
                best, any_words = ratios[other], True
    return near, ratios[k] - best if any_words and profiles[k] >= 0 else 0.0


@helper
def is_in(value, values):
    found = False
    for other in values:
        found = found or other == value
    return found
