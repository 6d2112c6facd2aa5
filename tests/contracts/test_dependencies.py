"""An installation without extras holds what the product imports, but for training, indexes of vectors and some checkers."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

CORE = ("gristmill", "schemas", "filters", "pipelines")
EXTRAS = {
    "training": ("train",),
    "gristmill": ("answers", "reasoning", "train"),
    "filters": ("curate",),
    "pipelines": ("curate",),
}
BROUGHT_ALONG = {"llvmlite": "numba", "pydantic-core": "pydantic"}  # exact partners of what is declared


def name_of(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def imports(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every package from outside that a file imports, at its top or later."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            for package in {module.split(".")[0] for module in modules}:
                if package not in sys.stdlib_module_names and package != "gristmill":
                    yield path, package


@pytest.mark.parametrize("folder", [*CORE, "training"])
def test_every_import_is_a_declared_dependency(repository: Path, folder: str) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    declared = {name_of(requirement) for requirement in project["dependencies"]}
    for extra in EXTRAS.get(folder, ()):
        declared |= {name_of(requirement) for requirement in project["optional-dependencies"][extra]}
    for partner, owner in BROUGHT_ALONG.items():
        assert owner in declared
        assert partner in {name_of(requirement) for requirement in requires(owner) or []}
    distributions = packages_distributions()
    missing = {
        f"{path.relative_to(repository)}: {package}"
        for path, package in imports(repository / folder)
        if not {name_of(name) for name in distributions.get(package, [package])} & (declared | set(BROUGHT_ALONG))
    }
    assert missing == set()
