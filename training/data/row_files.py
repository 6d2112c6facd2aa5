"""Rows to train on, from files: JSON Lines, Parquet, folders of them, and what a run of gristmill has written.

In: a path. Out: `Rows`, each with an id: its column `id` or `doc_id`, else the file and the row's number in it. Values that
are null are left out of a row, at any depth, as if the column were not there. The corpus of a run whose rows are no
documents is read as its records: `messages`, or `prompt`, `chosen` and `rejected`, and whatever else they hold. The rows are
held in memory: sets of conversations, preferences and prompts are far smaller than corpora.
"""

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from gristmill.schemas import layout
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.forgetting import ForgetRequest
from gristmill.schemas.rows.kind import RowKind
from gristmill.schemas.rows.registry import DOCUMENT, row_kind
from gristmill.training.data.rows import Rows

LINES, COMPRESSED, TABLE = ".jsonl", ".jsonl.gz", ".parquet"
IDS = ("id", "doc_id")
SHOWN = 3


def read_rows(path: str) -> Rows:
    """Every row of a file, a folder of files in the order of their names, or a run's corpus.

    RecipeError where there is nothing to read, for a line that is no JSON object, and for ids that stand twice.
    """
    found = list(_traced_rows(path))
    ids = [name for name, _, _ in found]
    refuse_repeated(ids, path)
    return Rows([record for _, record, _ in found], ids, path, [origin for _, _, origin in found])


def iterate_rows(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(id, record) of every row, one after the other, as `read_rows` has them; ids are not compared."""
    for name, record, _ in _traced_rows(path):
        yield name, record


def _traced_rows(path: str) -> Iterator[tuple[str, dict[str, Any], tuple[str, str | None]]]:
    """(id, record, (source, URL)) of every row."""
    root = Path(path)
    kind = _kind_of_run(root)
    for file in row_files(path):
        for number, record in enumerate(_records(file), 1):
            where = f"{file}:{number}"
            try:
                plain = _plain(record if kind is None else _decoded(record, kind, where))
            except RecursionError as error:
                raise RecipeError("values within values, too deep", where=where, expected="a row") from error
            given = next((plain[name] for name in IDS if name in plain), None)
            name = f"{file.name}#{number}" if given is None else str(given)
            yield _writable(name), plain, _origin(record, str(file))


def refuse_repeated(ids: Iterable[str], path: str) -> None:
    """RecipeError where two rows have one id."""
    repeated = [name for name, count in Counter(ids).items() if count > 1]
    if repeated:
        raise RecipeError(
            f"{len(repeated):,} ids stand twice or more, {repeated[0]!r} among them",
            where=path,
            expected="one id for each row, so that a row can be named",
            next_step="rename the column id, or leave it out: rows are then named by file and line",
        )


def row_files(path: str) -> list[Path]:
    """The files that rows are read from, in order; RecipeError where there is none."""
    return _files(Path(path), path)


def _kind_of_run(root: Path) -> RowKind | None:
    """The kind of the rows of a run; None for files, and for documents."""
    manifest = root / layout.MANIFEST
    if not (root / layout.OWNER).exists() or not manifest.exists():
        return None
    try:
        kind = row_kind(json.loads(manifest.read_text(encoding="utf-8"))["recipe"].get("rows", DOCUMENT))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise RecipeError(f"{layout.MANIFEST} cannot be read ({error})", where=str(root)) from error
    return None if kind.is_document else kind


def _origin(record: Mapping[str, Any], file: str) -> tuple[str, str | None]:
    """(source, URL) of a row: what a run of gristmill noted of it, else its file."""
    source, url = record.get("source"), record.get("url")
    return _writable(source if isinstance(source, str) else file), _writable(url) if isinstance(url, str) else None


def _writable(name: str) -> str:
    """A name as files can hold it: half a character becomes U+FFFD."""
    return name if name.isascii() else name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def forgotten_of_run(path: str) -> set[str]:
    """The ids that a run of gristmill was asked to forget; none where the path is no run."""
    folder = Path(path) / layout.FORGET_REQUESTS
    found: set[str] = set()
    if (Path(path) / layout.OWNER).exists() and folder.is_dir():
        for file in sorted(folder.glob("*.json")):
            try:
                found |= set(ForgetRequest.model_validate_json(file.read_bytes()).doc_ids)
            except ValueError as error:
                raise RecipeError(
                    "a request to forget cannot be read",
                    where=str(file),
                    expected="what `gristmill forget` writes",
                    next_step="restore the file from a copy",
                ) from error
    return found


def _decoded(row: Mapping[str, Any], kind: RowKind, where: str) -> dict[str, Any]:
    """The record of a row of a corpus, with the row's id in place of one of its own. RecipeError where there is none."""
    try:
        record = kind.decode(row["text"], row["pieces"], json.loads(row["fields"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecipeError(
            f"no row of a corpus ({type(error).__name__}: {error})",
            where=where,
            expected=f"the columns text, pieces and fields, as a build with `rows: {kind.name}` writes them",
            next_step="materialise the corpus again",
        ) from error
    return {name: value for name, value in record.items() if name not in IDS} | {"doc_id": row["doc_id"]}


def _files(root: Path, path: str) -> list[Path]:
    if "://" in path:
        raise RecipeError("a URL", where=path, expected="a local file or folder", next_step="copy the rows to a disk")
    if root.is_file():
        if not root.name.endswith((LINES, COMPRESSED, TABLE)):
            raise RecipeError(f"a file {root.suffix or 'without suffix'}", where=path, expected=_kinds())
        return [root]
    if not root.is_dir():
        raise RecipeError("no such file or folder", where=path, expected=_kinds())
    folder = root / layout.CORPUS.folder if (root / layout.OWNER).exists() else root
    manifest = folder / layout.MANIFEST
    if folder != root and not manifest.exists():
        raise RecipeError("a run without a corpus", where=path, next_step="finish its build, or materialise it")
    if manifest.exists():
        try:
            parts = json.loads(manifest.read_text(encoding="utf-8"))["parts"]
            found = [root / part["path"] for part in parts]
        except (ValueError, KeyError, TypeError) as error:
            raise RecipeError(f"{layout.MANIFEST} cannot be read ({error})", where=str(folder)) from error
    else:
        found = sorted(file for file in folder.rglob("*") if file.name.endswith((LINES, COMPRESSED, TABLE)))
    if not found:
        raise RecipeError("no rows: the folder holds no file of rows", where=path, expected=_kinds())
    return found


def _kinds() -> str:
    return f"rows as {LINES}, {COMPRESSED} or {TABLE}, a folder of such files, or a run of gristmill"


def _records(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        if file.name.endswith(TABLE):
            with pq.ParquetFile(file) as table:
                for batch in table.iter_batches():
                    yield from _in_microseconds(batch).to_pylist()
            return
        with gzip.open(file, "rb") if file.name.endswith(COMPRESSED) else open(file, "rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _object(line, file, number)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise RecipeError(f"cannot be read ({error})", where=str(file), expected=_kinds()) from error


def _in_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with times as Python has them: finer ones are rounded down."""
    for number, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            coarse = pc.cast(batch.column(number), pa.timestamp("us", field.type.tz), safe=False)
            batch = batch.set_column(number, field.name, coarse)
    return batch


def _object(line: bytes, file: Path, number: int) -> Mapping[str, Any]:
    try:
        found = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"no JSON ({error})", where=f"{file}:{number}", expected="a JSON object a line") from error
    if not isinstance(found, dict):
        raise RecipeError(f"{type(found).__name__}", where=f"{file}:{number}", expected="a JSON object a line")
    return found


def _plain(value: Any) -> Any:
    """A value as JSON has it, without nulls; what JSON cannot say (dates, decimals, bytes) as text, as a build reads it."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str | int | float | None) else str(value)


def need_columns(rows: Rows, choices: Iterable[tuple[str, ...]], kind: str) -> tuple[str, ...]:
    """The first of several choices of columns that some row has whole; RecipeError, with what was found, for none."""
    choices = list(choices)
    for choice in choices:
        if any(all(name in record for name in choice) for record in rows.records):
            return choice
    found = sorted({name for record in rows.records for name in record})
    raise RecipeError(
        f"the columns are {', '.join(found) or 'none'}",
        where=rows.source,
        expected=f"for kind {kind} " + ", or ".join(" and ".join(choice) for choice in choices),
        next_step="rename the columns, or choose the kind that the rows are for",
    )


class UnusableRow(ValueError):
    """Why a row cannot be trained on, in words that stand for every row of its kind."""


Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class Usable(Generic[Prepared]):
    """The rows that can be trained on, what each was prepared to be, and how many were left out for which reason."""

    rows: Rows
    prepared: list[Prepared]
    left_out: Mapping[str, int]

    def __str__(self) -> str:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
        return f"; {sum(self.left_out.values()):,} rows left out ({reasons})" if reasons else ""


def usable_rows(
    rows: Rows, prepare: Callable[[Mapping[str, Any]], Prepared], leave_out: bool | None, use: str = "trained on"
) -> Usable[Prepared]:
    """The rows that `prepare` takes; those for which it raises UnusableRow are left out and counted.

    leave_out: None where nobody may choose it. use: what is done with rows, for errors. RecipeError that names some of them
    where nothing shall be left out, and where nothing is left.
    """
    kept, prepared, faults = [], [], {}
    for number, record in enumerate(rows.records):
        try:
            prepared.append(prepare(record))
            kept.append(number)
        except UnusableRow as reason:
            faults[number] = str(reason)
    counts = Counter(faults.values())
    if counts and not leave_out:
        named = {reason: next(rows.ids[n] for n, own in faults.items() if own == reason) for reason in counts}
        reasons = "; ".join(f"{count:,} {reason} (as {named[reason]})" for reason, count in counts.most_common(SHOWN))
        raise RecipeError(
            f"{counts.total():,} of {len(rows):,} rows cannot be {use}: {reasons}",
            where=rows.source,
            next_step="mend them" + ("" if leave_out is None else ", or say `unusable_rows: leave_out`"),
        )
    if not kept:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
        raise RecipeError(f"no rows: of {len(rows):,} none can be {use} ({reasons})", where=rows.source)
    return Usable(rows.chosen(kept), prepared, dict(counts))
