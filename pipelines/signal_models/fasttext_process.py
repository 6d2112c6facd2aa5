"""fastText's training in a process of its own: `main`, with options and the path of the model as arguments.

fastText fills only the first tenth of its weights and leaves the others as the allocator hands them out, so that a second
training in one process starts from whatever the first one freed, often not even from numbers. Here glibc hands every
block out zeroed: the same lines and seed give the same model.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gristmill.schemas.errors import InputError
from gristmill.schemas.own_process import command_of

# glibc: what is allocated is filled with the complement of this byte, and nothing comes from caches that skip that.
ALLOCATOR = {"MALLOC_PERTURB_": "255", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


def train_in_process(arguments: Mapping[str, Any], model: Path) -> None:
    """`fasttext.train_supervised(**arguments)` saved as `model`; InputError when it fails."""
    command = command_of("gristmill.pipelines.signal_models.fasttext_process", json.dumps(dict(arguments)), str(model))
    done = subprocess.run(command, env={**os.environ, **ALLOCATOR}, capture_output=True, check=False)
    if done.returncode or not model.is_file():
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise InputError(
            f"fastText failed: {' '.join(said)[:300] or done.returncode}",
            where="gristmill classifier train",
            next_step="of `Encountered NaN` a smaller --learning-rate is the cure, of lack of memory fewer --buckets",
        )


def main() -> None:
    import fasttext

    fasttext.train_supervised(**json.loads(sys.argv[1])).save_model(sys.argv[2])
