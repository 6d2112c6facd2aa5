"""Held-out pieces of documents for the benchmarks of models: every piece of a document is on the same side."""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from gristmill.console import Console
from gristmill.pipelines.signal_models.texts import read_texts

PIECE_CHARACTERS = 1000


def documents(paths: Sequence[str]) -> list[str]:
    """The texts of runs, recipes or files, each once, in the order of their hashes."""
    with tempfile.TemporaryDirectory() as work:
        texts = {text.text for text in read_texts(paths, Path(work), Console(quiet=True))}
    return sorted(texts, key=lambda text: hashlib.blake2b(text.encode(), digest_size=8).digest())


def is_held_out(text: str) -> bool:
    """A fifth, by hash."""
    return hashlib.blake2b(text.encode(), digest_size=8, person=b"held out").digest()[0] % 5 == 0


def pieces(texts: Iterable[str]) -> list[str]:
    """Runs of whole lines of about PIECE_CHARACTERS; lines longer than that alone, shorter rests left out."""
    found = []
    for text in texts:
        piece = ""
        for line in text.split("\n"):
            piece = f"{piece}\n{line}" if piece else line
            if len(piece) >= PIECE_CHARACTERS:
                found.append(piece)
                piece = ""
    return found


def jsonl(path: Path, texts: Iterable[str]) -> str:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return str(path)
