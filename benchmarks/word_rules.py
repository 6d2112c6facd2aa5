"""How often, and how much faster, the compiled word rules give what the libraries they follow give.

    python benchmarks/word_rules.py PATH... [--field text] [--megabytes 2]

PATH: a folder, a text file (one document), JSON Lines with a text field or TSV whose last column is the text (one
document a line), a MediaWiki dump (one document a page); .gz, .bz2 and .xz are read as they are.
Prints one line per path and rule: documents, share of documents with identical spans, MB/s (CPU time of one thread) of
the kernel and of the library.
"""

import argparse
import bz2
import gzip
import itertools
import json
import lzma
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from gristmill.filters.text.sentences import sentence_spans, spacy_sentences
from gristmill.filters.text.spacy_words import spacy_spans, token_spans
from gristmill.filters.text.spans import Spans, reference_spans
from gristmill.filters.text.unicode_words import unicode_word_spans
from gristmill.filters.text.wordpunct import wordpunct_spans
from uniseg.wordbreak import word_boundaries

_OPEN: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def uniseg_spans(text: str) -> list[tuple[int, int]]:
    edges = list(word_boundaries(text))
    return list(itertools.pairwise(edges))


def wordpunct_reference(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\w+|[^\w\s]+", text)]


RULES: dict[str, tuple[Callable[[pa.Array], Spans], Callable[[str], list[tuple[int, int]]]]] = {
    "spaCy words": (token_spans, spacy_spans),
    "spaCy sentences": (sentence_spans, spacy_sentences),
    "uniseg words": (unicode_word_spans, uniseg_spans),
    "WordPunct": (wordpunct_spans, wordpunct_reference),
}


def documents(path: Path, field: str) -> Iterator[str]:
    """The documents of one path, as the module's docstring says."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and (file.suffix in (".txt", ".md", ".rst", ".py") or file.name == "METADATA"):
                yield from documents(file, field)
        return
    with _OPEN.get(path.suffix, open)(path, "rt", encoding="utf-8", errors="replace") as stream:
        if ".jsonl" in path.suffixes:
            for line in stream:
                yield str(json.loads(line)[field])
        elif ".tsv" in path.suffixes:
            for line in stream:
                yield line.rstrip("\n").split("\t")[-1]
        elif ".xml" in path.suffixes:
            yield from re.findall(r"<text[^>]*>(.*?)</text>", "".join(stream), re.DOTALL)
        else:
            yield "".join(stream)


def sample(path: Path, field: str, megabytes: float) -> list[str]:
    """Documents of the path up to about `megabytes`."""
    taken: list[str] = []
    left = megabytes * 1e6
    for text in documents(path, field):
        taken.append(text)
        left -= len(text.encode())
        if left <= 0:
            break
    return taken


def timed(run: Callable[[], Spans]) -> tuple[Spans, float]:
    began = time.thread_time()
    spans = run()
    return spans, time.thread_time() - began


def same_rows(left: Spans, right: Spans) -> int:
    """Number of rows whose spans are identical."""
    bounds = zip(left[2][:-1], left[2][1:], right[2][:-1], right[2][1:], strict=True)
    return sum(
        np.array_equal(left[0][a:b], right[0][c:d]) and np.array_equal(left[1][a:b], right[1][c:d])
        for a, b, c, d in bounds
    )


def compare(where: str, texts: list[str]) -> None:
    """Print one line per rule for these documents."""
    batch = pa.array(texts, pa.large_string())
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    for name, (compiled, library) in RULES.items():
        compiled(pa.array(["compile"], pa.large_string()))
        ours, seconds = timed(lambda compiled=compiled: compiled(batch))  # type: ignore[misc]
        theirs, their_seconds = timed(lambda library=library: reference_spans(batch, library))  # type: ignore[misc]
        same = same_rows(ours, theirs)
        print(
            f"{where}: {name}: {same} of {len(texts)} documents identical ({same / len(texts):.4%}), {megabytes:.2f} MB,"
            f" {megabytes / seconds:.1f} MB/s compiled, {megabytes / their_seconds:.2f} MB/s library",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--field", default="text", help="text field of JSON Lines")
    parser.add_argument("--megabytes", type=float, default=2.0, help="most text taken from one path")
    arguments = parser.parse_args()
    for path in arguments.paths:
        compare(path.name, sample(path, arguments.field, arguments.megabytes))


if __name__ == "__main__":
    main()
