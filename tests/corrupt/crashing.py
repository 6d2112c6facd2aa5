"""A signal family as a native parser may behave: it crashes, hangs, raises or eats memory, as the text says."""

import os
import time
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from gristmill.schemas.signals import Family, Signal
from gristmill.schemas.strict import Strict


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """characters: of the text; process: who counted them."""
    counts = []
    for text in batch.column("text").to_pylist():
        if "CRASH" in (text or ""):
            os.abort()
        if "HANG" in (text or ""):
            time.sleep(3600)
        if "RAISE" in (text or ""):
            raise ValueError("cannot parse")
        if "MEMORY" in (text or ""):
            bytearray(64 << 30)
        counts.append(len(text or ""))
    return pa.record_batch({"characters": pa.array(counts), "process": pa.array([os.getpid()] * batch.num_rows)})


def meet(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    """As `measure`, but no process answers before a second one has come to `options["meeting"]`."""
    folder = options["meeting"]
    open(os.path.join(folder, str(os.getpid())), "w").close()
    deadline = time.monotonic() + 60
    while len(os.listdir(folder)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    return measure(batch, options)


SIGNALS = (
    Signal("characters", "int", "characters", "length of the text"),
    Signal("process", "int", "id", "the process that counted"),
)
FAMILY = Family("crashing", 1, SIGNALS, "tests.corrupt.crashing:measure", "tests", isolated=True)


class MeetingOptions(Strict):
    meeting: str | None = None


MEETING = Family("meeting", 1, SIGNALS, "tests.corrupt.crashing:meet", "tests", isolated=True, options=MeetingOptions)
