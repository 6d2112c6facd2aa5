"""The whole build from Parquet (no extraction, no language identification): MB/s by stage, scaling, peak memory.

    python benchmarks/build.py [--language] [MEGABYTES ...]      default: 100 200
    python benchmarks/build.py --small                           only the fixed cost

--language: with language identification, as a build of web text has it.

The fixed cost is that of a build of one line: the median of seven, with kernels and modules compiled before.

Each build is a process of its own; memory is the most that it, the processes that it starts, and this one hold at once.
Also timed: `reselect` with one threshold changed, as a command (start and imports included) and as the decisions alone in a
process that has them loaded.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from held_memory import MostHeld
from inputs import WORK, parquet

RECIPE = """
name: bench
sources:
  - {{name: docs, path: {path}, columns: {{id: id}}}}
policy:
  profiles: [web-en]
  languages: [{languages}]
  thresholds: {{{threshold}}}
dedup:
  exact: {{normalise: [case, whitespace]}}
"""

DECISIONS_ALONE = """
import sys
import gristmill
from gristmill.console import Console

for name in ("first", "second", "third"):
    selection = gristmill.reselect(sys.argv[1], sys.argv[2], name, console=Console(quiet=True))
print(selection.decisions.seconds)
"""


SMALL_RECIPE = "name: small\nsources:\n  - {{name: docs, path: {path}}}\npolicy: {{profiles: [web-en]}}\n"
SMALL_BUILDS = 7


def gristmill(*arguments: str) -> tuple[float, str]:
    """(wall seconds, standard error) of one command."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "gristmill", *arguments], capture_output=True, text=True, check=True)
    return time.perf_counter() - started, done.stderr


def fixed_cost() -> None:
    """Print the median wall and processor seconds of builds of one line, and those of `gristmill --help`."""
    line, recipe, run = WORK / "small.jsonl", WORK / "small.yaml", WORK / "run-small"
    line.write_text(
        '{"text": "A short document of one line, that says something about the weather, and then it ends."}\n'
    )
    recipe.write_text(SMALL_RECIPE.format(path=line))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # where it is set every module is compiled in every process
    walls, processor = [], []
    for _ in range(1 + SMALL_BUILDS):
        shutil.rmtree(run, ignore_errors=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(gristmill("build", str(recipe), "--out", str(run), "--allow-incomplete")[0])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    wall, busy = statistics.median(walls[1:]), statistics.median(processor[1:])
    print(f"build of one line: {wall:.2f} s, {busy:.2f} s of processor time (medians of {SMALL_BUILDS})")
    print(f"gristmill --help: {gristmill('--help')[0]:.2f} s")


def made(megabytes: float) -> Path:
    """The input, made by a process of its own, whose memory is not counted."""
    code = f"from inputs import parquet; parquet({megabytes!r})"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True)
    return parquet(megabytes)


def build(megabytes: float, languages: str) -> dict[str, float]:
    """Build once from scratch; prints the stages' own lines."""
    run, recipe = WORK / f"run-{megabytes:g}", WORK / f"recipe-{megabytes:g}.yaml"
    shutil.rmtree(run, ignore_errors=True)
    recipe.write_text(RECIPE.format(path=made(megabytes), threshold="", languages=languages))
    with MostHeld() as memory:
        seconds, log = gristmill("build", str(recipe), "--out", str(run), "--no-report")
    size = json.loads((run / "manifest.json").read_text())["totals"]["text_bytes"] / 1e6
    held = memory.bytes / (1 << 30)
    print(f"{size:.0f} MB of text: {seconds:.1f} s, {size / seconds:.1f} MB/s, {held:.2f} GiB")
    print("  " + "\n  ".join(line for line in log.splitlines() if line))
    strict = WORK / "strict.yaml"
    strict.write_text(RECIPE.format(path=parquet(megabytes), threshold='few_words: ">= 80"', languages=languages))
    again, _ = gristmill("reselect", str(run), "--policy", str(strict), "--name", "strict", "--quiet")
    print(f"  reselect with one threshold changed: {again:.2f} s, {seconds / again:.0f} times faster than the build")
    done = subprocess.run(
        [sys.executable, "-c", DECISIONS_ALONE, str(run), str(strict)], capture_output=True, text=True, check=True
    )
    alone = float(done.stdout)
    print(f"  its decisions alone: {alone:.2f} s, {seconds / alone:.0f} times faster than the build")
    return {"megabytes": size, "seconds": seconds}


def main() -> None:
    Path(WORK).mkdir(exist_ok=True)
    fixed_cost()
    if "--small" in sys.argv:
        return
    sizes = [float(argument) for argument in sys.argv[1:] if argument != "--language"] or [100.0, 200.0]
    languages = "en" if "--language" in sys.argv else ""
    results = [build(size, languages) for size in sizes]
    if len(results) > 1:
        first, last = results[0], results[-1]
        more, longer = last["megabytes"] / first["megabytes"], last["seconds"] / first["seconds"]
        print(f"{more:.2f} times the data took {longer:.2f} times as long")


if __name__ == "__main__":
    main()
