"""completions.jsonl: what a policy wrote at some steps, one completion a line, for people and for the page."""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gristmill.training.run.files import json_lines, write_whole
from gristmill.training.run.folder import SAMPLES

SHOWN = 60
LONGEST = 2000  # characters of a text that is kept


def add_samples(run: Path, samples: Sequence[dict[str, Any]]) -> None:
    """Append completions: step, row, prompt, completion, reward (None where it was not scored)."""
    with open(run / SAMPLES, "a", encoding="utf-8") as file:
        for one in samples:
            short = {name: value[:LONGEST] if isinstance(value, str) else value for name, value in one.items()}
            file.write(json.dumps(short) + "\n")


def truncate_samples(run: Path, step: int) -> None:
    """Keep those of the steps up to `step`: later ones will be written again."""
    path = run / SAMPLES
    if path.exists():
        kept = [one for one in json_lines(path) if one is not None and one.get("step", step + 1) <= step]
        write_whole(path, "".join(json.dumps(one) + "\n" for one in kept))


def read_samples(run: Path) -> Iterator[dict[str, Any]]:
    """The last completions, oldest first."""
    names = {"step", "row", "prompt", "completion", "reward"}
    yield from deque((one for one in json_lines(run / SAMPLES) if one is not None and names <= one.keys()), SHOWN)
