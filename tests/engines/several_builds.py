"""Builds one after the other on one engine, so that they share one start of it.

Usage: `python several_builds.py ENGINE MASTER '{"HASHSEED": [["recipe.yaml", "run", PARTITIONS], ...], ...}'`; MASTER
may be empty. Builds of the first hash seed are this process's; those of every other are made by a process with that
seed, which reaches the same engine through its `sc://` endpoint.
"""

import json
import os
import subprocess
import sys

from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.dedup import exact
from gristmill.pipelines.dedup.near import buckets, outcome
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.sources import colliding_ids

Build = tuple[str, str, int]


class LastingEngine(Engine):
    """An engine that goes on running when a build is done with it."""

    def stop(self) -> None:
        pass

    def use_partitions(self, count: int) -> None:
        self.partitions = count
        if self.name == "spark":
            self.spark.conf.set("spark.sql.shuffle.partitions", str(count))

    def endpoint(self) -> str:
        return f"sc://localhost:{self.spark.conf.get('spark.connect.grpc.binding.port')}"


def main(name: str, master: str, builds: dict[str, list[Build]]) -> None:
    (_, own), *others = builds.items()
    for module in (colliding_ids, exact, buckets, outcome):
        module.IN_MEMORY_ROWS = 0  # what engines are compared for; see test_few_rows
    engine = LastingEngine(name, master or None, partitions=own[0][2])
    for recipe, out, partitions in own:
        engine.use_partitions(partitions)
        build(recipe, out, engine=engine, console=Console(quiet=True), report=False)
    for seed, theirs in others:
        arguments = [__file__, name, engine.endpoint(), json.dumps({seed: theirs})]
        subprocess.run([sys.executable, *arguments], env={**os.environ, "PYTHONHASHSEED": seed}, check=True)
    Engine.stop(engine)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
