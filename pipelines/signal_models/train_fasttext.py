"""Training a fastText classifier of two labels, read by the families `quality_<name>` and `toxicity_<name>`.

What the texts are for: pipelines/models/sample. Options that are not given are chosen on a part of the texts to learn
from (pipelines/signal_models/choose_options). With one thread and a seed the same texts give the same model bytes again.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gristmill
import numpy as np
from gristmill.console import Console
from gristmill.filters.fasttext.classify import fasttext_classifier
from gristmill.filters.model_signals.classifier import (
    calibrated,
    log_odds,
    probability_of,
    raw_probability,
)
from gristmill.pipelines.signal_models.choose_options import choose_options
from gristmill.pipelines.signal_models.fasttext_options import WHERE, FasttextOptions, LabelledText, train
from gristmill.pipelines.signal_models.figures import best_threshold, figures, fit_calibration, threshold_for_share
from gristmill.pipelines.signal_models.folder import new_folder
from gristmill.pipelines.signal_models.sample import (
    TEST,
    TRAIN,
    TUNE,
    Labelled,
    TextSample,
    diluted,
    make_sample,
    read_groups,
)
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.source import Columns
from gristmill.schemas.signal_models import Classifier, file_hash, write_model

KEEP_FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.5)
CHANCE = 0.55  # an area under the curve whose interval reaches below it is hardly better than a coin


def train_fasttext(
    out: str | Path,
    *,
    positives: Sequence[str] = (),
    negatives: Sequence[str] = (),
    labelled: Labelled | Sequence[Labelled] = (),
    keep_fraction: float | None = None,
    options: FasttextOptions | None = None,
    columns: Columns | None = None,
    console: Console | None = None,
) -> Classifier:
    """Train into the new folder `out` and return its manifest.

    positives, negatives: runs, recipes or files of texts of one label; labelled: files with a label column. All of them
    are learnt from together. keep_fraction: the default threshold keeps at most this share of the held-out negatives
    (raw web, say); None: the threshold of the best F1. Raises InputError for texts that cannot be read or are too few.
    """
    given = options or FasttextOptions()
    console = console or Console()
    sets = (labelled,) if isinstance(labelled, Labelled) else tuple(labelled)
    given.check()
    _check(keep_fraction, positives, negatives, sets)
    with new_folder(out) as folder, tempfile.TemporaryDirectory(prefix="gristmill-classifier-") as scratch:
        work = Path(scratch)
        sample = make_sample(read_groups(positives, negatives, sets, given, columns, work, console), given)
        copies = (
            f"{sample.near_copies:,} near copies (similarity {sample.similarity:g} and above) stay with their first"
        )
        console.log(f"texts: {sample.counts()}; {copies}")
        if sample.contradicted:
            console.log(f"texts: {sample.contradicted:,} with both labels left out")
        choice = choose_options(sample, given, work, console)
        chosen = choice.options
        model = folder / "model.bin"
        fingerprint = train(diluted(sample.of(TRAIN), chosen.diluted, chosen.seed), model, work, chosen)
        console.log(f"trained: {model.stat().st_size / 1e6:.1f} MB")
        calibration, threshold, measured = _measured(sample, model, chosen, keep_fraction)
        manifest = Classifier(
            kind="fasttext",
            gristmill=gristmill.__version__,
            files={model.name: file_hash(model)},
            training={
                "options": {**asdict(chosen), "character_ngrams": list(chosen.character_ngrams or ())},
                "tried": [{**tried, "auc": area} for tried, area in choice.tried],
                "chosen_with_auc": choice.area,
                "sources_kept_out": choice.sources,
                "fingerprint": fingerprint,
                "texts": sample.counts(),
                "near_copies": sample.near_copies,
                "near_copy_similarity": sample.similarity,
                "both_labels": sample.contradicted,
                "keep_fraction": keep_fraction,
            },
            name=Path(out).name,
            model=model.name,
            normalisation=chosen.normalisation,
            calibration=calibration,
            threshold=threshold,
            held_out=measured,
        )
        write_model(folder, manifest)
    fasttext_classifier.cache_clear()
    probability_of.cache_clear()
    return manifest


def _check(
    keep_fraction: float | None, positives: Sequence[str], negatives: Sequence[str], labelled: Sequence[Labelled]
) -> None:
    if not labelled and not (positives and negatives):
        raise RecipeError(
            "what is to be learnt",
            where=WHERE,
            expected="--positives and --negatives, or --labelled with its columns, or both",
        )
    if keep_fraction is not None and not 0 < keep_fraction < 1:
        raise RecipeError(f"keep fraction {keep_fraction}", where=WHERE, expected="between 0 and 1")


def _measured(
    sample: TextSample, model: Path, options: FasttextOptions, keep_fraction: float | None
) -> tuple[tuple[float, float], float, dict[str, Any]]:
    """(calibration, threshold, held-out figures): fitted on the texts to tune on, measured on those to test on."""
    raw = raw_probability(model, options.normalisation)
    tuned = _scored(sample.of(TUNE), raw)
    slope, intercept = fit_calibration(np.array([log_odds(score) for score in tuned[0]]), tuned[1])
    scores = np.array([calibrated(score, slope, intercept) for score in tuned[0]])
    keep = {str(share): threshold_for_share(scores[~tuned[1]], share)[0] for share in KEEP_FRACTIONS}
    threshold = best_threshold(scores, tuned[1])
    if keep_fraction is not None:
        threshold = threshold_for_share(scores[~tuned[1]], keep_fraction)[0]
    tested = _scored(sample.of(TEST), raw)
    final = np.array([calibrated(score, slope, intercept) for score in tested[0]])
    measured = figures(final, tested[1], threshold, options.seed)
    measured["calibration_error_before"] = figures(tested[0], tested[1], threshold, options.seed)["calibration_error"]
    measured["thresholds_by_kept_share_of_negatives"] = keep
    return (slope, intercept), threshold, measured


def _scored(texts: Sequence[LabelledText], probability: Any) -> tuple[np.ndarray, np.ndarray]:
    scores = [probability(line) for line, _ in texts]
    return np.array(scores, float), np.array([truth for _, truth in texts], bool)


def warning(manifest: Classifier) -> str | None:
    """What to say of a classifier that has learnt next to nothing; None for any other."""
    area, low, _ = (0.0 if number is None else number for number in manifest.held_out["auc"])
    if low >= CHANCE:
        return None
    options = manifest.training["options"]
    return (
        f"the classifier tells the labels hardly apart: held-out AUC {area:.3f}, at least {low:.3f} with 95 % confidence "
        f"(0.5 is a coin). Learnt with learning rate {options['learning_rate']} and {options['epochs']} epochs from "
        f"{sum(manifest.training['texts'][TRAIN].values()):,} texts; leave both out to have them chosen, give more texts, or "
        "look whether the labels say what you think"
    )


def report(manifest: Classifier) -> Iterator[str]:
    """Lines for a person: what was learnt with, and the held-out figures."""
    found, learnt = manifest.held_out, manifest.training
    shown = ("word_ngrams", "character_ngrams", "learning_rate", "epochs", "diluted")
    said = ", ".join(f"{name.replace('_', ' ')} {learnt['options'][name]}" for name in shown)
    yield f"learnt with: {said}" + (f"; the best of {len(learnt['tried'])} tried" if learnt["tried"] else "")
    if learnt["sources_kept_out"] and learnt["chosen_with_auc"] is not None:
        yield (
            f"on a source that nothing was learnt from: AUC {learnt['chosen_with_auc']:.4f} "
            f"(mean of {learnt['sources_kept_out']}, each kept out in turn)"
        )
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
