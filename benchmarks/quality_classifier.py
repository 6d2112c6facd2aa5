"""Quality: a classifier of reference text against raw web, measured on documents held out from it.

    python benchmarks/quality_classifier.py --positives PATH... --negatives PATH...

Paths are runs, recipes or files. Documents are cut into pieces of about 1,000 characters; a fifth of the documents, by
hash, is held out with all its pieces. Beside it: what length and the share of letters alone tell apart.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from gristmill.console import Console
from gristmill.filters.model_signals.classifier import probability_of
from gristmill.pipelines.signal_models.figures import area_with_interval, figures
from gristmill.pipelines.signal_models.train_fasttext import train_fasttext
from held_out import documents, is_held_out, jsonl, pieces


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--positives", nargs="+", required=True)
    parser.add_argument("--negatives", nargs="+", required=True)
    given = parser.parse_args()
    learn, held_out = {}, {}
    for name in ("positives", "negatives"):
        texts = documents(getattr(given, name))
        learn[name] = pieces(text for text in texts if not is_held_out(text))
        held_out[name] = pieces(text for text in texts if is_held_out(text))
        print(
            f"{name}: {len(texts):,} documents, {len(learn[name]):,} pieces to learn from, {len(held_out[name]):,} held out"
        )
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        started = time.perf_counter()
        manifest = train_fasttext(
            work / "model",
            positives=[jsonl(work / "positives.jsonl", learn["positives"])],
            negatives=[jsonl(work / "negatives.jsonl", learn["negatives"])],
            keep_fraction=0.1,
            console=Console(),
        )
        print(f"trained in {time.perf_counter() - started:.1f} s")
        probability = probability_of(str(work / "model"))
        texts = [*held_out["positives"], *held_out["negatives"]]
        truths = np.arange(len(texts)) < len(held_out["positives"])
        started = time.perf_counter()
        scores = np.array([probability(text) or 0.0 for text in texts])
        rate = sum(len(text.encode()) for text in texts) / 1e6 / (time.perf_counter() - started)
    found = figures(scores, truths, manifest.threshold)
    for name in ("auc", "precision", "recall", "false_positive_rate", "calibration_error"):
        print(f"{name.replace('_', ' '):22} {found[name]}")
    for row in found["calibration"]:
        mean, share = row["mean_score"], row["positive_share"]
        print(f"  {row['scores']:9} {row['texts']:6,} pieces  mean score {mean:.3f}  positive {share:.3f}")
    for share in (0.05, 0.1, 0.2):
        wanted = manifest.held_out["thresholds_by_kept_share_of_negatives"][str(share)]
        kept = float((scores[~truths] >= wanted).mean())
        print(f"threshold for {share:.0%} of the negatives keeps {kept:.1%} of those held out")
    length = np.array([float(len(text)) for text in texts])
    letters = np.array([sum(map(str.isalpha, text)) / len(text) for text in texts])
    for name, values in (("length alone", length), ("share of letters alone", letters)):
        value, low, high = area_with_interval(values, truths)
        print(f"AUC of {name}: {value:.3f} ({low:.3f}-{high:.3f})")
    print(f"scoring: {rate:.1f} MB/s in one process")


if __name__ == "__main__":
    main()
