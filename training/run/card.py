"""README.md of a finished model: what it was made of and how, in the form that model hubs read."""

import json
from pathlib import Path
from typing import Any

import yaml
from gristmill.training.run import logs
from gristmill.training.run.folder import read_training
from gristmill.training.run.kind import Kind

CARD = "README.md"
CLOCK = ("step", "branch", "event", "seconds", "sequences_per_second", "tokens_per_second", "mfu", "notice")
FENCE = "~~~~~~~~"  # longer than what the text of a recipe may hold in a line of its own


def card(run: Path, kind: Kind, step: int) -> str:
    """The card of the model that a run has made in `step` steps: data with its plan, recipe, last figures, versions."""
    record = read_training(run)
    recipe = record["recipe"]
    adapter = recipe.get("adapter")
    head = {"library_name": "peft" if adapter else "transformers", "tags": ["gristmill", recipe["kind"]]}
    figures = _last_figures(run)
    parts = [
        "---\n" + yaml.safe_dump(head) + "---",
        f"# {recipe['name']}",
        f"Trained by gristmill (`kind: {recipe['kind']}`), {step:,} steps of {recipe['batch_sequences']:,} sequences.",
        "## Data",
        *[f"- {name}: `{_plain(value)}`" for name, value in {"plan": record["plan_id"], **kind.data_facts()}.items()],
        "## Figures of the last step",
        *[f"- {name}: {value:.6g}" for name, value in figures.items()],
        "## Recipe",
        f"{FENCE}yaml\n{yaml.safe_dump(recipe, sort_keys=False)}{FENCE}",
        "## Versions",
        *[f"- {name} {number}" for name, number in record["versions"].items()],
    ]
    return "\n".join(parts) + "\n"


def _last_figures(run: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in logs.read(run / logs.LOG):
        found |= {name: value for name, value in line.items() if isinstance(value, (int, float)) and name not in CLOCK}
    return found


def _plain(value: Any) -> str:
    """A value in one line that cannot end the code that it stands in."""
    return (value if isinstance(value, str) else json.dumps(value)).replace("`", "'").replace("\n", " ")
