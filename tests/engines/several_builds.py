"""Several builds one after the other on one engine, so that they share one start of it.

Usage: `python several_builds.py ENGINE MASTER '[["recipe.yaml", "run", PARTITIONS], ...]'`; MASTER may be empty.
"""

import json
import sys

from gristmill.pipelines.build import build
from gristmill.pipelines.console import Console
from gristmill.pipelines.engine.session import Engine


class LastingEngine(Engine):
    """An engine that goes on running when a build is done with it; it ends with the process."""

    def stop(self) -> None:
        pass

    def use_partitions(self, count: int) -> None:
        self.partitions = count
        for key, value in self._session_options().items():
            self.spark.conf.set(key, value)


if __name__ == "__main__":
    name, master, builds = sys.argv[1], sys.argv[2] or None, json.loads(sys.argv[3])
    engine = LastingEngine(name, master, partitions=builds[0][2])
    for recipe, out, partitions in builds:
        engine.use_partitions(partitions)
        build(recipe, out, engine=engine, console=Console(quiet=True), report=False)
    Engine.stop(engine)
