"""What a signal is: one typed, nullable column measured on one version of a document's text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any, Literal

import pyarrow as pa

SignalType = Literal["int", "float", "bool", "string"]

ARROW_TYPES: dict[str, pa.DataType] = {
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.large_string(),
}


@dataclass(frozen=True)
class Signal:
    """One measured quantity.

    name: column name, snake_case, unique in the registry, quantity first (`mean_word_length`).
    unit: "words", "fraction", "characters", "log10", ...; fractions are 0-1.
    null_when: when the value is undefined and the column holds null; None: never null.
    """

    name: str
    type: SignalType
    unit: str
    description: str
    null_when: str | None = None


@dataclass(frozen=True)
class Family:
    """A set of signals measured together by one function over one batch.

    measure: "module:function", `(batch: pa.RecordBatch, options: Mapping) -> pa.RecordBatch`; the batch has the
        columns named in `reads`; the result has this family's signals, in order, with the same number of rows.
    isolated: True for code that holds the GIL or may crash; it then runs in a process pool.
    version: raised whenever a value may change; part of the stage key.
    """

    name: str
    version: int
    signals: tuple[Signal, ...]
    measure: str
    source: str
    reads: tuple[str, ...] = ("text",)
    isolated: bool = False
    default_options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def function(self) -> Callable[[pa.RecordBatch, Mapping[str, Any]], pa.RecordBatch]:
        module, _, name = self.measure.partition(":")
        return getattr(import_module(module), name)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(s.name, ARROW_TYPES[s.type]) for s in self.signals])
