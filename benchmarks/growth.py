"""Curves of growth: time and memory of every quantity that a corpus grows in, at once, twice and four times a size.

    python benchmarks/growth.py [CURVE ...]                     all curves at their usual sizes
    python benchmarks/growth.py near --documents 20000000       near duplicates of that many short documents
    python benchmarks/growth.py metadata --parts 100000         what the driver does for so many parts, and holds
    python benchmarks/growth.py requests                        requests to an object store for each part and stage

A curve is linear when its last column stays near 1: processor seconds for each item, relative to the smallest size. Each
point is a process of its own; its memory is the most that the process and those it started held at once. `tests/growth`
runs the same work at the smallest sizes and counts calls and bytes, which is no question of the machine.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from growth_curves import CURVES, Curve
from growth_driver import print_metadata, print_requests
from held_memory import MostHeld
from inputs import WORK

FACTORS = (1, 2, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", nargs="*", metavar="CURVE", help=f"of {', '.join(CURVES)}, near, metadata, requests")
    parser.add_argument("--documents", type=int, default=500_000, help="of the curve near")
    parser.add_argument("--parts", type=int, default=100_000, help="of the curve metadata")
    parser.add_argument("--one", nargs=2, metavar=("CURVE", "SIZE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    if given.one:
        print(json.dumps(measured(CURVES[given.one[0]], int(given.one[1]))))
        return
    unknown = [name for name in given.curves if name not in (*CURVES, "near", "metadata", "requests")]
    if unknown:
        parser.error(f"no curve {unknown[0]!r}")
    for name in given.curves or CURVES:
        if name == "metadata":
            with tempfile.TemporaryDirectory(dir=WORK, prefix="metadata-") as folder:
                print_metadata(given.parts, Path(folder))
        elif name == "requests":
            print_requests()
        elif name == "near":
            point(CURVES["near"], given.documents)
        else:
            curve(CURVES[name])


def curve(chosen: Curve) -> None:
    """Print the points of one curve."""
    print(f"\n{chosen.name}: {chosen.what}")
    print(
        f"{chosen.unit:>14} {'seconds':>9} {'of processors':>14} {'MB held':>9} {'of processors a unit, relative':>31}"
    )
    first = None
    for factor in FACTORS:
        found = in_a_process(chosen, chosen.size * factor)
        used = found["cpu_seconds"]
        first = first or used
        print(
            f"{chosen.size * factor:>14,} {found['seconds']:>9.2f} {used:>14.2f} {found['bytes'] / 1e6:>9.0f} "
            f"{used / factor / first:>31.2f}",
            flush=True,
        )


def point(chosen: Curve, size: int) -> None:
    """Print one point of a curve."""
    found = in_a_process(chosen, size)
    print(
        f"{chosen.name}: {size:,} {chosen.unit}: {found['seconds']:.0f} s ({found['cpu_seconds']:.0f} s of processors), "
        f"{found['bytes'] / 2**30:.2f} GiB at most"
    )


def in_a_process(chosen: Curve, size: int) -> dict[str, float]:
    """What one point takes, measured where nothing was run before it."""
    command = [sys.executable, __file__, "--one", chosen.name, str(size)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(chosen: Curve, size: int) -> dict[str, float]:
    """Seconds, processor seconds and most bytes held while the work of a curve runs here."""
    with tempfile.TemporaryDirectory(dir=WORK, prefix=f"{chosen.name}-") as folder:
        work = chosen.prepare(Path(folder), size)
        process = psutil.Process()
        before, started = cpu_seconds(process), time.perf_counter()
        with MostHeld() as memory:
            work()
        seconds = time.perf_counter() - started
        used = cpu_seconds(process) - before
        shutil.rmtree(folder, ignore_errors=True)
    return {"seconds": seconds, "cpu_seconds": used, "bytes": memory.bytes}


def cpu_seconds(process: psutil.Process) -> float:
    """Of a process and of those it started and waited for."""
    return sum(process.cpu_times()[:4])


if __name__ == "__main__":
    main()
