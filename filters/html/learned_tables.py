"""The tables that the extractor learned, as one digest: texts of pages follow from them."""

import hashlib
from functools import cache
from pathlib import Path

TABLES = ("block_trees.tsv", "label_scores.tsv", "page_trees.tsv")


@cache
def tables_digest(folder: Path = Path(__file__).parent) -> str:
    """16 hex digits of the contents of the tables: part of the key of documents/, so that other tables mean other texts."""
    digest = hashlib.blake2b(digest_size=8)
    for name in TABLES:
        digest.update((folder / name).read_bytes() + b"\0")
    return digest.hexdigest()
