"""gristmill: build text corpora for language models; measure once, decide many times.

The public functions are imported on first use, so that `import gristmill` stays cheap.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "build": "gristmill.pipelines.build",
    "mix": "gristmill.pipelines.mix.command",
    "estimate": "gristmill.pipelines.estimate",
    "reselect": "gristmill.pipelines.decide.reselect",
    "materialise": "gristmill.pipelines.decide.materialise",
    "diff": "gristmill.pipelines.decide.diff",
    "forget": "gristmill.pipelines.forget.forget",
    "explain": "gristmill.pipelines.decide.explain",
    "open_run": "gristmill.pipelines.run.run",
    "load_recipe": "gristmill.schemas.recipe",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'gristmill' has no {name!r}; public names: {', '.join(sorted(_PUBLIC))}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
