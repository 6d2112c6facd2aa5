"""The program: `gristmill`, and `python -m gristmill`."""

import atexit
import os
import sys

from gristmill.schemas.own_process import collect_seldom

_exit_codes: list[int] = []


def main() -> None:
    """Run the command line, and end the process once everything that was to be done at its end has been done.

    Python would then take down module by module what libraries loaded: a third of a second, after which nothing differs.
    """
    atexit.register(_end_at_once)  # what is registered first runs last, when all threads have ended
    collect_seldom()
    from gristmill.pipelines.cli.main import main as command_line

    try:
        command_line()
    except SystemExit as leaving:
        if leaving.code is None or isinstance(leaving.code, int):
            _exit_codes.append(leaving.code or 0)
        raise
    _exit_codes.append(0)


def _end_at_once() -> None:
    """Leave with the exit code that is known; after an error that nobody foresaw Python leaves as always."""
    if not _exit_codes:
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # a closed pipe or stream: Python says so, and leaves with a code of its own
        return
    os._exit(_exit_codes[0])


if __name__ == "__main__":
    main()
