"""fastText's options by their meaning, and training with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from gristmill.filters.model_signals.classifier import NEGATIVE, POSITIVE
from gristmill.pipelines.signal_models.fasttext_process import train_in_process
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.signal_models import LineNormalisation, file_hash

WHERE = "gristmill classifier train"
LabelledText = tuple[str, bool]  # a line as fastText reads it, and whether it is positive


@dataclass(frozen=True)
class FasttextOptions:
    """How a classifier learns. Options that are None are chosen on a part of the texts to learn from.

    learning_rate: at the start. epochs: passes over the texts. word_ngrams: longest run of words that is a feature.
    character_ngrams: shortest and longest run of letters; (0, 0) is none. dimensions, buckets: of the vectors.
    diluted: texts made of two, as a share of those to learn from: with a positive one in it a text is positive, so that
        one sentence decides about a text. max_texts: of each label, those of the lowest hashes.
    threads: more than one is faster and never the same again.
    """

    learning_rate: float | None = None
    epochs: int | None = None
    word_ngrams: int | None = None
    character_ngrams: tuple[int, int] | None = None
    dimensions: int = 32
    buckets: int = 500_000
    min_count: int = 1
    normalisation: LineNormalisation = "words"
    diluted: float = 0.0
    max_texts: int = 400_000
    threads: int = 1
    seed: int = 0

    def check(self) -> None:
        """Raises RecipeError if the options are invalid."""
        if self.normalisation not in get_args(LineNormalisation):
            raise RecipeError(
                f"normalisation {self.normalisation!r}",
                where=WHERE,
                expected=" or ".join(get_args(LineNormalisation)),
            )
        for name in ("dimensions", "epochs", "word_ngrams", "buckets", "min_count", "max_texts", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RecipeError(f"{name} {value}", where=WHERE, expected="1 at least")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise RecipeError(f"learning rate {self.learning_rate}", where=WHERE, expected="a number above 0")
        if not 0 <= self.diluted <= 10:
            raise RecipeError(f"diluted {self.diluted}", where=WHERE, expected="0 (none) to 10 times the texts")
        least, most = self.character_ngrams or (0, 0)
        if not 0 <= least <= most:
            raise RecipeError(
                f"character n-grams of {least} to {most}", where=WHERE, expected="0 0 (none), or such as 2 5"
            )


def train(texts: Sequence[LabelledText], model: Path, work: Path, options: FasttextOptions) -> str:
    """Train on the texts and save the model; returns the hash of what was learnt from. No option may be None."""
    assert options.character_ngrams is not None
    path = work / f"{model.stem}.txt"
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
