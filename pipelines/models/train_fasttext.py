"""Training a fastText classifier of two labels, read by the families `quality_<name>` and `toxicity_<name>`.

A text's hash says what it is for: 8 of 10 to learn from, 1 to calibrate and to choose thresholds on, 1 to be measured on;
copies of a text stay together. Texts are sorted by that hash, so that the model depends on the texts alone; with one
thread and a seed it is the same bytes again.
"""

import heapq
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, get_args

import gristmill
import numpy as np
from gristmill.console import Console
from gristmill.filters.models.classifier import (
    NEGATIVE,
    POSITIVE,
    calibrated,
    fasttext_model,
    log_odds,
    probability_of,
    raw_probability,
)
from gristmill.filters.models.line_text import one_line
from gristmill.pipelines.models.fasttext_process import train_in_process
from gristmill.pipelines.models.figures import best_threshold, figures, fit_calibration, threshold_for_share
from gristmill.pipelines.models.folder import new_folder
from gristmill.pipelines.models.texts import Text, read_texts
from gristmill.schemas.errors import InputError, RecipeError
from gristmill.schemas.models import Classifier, LineNormalisation, file_hash, write_model
from gristmill.schemas.source import Columns

MIN_TEXTS = 50  # of each label
TRAIN, TUNE, TEST = "train", "tune", "test"
KEEP_FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class FasttextOptions:
    """fastText's own options by their meaning. word_ngrams: 2 as DCLM's. character_ngrams: (0, 0) is none.

    max_texts: of each label, those of the lowest hashes. threads: more than one is faster and never the same again.
    """

    dimensions: int = 32
    epochs: int = 5
    learning_rate: float = 0.1
    word_ngrams: int = 2
    character_ngrams: tuple[int, int] = (0, 0)
    buckets: int = 500_000
    min_count: int = 1
    normalisation: LineNormalisation = "lower"
    max_texts: int = 400_000
    threads: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Labelled:
    """Files whose rows carry their label: in which column, and which of its values are the positive ones."""

    paths: tuple[str, ...]
    text_column: str
    label_column: str
    positive: tuple[str, ...]


@dataclass
class Sample:
    """Texts of both labels with their purpose, in the order of their hashes."""

    texts: list[tuple[str, bool]] = field(default_factory=list)
    part: list[str] = field(default_factory=list)

    def of(self, purpose: str) -> list[tuple[str, bool]]:
        return [entry for entry, part in zip(self.texts, self.part, strict=True) if part == purpose]


def train_fasttext(
    out: str | Path,
    *,
    positives: Sequence[str] = (),
    negatives: Sequence[str] = (),
    labelled: Labelled | None = None,
    keep_fraction: float | None = None,
    options: FasttextOptions | None = None,
    columns: Columns | None = None,
    console: Console | None = None,
) -> Classifier:
    """Train into the new folder `out` and return its manifest.

    positives, negatives: runs, recipes or files; or labelled: rows with a label column. keep_fraction: the default
    threshold keeps at most this share of the held-out negatives (raw web, say); None: the threshold of the best F1.
    Raises InputError for texts that cannot be read or are too few.
    """
    chosen = options or FasttextOptions()
    console = console or Console()
    _check(chosen, keep_fraction, positives, negatives, labelled)
    with new_folder(out) as folder, tempfile.TemporaryDirectory(prefix="gristmill-classifier-") as scratch:
        work = Path(scratch)
        if labelled is not None:
            groups = _labelled(labelled, work, console)
        else:
            groups = {
                True: _lowest(read_texts(positives, work / "positives", console, columns), chosen.max_texts),
                False: _lowest(read_texts(negatives, work / "negatives", console, columns), chosen.max_texts),
            }
        sample, contradicted = _sample(groups, chosen)
        console.log(
            f"texts: {_counts(sample)}" + (f"; {contradicted:,} with both labels left out" if contradicted else "")
        )
        model = folder / "model.bin"
        fingerprint = _train(sample.of(TRAIN), model, work, chosen)
        console.log(f"trained: {model.stat().st_size / 1e6:.1f} MB")
        raw = raw_probability(model, chosen.normalisation)
        tuned = _scored(sample.of(TUNE), raw)
        slope, intercept = fit_calibration(np.array([log_odds(score) for score in tuned[0]]), tuned[1])
        scores = np.array([calibrated(score, slope, intercept) for score in tuned[0]])
        keep = {str(share): threshold_for_share(scores[~tuned[1]], share)[0] for share in KEEP_FRACTIONS}
        threshold = best_threshold(scores, tuned[1])
        if keep_fraction is not None:
            threshold = threshold_for_share(scores[~tuned[1]], keep_fraction)[0]
        tested = _scored(sample.of(TEST), raw)
        final = np.array([calibrated(score, slope, intercept) for score in tested[0]])
        measured = figures(final, tested[1], threshold, chosen.seed)
        measured["calibration_error_before"] = figures(tested[0], tested[1], threshold, chosen.seed)[
            "calibration_error"
        ]
        measured["thresholds_by_kept_share_of_negatives"] = keep
        manifest = Classifier(
            kind="fasttext",
            gristmill=gristmill.__version__,
            files={model.name: file_hash(model)},
            training={
                "options": {**asdict(chosen), "character_ngrams": list(chosen.character_ngrams)},
                "fingerprint": fingerprint,
                "texts": _counts(sample),
                "both_labels": contradicted,
                "keep_fraction": keep_fraction,
            },
            name=Path(out).name,
            model=model.name,
            normalisation=chosen.normalisation,
            calibration=(slope, intercept),
            threshold=threshold,
            held_out=measured,
        )
        write_model(folder, manifest)
    fasttext_model.cache_clear()
    probability_of.cache_clear()
    return manifest


