"""From raw web pages to text; native parsers, so made to run in an isolated process."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

# isolate("module:function", config, batch) -> batch with the same number of rows; a row that killed or hung the worker
# comes back null with `error` = "crashed" | "timeout" | "memory".
Isolate = Callable[[str, dict[str, Any], pa.RecordBatch], pa.RecordBatch]

EXTRACTED = pa.schema([])
