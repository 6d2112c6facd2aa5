"""Kernels compiled ahead, in processes that take one name after the other."""

import os
from pathlib import Path

import pytest
from gristmill.console import Console
from gristmill.pipelines.engine.warm import spread_by_prefix, warm_kernels


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of compiled kernels of its own, for this process's children too."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_names_that_share_a_prefix_are_taken_in_different_turns() -> None:
    names = ["c4_code", "c4_paper", "c4_dolma", "gopher_a", "gopher_b", "pii"]
    assert spread_by_prefix(names) == ["c4_code", "gopher_a", "pii", "c4_paper", "gopher_b", "c4_dolma"]


def test_what_compiles_is_marked_and_what_fails_stops_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    warm_kernels(["signals:no_such_family", "signals:content_key", "signals:bad_words"], Console())
    assert [path.name for path in (cache / "warm").iterdir()] == ["signals-content_key"]