def _check(
    options: FasttextOptions,
    keep_fraction: float | None,
    positives: Sequence[str],
    negatives: Sequence[str],
    labelled: Labelled | None,
) -> None:
    where = "gristmill classifier train"
    if (labelled is None) != bool(positives and negatives) or (labelled and (positives or negatives)):
        raise RecipeError(
            "what is to be learnt", where=where, expected="--positives and --negatives, or --labelled with its columns"
        )
    if keep_fraction is not None and not 0 < keep_fraction < 1:
        raise RecipeError(f"keep fraction {keep_fraction}", where=where, expected="between 0 and 1")
    if options.normalisation not in get_args(LineNormalisation):
        raise RecipeError(
            f"normalisation {options.normalisation!r}", where=where, expected=" or ".join(get_args(LineNormalisation))
        )
    for name in ("dimensions", "epochs", "word_ngrams", "buckets", "min_count", "max_texts", "threads"):
        if getattr(options, name) < 1:
            raise RecipeError(f"{name} {getattr(options, name)}", where=where, expected="1 at least")
    least, most = options.character_ngrams
    if not 0 <= least <= most:
        raise RecipeError(f"character n-grams of {least} to {most}", where=where, expected="0 0 (none), or such as 2 5")


def _lowest(texts: Iterable[Text], count: int) -> list[Text]:
    return heapq.nsmallest(count, texts, key=lambda text: text.order)


def _labelled(given: Labelled, work: Path, console: Console) -> dict[bool, list[Text]]:
    columns = Columns(text=given.text_column, metadata=(given.label_column,))
    groups: dict[bool, list[Text]] = {True: [], False: []}
    for text in read_texts(given.paths, work, console, columns):
        groups[str(text.metadata.get(given.label_column)) in given.positive].append(text)
    return groups


def _sample(groups: Mapping[bool, Sequence[Text]], options: FasttextOptions) -> tuple[Sample, int]:
    """Distinct texts in the order of their hashes, and how many were in both groups (left out)."""
    found: dict[bytes, tuple[str, set[bool]]] = {}
    for label, texts in groups.items():
        for text in texts:
            line = one_line(text.text, options.normalisation)
            if line:
                key = blake2b(line.encode(), digest_size=16, key=str(options.seed).encode()[:64]).digest()
                found.setdefault(key, (line, set()))[1].add(label)
    sample = Sample()
    for key in sorted(found):
        line, labels = found[key]
        if len(labels) == 1:
            sample.texts.append((line, True in labels))
            sample.part.append({0: TUNE, 1: TEST}.get(key[-1] % 10, TRAIN))
    for purpose, least in ((TRAIN, MIN_TEXTS), (TUNE, 3), (TEST, 3)):
        for label, name in ((True, "positive"), (False, "negative")):
            count = sum(truth == label for _, truth in sample.of(purpose))
            if count < least:
                raise InputError(
                    f"{count} distinct {name} texts to {purpose} on",
                    where="gristmill classifier train",
                    expected=f"{least} at least",
                    next_step="give more texts (8 of 10 are trained on, 1 tuned on, 1 tested on)",
                )
    return sample, sum(len(labels) > 1 for _, labels in found.values())


def _counts(sample: Sample) -> dict[str, dict[str, int]]:
    return {
        purpose: {
            "positive": sum(truth for _, truth in sample.of(purpose)),
            "negative": sum(not truth for _, truth in sample.of(purpose)),
        }
        for purpose in (TRAIN, TUNE, TEST)
    }


def _train(texts: Sequence[tuple[str, bool]], model: Path, work: Path, options: FasttextOptions) -> str:
    """Train on the lines and save; returns the hash of what was learnt from."""
    path = work / "train.txt"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{POSITIVE if truth else NEGATIVE} {line}\n" for line, truth in texts)
    arguments = {
        "input": str(path),
        "dim": options.dimensions,
        "epoch": options.epochs,
        "lr": options.learning_rate,
        "wordNgrams": options.word_ngrams,
        "minn": options.character_ngrams[0],
        "maxn": options.character_ngrams[1],
        "bucket": options.buckets,
        "minCount": options.min_count,
        "thread": options.threads,
        "seed": options.seed,
        "verbose": 0,
    }
    train_in_process(arguments, model)
    return file_hash(path)


def _scored(texts: Sequence[tuple[str, bool]], probability: Any) -> tuple[np.ndarray, np.ndarray]:
    scores = [probability(line) for line, _ in texts]
    return np.array(scores, float), np.array([truth for _, truth in texts], bool)


def report(manifest: Classifier) -> Iterator[str]:
    """Lines of the held-out figures for a person."""
    found = manifest.held_out
    yield f"held out: {found['texts']:,} texts, {found['positives']:,} positive (value, 95 % interval)"
    for name in ("auc", "precision", "recall", "false_positive_rate"):
        value, low, high = (float("nan") if number is None else number for number in found[name])
        yield f"  {name.replace('_', ' ')}: {value:.4f} ({low:.4f} to {high:.4f})"
    yield f"  threshold {manifest.threshold:.6f}; calibration error {found['calibration_error']:.4f}, " + (
        f"before calibration {found['calibration_error_before']:.4f}"
    )
    yield "  scores     texts  mean score  positive share"
    for row in found["calibration"]:
        yield f"  {row['scores']:9} {row['texts']:6,}  {row['mean_score']:10.4f}  {row['positive_share']:14.4f}"
    for share, threshold in found["thresholds_by_kept_share_of_negatives"].items():
        yield f"  threshold that keeps {float(share):.0%} of the negatives: {threshold:.6f}"
