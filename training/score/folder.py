"""The folder of scores: whose it is, its units, and what it holds in the end.

While rows are scored: `scoring.json` (what the scores follow from), `units/`, and `earlier.parquet`, which are taken over.
In the end: `scoring.json`, `scores.parquet` and `scores.json`.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gristmill
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import transformers
import xxhash
from gristmill.schemas.errors import RunError
from gristmill.schemas.scores import ID, MANIFEST, ROW, TABLE, UNSCORED, ScoreOptions
from gristmill.training.data.files import checksum, json_object, whole_file, write_whole
from gristmill.training.data.row_files import row_files

UNIT_ROWS = 128
STARTED, UNITS, EARLIER = "scoring.json", "units", "earlier.parquet"
_INTEGERS = ("answer_tokens", "samples")


@dataclass(frozen=True)
class Scored:
    """A finished folder of scores. unscored: rows without a score by the reason."""

    folder: Path
    rows: int
    columns: tuple[str, ...]
    unscored: Mapping[str, int]

    def __str__(self) -> str:
        left = sum(self.unscored.values())
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in self.unscored.items())
        return f"{self.folder}: {self.rows - left:,} of {self.rows:,} rows have {', '.join(self.columns)}" + (
            f"; {left:,} have none ({reasons})" if left else ""
        )


def identity_of(rows: str, model: Path, options: ScoreOptions) -> dict[str, Any]:
    """What the scores follow from: rows, model, options."""
    files = [[file.name, checksum(file)] for file in row_files(rows)]
    weights = sorted(path for path in model.glob("*") if path.is_file() and path.suffix in (".safetensors", ".json"))
    digest = xxhash.xxh3_128("".join(f"{path.name}:{checksum(path)}\n" for path in weights).encode()).hexdigest()
    return {
        "model": {"name": model.resolve().name, "digest": digest},
        "rows": xxhash.xxh3_128(json.dumps(files).encode()).hexdigest(),
        "options": options.model_dump(mode="json"),
        "unit_rows": UNIT_ROWS,
    }


def claim(folder: Path, identity: Mapping[str, Any]) -> Scored | None:
    """Begin, or go on with, the scores of a folder; what is there where it is finished. RunError for other scores."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / STARTED
    if path.exists():
        before = _read_object(path)
        differ = [name for name in identity if before.get(name) != identity[name]]
        finished = (folder / MANIFEST).exists() and (folder / TABLE).exists()
        if differ and not (differ == ["rows"] and any((folder / name).exists() for name in (TABLE, EARLIER))):
            raise RunError(
                f"the folder holds scores with other {' and '.join(differ)}",
                where=str(folder),
                expected="the model and options that its scores were begun with, and, until they are finished, the rows",
                next_step="choose another --out",
            )
        if finished and not differ:
            return finished_scores(folder)
        _keep_earlier(folder, other_rows=bool(differ))
    elif any(folder.iterdir()):
        raise RunError(
            "the folder is not empty and holds no scores", where=str(folder), next_step="choose another --out"
        )
    (folder / UNITS).mkdir(exist_ok=True)
    write_whole(path, json.dumps(identity, indent=1) + "\n")
    return None


def _keep_earlier(folder: Path, other_rows: bool) -> None:
    """Put finished scores aside, to be taken over; units that were begun for other rows go. May be interrupted anywhere."""
    (folder / MANIFEST).unlink(missing_ok=True)
    if (folder / TABLE).exists():
        os.replace(folder / TABLE, folder / EARLIER)
    for path in (folder / UNITS).glob("*") if other_rows else ():
        path.unlink()


def unit_path(folder: Path, number: int) -> Path:
    """The file of a unit of UNIT_ROWS rows."""
    return folder / UNITS / f"{number:08d}.parquet"


def score_schema(columns: Sequence[str]) -> pa.Schema:
    """Of units and of the table: the id, the scores, why there is none, and a hash of the row."""
    kinds = [(name, pa.int64() if name.startswith(_INTEGERS) else pa.float64()) for name in columns]
    return pa.schema([(ID, pa.large_string()), *kinds, (UNSCORED, pa.large_string()), (ROW, pa.int64())])


def finish(folder: Path, ids: Sequence[str], columns: Sequence[str], identity: Mapping[str, Any]) -> None:
    """All units as one file; then the manifest, then the units go."""
    unscored: Counter[str] = Counter()
    schema = score_schema(columns)
    written = 0
    with whole_file(folder / TABLE) as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for number in range(-(-len(ids) // UNIT_ROWS)):
            table = read_table(unit_path(folder, number), schema)
            written += table.num_rows
            unscored.update(reason for reason in table.column(UNSCORED).to_pylist() if reason is not None)
            writer.write_table(table)
        if written != len(ids):
            raise RunError(
                f"{written:,} rows were scored of {len(ids):,}", where=str(folder), expected="every row once"
            )
    manifest = {
        "gristmill": gristmill.__version__,
        **identity,
        "table": {"name": TABLE, "xxh3_128": checksum(folder / TABLE)},
        "columns": list(columns),
        "count": written,
        "unscored": dict(unscored.most_common()),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    for path in (folder / UNITS).glob("*"):
        path.unlink()
    (folder / UNITS).rmdir()
    (folder / EARLIER).unlink(missing_ok=True)


def finished_scores(folder: Path) -> Scored:
    """What a finished folder says of itself."""
    manifest = _read_object(folder / MANIFEST)
    try:
        return Scored(folder, manifest["count"], tuple(manifest["columns"]), dict(manifest["unscored"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder / MANIFEST, f"no record of scores ({type(error).__name__}: {error})") from error


def read_table(path: Path, schema: pa.Schema | None = None) -> pa.Table:
    """A table of scores. RunError where the disk has left none."""
    try:
        return pq.read_table(path, schema=schema)
    except pa.ArrowException as error:
        raise RunError(
            f"no table of scores ({str(error).splitlines()[0]})"[:200],
            where=str(path),
            next_step="remove this file; the same command scores its rows again",
        ) from error


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file that is there whole or not at all."""
    with whole_file(path) as stream:
        pq.write_table(table, stream, compression="zstd")


def _read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of the folder. RunError where the disk has left none."""
    try:
        found = json_object(path)
    except ValueError as error:
        raise _damaged(path, f"no JSON object ({error})") from error
    if found is None:
        raise _damaged(path, "no such file")
    return found


def _damaged(path: Path, found: str) -> RunError:
    return RunError(
        found[:200],
        where=str(path),
        expected="the JSON object that `gristmill score` writes",
        next_step="remove the folder, or choose another --out",
    )
