"""The texts a model learns from: a finished run's corpus, a recipe (built, then its corpus), or files a reader can read."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.engine.pool import shared_pool
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import iterate_part
from gristmill.pipelines.run.run import Run, open_run
from gristmill.pipelines.sources.readers.extract import EXTRACTED
from gristmill.pipelines.sources.readers.registry import list_splits, read_splits
from gristmill.schemas import layout
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.source import Columns, Source
from gristmill.schemas.rows.document import KEPT_STATUS
from gristmill.schemas.tally import Tally

SPLIT_BYTES = 64 << 20
MAX_TEXT_CHARACTERS = 200_000  # what a model learns from one document at most
RECIPES = (".yaml", ".yml")


@dataclass(frozen=True)
class Text:
    """One document's text; metadata: the further columns asked for, as the reader gave them."""

    text: str
    metadata: dict[str, Any]

    @property
    def order(self) -> bytes:
        """By which texts are sorted, sampled and split: a hash of the text, so copies always stay together."""
        return blake2b(self.text.encode(), digest_size=16, person=b"texts").digest()


def read_texts(given: Sequence[str], work: Path, console: Console, columns: Columns | None = None) -> Iterator[Text]:
    """Texts with anything in them, each cut at MAX_TEXT_CHARACTERS; InputError when there is not one.

    given: run folders (`RUN:SELECTION` too), recipes in YAML, or paths of files. work: where recipes are built.
    """
    found = 0
    for number, path in enumerate(given):
        for text in _texts_of(path, work / f"recipe-{number}", console, columns):
            if text.text and not text.text.isspace():
                found += 1
                yield Text(text.text[:MAX_TEXT_CHARACTERS], text.metadata)
    if not found:
        raise InputError("no text at all", where=", ".join(given), expected="documents with text")


def _texts_of(path: str, work: Path, console: Console, columns: Columns | None) -> Iterator[Text]:
    if path.endswith(RECIPES):
        yield from _corpus(build(path, work, console=console, report=False))
    elif _is_run(path):
        yield from _corpus(open_run(path))
    else:
        yield from _files(path, columns or Columns())


def _is_run(path: str) -> bool:
    return any(Storage(name).exists(layout.MANIFEST) for name in {path, path.rpartition(":")[0] or path})


def _corpus(run: Run) -> Iterator[Text]:
    for part in run.selected(layout.CORPUS).parts:
        for batch in iterate_part(run.storage, part, ["text"]):
            for text in batch.column(0).to_pylist():
                yield Text(text or "", {})


def _files(path: str, columns: Columns) -> Iterator[Text]:
    source = Source(name="texts", path=path, columns=columns)
    for item in read_splits(list_splits(source, SPLIT_BYTES), source, isolate=run_in_pool):
        if isinstance(item, Tally):
            if item.error:
                raise InputError(f"cannot be read whole: {item.error}", where=item.url)
            continue
        for row in item.select(["text", "metadata", "status"]).to_pylist():
            if row["status"] == KEPT_STATUS:
                yield Text(row["text"], json.loads(row["metadata"] or "{}") if columns.metadata else {})


def run_in_pool(function: str, config: dict[str, Any], batch: pa.RecordBatch) -> pa.RecordBatch:
    return shared_pool().run(function, config, batch, EXTRACTED)
