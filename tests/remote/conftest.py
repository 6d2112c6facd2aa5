"""One store and one engine for the tests of a module."""

from collections.abc import Iterator

import fsspec
import pytest
import s3fs
from gristmill.pipelines.engine.session import Engine

from tests.remote.store import BUCKET, Store, running_store


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """A store with one empty bucket, which this process and those it starts find by their environment."""
    with running_store() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        fsspec.filesystem("s3").mkdir(BUCKET)
        yield server
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(scope="module")
def engine(store: Store) -> Iterator[Engine]:
    """Sail, started when the environment names the store."""
    with Engine(partitions=2) as running:
        yield running
