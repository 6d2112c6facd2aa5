"""`build --sample`: keep rate, time and disk of a recipe, from a build of a sample."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.run.shown import Tabled
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe.corpus import Recipe


@dataclass(frozen=True)
class Estimate(Tabled):
    """Figures of the whole build, extrapolated from a sample of `fraction` of the documents.

    incomplete: as of a run.
    seconds: reading as measured (the whole input was read), the other stages divided by the fraction.
    keep_fraction: of documents; duplicates are found less often in a sample, so it is an upper bound with dedup on.
    """

    fraction: float
    sampled_documents: int
    documents: int
    keep_fraction: float
    keep_fraction_low: float
    keep_fraction_high: float
    corpus_bytes: int
    disk_bytes: int
    seconds: float
    has_dedup: bool
    incomplete: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row with every figure."""
        return [{**asdict(self), "incomplete": list(self.incomplete)}]

    def __str__(self) -> str:
        bound = " (an upper bound: a sample shows fewer duplicates)" if self.has_dedup else ""
        return "\n".join(
            [
                f"sample: {self.sampled_documents:,} documents, {self.fraction:.3%} of about {self.documents:,}",
                f"keep rate: {self.keep_fraction:.1%}, 95 % interval {self.keep_fraction_low:.1%} to "
                f"{self.keep_fraction_high:.1%}{bound}",
                f"corpus: about {self.corpus_bytes / 1e6:,.1f} MB of text",
                *(f"INCOMPLETE: {sentence}" for sentence in self.incomplete),
                f"time: about {self.seconds:,.0f} s on this engine; disk of the run: about {self.disk_bytes / 1e6:,.1f} MB",
            ]
        )


def parse_fraction(text: str) -> float:
    """`1%` or `0.01` as 0.01; RecipeError outside (0, 1]."""
    try:
        value = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise RecipeError(f"sample {text!r}", expected="a fraction such as 1% or 0.01")
    return value


def estimate(
    recipe: Recipe | Mapping[str, Any] | str | Path,
    fraction: float,
    out: str | None = None,
    *,
    engine: Engine | None = None,
    console: Console | None = None,
) -> Estimate:
    """Build a sample of the documents and say what the whole build would keep, take and write.

    recipe: an object, a mapping, or the path of a YAML file. fraction: of the documents, above 0 and at most 1; which ones is a
    function of their ids, so they are always the same. out: the folder in which the sample's run is kept; None: nowhere.
    Raises RecipeError, InputError and ModelError as `build` does.
    """
    if out is not None:
        return _extrapolate(build(recipe, out, engine=engine, sample=fraction, console=console), fraction)
    with tempfile.TemporaryDirectory(prefix="gristmill-sample-") as folder:
        run = build(recipe, f"{folder}/run", engine=engine, sample=fraction, console=console, report=False)
        return _extrapolate(run, fraction)


def _extrapolate(run: Run, fraction: float) -> Estimate:
    totals, seconds = run.summary["totals"], run.summary["stage_seconds"]
    documents = totals["documents"]
    kept = totals["kept"] / documents if documents else 0.0
    low, high = _wilson(totals["kept"], documents)
    reading = seconds[layout.DOCUMENTS.folder]
    rest = run.summary["seconds"] - reading
    return Estimate(
        fraction=fraction,
        sampled_documents=documents,
        documents=run.summary["balance"]["left_out_by_sample"] + documents,
        keep_fraction=kept,
        keep_fraction_low=low,
        keep_fraction_high=high,
        corpus_bytes=round(totals["corpus_bytes"] / fraction),
        disk_bytes=round(_disk_bytes(run) / fraction),
        seconds=reading + rest / fraction,
        has_dedup=run.recipe.dedup.exact is not None,
        incomplete=run.incomplete,
    )


def _wilson(successes: int, count: int) -> tuple[float, float]:
    """95 % score interval of a proportion (Wilson 1927); (0, 1) when nothing was counted."""
    if not count:
        return 0.0, 1.0
    z = 1.959964
    p = successes / count
    centre = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (p * (1 - p) / count + z * z / (4 * count * count)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def _disk_bytes(run: Run) -> int:
    stages = [run.documents, *run.signals.values(), run.decisions, run.dataset(layout.CORPUS.folder)]
    return sum(part.bytes for stage in stages for part in stage.parts)
