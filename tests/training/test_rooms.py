"""Rooms of training stand on floors, and the loop knows no kind of training."""

import ast
from collections.abc import Iterator
from pathlib import Path

FLOORS = ("data", "stability", "objectives", "models", "score", "run", "rewards", "kinds", "inspect")
ALONE = ("compute_budget",)
REGISTRY = "gristmill.training.kinds.registry"  # strings: the loop finds a kind by its name


def imports(repository: Path) -> Iterator[tuple[str, str, Path]]:
    """(room, module of training that it imports, file)."""
    root = repository / "training"
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gristmill.training."):
                yield path.relative_to(root).parts[0], node.module or "", path


def test_a_room_imports_only_rooms_below_it(repository: Path) -> None:
    for room, module, path in imports(repository):
        other = module.split(".")[2]
        if room in ALONE:
            assert other == room, f"{path} imports {module}"
        elif module != REGISTRY:
            assert FLOORS.index(other) <= FLOORS.index(room), f"{path} imports {module}"


def test_nothing_lies_between_the_rooms(repository: Path) -> None:
    assert [path.name for path in (repository / "training").glob("*.py")] == ["__init__.py"]
    rooms = {path.name for path in (repository / "training").iterdir() if path.is_dir() and path.name[0] not in "_."}
    assert rooms == {*FLOORS, *ALONE}


def test_the_loop_knows_no_kind_of_training(repository: Path) -> None:
    """What a batch is made of, and what a loss is, the loop asks the kind."""
    for room, module, path in imports(repository):
        if room == "run":
            parts = module.split(".")[2:]
            assert parts[0] != "objectives", f"{path} imports {module}"
            assert parts[:2] != ["data", "stream"], f"{path} imports {module}"
            assert parts[0] != "kinds" or module == REGISTRY, f"{path} imports {module}"
