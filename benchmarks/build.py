"""The whole build from Parquet (no extraction, no language identification): MB/s by stage, scaling, peak memory.

    python benchmarks/build.py [--language] [MEGABYTES ...]      default: 100 200

--language: with language identification, as a build of web text has it.

Each build is a process of its own; memory is the most that it, the processes that it starts, and this one hold at once.
Also timed: `reselect` with one threshold changed, as a command (start and imports included) and as the decisions alone in a
process that has them loaded.
"""

import json
import shutil
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


def gristmill(*arguments: str) -> tuple[float, str]:
    """(wall seconds, standard error) of one command."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "gristmill", *arguments], capture_output=True, text=True, check=True)
    return time.perf_counter() - started, done.stderr


def build(megabytes: float, languages: str) -> dict[str, float]:
    """Build once from scratch; prints the stages' own lines."""
    run, recipe = WORK / f"run-{megabytes:g}", WORK / f"recipe-{megabytes:g}.yaml"
    shutil.rmtree(run, ignore_errors=True)
    recipe.write_text(RECIPE.format(path=parquet(megabytes), threshold="", languages=languages))
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
    sizes = [float(argument) for argument in sys.argv[1:] if argument != "--language"] or [100.0, 200.0]
    languages = "en" if "--language" in sys.argv else ""
    Path(WORK).mkdir(exist_ok=True)
    empty = WORK / "empty.jsonl"
    empty.write_text("")
    (WORK / "empty.yaml").write_text(
        RECIPE.format(path=empty, threshold="", languages="").replace("columns: {id: id}", "format: jsonl")
    )
    shutil.rmtree(WORK / "run-empty", ignore_errors=True)
    nothing = ("build", str(WORK / "empty.yaml"), "--out", str(WORK / "run-empty"), "--allow-incomplete")
    seconds, _ = gristmill(*nothing)
    print(f"empty build: {seconds:.1f} s; gristmill --help: {gristmill('--help')[0]:.2f} s")
    gristmill(*nothing)
    results = [build(size, languages) for size in sizes]
    if len(results) > 1:
        first, last = results[0], results[-1]
        more, longer = last["megabytes"] / first["megabytes"], last["seconds"] / first["seconds"]
        print(f"{more:.2f} times the data took {longer:.2f} times as long")


if __name__ == "__main__":
    main()
