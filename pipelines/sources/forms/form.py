"""What a form of records is, and what a record of it may give beside rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from gristmill.schemas.recipe.source import Source, brought_forms
from gristmill.schemas.rows.kind import RowError

Record = Mapping[str, Any]  # a JSON object or table row; every string in it is valid Unicode

# Keys that rows of each kind use themselves: a column of such a name that a form does not read is kept under another name.
OWN_KEYS = {
    "conversation": ("messages",),
    "pair": ("prompt", "chosen", "rejected"),
    "prompt": ("prompt", "answer"),
}


class Dropped(NamedTuple):
    """A comparison that becomes no row by the recipe's word, such as a tie. reason: a short snake_case fact, counted."""

    reason: str


FORM_FAILED = "form_failed"  # the reason where a form of another package fails, which costs a record and no run
Result = TypeVar("Result")
Row = dict[str, Any]  # as `RowKind.encode` takes it


class Joined(NamedTuple):
    """Neighbouring records as one. record: None where they make none. lost: (place among them, reason, detail) of those that
    are no part of it."""

    record: Record | None
    lost: Sequence[tuple[int, str, str]] = ()


@dataclass(frozen=True)
class Gathering:
    """How a form puts neighbouring records of a file together, such as the messages of a tree in a table of messages.

    key: what records that belong together share; None: this record stands for itself. join: one record made of them.
    """

    key: Callable[[Record], Any]
    join: Callable[[Sequence[Record]], Joined]


@dataclass(frozen=True)
class Form:
    """One way to publish rows of other kinds than documents.

    name: in recipes (`format: alpaca`). kinds: the row kinds that its records become. matches: whether a record has
    this form, by the names of its columns and the values in them; never raises. rows: the rows of that kind that a
    record of this form holds, usually one, and what is dropped; RowError for a record that is none. The source says further
    options. gathering: where a row needs several records. A form is asked in the order of the registry, special ones before
    general ones.
    """

    name: str
    kinds: tuple[str, ...]
    matches: Callable[[Record], bool]
    rows: Callable[[Record, str, Source], Sequence[Row | Dropped]]
    gathering: Gathering | None = None


def beside(record: Record, kind: str, *read: str | None) -> Row:
    """The columns of a record that its form does not read, as they are; one that is named like a key of the row's own
    gets the prefix `source_`."""
    own = OWN_KEYS.get(kind, ())
    return {f"source_{name}" if name in own else name: value for name, value in record.items() if name not in read}


def first_of(record: Record, names: Sequence[str], kinds: type | tuple[type, ...]) -> str | None:
    """The first of these columns that a record has with a value of one of these types; None: it has none."""
    return next((name for name in names if isinstance(record.get(name), kinds)), None)


def filled(record: Record, name: str | None) -> str | None:
    """The string under a name, None where it is none or blank."""
    value = None if name is None else record.get(name)
    return value if isinstance(value, str) and value.strip() else None


def called(form: Form, function: Callable[..., Result], *arguments: Any) -> Result:
    """What a function of the form gives. RowError for whatever one of another package raises: a record costs no run."""
    try:
        return function(*arguments)
    except (RowError, RecursionError):
        raise
    except Exception as error:
        if form.name in brought_forms():
            raise
        raise RowError(FORM_FAILED, f"the form {form.name} raised {type(error).__name__}: {error}") from error


def checked_row(form: Form, row: Any) -> Row:
    """The row as it is; RowError where a form of another package gave another thing."""
    if not isinstance(row, Mapping):
        raise RowError(FORM_FAILED, f"the form {form.name} gave a {type(row).__name__}, not a row")
    return dict(row)
