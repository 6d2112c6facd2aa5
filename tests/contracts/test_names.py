"""One name for one thing: no two classes of the product share a name."""

import ast
from collections import defaultdict
from pathlib import Path

FOLDERS = ("gristmill", "schemas", "filters", "pipelines", "training")


def test_no_two_classes_have_one_name(repository: Path) -> None:
    places = defaultdict(list)
    for folder in FOLDERS:
        for path in (repository / folder).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path.relative_to(repository)))
    assert len(places) > 300
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}
