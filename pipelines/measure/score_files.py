"""Columns of scores from files: Parquet, JSON Lines, folders of them, or what `gristmill score` has written.

A value that is no finite number is null and counted; an id that stands twice with different values is an error, because
nothing says which one is meant. Held in memory: 8 bytes a value and the ids.
"""

import gzip
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from gristmill.pipelines.run.digest import batch_digest, format_digest
from gristmill.pipelines.run.draws import id_keys
from gristmill.pipelines.sources.readers.identity import id_from_column
from gristmill.schemas.errors import InputError
from gristmill.schemas.lookup import nearest_name
from gristmill.schemas.recipe.scores import ScoreColumn
from gristmill.schemas.scores import MANIFEST, TABLE

TABLES, LINES, COMPRESSED = ".parquet", ".jsonl", ".jsonl.gz"
_HEX_ID = r"\A[0-9a-f]{32}\z"
_lock = Lock()


@dataclass(frozen=True)
class ScoreTable:
    """A column of scores by id.

    keys: uint64, ascending, the first 64 bits of each id; ids, values: in that order, values null where there is none.
    foreign: rows whose id can be no row's. not_numbers: values that are no finite number. digest: of ids and values.
    """

    keys: np.ndarray
    ids: pa.Array
    values: pa.Array
    foreign: int
    not_numbers: int
    digest: str

    def find(self, doc_ids: pa.Array) -> np.ndarray:
        """int64: the place of each id among the scores, -1 where it is not."""
        wanted = id_keys(doc_ids)
        places = np.searchsorted(self.keys, wanted)
        found = np.full(len(wanted), -1, np.int64)
        open_rows = np.arange(len(wanted))
        while len(open_rows):  # once, unless two ids agree in 64 bits
            inside = places[open_rows] < len(self.keys)
            open_rows = open_rows[inside]
            at = places[open_rows]
            same_key = self.keys[at] == wanted[open_rows]
            open_rows, at = open_rows[same_key], at[same_key]
            if not len(open_rows):
                break
            equal = pc.equal(self.ids.take(pa.array(at)), doc_ids.take(pa.array(open_rows)))
            same = equal.to_numpy(zero_copy_only=False)
            found[open_rows[same]] = at[same]
            open_rows = open_rows[~same]
            places[open_rows] += 1
        return found


def score_table(column: ScoreColumn, name: str) -> ScoreTable:
    """The column of scores that a recipe calls `name`. InputError where there is none to read."""
    state = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in score_files(column.path, name))
    with _lock:  # threads that want the same column wait for it
        return _read(column, column.column or name, name, state)


def score_files(path: str, name: str) -> list[Path]:
    """The files that scores lie in; InputError for an unfinished folder of scores, and where there is none."""
    where, root = f"scores.{name}", Path(path)
    expected = f"a folder of `gristmill score`, {TABLES}, {LINES} or {COMPRESSED} files, or a folder of such"
    if "://" in path:
        raise InputError(
            f"a URL, {path}", where=where, expected="a local file or folder", next_step="copy it to a disk"
        )
    if root.is_dir():
        if (root / TABLE).is_file() and (root / MANIFEST).is_file():
            return [root / TABLE]
        if (root / "units").is_dir():
            raise InputError(
                f"the scores in {path} are not finished",
                where=where,
                expected=f"{MANIFEST}, which is written last",
                next_step="run `gristmill score` again: it goes on where it stopped",
            )
        found = sorted(file for file in root.rglob("*") if file.name.endswith((TABLES, LINES, COMPRESSED)))
    else:
        found = [root] if root.is_file() and root.name.endswith((TABLES, LINES, COMPRESSED)) else []
    if not found:
        raise InputError(f"no scores at {path}", where=where, expected=expected)
    return found


@lru_cache(maxsize=64)
def _read(column: ScoreColumn, wanted: str, name: str, state: tuple[tuple[str, int, int], ...]) -> ScoreTable:
    where = f"scores.{name}"
    ids: list[pa.Array] = []
    values: list[np.ndarray] = []
    not_numbers = 0
    for file, _, _ in state:
        try:
            for of_ids, of_values, bad in _columns(Path(file), column.id, wanted, where):
                ids.append(of_ids)
                values.append(of_values)
                not_numbers += bad
        except (OSError, EOFError, pa.ArrowException) as error:
            raise InputError(f"{file} cannot be read ({str(error).splitlines()[0]})", where=where) from error
    all_ids = pa.concat_arrays(ids) if ids else pa.array([], pa.large_string())
    numbers = np.concatenate(values) if values else np.zeros(0)
    if column.source is not None:
        texts = all_ids.to_pylist()
        made = [None if text is None else id_from_column(column.source, text) for text in texts]
        all_ids = pa.array(made, pa.large_string())
    own = pc.match_substring_regex(all_ids, _HEX_ID).fill_null(False)
    foreign = len(all_ids) - int(pc.sum(own).as_py() or 0)
    all_ids, numbers = all_ids.filter(own), numbers[own.to_numpy(zero_copy_only=False)]
    if not len(all_ids):
        raise InputError(
            f"none of {foreign:,} ids in column {column.id!r} is one of a row",
            where=where,
            expected="32 hexadecimal digits, as the column doc_id of a corpus or export has them",
            next_step="for ids that the records of a source have themselves, say `source:`",
        )
    return _table(all_ids, numbers, foreign, not_numbers, where)


