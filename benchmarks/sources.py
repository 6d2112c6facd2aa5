"""Sources as they are published: how fast each is read, beside the public tool, and how the texts differ.

    python benchmarks/sources.py wiki DUMP...            # beside mwparserfromhell's strip_code (pip install mwparserfromhell)
    python benchmarks/sources.py stackexchange DUMP...   # reading alone: from the archive to rows of every kind
    python benchmarks/sources.py reddit DUMP...
    python benchmarks/sources.py books | jats | latex FILE...   # beside pandoc, ebooklib, pylatexenc (sources_converted.py)
    python benchmarks/sources.py gold SOURCE GOLD [SOURCE GOLD ...]   # beside text that is known to be right (sources_gold.py)
    python benchmarks/sources.py code REPOSITORY...      # reading and signals of files; --list: what each is judged to be

Megabytes are those of the wikitext. One process, one core; the median of three runs. The peer gets a fifth of the pages, as
it is slow. Differences are in words (white space and letters): those that one has and the other has not.
"""

import argparse
import bz2
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from gristmill.filters.code.signals import CodeFileOptions
from gristmill.filters.code.signals import measure as measure_code
from gristmill.filters.wiki.article import is_disambiguation, is_redirect, to_markdown
from gristmill.pipelines.sources.readers.mediawiki.page_frames import PageFrames
from gristmill.pipelines.sources.readers.registry import list_splits, read_splits
from gristmill.pipelines.sources.readers.seven_zip import seven_zip_blocks
from gristmill.pipelines.sources.readers.streams import chunks, packed_as
from gristmill.schemas.recipe.source import Source
from gristmill.schemas.rows.document import parsed_metadata
from gristmill.schemas.tally import Tally
from sources_converted import converted
from sources_gold import gold

