"""Toxicity on sets of posts that nothing was learnt from, beside alt-profanity-check: area under the curve.

    python benchmarks/toxicity_unseen.py --learn SET... --unseen SET... [--harmless PATH...] [--diluted 0.7]

A SET is PATH:TEXT COLUMN:LABEL COLUMN=VALUE,VALUE, as `gristmill classifier train --labelled` takes it. Harmless texts
are runs, recipes or files with a column `text`. Options are the command's own choice throughout. Two classifiers:

    alone     learnt from --learn
    more      and from the sentences of examples/toxic_sentences.py, and the harmless texts, with --diluted

A text of an unseen set that is a near copy (pipelines/signal_models/near_copies) of one learnt from, or of another unseen
text, is left out for all.
"""

import argparse
import csv
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gristmill.console import Console
from gristmill.filters.model_signals.classifier import probability_of
from gristmill.pipelines.signal_models.fasttext_options import FasttextOptions
from gristmill.pipelines.signal_models.figures import area_with_interval
from gristmill.pipelines.signal_models.sample import Labelled, parse_labelled, read_labelled
from gristmill.pipelines.signal_models.texts import read_texts
from gristmill.pipelines.signal_models.train_fasttext import train_fasttext

from toxicity import PEER_CODE, Rows, answers, peer_python, shown, without_copies  # isort: skip

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
from toxic_sentences import sentences

QUIET = Console(quiet=True)


def rows_of(given: Labelled, work: Path) -> Rows:
    return list({text.text: (text.text, truth) for text, truth in read_labelled(given, work, QUIET)}.values())


def written(rows: Rows, path: Path) -> Labelled:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((text, str(truth)) for text, truth in rows)])
    return Labelled((str(path),), "text", "label", ("True",))


def area(model: Path, rows: Rows) -> str:
    probability = probability_of(str(model))
    scores = np.array([probability(text) or 0.0 for text, _ in rows])
    return shown(area_with_interval(scores, np.array([truth for _, truth in rows])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learn", nargs="+", required=True, metavar="SET")
    parser.add_argument("--unseen", nargs="+", required=True, metavar="SET")
    parser.add_argument("--harmless", nargs="*", default=[], metavar="PATH")
    parser.add_argument("--diluted", type=float, default=0.7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        learn = [parse_labelled(given, "text", "label", ()) for given in arguments.learn]
        asked = [parse_labelled(given, "text", "label", ()) for given in arguments.unseen]
        made = sentences(12_000, 0)
        learnt = [text for given in learn for text, _ in rows_of(given, work)] + [text for text, _ in made]
        if arguments.harmless:
            learnt += [text.text for text in read_texts(arguments.harmless, work / "harmless", QUIET)]
        unseen = without_copies([rows_of(given, work) for given in asked], learnt)
        names = [Path(given.paths[0]).name.split(".")[0] for given in asked]
        for name, rows in zip(names, unseen, strict=True):
            print(f"{name}: {len(rows):,} texts, {np.mean([truth for _, truth in rows]):.1%} toxic")
        print(f"{'':20} " + " ".join(f"{name:>20}" for name in names), flush=True)

        def line(title: str, cells: Sequence[str]) -> None:
            print(f"{title:20} " + " ".join(f"{cell:>20}" for cell in cells), flush=True)

        def trained(name: str, labelled: Sequence[Labelled], diluted: bool) -> Path:
            options = FasttextOptions(diluted=arguments.diluted if diluted else 0.0)
            harmless = arguments.harmless if diluted else ()
            train_fasttext(work / name, labelled=labelled, negatives=harmless, options=options, console=Console())
            return work / name

        python = peer_python()
        peer = [np.array(answers(python, PEER_CODE, [text for text, _ in rows])) for rows in unseen]
        truths = [np.array([truth for _, truth in rows]) for rows in unseen]
        line(
            "alt-profanity-check",
            [shown(area_with_interval(*both)) for both in zip(peer, truths, strict=True)],
        )
        alone = trained("alone", learn, False)
        line("alone", [area(alone, rows) for rows in unseen])
        made_rows = written([(text, label == "toxic") for text, label in made], work / "made.csv")
        more = trained("more", [*learn, made_rows], True)
        line("more", [area(more, rows) for rows in unseen])


if __name__ == "__main__":
    main()
