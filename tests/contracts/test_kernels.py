"""Kernels without reference counts hand out no array: the caller would give back a count that was never taken."""

import ast
from collections.abc import Iterator
from pathlib import Path

UNCOUNTED = {"helper", "inlined"}


def uncounted_functions(repository: Path) -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted(path for folder in ("filters", "pipelines") for path in (repository / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                decorators = {item.id for item in node.decorator_list if isinstance(item, ast.Name)}
                if decorators & UNCOUNTED:
                    yield str(path), node


def returned_arrays(function: ast.FunctionDef) -> list[str]:
    """Names that a function returns, alone or in a tuple, and has indexed: those are arrays."""
    nodes = list(ast.walk(function))
    indexed = {node.value.id for node in nodes if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)}
    answers = [node.value for node in nodes if isinstance(node, ast.Return)]
    parts = [part for answer in answers for part in (answer.elts if isinstance(answer, ast.Tuple) else [answer])]
    sliced = [ast.unparse(p) for p in parts if isinstance(p, ast.Subscript) and isinstance(p.slice, ast.Slice)]
    return sliced + [part.id for part in parts if isinstance(part, ast.Name) and part.id in indexed]


def test_no_kernel_without_reference_counts_returns_an_array(repository: Path) -> None:
    functions = list(uncounted_functions(repository))
    assert len(functions) > 150
    assert {(path, node.name): found for path, node in functions if (found := returned_arrays(node))} == {}


def test_arrays_are_noticed() -> None:
    for body in ("a[0] = 1; return a", "a[0] = 1; return 1, a", "return a[1:]"):
        (function,) = ast.parse(f"def f(a):\n    {body}").body
        assert isinstance(function, ast.FunctionDef)
        assert returned_arrays(function)
