"""One embedded engine for each number of partitions."""

from collections.abc import Iterator

import pytest
from gristmill.pipelines.engine.session import Engine


class KeptEngine(Engine):
    """Stays open after a build."""

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def sail() -> Iterator[dict[int, Engine]]:
    """Number of partitions -> engine."""
    engines: dict[int, Engine] = {partitions: KeptEngine(partitions=partitions) for partitions in (1, 3, 17)}
    yield engines
    for engine in engines.values():
        engine.stop()
