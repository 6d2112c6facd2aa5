"""Tests call what the product offers: none imports, reads or replaces a private name of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

# Names that begin with an underscore and are none of gristmill's.
FOREIGN = {
    "_attn_implementation": "transformers' configuration",
    "_exit": "os",
    "_replace": "named tuples",
    "_repr_html_": "IPython's protocol",
    "_repr_mimebundle_": "IPython's protocol",
    "_zip_directory_cache": "zipimport",
}
SETTERS = ("setattr", "getattr", "delattr", "hasattr")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in FOREIGN


def private_names(source: str) -> Iterator[str]:
    """Every private name of another object that a file imports, reads or replaces, with its line."""
    for node in ast.walk(ast.parse(source)):
        found: list[str] = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gristmill"):
            found = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls"):
            found = [node.attr]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in SETTERS:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            found = [name for text in texts for name in text.replace(":", ".").split(".")]
        yield from (f"{node.lineno}: {name}" for name in found if is_private(name))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "source",
    [
        "from gristmill.a import _b",
        "from gristmill._a import b",
        "a._b",
        "a._b = 1",
        'monkeypatch.setattr(a, "_b", 1)',
        'monkeypatch.setattr("gristmill.a._b", 1)',
        'getattr(a, "_b")',
    ],
)
def test_each_way_is_found(source: str) -> None:
    assert list(private_names(source))


def test_no_test_reaches_for_a_private_name(repository: Path) -> None:
    files = sorted((repository / "tests").rglob("*.py"))
    assert len(files) > 200
    found = {str(path.relative_to(repository)): list(private_names(path.read_text(encoding="utf-8"))) for path in files}
    assert {path: names for path, names in found.items() if names} == {}
