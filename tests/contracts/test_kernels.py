"""What holds for every compiled function: how it may answer, and that its cache is keyed by all that it reads."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest
from gristmill.kernels.compile import kernel_key, kernel_sources

UNCOUNTED = {"helper", "inlined"}
COMPILED = UNCOUNTED | {"kernel"}


def compiled_functions(tree: ast.Module, decorators: set[str]) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and decorators & {getattr(item, "id", "") for item in node.decorator_list}:
            yield node


def uncounted_functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for name, source in kernel_sources().items():
        for function in compiled_functions(ast.parse(source), UNCOUNTED):
            yield name, function


def returned_arrays(function: ast.FunctionDef) -> list[str]:
    """Names that a function returns, alone or in a tuple, and has indexed: those are arrays."""
    nodes = list(ast.walk(function))
    indexed = {node.value.id for node in nodes if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)}
    answers = [node.value for node in nodes if isinstance(node, ast.Return)]
    parts = [part for answer in answers for part in (answer.elts if isinstance(answer, ast.Tuple) else [answer])]
    sliced = [ast.unparse(p) for p in parts if isinstance(p, ast.Subscript) and isinstance(p.slice, ast.Slice)]
    return sliced + [part.id for part in parts if isinstance(part, ast.Name) and part.id in indexed]


def test_no_kernel_without_reference_counts_returns_an_array() -> None:
    """The caller would give back a count that was never taken."""
    functions = list(uncounted_functions())
    assert len(functions) > 150
    assert {(name, node.name): found for name, node in functions if (found := returned_arrays(node))} == {}


def test_arrays_are_noticed() -> None:
    for body in ("a[0] = 1; return a", "a[0] = 1; return 1, a", "return a[1:]"):
        (function,) = ast.parse(f"def f(a):\n    {body}").body
        assert isinstance(function, ast.FunctionDef)
        assert returned_arrays(function)


def names_imported(tree: ast.Module) -> dict[str, str]:
    """Name -> module for what a module imports from gristmill at its top."""
    return {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gristmill.")
        for alias in node.names
        if node.module
    }


def names_read(tree: ast.Module) -> set[str]:
    """Global names that the compiled functions of a module read, with those from which such globals are computed."""
    functions = list(compiled_functions(tree, COMPILED))
    read = {node.id for function in functions for node in ast.walk(function) if isinstance(node, ast.Name)}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        assigned = {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        value = getattr(node, "value", None)
        if assigned & read and value is not None:
            read |= {name.id for name in ast.walk(value) if isinstance(name, ast.Name)}
    return read


def test_every_compiled_function_reads_only_what_its_cache_is_keyed_by() -> None:
    sources = kernel_sources()
    assert len(sources) > 80
    unkeyed = set()
    for module, source in sources.items():
        tree = ast.parse(source)
        read = names_read(tree) - COMPILED
        foreign = {name: origin for name, origin in names_imported(tree).items() if origin not in sources}
        unkeyed |= {f"{module} reads {name} of {foreign[name]}" for name in read & foreign.keys()}
    assert unkeyed == set()


@pytest.mark.parametrize(
    "module",
    [
        "gristmill.pipelines.shards.encoding.merges",
        "gristmill.kernels.hashing",
        "gristmill.filters.text.unicode_tables",
        "gristmill.training.data.stream.packing",
    ],
)
def test_a_changed_source_of_any_layer_gives_another_key(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = kernel_sources()
    before = kernel_key()
    monkeypatch.setattr("gristmill.kernels.compile.kernel_sources", lambda: sources | {module: sources[module] + b"\n"})
    kernel_key.cache_clear()
    try:
        assert kernel_key() != before
    finally:
        kernel_key.cache_clear()


def test_kernels_run_without_scipy_and_matrices_are_multiplied_with_it() -> None:
    code = (
        "import sys; import numpy as np; import pyarrow as pa; from gristmill.filters.language.scripts import script_numbers; "
        "assert script_numbers(pa.array(['grain']))[0] == 1; assert 'scipy.linalg' not in sys.modules; "
        "import numba; product = numba.njit(lambda a: a @ a)(2 * np.eye(3)); assert product.sum() == 12; "
        "from scipy.linalg.cython_blas import __pyx_capi__ as api; assert 'dgemm' in api"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
