"""Raise the bias of languages on which the vote loses to a single detector, in the tables that language_learn.py wrote.

    python benchmarks/language_balance.py texts.tsv.gz rw crs [--out FOLDER]

The likelihood weighs languages alike, so of two near ones it gives away texts of the one that its detectors know well to win
more of the other. A bias is raised in steps until the vote is at most LEAST_LOSS behind the better detector, all sources and
kinds alike, or until a relative falls behind its own better detector by more. Read are the texts that language_learn.py reads;
the words of one half are counted in units of the other, as there. What comes of it is for language_scores.py, on texts that
neither reads.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from gristmill.filters.language.detectors import number_of_language
from gristmill.filters.language.evidence import CANDIDATE_EVIDENCE
from gristmill.filters.language.profiles import (
    BIAS,
    PROFILES_FILE,
    LanguageProfile,
    compiled,
    read_profiles,
    read_unknown,
    read_weights,
)
from gristmill.filters.language.vote import evidence_of
from language_learn import (
    GROUPS,
    HELD_OUT,
    MISLABELLED,
    RELATIVES,
    Asked,
    Text,
    Unit,
    Words,
    ask,
    known_languages,
    read_texts,
    truths,
    units,
)

LEAST_LOSS = 0.0075  # how far behind the better detector the vote may be on texts that it was learnt from
STEP, MOST = 0.1, 3.0  # of a bias, in nats


@dataclass(frozen=True)
class Judged:
    """Units of one half with the sums of their evidence.

    sums float64 n x k, -inf behind the last language in question; languages int32 n x k, truth int32 n: numbers in LANGUAGES.
    detectors bool n x 2: whether fastText's and CLD2's first answers are right.
    """

    units: list[Unit]
    sums: np.ndarray
    languages: np.ndarray
    truth: np.ndarray
    detectors: np.ndarray


def relatives_of(language: str) -> set[str]:
    """Languages that are taken for it, or it for them."""
    found = {other for group in GROUPS if language in group for other in group}
    found |= {*RELATIVES.get(language, ()), *(other for other, its in RELATIVES.items() if language in its)}
    return found - {language}


def judged(half: Sequence[Text], other: Sequence[Text], wanted: set[str], profiles: list[LanguageProfile]) -> Judged:
    """Units of one half by the tables, with the words of the wanted languages counted in the other half."""
    counted = Words([text for text in other if text.language in wanted]).frequencies(wanted)
    crossed = [
        replace(p, words=counted.get((p.language, p.script), {})) if p.language in wanted else p for p in profiles
    ]
    asked = ask([unit for unit in units(list(half)) if unit.language in wanted])
    ballot = asked.ballot(crossed, read_unknown())
    figures = compiled(crossed, {}).figures
    evidence, firsts, _ = evidence_of(ballot, figures)
    weights = read_weights()["candidate"]
    own = figures[ballot.profiles]
    sums = evidence @ np.array([weights[name] for name in CANDIDATE_EVIDENCE])
    sums += own[..., BIAS] + (own[..., BIAS + 1 : BIAS + 3] * firsts).sum(-1)
    return Judged(
        asked.units, np.where(ballot.languages >= 0, sums, -np.inf), ballot.languages, *_truth_and_detectors(asked)
    )


def _truth_and_detectors(asked: Asked) -> tuple[np.ndarray, np.ndarray]:
    truth = truths(asked, known_languages())
    return truth, np.stack([asked.fasttext.numbers[:, 0], asked.cld2.numbers[:, 0]], 1) == truth[:, None]


def shares(halves: Sequence[Judged], raised: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Of each language, (share that the vote answers rightly, share of the better detector), sources and kinds alike."""
    groups: dict[str, dict[tuple[str, str], list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    for half in halves:
        sums = half.sums.copy()
        for language, by in raised.items():
            sums[half.languages == number_of_language[language]] += by
        answers = np.take_along_axis(half.languages, sums.argmax(1)[:, None], 1)[:, 0]
        right = np.column_stack((half.detectors, answers == half.truth))
        for row, unit in enumerate(half.units):
            groups[unit.language][unit.source, unit.kind].append(right[row])
    means = {language: np.mean([np.mean(rows, 0) for rows in its.values()], 0) for language, its in groups.items()}
    return {language: (float(mean[2]), float(max(mean[:2]))) for language, mean in means.items()}


def balanced(halves: Sequence[Judged], languages: Sequence[str]) -> dict[str, float]:
    """How much each language's bias is raised."""
    raised: dict[str, float] = {}
    for language in languages:
        before = shares(halves, raised)
        for steps in range(round(MOST / STEP) + 1):
            tried = raised | {language: steps * STEP}
            after = shares(halves, tried)
            behind = [
                other
                for other in relatives_of(language) & set(after)
                if after[other][0] < min(after[other][1] - LEAST_LOSS, before[other][0])
            ]
            if behind:
                print(f"{language}: at {steps * STEP:+.1f} {', '.join(behind)} would fall behind")
                break
            raised = tried
            if after[language][0] >= after[language][1] - LEAST_LOSS:
                break
        now = shares(halves, raised)
        print(
            f"{language}: bias {raised.get(language, 0.0):+.1f}; share right, the better detector's share, before and now"
        )
        for other in sorted({language} | relatives_of(language) & set(now)):
            print(f"  {other:4} {before[other][0]:.4f} -> {now[other][0]:.4f}  ({now[other][1]:.4f})")
    return raised


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path)
    parser.add_argument("languages", nargs="+")
    parser.add_argument("--out", type=Path, default=PROFILES_FILE.parent)
    given = parser.parse_args()
    wanted = set(given.languages).union(*map(relatives_of, given.languages))
    texts = [text for text in read_texts(given.texts) if text.part not in HELD_OUT]
    fair = [
        text
        for text in texts
        if text.language in wanted | {"en"} and (text.source, text.language) not in MISLABELLED  # English is mixed in
    ]
    halves = [[text for text in fair if text.part % 2 == half] for half in (0, 1)]
    profiles = read_profiles()
    both = [judged(half, other, wanted, profiles) for half, other in zip(halves, reversed(halves), strict=True)]
    raised = balanced(both, given.languages)
    given.out.mkdir(parents=True, exist_ok=True)
    lines = PROFILES_FILE.read_text("utf-8").split("\n")
    (given.out / PROFILES_FILE.name).write_text("\n".join(with_bias(line, raised) for line in lines), "utf-8")


def with_bias(line: str, raised: dict[str, float]) -> str:
    """A line of profiles.tsv with the bias of its language raised, all else as it is.

    >>> with_bias("rw\\tLatn\\t7.1\\t0.2\\t0.8\\t0.3\\t-0.643\\t0\\t0\\tmu 2", {"rw": 2.2}).split("\\t")[6]
    '1.557'
    """
    language, *rest = line.split("\t")
    if raised.get(language):
        rest[1 + BIAS] = f"{float(rest[1 + BIAS]) + raised[language]:.3f}"
    return "\t".join((language, *rest))


if __name__ == "__main__":
    main()
