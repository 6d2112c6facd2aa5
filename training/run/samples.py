"""completions.jsonl: what a policy wrote at some steps, one completion a line, for people and for the page."""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gristmill.training.data.files import json_lines, write_whole
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
        kept = [one for one in json_lines(path) if _is_sample(one) and one["step"] <= step]  # type: ignore[index]
        write_whole(path, "".join(json.dumps(one) + "\n" for one in kept))


def read_samples(run: Path) -> Iterator[dict[str, Any]]:
    """The last completions, oldest first."""
    yield from deque((one for one in json_lines(run / SAMPLES) if one is not None and _is_sample(one)), SHOWN)


def _is_sample(one: dict[str, Any] | None) -> bool:
    """Whether a line is as `add_samples` writes it."""
    if one is None or not all(isinstance(one.get(name), str) for name in ("row", "prompt", "completion")):
        return False
    return isinstance(one.get("step"), int) and isinstance(one.get("reward", ""), int | float | None)
