"""Imports point one way, and nothing heavy is imported before it is needed."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.contracts.import_statements import imported

ALLOWED: dict[str, set[str]] = {
    "schemas": {"schemas"},
    "gristmill/chat": {"chat", "schemas"},
    "gristmill/kernels": {"kernels"},
    "gristmill/sandbox": {"sandbox", "schemas"},
    "gristmill/answers": {"answers", "sandbox", "schemas"},
    "gristmill/scorers": {"scorers", "schemas"},
    "filters": {"filters", "answers", "kernels", "schemas"},
    "pipelines": {"pipelines", "filters", "answers", "sandbox", "chat", "kernels", "console", "schemas"},
    "training": {"training", "answers", "chat", "kernels", "console", "schemas"},
}
FORBIDDEN = {
    "gristmill/chat": {"pyspark", "pysail", "torch", "transformers", "trl"},
    "gristmill/kernels": {"pyspark", "pysail", "torch", "transformers", "trl"},
    "gristmill/sandbox": {"pyspark", "pysail", "torch", "transformers", "trl"},
    "gristmill/answers": {"pyspark", "pysail", "torch", "transformers", "trl"},
    "gristmill/scorers": {"pyspark", "pysail", "trl"},
    "schemas": {"pyspark", "pysail", "torch", "transformers"},
    "filters": {"pyspark", "pysail", "torch", "transformers", "trl"},
    "pipelines": {"torch", "transformers", "trl"},
    "training": {"pyspark", "pysail"},
}
HEAVY = ("pyarrow", "numba", "numpy", "pyspark", "pysail", "pandas", "pydantic", "torch", "plotly", "spacy")


@pytest.mark.parametrize("layer", ALLOWED)
def test_imports_point_one_way(repository: Path, layer: str) -> None:
    files = sorted((repository / layer).rglob("*.py"))
    assert files
    for path in files:
        allowed = ALLOWED[layer] | ({"training"} if path.is_relative_to(repository / "pipelines" / "cli") else set())
        for name in imported(path):
            parts = name.split(".")
            assert parts[0] not in FORBIDDEN[layer], f"{path} imports {name}"
            assert parts[0] not in ALLOWED, f"{path}: a second import root, {name}"
            if parts[0] == "gristmill" and len(parts) > 1:
                assert parts[1] in allowed, f"{path} imports {name}"


# The rooms of pipelines/ from the ground up: a room imports only rooms below it, in strings of registries too.
FLOORS = (
    *(
        "engine",
        "run",
        "policy",
        "sources",
        "measure",
        "preferences",
        "embed",
        "decontamination",
        "dedup",
        "select",
        "decide",
        "cut",
        "write",
        "shards",
    ),
    *("steps", "inspect", "scrub", "build", "estimate", "signal_models", "forget", "cli"),
)
_REFERENCE = re.compile(r"gristmill\.pipelines\.(\w+)")


def room_of(path: Path, repository: Path) -> str:
    return path.relative_to(repository / "pipelines").parts[0].removesuffix(".py")


def test_rooms_stand_on_floors(repository: Path) -> None:
    """Strings count as imports. `steps` is the list of all steps, and the only file that may name what is below it so."""
    files = [path for path in sorted((repository / "pipelines").rglob("*.py")) if path.parent.name != "pipelines"]
    files += [repository / "pipelines" / f"{name}.py" for name in ("build", "estimate", "steps")]
    assert {room_of(path, repository) for path in files} == set(FLOORS)
    for path in files:
        mine = FLOORS.index(room_of(path, repository))
        for room in _REFERENCE.findall(path.read_text(encoding="utf-8")):
            assert FLOORS.index(room) <= mine, f"{path} names {room}, which is above it"


def test_no_string_of_filters_names_what_is_above(repository: Path) -> None:
    for path in sorted((repository / "filters").rglob("*.py")):
        found = re.findall(r"gristmill\.(pipelines|training)\b", path.read_text(encoding="utf-8"))
        assert not found, f"{path} names {found}"


def test_no_two_files_of_tests_have_one_name(repository: Path) -> None:
    """pytest imports a test file by its name alone, and cannot collect two of one name."""
    names = Counter(
        path.name for path in (repository / "tests").rglob("*.py") if path.stem not in ("__init__", "conftest")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_helpers_of_tests_are_imported_by_their_one_name(repository: Path) -> None:
    """`tests.builds`, not `builds`: a module under two names is two modules, with two states."""
    files = sorted((repository / "tests").rglob("*.py"))
    helpers = {path.stem for path in files if path.stem not in ("__init__", "conftest")}
    for path in [*files, *sorted((repository / "benchmarks").glob("*.py"))]:
        beside = {other.stem for other in path.parent.glob("*.py")} if path.parent.name == "benchmarks" else set()
        bare = {name for name in imported(path) if name in helpers - beside}
        assert not bare, f"{path} imports {bare}"


def test_scorers_import_torch_in_the_process_that_scores_alone(repository: Path) -> None:
    """Inside the function that loads the model, so that the module may be found by whoever names it."""
    for path in sorted((repository / "gristmill" / "scorers").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", "")]
            )
            assert not {name.split(".")[0] for name in names if name} & {"torch", "transformers"}, path


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom gristmill.pipelines.cli.main import app\n"
        "app(['--help'], standalone_mode=False)\n"
        f"print('HEAVY', sorted(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
