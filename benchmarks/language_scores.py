"""Whether the score of language identification is a probability, and what no detector can know, on texts not learnt from.

    python benchmarks/language_scores.py texts.tsv.gz [--learnt FOLDER] [--source SOURCE]

texts.tsv.gz is written by benchmarks/language_texts.py; the quarter of it and the third of the unknown languages that
language_learn.py does not read are reported, with noise drawn from another seed. --learnt: tables other than those in the
package, --source: one source alone (with tables learnt `--without` it: all of it, whatever its part).
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from gristmill.filters.language.detectors import (
    LANGUAGES,
    cld2_languages,
    fasttext_languages,
    fasttext_model,
    model_path,
)
from gristmill.filters.language.identify import DEFAULT_FLOOR
from gristmill.filters.language.profiles import PROFILES_FILE, WEIGHTS_FILE, compiled, read_profiles, read_weights
from gristmill.filters.language.vote import vote
from language_learn import (
    HELD_OUT,
    MISLABELLED,
    Text,
    Unit,
    ask,
    held_out_language,
    known_languages,
    noise_units,
    read_texts,
    truths,
    units,
)

FLOORS = (0.2, DEFAULT_FLOOR, 0.5, 0.65)
EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0001)
KINDS = (
    "single",
    "slice20",
    "slice40",
    "slice80",
    "joined300",
    "joined1000",
    "joined3000",
    "whole",
    "mixed",
    "capitals",
)


@dataclass(frozen=True)
class Answers:
    """Of each unit: number of the true language (-1: unknown), first answer, its score, both detectors' first answers."""

    units: list[Unit]
    truth: np.ndarray
    answer: np.ndarray
    score: np.ndarray
    fasttext: np.ndarray
    cld2: np.ndarray

    @property
    def right(self) -> np.ndarray:
        return (self.answer == self.truth) & (self.truth >= 0)

    def where(self, chosen: np.ndarray) -> "Answers":
        some = [unit for unit, taken in zip(self.units, chosen, strict=True) if taken]
        rest = (getattr(self, name)[chosen] for name in ("truth", "answer", "score", "fasttext", "cld2"))
        return Answers(some, *rest)

    def of(self, **wanted: str | Iterable[str]) -> "Answers":
        """The units whose `source`, `kind` or `language` is the wanted one, or one of them."""

        def fits(unit: Unit) -> bool:
            return all(
                getattr(unit, name) == value if isinstance(value, str) else getattr(unit, name) in value
                for name, value in wanted.items()
            )

        return self.where(np.array([fits(unit) for unit in self.units], np.bool_))


def answers(found: list[Unit], folder: Path) -> Answers:
    asked = ask(found)
    profiles, weights = read_profiles(folder / PROFILES_FILE.name), read_weights(folder / WEIGHTS_FILE.name)
    numbers, scores = vote(asked.ballot(profiles), compiled(profiles).figures, weights)
    truth = truths(asked, known_languages())
    return Answers(found, truth, numbers[:, 0], scores[:, 0], asked.fasttext.numbers[:, 0], asked.cld2.numbers[:, 0])


