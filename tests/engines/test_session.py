"""Engines one after the other in one process."""

import pytest
from gristmill.pipelines.engine.session import Engine


@pytest.mark.java
def test_the_embedded_engine_starts_after_spark_and_again() -> None:
    for name in ("spark", "sail", "sail"):
        with Engine(name) as engine:
            assert engine.spark.range(3).count() == 3
