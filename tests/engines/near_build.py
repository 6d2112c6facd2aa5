"""A build with near-duplicate removal in a process of its own: `python near_build.py RECIPE OUT ENGINE MEMORY_ROWS`.

MEMORY_ROWS: the largest problem decided in memory; 0 makes every decision in rounds of DataFrame operations.
"""

import sys

from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.dedup.near import decide
from gristmill.pipelines.engine.session import Engine


def main() -> None:
    recipe, out, name, memory_rows = sys.argv[1:]
    decide.IN_MEMORY = decide.InMemory(rows=int(memory_rows), hashes=int(memory_rows) * 1000)
    build(recipe, out, engine=Engine(name=name, cores=2, partitions=3), console=Console(quiet=True), report=False)


if __name__ == "__main__":
    main()
