"""A process that is gristmill's own: a command, or a module of this package in a process of its own."""

import gc
import json
import os
import sys
from importlib import import_module

# Of new objects, after which Python looks for cycles among them. Its own number, 700, makes it look 600 times while modules
# are imported, which leave hardly any: a quarter of the time that a small build takes.
NEW_OBJECTS = 10_000

# Folders of this process come behind those of a bare interpreter: neither the working directory nor a script's folder may
# hide a module of Python or of this package by a file of the same name.
_START = (
    "import json, sys; module, folders = sys.argv[1:3]; del sys.argv[1:3]; "
    "sys.path += [folder for folder in json.loads(folders) if folder not in sys.path]; "
    f"from {__name__} import run_module; run_module(module)"
)


def command_of(module: str, *arguments: str) -> list[str]:
    """The command of a process that calls `main()` of a module, with the arguments in `sys.argv[1:]`.

    It finds the modules that this process finds.
    """
    folders = [folder or os.getcwd() for folder in sys.path]
    return [sys.executable, "-P", "-c", _START, module, json.dumps(folders), *arguments]


def run_module(module: str) -> None:
    """What such a process does."""
    collect_seldom()
    import_module(module).main()


def collect_seldom() -> None:
    """Look for cycles of objects seldom. For processes of gristmill's own: it is a setting of the whole interpreter, which
    belongs to whoever started it.
    """
    gc.set_threshold(NEW_OBJECTS)
