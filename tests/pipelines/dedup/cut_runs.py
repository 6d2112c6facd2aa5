"""Small runs that cut repeated text, and what they must give, in plain Python."""

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from gristmill.console import Console
from gristmill.filters.dedup.windows import Policy, mask_by_definition
from gristmill.pipelines.build import build
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run
from gristmill.pipelines.sources.readers.identity import content_hash, id_from_column

from tests.cut_text import cut_plainly

SOURCES = 3  # each becomes a part of its own


def source_of(name: str) -> str:
    """The source that a document is in, whatever the order of input."""
    return f"s{zlib.crc32(name.encode()) % SOURCES}"


def write_sources(texts: Mapping[str, str], folder: Path) -> list[dict[str, Any]]:
    """Documents dealt out to JSON Lines files, in the given order; the recipe's sources."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[str]] = {f"s{number}": [] for number in range(SOURCES)}
    for name, text in texts.items():
        lines[source_of(name)].append(json.dumps({"id": name, "text": text}) + "\n")
    return [write_source(source, "".join(rows), folder) for source, rows in lines.items()]


def write_source(name: str, lines: str, folder: Path, **options: Any) -> dict[str, Any]:
    """One source of a recipe, with its file."""
    path = folder / f"{name}.jsonl"
    path.write_text(lines)
    return {"name": name, "path": str(path), "columns": {"id": "id", "metadata": ["id"]}, **options}


def cut_run(
    texts: Mapping[str, str],
    folder: Path,
    engine: Engine,
    *,
    console: Console | None = None,
    exact: bool = False,
    recipe: Mapping[str, Any] | None = None,
    **dedup: Any,
) -> Run:
    """Build `folder/run` from the texts by id."""
    whole = {
        "name": "cuts",
        "sources": write_sources(texts, folder / "input"),
        "dedup": {**({} if exact else {"exact": None}), **dedup},
        **(recipe or {}),
    }
    return build(whole, folder / "run", engine=engine, report=False, console=console or Console(quiet=True))


def rows_of(run: Run, dataset: str) -> list[dict[str, Any]]:
    """All rows of a dataset of the run or selection, by document; `name` is the id the source gave."""
    names = {}
    for part in run.documents.parts:
        for row in read_part(run.storage, part, ["doc_id", "metadata"]).to_pylist():
            names[row["doc_id"]] = json.loads(row["metadata"])["id"]
    rows: list[dict[str, Any]] = []
    for part in run.dataset(dataset if dataset == "documents" else f"{run.folder}{dataset}").parts:
        with run.storage.open(part.path) as file:
            rows += pq.ParquetFile(file).read().to_pylist()
    return sorted(({"name": names[row["doc_id"]], **row} for row in rows), key=lambda row: str(row["name"]))


def corpus_of(run: Run) -> dict[str, str]:
    return {row["name"]: row["text"] for row in rows_of(run, "corpus")}


def digests(run: Run, kind: str = "substrings") -> tuple[str, str, str]:
    return tuple(run.dataset(name).digest for name in (f"cuts/{kind}", "decisions", "corpus"))  # type: ignore[return-value]


def in_order(texts: Mapping[str, str]) -> list[str]:
    """Ids in survivor order where no preference tells documents apart: by content hash, then id."""

    def key(name: str) -> tuple[str, str]:
        return content_hash(texts[name].encode()), id_from_column(source_of(name), name)

    return sorted(texts, key=key)


def without_repeats(texts: Mapping[str, str], length: int, policy: Policy) -> dict[str, str]:
    """Each text without the characters all of whose bytes are marked, and a blank where that would join two words.

    What cutting leaves blank is left out.
    """
    names = in_order(texts)
    encoded = [texts[name].encode() for name in names]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    mask = mask_by_definition(np.frombuffer(b"".join(encoded), np.uint8), offsets, length, policy)
    left = {}
    for name, first in zip(names, offsets.tolist(), strict=False):
        left[name] = _unmarked(texts[name], mask[first:].tolist())
    return {name: text for name, text in left.items() if text.strip() or text == texts[name]}


def _unmarked(text: str, marks: Sequence[bool]) -> str:
    goes, at = [], 0
    for character in text:
        size = len(character.encode())
        goes.append(all(marks[at : at + size]))
        at += size
    return cut_plainly(text, goes)
