"""Documents for the kernel benchmarks, read from files named on the command line."""

import argparse
import bz2
import gzip
import json
import lzma
from pathlib import Path

import pyarrow as pa

_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def arguments(description: str, megabytes: float) -> argparse.Namespace:
    """The files and how much of them to use."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "files", nargs="+", type=Path, help="text, or JSON Lines with a `text` field; also .gz .bz2 .xz"
    )
    parser.add_argument("--megabytes", type=float, default=megabytes, help="text to use, repeated when there is less")
    parser.add_argument(
        "--document-bytes", type=int, default=5000, help="plain text is cut into documents of this size"
    )
    return parser.parse_args()


def read_documents(files: list[Path], document_bytes: int) -> list[str]:
    """The texts of all files in order."""
    documents = []
    for path in files:
        with _OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8", errors="replace", newline="\n") as file:
            if ".jsonl" in path.name:
                documents += [json.loads(line)["text"] for line in file if line.strip()]
            else:
                documents += _cut(file.read(), document_bytes)
    return documents


def _cut(text: str, document_bytes: int) -> list[str]:
    """Stretches of whole lines, each about `document_bytes` characters."""
    documents, lines, size = [], [], 0
    for line in text.splitlines(keepends=True):
        lines.append(line)
        size += len(line)
        if size >= document_bytes:
            documents.append("".join(lines))
            lines, size = [], 0
    return [*documents, "".join(lines)] if lines else documents


def first_megabytes(documents: list[str], megabytes: float) -> list[str]:
    """Documents from the front, over again when there are too few, up to so many megabytes of UTF-8."""
    chosen, size, wanted = [], 0, megabytes * 1e6
    while size < wanted:
        for document in documents:
            chosen.append(document)
            size += len(document.encode())
            if size >= wanted:
                break
    return chosen


def megabytes_of(documents: list[str]) -> float:
    return sum(len(document.encode()) for document in documents) / 1e6


def as_arrow(documents: list[str]) -> pa.Array:
    return pa.array(documents, pa.large_string())
