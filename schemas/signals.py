"""What a signal is: one typed, nullable column measured on one version of a document's text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version as distribution_version
from typing import Any, Literal

import pyarrow as pa
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.lookup import load_object
from gristmill.schemas.strict import Strict
from gristmill.schemas.yaml_files import validated

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


class NoOptions(Strict):
    """Options of a family that has none."""


@dataclass(frozen=True)
class Family:
    """A set of signals measured together by one function over one batch.

    measure: "module:function", `(batch: pa.RecordBatch, options: Mapping) -> pa.RecordBatch`; the batch has the
        columns named in `reads`, then `inputs`; the result has this family's signals, in order, whatever its columns are
        called, with the same number of rows. options: every one of `options`, as plain data (numbers, strings, lists).
    options: the model of what a recipe may say of the family under `signals`; a path in it is a `RecipePath`.
    reads: columns of documents/; with `pieces` and `fields` it measures whole rows. rows: the kinds of rows that it is for;
        none: every kind. inputs: signals of other families, measured on the original text.
    isolated: True for code that holds the GIL or may crash; it then runs in a process pool.
    batch_rows: most rows of one call, for slow models; None: as they come.
    version: raised whenever a value may change; part of the stage key.
    libraries: distributions whose version can change a value; part of the stage key.
    prepare: "module:function" of an isolated family, `(batch, options) -> batch` with as many rows: what of a batch goes to
        the pool at all. Runs in the caller's process, so it must not hold the GIL.
    check: "module:function", called with the options before anything starts, for what a type cannot say: files, models.
        Raises ModelError, InputError or RecipeError.
    recipe_key: the key of a recipe under which signals are asked for that a step measures, and not under `signals`.
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
    options: type[Strict] = NoOptions
    libraries: tuple[str, ...] = ()
    check: str | None = None
    prepare: str | None = None
    recipe_key: str = ""

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

    def complete_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every option as plain data: those that are given, checked, and the defaults of the others.

        Raises RecipeError with every key that is unknown, missing, or has a wrong value.
        """
        if self.recipe_key:
            raise self.not_under_signals()
        return validated(self.options, dict(given), at=("signals", self.name)).model_dump(mode="json")

    def not_under_signals(self) -> RecipeError:
        """The error for a family that a step measures, where `signals` or a rule asks for it alone."""
        return RecipeError(
            f"`{self.name}` is no family to list under `signals`, and its rules need what it is measured with",
            expected=f"it under `{self.recipe_key}`",
        )

    def check_options(self, given: Mapping[str, Any]) -> None:
        """Raise before the run starts for an option that is wrong, or a model or list that cannot be used."""
        options = self.complete_options(given)
        if self.check:
            load_object(self.check)(options)

    def library_versions(self) -> dict[str, str]:
        return {name: distribution_version(name) for name in self.libraries}

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(s.name, ARROW_TYPES[s.type]) for s in self.signals])
