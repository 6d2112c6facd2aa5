"""The rows of a run in hand: as pandas, Arrow or Hugging Face data, or one by one."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import iterate_part, read_part
from gristmill.pipelines.run.shown import Shown
from gristmill.schemas.errors import PackageError
from gristmill.schemas.lookup import load_object
from gristmill.schemas.manifest import DatasetManifest

if TYPE_CHECKING:
    import pandas as pd


class DatasetRows(Shown):
    """A dataset of a run. `len` is its number of rows; iterating gives them as dicts, a batch of them in memory."""

    def __init__(self, storage: Storage, manifest: DatasetManifest) -> None:
        self.storage, self.manifest = storage, manifest

    def __len__(self) -> int:
        return self.manifest.rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches():
            yield from batch.to_pylist()

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows batch by batch, for data that does not fit into memory. columns: None for all."""
        for part in self.manifest.parts:
            yield from iterate_part(self.storage, part, None if columns is None else list(columns))

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows in memory. columns: None for all."""
        tables = [
            read_part(self.storage, part, None if columns is None else list(columns)) for part in self.manifest.parts
        ]
        return pa.concat_tables(tables) if tables else pa.table({})

    def to_pandas(self, columns: Sequence[str] | None = None) -> "pd.DataFrame":
        """All rows as a DataFrame. PackageError without pandas."""
        try:
            return self.to_arrow(columns).to_pandas()
        except ModuleNotFoundError as error:
            raise _missing(error) from error

    def to_dataset(self) -> Any:
        """All rows as a `datasets.Dataset` of Hugging Face, memory-mapped where the run is local.

        PackageError without the package `datasets`.
        """
        try:
            dataset = load_object("datasets:Dataset")  # of an extra
        except ModuleNotFoundError as error:
            raise _missing(error) from error
        if not self.storage.is_local:
            return dataset(self.to_arrow())
        return dataset.from_parquet([self.storage.path(part.path) for part in self.manifest.parts if part.rows])

    def __str__(self) -> str:
        return f"{self.manifest.name}: {self.manifest.rows:,} rows in {len(self.manifest.parts):,} parts"


def _missing(error: ModuleNotFoundError) -> PackageError:
    return PackageError(
        f"the package {error.name} is not installed",
        expected="a package that this answer is made of",
        next_step=f"`pip install {error.name}`, or `to_arrow()`",
    )
