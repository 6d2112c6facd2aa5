"""Which tests run here: those whose programs this machine has; what is left out is said at the end, or fails."""

import gc
import os
import shutil
import sys
from importlib import import_module
from pathlib import Path

import hypothesis
import pytest
from gristmill.sandbox.bubblewrap import examined

# Time never decides a test.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = {
    "bwrap": (),  # it may be installed and yet not work, in a container without namespaces: see _has
    "java": ("java",),
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "lmplz": ("lmplz", str(Path(sys.executable).parent / "lmplz")),
}


def _has(marker: str) -> bool:
    if marker == "bwrap":
        return examined()[0] is not None
    if marker == "java" and os.environ.get("JAVA_HOME"):
        return True
    return any(shutil.which(program) for program in PROGRAMS[marker])


# Spark in tests lives for a minute: half of what it does then is optimising code that will not run again.
SHORT_LIVED_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

# A file runs in one process: those that take longest come first, so that no process ends long after the others.
LONGEST = (
    "tests/engines/test_engines.py",
    "tests/test_recorded.py",
    "tests/test_documentation.py",
    "tests/pipelines/run/test_resume.py",
    "tests/remote/test_object_store.py",
    "tests/pipelines/measure/test_datatrove_build.py",
    "tests/training/stability/test_poison.py",
    "tests/training/kinds/test_pair_kinds.py",
    "tests/training/kinds/test_pretrain_objectives.py",
    "tests/training/run/test_run_states.py",
    "tests/training/kinds/test_own_kind.py",
    "tests/remote/test_requests.py",
)


def pytest_configure(config: pytest.Config) -> None:
    required = [name for name in os.environ.get("GRISTMILL_REQUIRE", "").split(",") if name]
    missing = [name for name in required if not _has(name)]
    if missing:
        raise pytest.UsageError(f"required here but not installed: {', '.join(missing)}")
    if gone := [name for name in LONGEST if not (ROOT / name).is_file()]:
        raise pytest.UsageError(f"LONGEST in {__file__} names files that are not there: {', '.join(gone)}")
    os.environ.setdefault("JAVA_TOOL_OPTIONS", SHORT_LIVED_JAVA)
    # A test process has one core: two threads each would wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection(session: pytest.Session) -> None:
    """Import without full collections, of which all that is imported stays; of several test processes each begins with
    its own share of the files, so that pytest rewrites the assertions of each file once and the others read them."""
    gc.disable()
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    files = sorted(path for place in session.config.args for path in _test_files(Path(place.partition("::")[0])))
    share = int(worker["workerid"].removeprefix("gw"))
    for path in files[share :: worker["workercount"]]:
        try:
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        except (Exception, pytest.skip.Exception):  # pytest comes to this file later, and says so
            continue


def _test_files(place: Path) -> list[Path]:
    return [path.resolve() for path in ([place] if place.is_file() else place.rglob("test_*.py"))]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests whose program is missing; the longest files come first."""
    turns = {name: turn for turn, name in enumerate(LONGEST)}
    items.sort(key=lambda item: turns.get(item.nodeid.partition("::")[0], len(turns)))
    absent = [name for name in PROGRAMS if not _has(name)]
    chosen, removed = [], []
    for item in items:
        (removed if any(item.get_closest_marker(name) for name in absent) else chosen).append(item)
    if removed:
        config.hook.pytest_deselected(items=removed)
        items[:] = chosen


def pytest_collection_finish(session: pytest.Session) -> None:
    """What the test files have imported stays: without this every full collection (accelerate makes one for each run of
    training) looks through all of torch and transformers again, which takes longer than a tiny run."""
    gc.enable()
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name in PROGRAMS:
        if not _has(name):
            terminalreporter.write_line(f"left out: the tests that need {name}, which is not installed")


@pytest.fixture(autouse=True)
def _no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT
