"""Compiling functions with numba, once per machine: the three decorators of every kernel.

Compiled code is kept in a folder named by a hash of every source that it depends on. numba itself notices only a
change of the file that defines a kernel, not of a kernel or a constant that the file imports.
"""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from gristmill.kernels.cache import cache_folder
from numba import njit
from numba.core import config as numba_config
from numba.core.dispatcher import Dispatcher
from numba.core.types import unliteral

_DEFINES_KERNELS = re.compile(
    rb"from gristmill\.kernels\.compile import (?:\([^)]*|[^\n]*)\b(?:kernel|helper|inlined)\b|from numba\.extending import"
)
_CONSTANT = re.compile(rb"\b_?[A-Z][A-Z0-9_]*\b")
_IMPORTS = re.compile(rb"^[ \t]*from (gristmill[\w.]*) import (\([^)]*\)|[^\n]*)", re.M)
_njit: Any = njit  # its types name neither `_nrt` nor `forceinline`


def _load_arrays_without_scipy() -> None:
    """Import what numba knows of arrays, but not scipy's linear algebra, a sixth of a second that no kernel needs.

    numba imports it only to see that it is there. A module of its name that is empty is there as well; the real one is
    imported when something that multiplies matrices is compiled.
    """
    name = "scipy.linalg.cython_blas"
    if "scipy.linalg" in sys.modules or find_spec("scipy") is None:
        return
    sys.modules[name] = ModuleType(name)
    try:
        import_module("numba.np.arraymath")
    finally:
        del sys.modules[name]


_load_arrays_without_scipy()


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile what Python calls, or what allocates: without the interpreter lock, kept on disk."""
    return _compiled(function)


def helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile what only kernels call and what neither allocates nor calls what does.

    It has no reference counts: they are atomic additions around each call, which cost more than a short function
    does. A helper must therefore not return an array.
    """
    return _compiled(function, _nrt=False)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper into its callers: for what is called once a byte, character or word."""
    return _compiled(function, _nrt=False, forceinline=True)


def _compiled(function: Callable[..., Any], **options: bool) -> Callable[..., Any]:
    config: Any = numba_config
    kept, config.CACHE_DIR = config.CACHE_DIR, str(kernel_folder())  # other packages keep theirs where they asked for
    try:  # nobody calls them as functions of C: that wrapper would take a tenth of the time to compile
        compiled: Callable[..., Any] = _njit(nogil=True, cache=True, no_cfunc_wrapper=True, **options)(function)
    finally:
        config.CACHE_DIR = kept
    return _without_literals(compiled) if isinstance(compiled, Dispatcher) else compiled  # not: NUMBA_DISABLE_JIT


def _without_literals(compiled: Any) -> Any:
    """Compile one version for all values of a type: numba compiles another one for each literal that a call gives."""
    template = compiled.get_call_template

    def of_types(args: Any, kws: Any) -> Any:
        return template(tuple(unliteral(one) for one in args), {name: unliteral(one) for name, one in kws.items()})

    compiled.get_call_template = of_types
    return compiled


def kernel_folder() -> Path:
    """Where the compiled kernels of exactly these sources are kept: $NUMBA_CACHE_DIR, else a folder of the cache."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    return Path(chosen) if chosen else cache_folder() / "kernels" / kernel_key()


@cache
def kernel_key() -> str:
    """A hash of every source that compiled code depends on."""
    source = hashlib.blake2b(digest_size=8)
    for name, content in sorted(kernel_sources().items()):
        source.update(name.encode() + b"\0" + content)
    return source.hexdigest()


def kernel_sources() -> dict[str, bytes]:
    """Module name -> source of every module that defines compiled functions or holds constants that they read, and of
    this module, whose options they are compiled with.

    Constants are recognised by their upper-case names. tests/contracts/test_kernels.py holds every compiled function to
    reading nothing else from another module.
    """
    sources = dict(_read_modules())
    waiting = [__name__, *(name for name, content in sources.items() if _DEFINES_KERNELS.search(content))]
    reached: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        if name in sources and name not in reached:
            reached[name] = sources[name]
            imports = _IMPORTS.findall(sources[name])
            waiting += [module.decode() for module, names in imports if _CONSTANT.search(names)]
    return reached


def _read_modules() -> Iterator[tuple[str, bytes]]:
    """Every module of gristmill with its source; the layers lie in folders of their own in a checkout."""
    for package in (
        "gristmill.kernels",
        "gristmill.schemas",
        "gristmill.filters",
        "gristmill.pipelines",
        "gristmill.training",
    ):
        spec = find_spec(package)
        for place in spec.submodule_search_locations or () if spec else ():
            for path in Path(place).rglob("*.py"):
                parts = path.relative_to(place).with_suffix("").parts
                yield ".".join((package, *parts)).removesuffix(".__init__"), path.read_bytes()