def _table(ids: pa.Array, numbers: np.ndarray, foreign: int, not_numbers: int, where: str) -> ScoreTable:
    """Sorted by id, each id once. InputError for one that stands twice with different values."""
    order = pc.sort_indices(ids)
    ids, numbers = ids.take(order), numbers[order.to_numpy()]
    again = np.zeros(len(ids), bool)
    again[1:] = pc.equal(ids.slice(1), ids.slice(0, len(ids) - 1)).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(again)
    differ = rows[~((numbers[rows] == numbers[rows - 1]) | (np.isnan(numbers[rows]) & np.isnan(numbers[rows - 1])))]
    if len(differ):
        first = int(differ[0])
        raise InputError(
            f"the id {ids[first].as_py()} stands twice, with {numbers[first - 1]:g} and {numbers[first]:g}"
            f" ({len(differ):,} such ids)",
            where=where,
            expected="one value for each id",
        )
    if len(rows):
        ids, numbers = ids.filter(pa.array(~again)), numbers[~again]
    values = pa.array(numbers, mask=np.isnan(numbers))
    digest = format_digest(batch_digest(pa.table({"doc_id": ids, "value": values}), ["doc_id", "value"]))
    return ScoreTable(id_keys(ids), ids, values, foreign, not_numbers, digest)


def _columns(file: Path, of_ids: str, wanted: str, where: str) -> Iterator[tuple[pa.Array, np.ndarray, int]]:
    """(ids, values with nan for none, how many values are no finite number) of each batch of a file."""
    if file.name.endswith(TABLES):
        with pq.ParquetFile(file) as table:
            _need({of_ids, wanted}, table.schema_arrow.names, file, where)
            for batch in table.iter_batches(batch_size=1 << 16, columns=list(dict.fromkeys((of_ids, wanted)))):
                yield _texts(batch.column(of_ids)), *_numbers(batch.column(wanted))
        return
    ids: list[str | None] = []
    values: list[Any] = []
    seen: set[str] = set()
    with gzip.open(file, "rb") if file.name.endswith(COMPRESSED) else open(file, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            record = _object(line, f"{file}:{number}", where)
            seen.update(record)
            given = record.get(of_ids)
            ids.append(None if given is None else str(given))
            values.append(record.get(wanted))
    if ids:
        _need({of_ids, wanted}, seen, file, where)
    numbers = np.array([_number(value) for value in values], float)
    bad = sum(1 for value, found in zip(values, numbers, strict=True) if value is not None and math.isnan(found))
    yield pa.array(ids, pa.large_string()), numbers, bad


def _object(line: bytes, place: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: no JSON ({error})", where=where, expected="a JSON object a line") from error
    if not isinstance(record, dict):
        raise InputError(f"{place}: a {type(record).__name__}", where=where, expected="a JSON object a line")
    return record


def _need(wanted: set[str], there: Any, file: Path, where: str) -> None:
    for name in sorted(wanted - set(there)):
        nearest = nearest_name(name, map(str, there))
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        raise InputError(
            f"{file} has no column {name!r}{hint}",
            where=where,
            expected=f"one of {', '.join(sorted(map(str, there)))}",
            next_step="name it with `column:` or `id:`",
        )


def _texts(column: Any) -> pa.Array:
    return column.cast(pa.large_string())


def _numbers(column: Any) -> tuple[np.ndarray, int]:
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        values = column.to_pylist()
        numbers = np.array([_number(value) for value in values], float)
    else:
        numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(float)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    return numbers, int(np.isnan(numbers).sum()) - column.null_count


def _number(value: Any) -> float:
    """A finite number, true and false as 1 and 0, also one written as text; else nan."""
    if not isinstance(value, int | float | str):
        return math.nan
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return found if math.isfinite(found) else math.nan
