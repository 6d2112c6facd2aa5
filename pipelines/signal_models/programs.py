"""KenLM's programs: found beside Python or on the PATH, run with limits of memory and a place for temporary files."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gristmill.schemas.errors import ModelError, RunError


def program(name: str) -> str:
    """The path of `lmplz` or `build_binary`; ModelError says how to get it."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise ModelError(
            f"the program {name} is missing",
            where="gristmill lm train",
            expected=f"KenLM's {name} beside Python or on the PATH",
            next_step="`make kenlm` builds it from KenLM's source package (it needs cmake, a C++ compiler and Boost)",
        )
    return found


def run_program(arguments: Sequence[str | Path], input_file: Path | None = None) -> None:
    """Run one to its end; RunError with the last lines it said when it fails."""
    with (input_file or Path("/dev/null")).open("rb") as given:
        done = subprocess.run([str(argument) for argument in arguments], stdin=given, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-4:]
        raise RunError(
            f"{Path(str(arguments[0])).name} failed ({done.returncode}): {' / '.join(said)[-600:]}",
            where="gristmill lm train",
            next_step="see its message; more memory is `--memory`, more disk is `--temporary`",
        )
