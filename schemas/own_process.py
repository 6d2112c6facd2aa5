"""A module of this package in a process of its own."""

import json
import os
import sys

# Folders of this process come behind those of a bare interpreter: neither the working directory nor a script's folder may
# hide a module of Python or of this package by a file of the same name.
_START = (
    "import json, sys; from importlib import import_module; module, folders = sys.argv[1:3]; del sys.argv[1:3]; "
    "sys.path += [folder for folder in json.loads(folders) if folder not in sys.path]; import_module(module).main()"
)


def command_of(module: str, *arguments: str) -> list[str]:
    """The command of a process that calls `main()` of a module, with the arguments in `sys.argv[1:]`.

    It finds the modules that this process finds.
    """
    folders = [folder or os.getcwd() for folder in sys.path]
    return [sys.executable, "-P", "-c", _START, module, json.dumps(folders), *arguments]
