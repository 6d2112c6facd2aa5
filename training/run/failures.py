"""What disks do to a training run (full, read-only, gone) as an error a person can act on."""

import contextlib
import errno
import re
from collections.abc import Iterator
from pathlib import Path

from gristmill.schemas.errors import RunError, file_system_error
from safetensors import SafetensorError

_OS_ERROR = re.compile(r"\(os error (\d+)\)")  # how safetensors, written in Rust, quotes the system
_TORCH_WRITER = re.compile(
    r"PytorchStreamWriter|inline_container|iostream error"
)  # torch.save tells of a failed write, not why


@contextlib.contextmanager
def explained(where: str | Path) -> Iterator[None]:
    """Failures of the file system leave the block as RunError; bugs leave it as they are."""
    try:
        yield
    except BrokenPipeError:
        raise  # a reader of our output has left: no failure of a disk
    except OSError as error:
        place = str(error.filename or where)
        raise file_system_error(error.errno, str(error.strerror or error), place, _ROOM) from error
    except SafetensorError as error:
        number = _OS_ERROR.search(str(error))
        if number is None:
            raise
        raise file_system_error(int(number.group(1)), str(error), str(where), _ROOM) from error
    except RuntimeError as error:
        if not _TORCH_WRITER.search(str(error)):
            raise
        raise _failed_write(error, str(where)) from error


_ROOM = "room for another checkpoint"


def _failed_write(error: RuntimeError, where: str) -> RunError:
    """torch.save does not say why it failed; the error before it sometimes does, and a full disk is what it mostly is."""
    before = error.__context__
    number = before.errno if isinstance(before, OSError) else errno.ENOSPC
    return file_system_error(number, str(error).splitlines()[0], where, _ROOM)