def reliability(some: Answers, title: str) -> None:
    """Units of each language and kind alike."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for unit in some.units:
        counts[unit.language, unit.kind] += 1
    weights = np.array([1 / counts[unit.language, unit.kind] for unit in some.units])
    print(f"\n{title}: {len(some.units)} texts, each language and kind alike")
    print(f"{'score':>12} {'texts':>7} {'mean score':>10} {'right':>6}")
    off = 0.0
    for low, high in pairwise(EDGES):
        inside = (some.score >= low) & (some.score < high)
        if inside.sum() >= 20:
            w = weights[inside] / weights[inside].sum()
            score, right = (w * some.score[inside]).sum(), (w * some.right[inside]).sum()
            off += abs(score - right) * weights[inside].sum()
            print(f"{low:5.2f} - {min(high, 1):4.2f} {inside.sum():7} {score:10.3f} {right:6.3f}")
    print(f"mean distance of score and share right: {off / weights.sum():.3f}")


def kept(some: Answers) -> str:
    return "  ".join(f"{(some.score >= floor).mean():.3f}" for floor in FLOORS)


def floors(known: Answers, unknown: Answers, noises: Answers) -> None:
    head = "  ".join(f"{floor:5}" for floor in FLOORS)
    print(f"\nshare of texts whose score is at least   {head}")
    for kind in KINDS:
        for title, some in (("known", known), ("unknown", unknown)):
            of_kind = some.of(kind=kind)
            if len(of_kind.units) >= 20:
                print(f"{title:8} {kind:12} {len(of_kind.units):8}        {kept(of_kind)}")
    print(f"{'noise':8} {'':12} {len(noises.units):8}        {kept(noises)}")
    for kind in sorted({unit.source for unit in noises.units}):
        of_kind = noises.of(source=kind)
        if (of_kind.score >= DEFAULT_FLOOR).mean() > 0.01:
            print(f"  {kind:20} {len(of_kind.units):7}        {kept(of_kind)}")
    whole = unknown.of(kind="whole")
    pairs = zip(whole.units, whole.answer, whole.score, strict=True)
    passing = sorted(f"{u.document} ({LANGUAGES[a]} {s:.2f})" for u, a, s in pairs if s >= DEFAULT_FLOOR)
    print("unknown languages whose whole declaration passes:", ", ".join(passing) or "none")


def against_detectors(known: Answers, kinds: Sequence[str], least: int = 20) -> None:
    """Languages on which the vote is worse than the better detector by more than a point, by source."""
    print(
        "\nshare right by source: fastText, CLD2, the vote, the vote at the default floor; and the languages on which the"
    )
    print("vote is worse than the better detector by more than a point (texts)")
    for source in sorted({unit.source for unit in known.units}):
        for kind in kinds:
            some = known.of(source=source, kind=kind)
            if len(some.units) < least:
                continue
            lost = []
            for language in sorted({unit.language for unit in some.units}):
                its = some.of(language=language)
                if len(its.units) >= least:
                    figures = [float((x == its.truth).mean()) for x in (its.fasttext, its.cld2, its.answer)]
                    if figures[2] < max(figures[:2]) - 0.01 - 1e-9:
                        lost.append(f"{language} {max(figures[:2]):.3f}->{figures[2]:.3f} ({len(its.units)})")
            shares = [float((x == some.truth).mean()) for x in (some.fasttext, some.cld2, some.answer)]
            at_floor = float((some.right & (some.score >= DEFAULT_FLOOR)).mean())
            figures_shown = " ".join(f"{x:.4f}" for x in (*shares, at_floor))
            print(f"{source:16} {kind:10} {len(some.units):6} {figures_shown}  {'; '.join(lost)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--learnt", type=Path, default=PROFILES_FILE.parent)
    parser.add_argument("--source", default="")
    given = parser.parse_args()
    texts, known = read_texts(given.texts), known_languages()
    if given.source:
        texts = [text for text in texts if text.source.startswith(given.source)]
    else:
        texts = [text for text in texts if _is_held_out(text, known)]
    fair = [text for text in texts if (text.source, text.language) not in MISLABELLED]
    everything = answers([*units(fair, 200), *noise_units(fair, seed=2, rounds=40)], given.learnt)
    is_noise = np.array([unit.kind == "noise" for unit in everything.units])
    is_known = everything.truth >= 0
    spoken, noises = everything.where(is_known), everything.where(is_noise)
    unknown = everything.where(~is_known & ~is_noise)
    labels = {LANGUAGES[n] for n in fasttext_languages(fasttext_model(model_path(None)))}
    by_cld2 = set(cld2_languages())
    reliability(spoken, "known languages")
    for title, its in (("both know", labels & by_cld2), ("only CLD2 knows", by_cld2 - labels)):
        reliability(spoken.of(language=its), f"languages that {title}")
    reliability(spoken.of(language=labels - by_cld2), "languages that only fastText knows")
    if unknown.units:
        floors(spoken, unknown, noises)
    against_detectors(spoken, ("single", "joined300"))


def _is_held_out(text: Text, known: set[str]) -> bool:
    return text.part in HELD_OUT if text.language in known else held_out_language(text.language)


if __name__ == "__main__":
    main()
