"""Rows that come in any order, given back group by group in bounded memory.

What does not fit waits in a temporary Arrow file, cut by group, so that neither the number of groups nor that of the rows
is bound by memory or by open files.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from types import TracebackType
from typing import IO

import numpy as np
import pyarrow as pa

SPILL_BYTES = 64 << 20


class Regroup:
    """Collects batches; then gives the batches of each group, by the int64 column `by`, in the order they came in.

    A context manager: its temporary file goes with the block. Memory: SPILL_BYTES three times while sorting, then one group.
    """

    def __init__(self, schema: pa.Schema, by: str, spill_bytes: int = SPILL_BYTES) -> None:
        self.schema, self.by, self.spill_bytes = schema, by, spill_bytes
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._stored: dict[int, list[int]] = {}  # group -> numbers of its batches in the file
        self._held: dict[int, pa.RecordBatch] = {}  # group -> its rows, where all of them fitted
        self._count = 0
        self._file: IO[bytes] | None = None
        self._writer: pa.RecordBatchFileWriter | None = None
        self._reader: pa.RecordBatchFileReader | None = None

    def __enter__(self) -> "Regroup":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # of a full disk: the file is given up anyway
                self._file.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows with the columns of the schema."""
        if not batch.num_rows:
            return
        self._waiting.append(batch.select(self.schema.names).cast(self.schema))
        self._waiting_bytes += batch.nbytes
        if self._waiting_bytes > self.spill_bytes:
            self._spill()

    def _sorted(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """(group, rows) of what waits, in order of the groups; nothing waits afterwards."""
        table = pa.Table.from_batches(self._waiting, self.schema).combine_chunks()
        self._waiting, self._waiting_bytes = [], 0
        groups = table.column(self.by).to_numpy()
        order = np.argsort(groups, kind="stable")
        groups = groups[order]
        ordered = table.take(pa.array(order)).combine_chunks()
        del table
        edges = np.flatnonzero(np.diff(groups, prepend=groups[:1] - 1, append=groups[-1:] + 1)).tolist()
        for start, end in pairwise(edges):
            yield int(groups[start]), ordered.slice(start, end - start).to_batches()[0]

    def _spill(self) -> None:
        if self._writer is None:
            self._file = tempfile.TemporaryFile(prefix="gristmill-regroup-")  # noqa: SIM115  closed by __exit__
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_file(pa.PythonFile(self._file, "w"), self.schema, options=options)
        for group, rows in self._sorted():
            self._writer.write_batch(rows)
            self._stored.setdefault(group, []).append(self._count)
            self._count += 1

    def close(self) -> None:
        """Everything was added: from here on groups are given back."""
        if self._writer is None:
            self._held = dict(self._sorted()) if self._waiting else {}
            return
        if self._waiting:
            self._spill()
        self._writer.close()
        assert self._file is not None
        self._file.flush()
        self._file.seek(0)
        self._reader = pa.ipc.open_file(pa.PythonFile(self._file, "r"))

    def numbers(self) -> list[int]:
        """The groups that have rows, in order."""
        return sorted(self._held or self._stored)

    def rows(self, group: int) -> pa.Table:
        """The rows of one group, none where there is no such group."""
        if self._reader is None:
            batches = [self._held[group]] if group in self._held else []
        else:
            batches = [self._reader.get_batch(number) for number in self._stored.get(group, [])]
        return pa.Table.from_batches(batches, self.schema)
