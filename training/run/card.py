"""README.md of a finished model: what it was made of and how, in the form that model hubs read."""

import json
from pathlib import Path
from typing import Any

import gristmill
import yaml
from gristmill.training.run import logs
from gristmill.training.run.folder import read_training
from gristmill.training.run.kind import Kind

CARD = "README.md"
CLOCK = ("step", "branch", "event", "seconds", "sequences_per_second", "tokens_per_second", "mfu")
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
        *[
            f"- gristmill's commit {commit}"
            for commit in [commit_of_clone(Path(gristmill.__file__).parent.parent)]
            if commit
        ],
    ]
    return "\n".join(parts) + "\n"


def commit_of_clone(folder: Path) -> str | None:
    """The commit that is checked out in a git clone; None for a folder that is none, as of an installed package."""
    git = folder / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        name = head.removeprefix("ref: ")
        if name == head:
            return head
        if (git / name).is_file():
            return (git / name).read_text(encoding="utf-8").strip()
        packed = (git / "packed-refs").read_text(encoding="utf-8").splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {name}")), None)
    except (OSError, UnicodeDecodeError):
        return None


def _last_figures(run: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in logs.read(run / logs.LOG):
        found |= {name: value for name, value in line.items() if isinstance(value, (int, float)) and name not in CLOCK}
    return found


def _plain(value: Any) -> str:
    """A value in one line that cannot end the code that it stands in."""
    return (value if isinstance(value, str) else json.dumps(value)).replace("`", "'").replace("\n", " ")
