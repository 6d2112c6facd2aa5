"""Speed of every registered signal family on one core, and of whole profiles beside datatrove's filters.

    python benchmarks/text_kernels.py PATH [PATH ...] [--megabytes 16] [--datatrove-megabytes 0.5]

PATH: files or folders of prose (JSON Lines, JSON, WARC, text; gz, bz2, xz), repeated until there are enough bytes.
Prints MB of UTF-8 per second of processor time, the best of three after a first run that compiles. A profile's time is
that of all its families and text versions; datatrove's filters run alone, on the same documents, in the same process.
"""

import argparse
import itertools
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from documents import documents_under
from gristmill.filters.profiles import profile
from gristmill.filters.registry import FAMILIES, family, signals
from gristmill.filters.transforms.apply import versioned_text
from gristmill.filters.transforms.registry import TEXT_VERSIONS
from gristmill.schemas.errors import GristmillError

ROUNDS = 3
SHORTEST = 200  # characters; shorter texts are no prose
PEERS = {
    "gopher@datatrove": ("GopherQualityFilter", "GopherRepetitionFilter"),
    "c4@datatrove": ("C4QualityFilter",),
    "fineweb": ("FineWebQualityFilter",),
    "web-en": ("GopherQualityFilter", "GopherRepetitionFilter", "C4QualityFilter", "FineWebQualityFilter"),
}


def prose(paths: list[Path], megabytes: float) -> list[str]:
    texts = [text for text in documents_under(paths) if len(text) >= SHORTEST]
    if not texts:
        raise SystemExit(f"{', '.join(map(str, paths))}: no text of {SHORTEST} characters or more")
    chosen, size = [], 0.0
    for text in itertools.cycle(texts):
        if size >= megabytes * 1e6:
            return chosen
        chosen.append(text)
        size += len(text.encode())
    return chosen


def batch_of(texts: list[str]) -> pa.RecordBatch:
    return pa.record_batch([pa.array(texts, pa.large_string())], ["text"])


def text_bytes(texts: list[str]) -> int:
    return sum(len(text.encode()) for text in texts)


def seconds(work: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Processor time, which neighbours on the machine disturb least: the best run, after one that does not count."""
    work()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def family_seconds(name: str, batch: pa.RecordBatch) -> float:
    one = family(name)
    return seconds(lambda: one.function(batch, one.complete_options({})))


def profile_seconds(name: str, texts: list[str]) -> float:
    """All families of a profile, each on the text version it measures, and the edits that make the versions."""
    wanted = {(signals()[rule.signal_name][0].name, rule.text_version) for rule in profile(name).rules}
    original = pa.array(texts, pa.large_string())
    total = 0.0
    for version in sorted({version for _, version in wanted} | {profile(name).text_version}):
        if TEXT_VERSIONS[version]:
            total += seconds(partial(versioned_text, original, version))
    for one, version in sorted(wanted):
        text, _ = versioned_text(original, version)
        total += family_seconds(one, pa.record_batch([text], ["text"]))
    return total


def datatrove_seconds(names: tuple[str, ...], texts: list[str]) -> float:
    from datatrove.data import Document
    from datatrove.pipeline import filters
    from datatrove.utils.text import split_into_parts

    def run() -> None:
        split_into_parts.cache_clear()
        for one in chain:
            for number, text in enumerate(texts):
                one.filter(Document(text=text, id=str(number)))

    chain = [getattr(filters, name)() for name in names]
    return seconds(run, rounds=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--megabytes", type=float, default=16)
    parser.add_argument("--datatrove-megabytes", type=float, default=0.5)
    parser.add_argument("--families", nargs="*", default=sorted(FAMILIES))
    arguments = parser.parse_args()

    texts = prose(arguments.paths, arguments.megabytes)
    batch, megabytes = batch_of(texts), text_bytes(texts) / 1e6
    print(f"{len(texts)} documents, {megabytes:.1f} MB, one core\n\n{'family':34}MB/s")
    for name in arguments.families:
        if family(name).isolated or family(name).reads != ("text",) or family(name).inputs or family(name).recipe_key:
            continue
        try:
            print(f"{name:34}{megabytes / family_seconds(name, batch):.1f}", flush=True)
        except GristmillError as error:
            print(f"{name:34}not measured: {error}", flush=True)

    few = prose(arguments.paths, arguments.datatrove_megabytes)
    few_megabytes = text_bytes(few) / 1e6
    print(
        f"\n{'profile':20}{'MB/s':>8}{'datatrove MB/s':>16}{'ratio':>8}   datatrove's filters, {few_megabytes:.1f} MB"
    )
    for name, names in PEERS.items():
        ours = megabytes / profile_seconds(name, texts)
        theirs = few_megabytes / datatrove_seconds(names, few)
        print(f"{name:20}{ours:8.1f}{theirs:16.2f}{ours / theirs:8.0f}   {', '.join(names)}", flush=True)


if __name__ == "__main__":
    main()
