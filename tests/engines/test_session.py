"""Engines one after the other, and beside each other, in one process."""

import pytest
from gristmill.pipelines.engine.session import Engine


@pytest.mark.java
def test_the_embedded_engine_starts_after_spark_and_again() -> None:
    for name in ("spark", "sail", "sail"):
        with Engine(name) as engine:
            assert engine.spark.range(3).count() == 3


@pytest.mark.java
def test_engines_open_at_once_have_sessions_of_their_own() -> None:
    with Engine("sail") as outer:
        assert outer.spark.range(3).count() == 3
        with Engine("spark") as spark:
            assert spark.spark.session_id != outer.spark.session_id
            with Engine("sail") as inner:
                assert inner.spark.range(4).count() == 4
            assert spark.spark.range(5).count() == 5
        assert outer.spark.range(6).count() == 6
