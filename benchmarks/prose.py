"""What the kernel benchmarks share: documents of the files named on the command line, cut to a size."""

import argparse
from pathlib import Path

import pyarrow as pa
from documents import documents_under


def arguments(description: str, megabytes: float) -> argparse.Namespace:
    """The files and how much of them to use."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("files", nargs="+", type=Path, help="prose: text, JSON Lines or WARC, plain or compressed")
    parser.add_argument("--megabytes", type=float, default=megabytes, help="text to use, repeated when there is less")
    return parser.parse_args()


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


def chosen_documents(chosen: argparse.Namespace) -> list[str]:
    """The documents that the arguments ask for."""
    return first_megabytes([text for text in documents_under(chosen.files) if text], chosen.megabytes)


def megabytes_of(documents: list[str]) -> float:
    return sum(len(document.encode()) for document in documents) / 1e6


def as_arrow(documents: list[str]) -> pa.Array:
    return pa.array(documents, pa.large_string())
