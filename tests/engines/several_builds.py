"""Several `gristmill` commands one after the other in one process, so that they share one start of the JVM.

Usage: `python several_builds.py '[["build", "recipe.yaml", "--out", "run"], ...]'`.
"""

import json
import sys

from gristmill.pipelines.cli.main import app

if __name__ == "__main__":
    for arguments in json.loads(sys.argv[1]):
        app(arguments, standalone_mode=False)
