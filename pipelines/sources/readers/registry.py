"""Every reader by format, and what the rest of the product calls: list_splits, read_split and read_splits."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa
from gristmill.pipelines.sources.forms.registry import check_form
from gristmill.pipelines.sources.forms.rows_of import add_held
from gristmill.pipelines.sources.readers.extract import Isolate
from gristmill.pipelines.sources.readers.locate import InputFile, locate
from gristmill.pipelines.sources.readers.rows import Gathered, ReaderRows
from gristmill.pipelines.sources.readers.split import Split
from gristmill.pipelines.sources.readers.web import Pages
from gristmill.schemas.errors import BalanceError, InputError, RecipeError
from gristmill.schemas.lookup import load_registered
from gristmill.schemas.recipe.source import READERS_GROUP, Source
from gristmill.schemas.tally import Tally

# A reader is a module with
#   splits(source: Source, file: InputFile, split_bytes: int) -> list[tuple[int, int]]   (start, end) of each split
#   read(source: Source, split: Split, rows: ReaderRows, isolate: Isolate | None) -> Iterator[pa.RecordBatch]
# and, where what it reads is no single files (repositories),
#   locate(source: Source, left_out: list[str] | None) -> list[InputFile]
READERS: dict[str, str] = {
    "arc": "gristmill.pipelines.sources.readers.arc",
    "books": "gristmill.pipelines.sources.readers.books",
    "code": "gristmill.pipelines.sources.readers.code",
    "common_crawl": "gristmill.pipelines.sources.readers.common_crawl",
    "csv": "gristmill.pipelines.sources.readers.delimited",
    "datasets": "gristmill.pipelines.sources.readers.datasets_folder",
    "html": "gristmill.pipelines.sources.readers.html",
    "jats": "gristmill.pipelines.sources.readers.jats",
    "json": "gristmill.pipelines.sources.readers.json_array",
    "jsonl": "gristmill.pipelines.sources.readers.jsonl",
    "latex": "gristmill.pipelines.sources.readers.latex",
    "mediawiki": "gristmill.pipelines.sources.readers.mediawiki",
    "medline": "gristmill.pipelines.sources.readers.medline",
    "parquet": "gristmill.pipelines.sources.readers.parquet",
    "reddit": "gristmill.pipelines.sources.readers.reddit",
    "stackexchange": "gristmill.pipelines.sources.readers.stackexchange",
    "text": "gristmill.pipelines.sources.readers.text",
    "warc": "gristmill.pipelines.sources.readers.warc",
    "wet": "gristmill.pipelines.sources.readers.warc",
}


LISTING_THREADS = 16
OF_DOCUMENTS = (
    "arc",
    "books",
    "code",
    "common_crawl",
    "html",
    "jats",
    "mediawiki",
    "medline",
    "text",
    "warc",
    "wet",
)  # formats that hold no records


class Reader(NamedTuple):
    """The two functions of a reader module, and a third of readers whose inputs are no single files."""

    splits: Callable[[Source, InputFile, int], list[tuple[int, int]]]
    read: Callable[[Source, Split, ReaderRows, Isolate | None], Iterator[pa.RecordBatch]]
    locate: Callable[[Source, list[str] | None], list[InputFile]] = locate


def reader(format_name: str) -> Reader:
    """The reader of a format; RecipeError with the nearest name where there is none."""
    if "." in format_name and ":" not in format_name:
        format_name += ":"  # a module of its own
    module = load_registered(READERS, "format", format_name, group=READERS_GROUP)
    missing = [function for function in ("splits", "read") if not hasattr(module, function)]
    if missing:
        raise RecipeError(
            f"format {format_name.removesuffix(':')!r} is a module without `{missing[0]}`",
            expected="a reader: a module with the functions `splits` (formerly `plan`) and `read`",
            next_step="docs/extending.md says what they take and give",
        )
    return Reader(module.splits, module.read, getattr(module, "locate", locate))


def list_splits(source: Source, split_bytes: int, left_out: list[str] | None = None) -> list[Split]:
    """The tasks a source is read in, in the order of relative paths; an empty file is one split.

    split_bytes: about how much of a file one split covers, where the format allows splitting (plain JSON Lines by
    bytes, Parquet by row groups).
    left_out: gets the files beside the data that are not read, see `locate`.
    Raises RecipeError for a form whose records are never rows of the source's kind, and InputError for what cannot be read at
    all: no such path, an empty folder or glob, a missing column.
    """
    check_form(source)
    find = locate if source.file_format == "auto" else reader(source.file_format).locate
    files = find(source, left_out)
    texts = sorted({file.format for file in files if file.format in OF_DOCUMENTS})
    if texts and not source.has_documents:
        raise InputError(
            f"files of format {', '.join(texts)} hold documents, not records of a {source.rows}",
            where=f"source {source.name}",
            expected="files of format csv, datasets, json, jsonl or parquet",
            next_step="leave out `rows:` to build documents, or name other files in `path`",
        )

    def ranges_of(file: InputFile) -> list[tuple[int, int]]:
        return reader(file.format).splits(source, file, split_bytes)

    with ThreadPoolExecutor(LISTING_THREADS) as threads:  # headers are read, a request each in a remote store
        ranges = list((threads.map if any(file.is_remote for file in files) else map)(ranges_of, files))
    return [
        Split(source.name, file.url, file.path, file.format, start, end, file.size, file.compression, file.version)
        for file, of_file in zip(files, ranges, strict=True)
        for start, end in of_file
    ]


def read_split(split: Split, source: Source, isolate: Isolate | None = None) -> Iterator[pa.RecordBatch | Tally]:
    """The documents of a split as batches of schemas.rows.document.DOCUMENT, then exactly one Tally.

    A batch holds about 16 MB of text or 8,192 rows, so memory follows the batch, not the file. Bad records come as
    quarantined rows; a truncated, corrupt or empty file yields what could be read, and the tally's `error` says the rest.
    isolate: runs native HTML parsers outside this process (see extract.Isolate); None: in this process.
    Raises BalanceError when a framed record is neither a row nor counted as skipped: a bug, never an input.
    """
    yield from read_splits([split], source, isolate)


def read_splits(
    splits: Sequence[Split], source: Source, isolate: Isolate | None = None
) -> Iterator[pa.RecordBatch | Tally]:
    """The documents of several splits of one source, as `read_split` gives them, then a Tally of each, in their order.

    Small files share batches, and rounds of HTML extraction, so that a file costs little beyond its own bytes.
    """
    gathered = Gathered()
    counts = []
    for split in splits:
        counts.append(ReaderRows(source, split, gathered))
        if not split.size:
            counts[-1].disturb("a file of no bytes")
        yield from reader(split.format).read(source, split, counts[-1], isolate)
        add_held(counts[-1])
    if gathered.pages:
        yield from Pages(counts[-1], isolate).flush()
    if gathered.rows:
        yield counts[-1].take()
    for rows in counts:
        tally = rows.tally()
        if not tally.balanced:
            expected = "records_framed = documents + quarantined + skipped"
            raise BalanceError(f"{tally}", expected=expected, where=tally.url)
        yield tally
