"""How fast files become documents, and how good the text of web pages is.

    python benchmarks/readers.py speed PATH...     MB/s of each file; a WARC also through a bare fastwarc and
                                                   resiliparse loop in the same run
    python benchmarks/readers.py gold PAGES...     extraction against segments a page must and must not contain

PATH: anything a source reads. MB are of uncompressed input, for columnar files of text; the best of --repeat runs.
Processor seconds say more than wall seconds on a shared machine, but do not see the isolated workers.
PAGES: JSON Lines, also packed, with `html`, `with` (segments of the main text), `without` (navigation and the like).
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from fastwarc.warc import ArchiveIterator, WarcRecordType
from gristmill.pipelines.engine.pool import shared_pool
from gristmill.pipelines.sources.readers.extract import EXTRACTED, RAW_PAGES, Isolate, extract_batch, main_text
from gristmill.pipelines.sources.readers.jsonl import lines
from gristmill.pipelines.sources.readers.registry import list_splits, read_split
from gristmill.pipelines.sources.readers.streams import chunks, open_split
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.tally import Tally
from pydantic_core import from_json
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

SPLIT_BYTES = 64 << 20
_HTML = ("text/html", "application/xhtml+xml")


def pooled(function: str, config: dict[str, Any], batch: pa.RecordBatch) -> pa.RecordBatch:
    return shared_pool().run(function, config, batch, EXTRACTED)


def read_all(source: Source, isolate: Isolate | None) -> tuple[int, int]:
    """(documents, bytes of text) of a source."""
    documents = size = 0
    for split in list_splits(source, SPLIT_BYTES):
        for item in read_split(split, source, isolate):
            if isinstance(item, Tally):
                documents += item.documents
                if item.error:
                    print(f"    {item.url}: {item.error}")
            else:
                size += sum(item.column("text_bytes").to_pylist())
    return documents, size


def bare_loop(path: str) -> int:
    """What any WARC pipeline does at the least: fastwarc, charset detection, resiliparse.

    Returns the pages up to the end, or up to a body whose headers lie about it, where this loop gives up.
    """
    pages = 0
    with open(path, "rb") as stored:
        try:
            for record in ArchiveIterator(stored, record_types=WarcRecordType.response, auto_decode="all"):
                if record.http_content_type in _HTML and record.http_headers.status_code == 200:
                    raw = record.reader.read()
                    main_text(bytes_to_str(raw, detect_encoding(raw)))
                    pages += 1
        except OSError as error:
            print(f"    the bare loop gives up after {pages} pages: {error}")
    return pages


def best_of(repeat: int, work: Callable[[], Any]) -> tuple[float, float, Any]:
    """(wall seconds, processor seconds of this process, result), the least of each."""
    wall, processor, result = float("inf"), float("inf"), None
    for _ in range(repeat):
        started, busy = time.perf_counter(), time.process_time()
        result = work()
        wall, processor = min(wall, time.perf_counter() - started), min(processor, time.process_time() - busy)
    return wall, processor, result


def unpacked_bytes(source: Source) -> int:
    total = 0
    for split in {s.url: s for s in list_splits(source, SPLIT_BYTES)}.values():
        with open_split(split) as stored:
            total += sum(len(block) for block in chunks(stored, split.compression, lambda _: None))
    return total


def speed(paths: list[str], repeat: int) -> None:
    print(
        f"{'file':40} {'MB':>7} {'documents':>9} {'text MB':>8} {'wall s':>7} {'cpu s':>7} {'MB/s':>7} {'MB/cpu s':>8}"
    )
    for path in paths:
        source = Source(name="benchmark", path=path)
        size = unpacked_bytes(source) / 1e6
        ways: dict[str, Callable[[], tuple[int, int]]] = {"": lambda: read_all(source, None)}  # noqa: B023
        if list_splits(source, SPLIT_BYTES)[0].format == "warc":
            ways[" (isolated)"] = lambda: read_all(source, pooled)  # noqa: B023
            ways[" (bare loop)"] = lambda: (bare_loop(path), 0)  # noqa: B023
        for label, work in ways.items():
            wall, busy, (documents, text) = best_of(repeat, work)
            size = max(size, text / 1e6)
            name = Path(path).name[: 40 - len(label)] + label
            numbers = f"{size:7.1f} {documents:9} {text / 1e6:8.1f} {wall:7.2f} {busy:7.2f} {size / wall:7.1f}"
            print(f"{name:40} {numbers} {'' if 'isolated' in label else f'{size / busy:8.1f}'}")


def gold_pages(path: str) -> Iterator[dict[str, Any]]:
    source = Source(name="gold", path=path, format="jsonl")
    for split in list_splits(source, SPLIT_BYTES):
        with open_split(split) as stored:
            for line in lines(chunks(stored, split.compression, print), 0, 1 << 30):
                yield from_json(line.content)


def gold(path: str) -> None:
    pages = list(gold_pages(path))
    raw = pa.array([page["html"].encode() for page in pages], pa.large_binary())
    unknown = pa.nulls(len(pages), pa.large_string())
    batch = pa.RecordBatch.from_arrays([raw, unknown, unknown], schema=RAW_PAGES)
    print(f"{len(pages)} pages\n{'extractor':14} {'kept of with':>14} {'left out of without':>20} {'MB/s':>7}")
    for extractor in ("resiliparse", "trafilatura", "none"):
        _, seconds, done = best_of(1, lambda: extract_batch(batch, {"extract": extractor}))  # noqa: B023
        texts = [" ".join((text or "").split()) for text in done.column("text").to_pylist()]
        kept, wanted = hits(texts, pages, "with")
        leaked, unwanted = hits(texts, pages, "without")
        left_out = f"{unwanted - leaked}/{unwanted} {1 - leaked / max(unwanted, 1):.3f}"
        print(
            f"{extractor:14} {kept}/{wanted} {kept / max(wanted, 1):.3f} {left_out:>20} {raw.nbytes / 1e6 / seconds:7.1f}"
        )


def hits(texts: list[str], pages: list[dict[str, Any]], key: str) -> tuple[int, int]:
    """(segments found in the page's text, segments)."""
    found = [
        " ".join(segment.split()) in text for text, page in zip(texts, pages, strict=True) for segment in page[key]
    ]
    return sum(found), len(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("speed", "gold"))
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.command == "speed":
        speed(arguments.paths, arguments.repeat)
    else:
        for gold_path in arguments.paths:
            gold(gold_path)
