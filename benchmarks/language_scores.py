"""Whether the score of language identification is a probability, and what no detector can know, on texts not learnt from.

    python benchmarks/language_scores.py texts.tsv.gz [--learnt FOLDER] [--source SOURCE]

texts.tsv.gz is written by benchmarks/language_texts.py; reported is the quarter of it that language_learn.py does not read,
with noise drawn from another seed. Unknown languages are reported twice: `listed`, the paragraphs of this quarter, where
words of the same declaration's other paragraphs stand in unknown_languages.tsv; `unlisted`, the third that no weight was
learnt from, with their words left out of the tables, as any language of the world that nobody has listed. Last come whole
declarations, of which three quarters were read. --learnt: tables other than those in the package, --source: one source
alone (with tables learnt `--without` it: all of it, whatever its part).
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from gristmill.filters.fasttext.classify import fasttext_classifier
from gristmill.filters.language.detectors import (
    LANGUAGES,
    cld2_languages,
    fasttext_languages,
    model_path,
)
from gristmill.filters.language.identify import DEFAULT_FLOOR
from gristmill.filters.language.profiles import (
    PROFILES_FILE,
    UNKNOWN_FILE,
    WEIGHTS_FILE,
    compiled,
    read_profiles,
    read_unknown,
    read_weights,
)
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
    without_languages,
)

POINT = 0.01  # how much worse than a detector the vote may be
ASKED_FLOOR = 0.65  # what recipes ask for
FLOORS = (0.2, DEFAULT_FLOOR, 0.5, ASKED_FLOOR)
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
    "unmarked",
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


def answers(found: list[Unit], folder: Path, without_lists: bool = False) -> Answers:
    """without_lists: as if nobody had listed words of the unknown languages that weights were not learnt from."""
    asked = ask(found)
    profiles, weights = read_profiles(folder / PROFILES_FILE.name), read_weights(folder / WEIGHTS_FILE.name)
    unknown = read_unknown(folder / UNKNOWN_FILE.name)
    if without_lists:
        unknown = without_languages(unknown, held_out_language)
    numbers, scores = vote(asked.ballot(profiles, unknown), compiled(profiles, {}).figures, weights)
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


def floors(known: Answers, listed: Answers, unlisted: Answers, noises: Answers) -> None:
    head = "  ".join(f"{floor:5}" for floor in FLOORS)
    print(f"\nshare of texts whose score is at least   {head}")
    for kind in KINDS:
        for title, some in (("known", known), ("listed", listed), ("unlisted", unlisted)):
            of_kind = some.of(kind=kind)
            if len(of_kind.units) >= 20:
                print(f"{title:8} {kind:12} {len(of_kind.units):8}        {kept(of_kind)}")
    print(f"{'noise':8} {'':12} {len(noises.units):8}        {kept(noises)}")
    for kind in sorted({unit.source for unit in noises.units}):
        of_kind = noises.of(source=kind)
        if (of_kind.score >= DEFAULT_FLOOR).mean() > 0.01:
            print(f"  {kind:20} {len(of_kind.units):7}        {kept(of_kind)}")


def declarations(texts: list[Text], known: set[str], folder: Path) -> None:
    """Whole translations of the Universal Declaration: those in known languages, and all in unknown ones."""
    paragraphs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for text in texts:
        if text.source == "udhr":
            paragraphs[text.document, text.language].append(text.text)
    found = [Unit("udhr", key[1], "whole", "\n".join(its), 0, key[0]) for key, its in paragraphs.items()]
    print("\nwhole declarations whose score is at least  " + "  ".join(f"{floor:5}" for floor in FLOORS))
    for title, some, without_lists in (
        ("known languages", [unit for unit in found if unit.language in known], False),
        ("unknown languages", [unit for unit in found if unit.language not in known], False),
        ("unknown, unlisted", [unit for unit in found if not _may_be_learnt(unit.language, known)], True),
    ):
        its = answers(some, folder, without_lists)
        print(f"{title:18} {len(some):8}                {kept(its)}")
        if title != "known languages":
            rows = zip(its.units, its.answer, its.score, strict=True)
            passing = sorted(f"{u.language} ({LANGUAGES[a]} {s:.2f})" for u, a, s in rows if s >= DEFAULT_FLOOR)
            print("  at the default floor:", ", ".join(passing) or "none")


def _may_be_learnt(language: str, known: set[str]) -> bool:
    return language in known or not held_out_language(language)


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
                    if figures[2] < max(figures[:2]) - POINT - 1e-9:
                        lost.append(f"{language} {max(figures[:2]):.3f}->{figures[2]:.3f} ({len(its.units)})")
            shares = [float((x == some.truth).mean()) for x in (some.fasttext, some.cld2, some.answer)]
            at_floor = float((some.right & (some.score >= DEFAULT_FLOOR)).mean())
            figures_shown = " ".join(f"{x:.4f}" for x in (*shares, at_floor))
            print(f"{source:16} {kind:10} {len(some.units):6} {figures_shown}  {'; '.join(lost)}")


def of_one_detector(some: Answers, title: str) -> None:
    """Whether languages that one detector knows reach a score that recipes ask for, in texts of some length."""
    long = some.of(kind=("joined300", "joined1000"))
    languages = sorted({unit.language for unit in long.units})
    shares = {}
    for language in languages:
        its = long.of(language=language)
        shares[language] = float((its.right & (its.score >= ASKED_FLOOR)).mean()), len(its.units)
    if not shares:
        return
    least = sorted(shares, key=lambda language: shares[language])[:8]
    print(
        f"\n{len(languages)} languages that {title}: right with a score of at least {ASKED_FLOOR}, of texts of 300 to 1,000"
    )
    print(f"mean of languages {np.mean([share for share, _ in shares.values()]):.3f}; least: ", end="")
    print(", ".join(f"{language} {shares[language][0]:.2f} ({shares[language][1]})" for language in least))


def by_language(known: Answers, texts: Mapping[str, int]) -> None:
    """Languages on which the vote is worse than the better detector by more than a point, all sources and kinds alike.

    texts: how many held-out texts of each language there are; units are cut from them and overlap.
    """
    groups: dict[str, dict[tuple[str, str], list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, unit in enumerate(known.units):
        groups[unit.language][unit.source, unit.kind].append(row)
    answered = np.stack([known.fasttext, known.cld2, known.answer], 1) == known.truth[:, None]
    means = {
        language: np.mean([answered[rows].mean(0) for rows in its.values()], 0) for language, its in groups.items()
    }
    shares = "  ".join(f"{share:.4f}" for share in np.mean(list(means.values()), 0))
    print(f"\nshare right of {len(groups)} languages, sources and kinds alike: fastText, CLD2, the vote: {shares}")
    print("languages on which the vote is worse than the better of both by more than a point; units that it loses and")
    print("wins beside that detector, of how many, from how many texts; 95 % interval of the difference")
    for language, (fasttext, cld2, ours) in sorted(means.items()):
        if ours < max(fasttext, cld2) - POINT:
            its = list(groups[language].values())
            gain = [answered[rows, 2].astype(int) - answered[rows, int(cld2 > fasttext)] for rows in its]
            least, most = difference_interval(gain, texts[language])
            lost, won, count = (int(sum(map(f, gain))) for f in (lambda x: (x < 0).sum(), lambda x: (x > 0).sum(), len))
            said = "worse" if most < -POINT else "within counting error"
            print(
                f"{language:4} {fasttext:.4f}  {cld2:.4f}  {ours:.4f}  -{lost} +{won} of {count:4} from {texts[language]:4} "
                f"texts: {least:+.3f} to {most:+.3f}, {said}"
            )


def difference_interval(gain: Sequence[np.ndarray], texts: int) -> tuple[float, float]:
    """95 % interval of the mean over groups of gains (-1, 0, 1), units of one text taken to stand or fall together."""
    everything = np.concatenate(gain)
    variance = everything.var() * sum(1 / len(some) for some in gain) / len(gain) ** 2
    width = 1.96 * float(np.sqrt(variance * max(1.0, len(everything) / texts)))
    mean = float(np.mean([some.mean() for some in gain]))
    return mean - width, mean + width


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--learnt", type=Path, default=PROFILES_FILE.parent)
    parser.add_argument("--source", default="")
    given = parser.parse_args()
    texts, known = read_texts(given.texts), known_languages()
    if given.source:
        texts = [text for text in texts if text.source.startswith(given.source)]
    fair = [text for text in texts if (text.source, text.language) not in MISLABELLED]
    reported = fair if given.source else [text for text in fair if text.part in HELD_OUT]
    spoken = answers(list(units([text for text in reported if text.language in known], 200)), given.learnt)
    labels = {LANGUAGES[n] for n in fasttext_languages(fasttext_classifier(model_path(None)))}
    by_cld2 = set(cld2_languages())
    reliability(spoken, "known languages")
    knowing = {
        "both know": labels & by_cld2, "only CLD2 knows": by_cld2 - labels, "only fastText knows": labels - by_cld2
    }  # fmt: skip
    for title, its in knowing.items():
        reliability(spoken.of(language=its), f"languages that {title}")
        of_one_detector(spoken.of(language=its), title)
    noises = answers(noise_units(reported, seed=2, rounds=40), given.learnt)
    others = [text for text in reported if text.language not in known and _may_be_learnt(text.language, known)]
    unread = [text for text in fair if not _may_be_learnt(text.language, known)]
    if others and unread:
        listed = answers(list(units(others, 200)), given.learnt)
        unlisted = answers(list(units(unread, 200)), given.learnt, without_lists=True)
        floors(spoken, listed, unlisted, noises)
        declarations(fair, known, given.learnt)
    by_language(spoken, Counter(text.language for text in reported))
    against_detectors(spoken, ("single", "joined300"))


if __name__ == "__main__":
    main()
