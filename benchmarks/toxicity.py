"""Toxicity: word lists, our classifier and alt-profanity-check on held-out labelled texts, with 95 % intervals.

    python benchmarks/toxicity.py FOLDER

FOLDER holds davidson-labeled_data.csv.gz (class 0 hate, 1 offensive, 2 neither; English tweets),
germeval2018-training.tsv.gz (text, OFFENSE or OTHER; German tweets) and ldnoobw.json (language -> words). A fifth of the
distinct texts, by their hash, is held out from everything here, without near copies of the others; options are what
`gristmill classifier train` chooses; alt-profanity-check 1.9.1 (installed into a virtual
environment of its own) has seen the English ones, its model was trained on this very set; its method learnt again from
what we learn from stands beside it.

Printed too: how often harmless texts of our own are called toxic (identity terms, medicine, law), and what a linear
model cannot do: functional tests of hate, small ones of our own.
"""

import csv
import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from gristmill.console import Console
from gristmill.filters.c4.bad_words import UNFLANKED_LANGUAGES, count_places, read_entries
from gristmill.filters.model_signals.classifier import probability_of
from gristmill.filters.model_signals.line_text import one_line
from gristmill.pipelines.signal_models.figures import area_with_interval, share_with_interval
from gristmill.pipelines.signal_models.near_copies import near_copy_clusters
from gristmill.pipelines.signal_models.sample import Labelled
from gristmill.pipelines.signal_models.train_fasttext import train_fasttext
from gristmill.schemas.signal_models import Classifier
from toxicity_probes import FUNCTIONAL, HARMLESS

PEER = "alt-profanity-check==1.9.1"
WORK = Path(__file__).parent / ".work"
PEER_CODE = """
import json, sys
from profanity_check import predict_prob
json.dump([float(p) for p in predict_prob(json.load(sys.stdin))], sys.stdout)
"""
REFIT_CODE = """
import json, sys
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.svm import LinearSVC
texts, truths, asked = json.load(sys.stdin)
words = CountVectorizer(stop_words="english", min_df=0.0001)
svm = CalibratedClassifierCV(LinearSVC(class_weight="balanced", dual=False, tol=1e-2, max_iter=100_000))
svm.fit(words.fit_transform(texts), truths)
json.dump([float(p) for p in svm.predict_proba(words.transform(asked))[:, 1]], sys.stdout)
"""
Rows = list[tuple[str, bool]]
Scores = Callable[[list[str]], np.ndarray]


def davidson(folder: Path) -> Rows:
    with gzip.open(folder / "davidson-labeled_data.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [(row["tweet"], row["class"] != "2") for row in csv.DictReader(file)]


def germeval(folder: Path) -> Rows:
    with gzip.open(folder / "germeval2018-training.tsv.gz", "rt", encoding="utf-8") as file:
        return [(text, label == "OFFENSE") for text, label, _ in (line.rstrip("\n").split("\t") for line in file)]


def split(rows: Rows) -> tuple[Rows, Rows]:
    """(to learn from, held out), each text once."""
    parts: tuple[Rows, Rows] = ([], [])
    for text, truth in dict(rows).items():
        parts[hashlib.blake2b(text.encode(), digest_size=2).digest()[0] % 5 == 0].append((text, truth))
    return parts


def without_copies(unseen: Sequence[Rows], learnt: Sequence[str]) -> list[Rows]:
    """The unseen sets without texts that are near copies of one learnt from or of one before them."""
    texts = [text for rows in unseen for text, _ in rows]
    clusters, _ = near_copy_clusters([one_line(text, "words") for text in [*learnt, *texts]])
    first = clusters[len(learnt) :] == np.arange(len(learnt), len(clusters))  # a cluster is named after its first text
    kept, at = [], 0
    for rows in unseen:
        kept.append([row for row, alone in zip(rows, first[at : at + len(rows)], strict=True) if alone])
        at += len(rows)
    return kept


def trained(rows: Rows, name: str, work: Path) -> tuple[Classifier, Scores]:
    path = work / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((text, str(truth)) for text, truth in rows)])
    given = Labelled((str(path),), "text", "label", ("True",))
    manifest = train_fasttext(work / name, labelled=given, console=Console(quiet=True))
    probability = probability_of(str(work / name))
    return manifest, lambda texts: np.array([probability(text) or 0.0 for text in texts])


