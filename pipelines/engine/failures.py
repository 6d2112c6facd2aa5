"""What goes wrong below gristmill (a full disk, a permission, a Spark job) as an error a person can act on."""

import contextlib
import errno
import os
import re
from collections.abc import Iterator

import gristmill.schemas.errors as known_errors
from gristmill.schemas.errors import GristmillError, RunError, file_system_error

_OURS = re.compile(r"gristmill\.schemas\.errors\.(\w+): (.+)")
_ERRNO = re.compile(r"\[errno (\d+)\]", re.IGNORECASE)
SAIL_MEMORY = "SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE"  # the setting for what Sail may hold in memory, in bytes


@contextlib.contextmanager
def explained(where: str) -> Iterator[None]:
    """Errors of the file system and of the engine leave the block as GristmillError; bugs leave it as they are."""
    try:
        yield
    except OSError as error:
        raise _of_file_system(error, where) from error
    except Exception as error:
        if not type(error).__module__.startswith("pyspark."):
            raise
        raise _of_engine(str(error), where) from error


def _of_file_system(error: OSError, where: str) -> RunError:
    place = str(error.filename or where)
    number = error.errno or _errno_in(str(error))
    if number is None and isinstance(error, PermissionError):  # an object store says no more than that
        number = errno.EACCES
    return _of_errno(number, str(error.strerror or error), place)


def _errno_in(text: str) -> int | None:
    match = _ERRNO.search(text)
    return int(match.group(1)) if match else None


def _of_errno(number: int | None, text: str, where: str) -> RunError:
    return file_system_error(number, text, where, room="room for about as much as the input")


def _of_engine(text: str, where: str) -> GristmillError:
    """An error of ours raised on an executor as itself; anything else as a RunError that quotes its last line."""
    ours = _OURS.findall(text)
    if ours:
        name, message = ours[-1]
        chosen: type[GristmillError] = getattr(known_errors, name)
        return chosen(message.strip())
    number = _errno_in(text)
    if number is not None:
        return _of_errno(number, text, where)
    if "Resources exhausted" in text:
        return RunError(
            f"the engine needs more memory for one step: {text[text.index('Resources exhausted') :].splitlines()[0][:300]}",
            where=where,
            expected=f"steps within {int(os.environ.get(SAIL_MEMORY, 0)) / 1e9:.1f} GB",
            next_step=f"set {SAIL_MEMORY} to more bytes and run the same command: it goes on from here",
        )
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("at ")]
    causes = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b.*:", line)]
    return RunError(
        f"the engine failed: {(causes or lines or ['no message'])[-1][:500]}",
        where=where,
        next_step="the same command goes on from here; `gristmill doctor` checks the engine",
    )
