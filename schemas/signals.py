"""What a signal is: one typed, nullable column measured on one version of a document's text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version as distribution_version
from typing import Any, Literal

import pyarrow as pa
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import load_object, nearest_name

SignalType = Literal["int", "float", "bool", "string"]

ARROW_TYPES: dict[str, pa.DataType] = {
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.large_string(),
}


FamilyKey = tuple[str, str]  # family, text version


def error_column(name: str) -> str:
    """The column that says why a record could not be measured."""
    return f"{name}_error"


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
        columns named in `reads`, then `inputs`; the result has this family's signals, in order, whatever its columns are
        called, with the same number of rows.
    reads: columns of documents/; with `pieces` and `fields` it measures whole rows. rows: the kinds of rows that it is for;
        none: every kind. inputs: signals of other families, measured on the original text.
    isolated: True for code that holds the GIL or may crash; it then runs in a process pool.
    batch_rows: most rows of one call, for slow models; None: as they come.
    version: raised whenever a value may change; part of the stage key.
    libraries: distributions whose version can change a value; part of the stage key.
    prepare: "module:function" of an isolated family, `(batch, options) -> batch` with as many rows: what of a batch goes to
        the pool at all. Runs in the caller's process, so it must not hold the GIL.
    check: "module:function", called with the options before anything starts; raises ModelError or RecipeError.
    """

    name: str
    version: int
    signals: tuple[Signal, ...]
    measure: str
    source: str
    reads: tuple[str, ...] = ("text",)
    rows: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    isolated: bool = False
    batch_rows: int | None = None
    default_options: Mapping[str, Any] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    check: str | None = None
    prepare: str | None = None

    @cached_property
    def function(self) -> Callable[[pa.RecordBatch, Mapping[str, Any]], pa.RecordBatch]:
        function: Callable[[pa.RecordBatch, Mapping[str, Any]], pa.RecordBatch] = load_object(self.measure)
        return function

    @cached_property
    def prepared(self) -> Callable[[pa.RecordBatch, Mapping[str, Any]], pa.RecordBatch]:
        """`prepare`, or the batch as it is."""
        function: Callable[[pa.RecordBatch, Mapping[str, Any]], pa.RecordBatch]
        function = load_object(self.prepare) if self.prepare else lambda batch, options: batch
        return function

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raise before the run starts for an unknown option, or a model or list that cannot be used."""
        for key in options:
            if key not in self.default_options:
                near = nearest_name(key, self.default_options)
                known = ", ".join(self.default_options) or "no options"
                raise RecipeError(
                    f"unknown option `{key}`" + (f"; did you mean `{near}`?" if near else ""),
                    where=f"signals.{self.name}",
                    expected=known,
                )
        if self.check:
            load_object(self.check)(options)

    def library_versions(self) -> dict[str, str]:
        return {name: distribution_version(name) for name in self.libraries}

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(s.name, ARROW_TYPES[s.type]) for s in self.signals])
