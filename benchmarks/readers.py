"""How fast files become documents, and how good the text of web pages is.

    python benchmarks/readers.py speed PATH...        MB/s of each file; WARC against a bare parser loop in the same run
    python benchmarks/readers.py gold PAGES.jsonl     extraction against segments a page must and must not contain

PATH: anything a source reads. Rates are of uncompressed input, best of --repeat. gold: JSON Lines (also packed) with
`html`, `with` (segments of the main text) and `without` (segments of navigation and the like).
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from fastwarc.warc import ArchiveIterator, WarcRecordType
from gristmill.pipelines.engine.pool import shared_pool
from gristmill.pipelines.readers.extract import EXTRACTED, RAW_PAGES, Isolate, extract_batch, main_text
from gristmill.pipelines.readers.jsonl import lines
from gristmill.pipelines.readers.registry import plan_splits, read_split
from gristmill.pipelines.readers.streams import chunks, open_split
from gristmill.schemas.source import Source
from gristmill.schemas.tally import Tally
from pydantic_core import from_json
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

SPLIT_BYTES = 64 << 20


def pooled(function: str, config: dict[str, Any], batch: pa.RecordBatch) -> pa.RecordBatch:
    return shared_pool().run(function, config, batch, EXTRACTED)


def read_all(source: Source, isolate: Isolate | None) -> tuple[int, int]:
    """(documents, bytes of text) of a source."""
    documents = size = 0
    for split in plan_splits(source, SPLIT_BYTES):
        for item in read_split(split, source, isolate):
            if isinstance(item, Tally):
                documents += item.documents
                if item.error:
                    print(f"    {item.url}: {item.error}")
            else:
                size += sum(item.column("text_bytes").to_pylist())
    return documents, size


def bare_loop(path: str) -> int:
    """What any WARC pipeline does at the least: fastwarc, charset detection, resiliparse; returns the pages."""
    pages = 0
    with open(path, "rb") as stored:
        for record in ArchiveIterator(stored, record_types=WarcRecordType.response, auto_decode="all"):
            if (
                record.http_content_type in ("text/html", "application/xhtml+xml")
                and record.http_headers.status_code == 200
            ):
                raw = record.reader.read()
                main_text(bytes_to_str(raw, detect_encoding(raw)))
                pages += 1
    return pages


def best_of(repeat: int, work: Callable[[], Any]) -> tuple[float, Any]:
    best, result = float("inf"), None
    for _ in range(repeat):
        started = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - started)
    return best, result


def unpacked_bytes(source: Source) -> int:
    total = 0
    for split in {s.url: s for s in plan_splits(source, SPLIT_BYTES)}.values():
        with open_split(split) as stored:
            total += sum(len(block) for block in chunks(stored, split.compression, lambda _: None))
    return total


def speed(paths: list[str], repeat: int) -> None:
    print(f"{'file':40} {'MB':>8} {'documents':>10} {'text MB':>8} {'s':>7} {'MB/s':>8}")
    for path in paths:
        source = Source(name="benchmark", path=path)
        size = unpacked_bytes(source) / 1e6
        is_warc = plan_splits(source, SPLIT_BYTES)[0].format == "warc"
        ways: list[tuple[str, Isolate | None]] = [("", None), (" (isolated)", pooled)] if is_warc else [("", None)]
        for label, isolate in ways:
            seconds, (documents, text) = best_of(repeat, lambda: read_all(source, isolate))  # noqa: B023
            name = Path(path).name[: 40 - len(label)] + label
            print(f"{name:40} {size:8.1f} {documents:10} {text / 1e6:8.1f} {seconds:7.2f} {size / seconds:8.1f}")
        if is_warc:
            seconds, pages = best_of(repeat, lambda: bare_loop(path))  # noqa: B023
            print(
                f"{'  bare fastwarc + resiliparse loop':40} {size:8.1f} {pages:10} {'':8} {seconds:7.2f} {size / seconds:8.1f}"
            )


def gold_pages(path: str) -> Iterator[dict[str, Any]]:
    source = Source(name="gold", path=path, format="jsonl")
    for split in plan_splits(source, SPLIT_BYTES):
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
        seconds, done = best_of(1, lambda: extract_batch(batch, {"extract": extractor}))  # noqa: B023
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
