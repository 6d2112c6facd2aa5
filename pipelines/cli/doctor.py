"""`gristmill doctor`: what this machine (or every executor of a cluster) has, and what would go wrong."""

import os
import platform
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import gristmill
import pyarrow as pa
from gristmill.kernels.cache import cache_folder
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.run.step import Finding
from gristmill.pipelines.steps import brought, installed_steps, steps_of
from gristmill.sandbox.bubblewrap import examined as examined_sandbox
from gristmill.schemas.recipe.corpus import Recipe

VERSIONED = ("numba", "numpy", "pyarrow", "pyspark", "pysail", "fasttext-community", "resiliparse")
PYTHONS = ((3, 11), (3, 12), (3, 13))  # that gristmill is tested with
_MUST_AGREE = ("gristmill", "numba", "unicode", "python", "pyarrow")


def examine(engine: Engine, cluster: bool = False, recipe: Recipe | None = None) -> Iterator[Finding]:
    """Findings in order; with `cluster` also what a function on the executors reports.

    recipe: its steps are examined too, besides those that installed packages bring.
    """
    yield f"python {platform.python_version()} at {sys.executable}", sys.version_info[:2] not in PYTHONS
    yield f"gristmill {gristmill.__version__}, " + ", ".join(f"{n} {version(n)}" for n in VERSIONED), False
    yield from _machine()
    yield _writable("kernel and table cache", cache_folder())
    yield _kernels()
    yield from _fasttext()
    yield from _optional()
    yield from _steps(recipe)
    yield _sail() if engine.name == "sail" else ("engine: Spark", False)
    if cluster:
        yield from _executors(engine)


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    yield f"cores: {cores}, memory: {gib:.1f} GiB" + ("" if gib >= 4 else " (a build wants 4 GiB)"), gib < 4
    free = shutil.disk_usage(".").free / (1 << 30)
    yield f"free disk here: {free:.1f} GiB" + ("" if free >= 2 else " (a run stores about its input)"), free < 2


def _writable(what: str, folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return f"{what}: {folder} cannot be written ({error.strerror}); set GRISTMILL_CACHE to a folder that can", True
    return f"{what}: {folder}", False


def _kernels() -> Finding:
    from gristmill.filters.registry import family

    batch = pa.record_batch({"text": pa.array(["A short text, to run one kernel."], pa.large_string())})
    answer = family("gopher_quality").function(batch, {})
    return "kernels compile and run", answer.num_rows != 1


def _fasttext() -> Iterator[Finding]:
    """Two packages bring a module `fasttext`; the one that trains must have been installed last."""
    import fasttext_pybind

    if not hasattr(fasttext_pybind, "train"):
        fix = "`pip install --force-reinstall --no-deps fasttext-community`"
        yield f"the module fasttext cannot train classifiers: another package replaced it; {fix}", True


def _optional() -> Iterator[Finding]:
    java = shutil.which("java") or (
        os.path.join(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else None
    )
    yield f"java (only for --engine spark): {java or 'not found'}", False
    works, why = examined_sandbox()
    yield f"sandbox (only for code answers): {works.program if works else f'does not work ({why})'}", False


def _steps(recipe: Recipe | None) -> Iterator[Finding]:
    """What every step says, with its name."""
    own = [] if recipe is None else steps_of(recipe)
    for step in {step.name: step for step in (*brought(), *installed_steps(), *own)}.values():
        for line, is_problem in step.examine():
            yield f"step {step.name}: {line}", is_problem


def _sail() -> Finding:
    try:
        with Engine() as engine:
            rows = engine.spark.range(3).count()
    except Exception as error:  # whatever it is, the person asked for exactly this
        return f"embedded engine (Sail) does not start: {error}", True
    return "embedded engine (Sail) starts and counts", rows != 3


def versions_here() -> dict[str, str]:
    """What must be the same on the driver and on every executor."""
    return {
        "gristmill": gristmill.__version__,
        "numba": version("numba"),
        "pyarrow": version("pyarrow"),
        "unicode": unicodedata.unidata_version,
        "python": ".".join(map(str, sys.version_info[:2])),
        "host": platform.node(),
    }


def _report_versions(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if batch.num_rows:
            yield pa.RecordBatch.from_pylist([versions_here()])


def _executors(engine: Engine) -> Iterator[Finding]:
    here = versions_here()
    columns = ", ".join(f"{name} string" for name in here)
    with engine:
        answers = (
            engine.spark.range(0, 64, 1, numPartitions=16).mapInArrow(_report_versions, columns).toArrow().to_pylist()
        )
    by_host = {answer["host"]: answer for answer in answers}
    for host, answer in sorted(by_host.items()):
        wrong = [f"{name} {answer[name]} (driver {here[name]})" for name in _MUST_AGREE if answer[name] != here[name]]
        yield (
            f"executor host {host}: " + ("mismatch: " + ", ".join(wrong) if wrong else "agrees with the driver"),
            bool(wrong),
        )
    if not by_host:
        yield "no executor answered", True
