"""Compiled functions of training: `kernel` is numba's njit with its cache where the user can write.

The cache folder is named by a hash of the sources below training/: numba does not see that a kernel imported from
another file changed. Arrays go in and out; nothing here imports torch.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba import types
from numba.core import config as numba_config
from numba.extending import intrinsic


@cache
def _folder() -> str:
    source = hashlib.blake2b(digest_size=8)
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source.update(path.read_bytes())
    base = os.environ.get("GRISTMILL_CACHE") or Path(
        os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "gristmill"
    )
    return str(Path(base) / "kernels" / f"training-{source.hexdigest()}")


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on first call, without the interpreter lock, and keep the result on disk."""
    config: Any = numba_config
    kept, config.CACHE_DIR = config.CACHE_DIR, _folder()  # other packages keep their kernels where they asked for
    try:
        return numba.njit(nogil=True, cache=True)(function)
    finally:
        config.CACHE_DIR = kept


def _pointer(kind: Any) -> Any:
    """A function of kernels from an address (int64) to a pointer to numbers of this type, for numba's `carray`."""

    @intrinsic
    def pointer(typing_context, address):  # type: ignore[no-untyped-def]
        result = types.CPointer(kind)

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return builder.inttoptr(arguments[0], context.get_value_type(result))

        return result(types.int64), generate

    return pointer


uint8_at, uint16_at, int32_at = _pointer(types.uint8), _pointer(types.uint16), _pointer(types.int32)