def word_list(folder: Path, language: str) -> Scores:
    entries = read_entries(str(folder / "ldnoobw.json"), language)
    return lambda texts: count_places(
        pa.array(texts, pa.large_string()), entries, language not in UNFLANKED_LANGUAGES
    ).astype(float)


def peer_python() -> str:
    python = WORK / "alt-profanity-check" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", PEER], check=True)
    return str(python)


def answers(python: str, code: str, question: object) -> np.ndarray:
    done = subprocess.run([python, "-c", code], input=json.dumps(question), capture_output=True, text=True, check=True)
    return np.array(json.loads(done.stdout))


def peer(python: str) -> Scores:
    """The model that alt-profanity-check ships."""
    return lambda texts: answers(python, PEER_CODE, texts)


def refit_peer(python: str, rows: Rows) -> Scores:
    """Its method (word counts, linear SVM) learnt from our texts, so that it has not seen the held-out ones either."""
    learn = ([text for text, _ in rows], [truth for _, truth in rows])
    return lambda texts: answers(python, REFIT_CODE, (*learn, texts))


def shown(interval: tuple[float, float, float]) -> str:
    return f"{interval[0]:.3f} ({interval[1]:.3f}-{interval[2]:.3f})"


def compare(title: str, held_out: Rows, systems: dict[str, tuple[Scores, float]]) -> None:
    """AUC, and precision and recall at each system's own threshold."""
    texts, truths = [text for text, _ in held_out], np.array([truth for _, truth in held_out])
    print(f"\n{title}: {len(texts):,} held-out texts, {truths.mean():.1%} toxic; value (95 % interval)")
    print(f"{'':24} {'AUC':20} {'precision':20} {'recall':20} {'texts/s':>9}")
    for name, (score, threshold) in systems.items():
        started = time.perf_counter()
        scores = score(texts)
        rate = len(texts) / (time.perf_counter() - started)
        chosen = scores >= threshold
        hits = int((chosen & truths).sum())
        precision, recall = share_with_interval(hits, int(chosen.sum())), share_with_interval(hits, int(truths.sum()))
        area = area_with_interval(scores, truths)
        print(f"{name:24} {shown(area):20} {shown(precision):20} {shown(recall):20} {rate:9,.0f}")


def probe(language: str, systems: dict[str, tuple[Scores, float]]) -> None:
    """How often harmless texts are called toxic, and functional tests passed."""
    print(f"\nfalse-positive rate on harmless {language} texts; functional tests of hate passed")
    kinds = {**HARMLESS[language], **{f"test: {name}": texts for name, texts in FUNCTIONAL[language].items()}}
    print(f"{'':44} {'texts':>5} " + " ".join(f"{name:>24}" for name in systems))
    for kind, texts in kinds.items():
        cells = []
        for score, threshold in systems.values():
            called = score([text for text, _ in texts]) >= threshold
            wrong = int(sum(bool(c) != truth for c, (_, truth) in zip(called, texts, strict=True)))
            part = wrong if not kind.startswith("test: ") else len(texts) - wrong
            cells.append(f"{shown(share_with_interval(part, len(texts))):>24}")
        print(f"{kind:44} {len(texts):5} " + " ".join(cells))


def main(folder: Path) -> None:
    python = peer_python()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for title, language, rows in (("Davidson", "en", davidson(folder)), ("GermEval 2018", "de", germeval(folder))):
            learn, held_out = split(rows)
            (held_out,) = without_copies([held_out], [text for text, _ in learn])
            manifest, ours = trained(learn, language, work)
            systems = {
                "word list (LDNOOBW)": (word_list(folder, language), 1.0),
                "alt-profanity-check": (peer(python), 0.5),
                "its method, refit": (refit_peer(python, learn), 0.5),
                "gristmill": (ours, manifest.threshold),
            }
            compare(f"{title} ({language})", held_out, systems)
            print(f"gristmill: calibration error {manifest.held_out['calibration_error']:.3f}, ", end="")
            print(
                f"before calibration {manifest.held_out['calibration_error_before']:.3f}; threshold {manifest.threshold:.3f}"
            )
            probe(language, systems)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
