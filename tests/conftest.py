"""Which tests run here: those whose programs this machine has; what is left out is said at the end, or fails."""

import gc
import os
import shutil
import sys
from pathlib import Path

import pytest
from gristmill.sandbox.bubblewrap import examined

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

LONGEST = "tests/engines/test_engines.py"  # minutes of starting Spark: the other process does the rest meanwhile


def pytest_configure(config: pytest.Config) -> None:
    required = [name for name in os.environ.get("GRISTMILL_REQUIRE", "").split(",") if name]
    missing = [name for name in required if not _has(name)]
    if missing:
        raise pytest.UsageError(f"required here but not installed: {', '.join(missing)}")
    os.environ.setdefault("JAVA_TOOL_OPTIONS", SHORT_LIVED_JAVA)
    # A test process has one core: two threads each would wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests whose program is missing; the longest file comes first."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
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
    return Path(__file__).resolve().parent.parent
