"""Whole builds of web text, WARC to corpus, beside datatrove's on the same pages and cores.

    python benchmarks/web_build.py DATA [--copies 3] [--rounds 1] [--peers resiliparse,trafilatura]

DATA: the development split of WCXB, one Parquet file with the columns `url` and `html` (bytes). Its pages are written into
WARC files, --copies times: copies are read, extracted and measured like all others, and dropped as duplicates at the end,
which datatrove does not look for; datatrove gets the pages once, and rates are compared. Ours: FineWeb's rules, near
duplicates, the report. datatrove: its WARC reader, its extractor by trafilatura (or resiliparse, with main_content as we
call it, as a class of our own), FineWeb's filters, JSON Lines out; neither asks for the language, whose model datatrove would
download. Ours is also timed without the report, and as web-en with language identification. All cores are used. Memory is
the most that all processes of a build, and this one, hold at once, in a build that is not timed.
Needs: pip install warcio faust-cchardet python-magic orjson, and the library libmagic.
"""

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pyarrow.parquet as pq
from held_memory import MostHeld
from inputs import WORK

RECIPE = """
name: web
sources:
  - {{name: crawl, path: "{pages}/*.warc.gz"}}
signals: {{{signals}}}
policy: {{profiles: [{profiles}]}}
dedup: {{near: {{}}}}
"""
OURS = {
    "gristmill": ("", "fineweb_chain", []),
    "gristmill, no report": ("", "fineweb_chain", ["--no-report"]),
    "gristmill, web-en and language": ("language: {}", "web-en", []),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--peers", default="resiliparse,trafilatura")
    parser.add_argument("--as-peer", choices=["resiliparse", "trafilatura"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    pages = WORK / f"warc-{chosen.copies}"
    once = WORK / "warc-1"
    if chosen.as_peer:
        peer(chosen.as_peer, once)
        return
    sizes = {}
    for folder, copies in ((pages, chosen.copies), (once, 1)):
        count, sizes[folder] = written(chosen.data, folder, copies)
        print(f"{count} pages, {sizes[folder] / 1e6:.0f} MB of HTML", flush=True)
    print(f"{os.cpu_count()} cores", flush=True)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # where it is set every module is compiled in every process
    peers = [name for name in chosen.peers.split(",") if name]
    seconds: dict[str, list[float]] = {name: [] for name in (*OURS, *peers)}
    warm_up(pages)
    held: dict[str, int] = {}
    for name in OURS:  # in builds of their own: looking takes time
        with MostHeld() as memory:
            ours(name, pages)
        held[name] = memory.bytes
    for _ in range(chosen.rounds):
        for name in OURS:
            seconds[name].append(ours(name, pages))
        for name in peers:
            command = [sys.executable, __file__, str(chosen.data), "--as-peer", name]
            started = time.perf_counter()
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - started)
    base = 0.0
    for name, each in seconds.items():
        middle = statistics.median(each)
        rate = sizes[pages if name in OURS else once] / 1e6 / middle
        base = base or rate
        label = name if name in OURS else f"datatrove with {name}"
        memory = f", {held[name] / (1 << 30):.2f} GiB" if name in OURS else ""
        print(f"{label:32} {middle:8.1f} s  {rate:7.1f} MB/s of HTML, ours {base / rate:6.1f} times as fast{memory}")


def written(data: Path, folder: Path, copies: int) -> tuple[int, int]:
    """(pages, bytes of HTML) in four WARC files for each copy, made once."""
    facts = folder / "facts.json"
    if not facts.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        urls, pages = (column.to_pylist() for column in pq.read_table(data, columns=["url", "html"]).columns)
        count = size = 0
        for copy in range(copies):
            for part in range(4):
                with (folder / f"{copy}-{part}.warc.gz").open("wb") as file:
                    for url, html in zip(urls[part::4], pages[part::4], strict=True):
                        address = url or f"https://example.org/{count}"  # datatrove wants one
                        write_page(file, f"{address}#{copy}" if copy else address, html)
                        count, size = count + 1, size + len(html)
        facts.write_text(json.dumps([count, size]))
    count, size = json.loads(facts.read_text())
    return count, size


def write_page(file: Any, url: str, html: bytes) -> None:
    """One response as a gzip member of its own, as crawlers write it."""
    body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + html
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:{uuid5(NAMESPACE_URL, url)}>\r\n"
        "WARC-Identified-Payload-Type: text/html\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    file.write(gzip.compress(head.encode() + body + b"\r\n\r\n", 6))


def warm_up(pages: Path) -> None:
    """A small build, so that no kernel is compiled in what is timed."""
    one = WORK / "warc-one"
    one.mkdir(exist_ok=True)
    shutil.copy(next(pages.glob("*.warc.gz")), one / "one.warc.gz")
    for name in OURS:
        ours(name, one)


def ours(name: str, pages: Path) -> float:
    signals, profiles, options = OURS[name]
    recipe, out = WORK / "web.yaml", WORK / "web-run"
    shutil.rmtree(out, ignore_errors=True)
    recipe.write_text(RECIPE.format(pages=pages, signals=signals, profiles=profiles))
    command = [sys.executable, "-m", "gristmill", "build", str(recipe), "--out", str(out)]
    started = time.perf_counter()
    subprocess.run([*command, "--quiet", *options], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def peer(extractor: str, pages: Path) -> None:
    """datatrove's steps for FineWeb, without its URL lists, language model and duplicates."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.extractors.base import BaseExtractor
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )
    from datatrove.pipeline.readers import WarcReader
    from datatrove.pipeline.writers import JsonlWriter

    class Resiliparse(BaseExtractor):
        name = "resiliparse"

        def __init__(self) -> None:
            super().__init__(timeout=1)

        def extract(self, text: str) -> str:
            from resiliparse.extract.html2text import extract_plain_text

            return str(extract_plain_text(text, main_content=True))

    out = WORK / "web-datatrove"
    shutil.rmtree(out, ignore_errors=True)
    LocalPipelineExecutor(
        pipeline=[
            WarcReader(str(pages), glob_pattern="*.warc.gz"),
            Trafilatura(favour_precision=True) if extractor == "trafilatura" else Resiliparse(),
            GopherRepetitionFilter(),
            GopherQualityFilter(),
            C4QualityFilter(filter_no_terminal_punct=False),
            FineWebQualityFilter(),
            JsonlWriter(str(out / "kept")),
        ],
        tasks=len(list(pages.glob("*.warc.gz"))),
        workers=os.cpu_count() or 1,
        logging_dir=str(out / "logs"),
    ).run()


if __name__ == "__main__":
    main()