RUNS = 3
PEER_SHARE = 5
_TEXT = re.compile(r"<text[^>]*>(.*?)</text>", re.DOTALL)
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{3,}")
_MARKUP = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{\||\|\}|'''|</?[a-z]+[^<>]*>|\w+=\"")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", choices=["wiki", "stackexchange", "reddit", "books", "jats", "latex", "gold", "code"])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--list", action="store_true", help="of code, what every file is judged to be")
    arguments = parser.parse_args()
    if arguments.preset == "wiki":
        wiki(arguments.paths)
    elif arguments.preset == "code":
        code(arguments.paths, arguments.list)
    elif arguments.preset == "gold":
        gold(arguments.paths)
    elif arguments.preset in ("books", "jats", "latex"):
        converted(arguments.preset, arguments.paths)
    else:
        threads(arguments.preset, arguments.paths)


def code(paths: Sequence[Path], listed: bool) -> None:
    """Megabytes of text a second of reading repositories and of the signals of their files; what files are judged to be, by
    repository, and with `listed` file by file."""
    source = Source(name="code", path=tuple(map(str, paths)), format="code")
    options = CodeFileOptions().model_dump()
    started = time.process_time()
    items = list(read_splits(list_splits(source, 64 << 20), source))
    reading = time.process_time() - started
    batches = [item.filter(pc.is_valid(item.column("text"))) for item in items if not isinstance(item, Tally)]
    size = sum(pc.sum(batch.column("text_bytes")).as_py() or 0 for batch in batches)
    started = time.process_time()
    rows = [row for batch in batches for row in measure_code(batch, options).to_pylist()]
    measuring = time.process_time() - started
    skipped = sum((Counter(item.skipped) for item in items if isinstance(item, Tally)), Counter())
    print(
        f"{len(rows):,} files, {size / 1e6:.1f} MB; read {size / 1e6 / reading:.1f} MB/s, signals "
        f"{size / 1e6 / measuring:.1f} MB/s"
    )
    print("left out:", dict(skipped.most_common()))
    names = [parsed_metadata(about) for batch in batches for about in batch.column("metadata").to_pylist()]
    by_repository: dict[str, list[dict[str, Any]]] = {}
    for about, row in zip(names, rows, strict=True):
        by_repository.setdefault(about["repository"], []).append({**row, "path": about["path"]})
    marks = ("code_generated", "code_minified", "code_vendored")
    print("repository | files | generated | minified | vendored | encoded | licences")
    for name, mine in sorted(by_repository.items()):
        marked = " | ".join(f"{sum(row[mark] for row in mine):,}" for mark in marks)
        encoded = sum((row["encoded_fraction"] or 0) > 0.5 or row["longest_encoded_run"] > 1024 for row in mine)
        licences = Counter(row["code_licence"] for row in mine).most_common(3)
        shown = ", ".join(f"{licence} {count:,}" for licence, count in licences)
        print(f"{name} | {len(mine):,} | {marked} | {encoded:,} | {shown}")
    if listed:
        for row in sorted((row for mine in by_repository.values() for row in mine), key=lambda row: str(row["path"])):
            said = [mark.removeprefix("code_") for mark in marks if row[mark]]
            print(*(said or ["-"]), row["path"], row["code_language"], row["code_licence"], sep="\t")


def threads(preset: str, paths: Sequence[Path]) -> None:
    """Rows of every kind from the same files, what was left out, and megabytes of the unpacked dump a second."""
    size = sum(_unpacked_size(path) for path in paths)
    for kind in ("document", "conversation", "pair", "prompt"):
        source = Source(name="dump", path=tuple(map(str, paths)), format=preset, rows=kind)
        seconds = []
        tallies: list[Tally] = []
        for _ in range(RUNS):
            started = time.process_time()
            items = list(read_splits(list_splits(source, 64 << 20), source))
            seconds.append(time.process_time() - started)
            tallies = [item for item in items if isinstance(item, Tally)]
        skipped = sum((Counter(one.skipped) for one in tallies), Counter[str]())
        print(
            f"{kind:13} {sum(one.documents for one in tallies):6,} rows of {sum(one.records_framed for one in tallies):,} "
            f"framed, {size / 1e6 / statistics.median(seconds):6.2f} MB/s of CPU time; left out: "
            f"{', '.join(f'{name} {count:,}' for name, count in skipped.most_common())}"
        )


def _unpacked_size(path: Path) -> int:
    """Bytes of the posts in a dump."""
    with path.open("rb") as stored:
        packed = packed_as(stored.read(512))
        stored.seek(0)
        if packed == "7z":
            return sum(map(len, seven_zip_blocks(stored, lambda name: name == "Posts.xml", print)))
        return sum(map(len, chunks(stored, packed, print)))


def wiki(paths: Sequence[Path]) -> None:
    pages = [page for path in paths for page in _articles(path)]
    size = sum(len(text.encode()) for _, text in pages)
    print(f"{len(pages):,} articles, {size / 1e6:.2f} MB of wikitext")
    _rate("gristmill", lambda: [to_markdown(text, title).text for title, text in pages], size)
    try:
        import mwparserfromhell
    except ImportError:
        sys.exit("pip install mwparserfromhell to compare")
    some = pages[::PEER_SHARE]
    small = sum(len(text.encode()) for _, text in some)
    theirs = _rate("mwparserfromhell", lambda: [mwparserfromhell.parse(text).strip_code() for _, text in some], small)
    ours = [to_markdown(text).text for _, text in some]
    for name, texts, others in (("gristmill", ours, theirs), ("mwparserfromhell", theirs, ours)):
        words, only, markup = 0, Counter[str](), 0
        for text, other in zip(texts, others, strict=True):
            found = Counter(_WORD.findall(text))
            words += found.total()
            only += found - Counter(_WORD.findall(other))
            markup += len(_MARKUP.findall(text))
        print(
            f"{name:18} {words:,} words, {only.total():,} not in the other, {markup:,} pieces of markup left; "
            f"most frequent: {', '.join(f'{word} {count}' for word, count in only.most_common(12))}"
        )


def _articles(path: Path) -> list[tuple[str, str]]:
    """(title, wikitext) of the articles of a dump."""
    data = bz2.decompress(path.read_bytes()) if path.suffix == ".bz2" else path.read_bytes()
    found = []
    for frame in PageFrames(1 << 30).read(iter([data])):
        page = (frame.content or b"").decode("utf-8", "replace")
        text, title = _TEXT.search(page), _TITLE.search(page)
        if text and title and "<ns>0</ns>" in page and "<model>wikibase" not in page:
            pair = unescape(title[1]), unescape(text[1])
            if not is_redirect(pair[1]) and not is_disambiguation(pair[1], pair[0]):
                found.append(pair)
    return found


def _rate(name: str, run: Callable[[], list[str]], size: int) -> list[str]:
    seconds = []
    result: list[str] = []
    for _ in range(RUNS):
        started = time.process_time()
        result = run()
        seconds.append(time.process_time() - started)
    print(f"{name:18} {size / 1e6 / statistics.median(seconds):6.2f} MB/s of CPU time")
    return result


if __name__ == "__main__":
    main()
