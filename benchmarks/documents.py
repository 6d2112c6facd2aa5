"""Documents for the parity scripts: those of any file given, and generated ones full of traps."""

import bz2
import gzip
import io
import json
import lzma
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_BLOCK_LINES = 60  # lines of a plain text file that make one document

_WORDS = (
    *("the", "The", "be", "to", "of", "and", "that", "have", "with", "river", "mill", "old", "flood", "valley", "a"),
    *(
        "#",
        "#tag",
        "…",
        "...",
        ".",
        "wait…",
        "…wait",
        "-",
        "--",
        "*",
        "•",
        "●",
        "12",
        "3.14",
        "e-mail",
        "don't",
        "U.S.",
    ),
    *("lorem", "ipsum", "Lorem ipsum", "javascript", "JavaScript,", "{", "}", "end.", 'said."', "what?", "no!"),
    *(
        "über",
        "слово",
        "中文",
        "語",
        "İ",
        "K",
        "e\u0301",
        "\u0301",
        "👩\u200d👧",
        "𝒳",
        "\ufeff",
        "\u200b",
        "\x00",
        "\x01",
    ),
)
_GAPS = (
    (" ",) * 30 + ("\n",) * 6 + ("\n\n", "\n\n\n", "\t", "  ", "\r\n", "\r", " \n", "\n ", "\n- ", "\n* ", "…\n", "")
)
_GAPS += ("\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\u2028", "\xa0", "\u3000")


def generated(count: int, seed: int = 0) -> Iterator[str]:
    """Short and long texts, some of one phrase over and over, with the white space and marks that rules differ on."""
    yield from ("", " ", "\n", "\n\n", "\x00", "word", "Hello world", "a\n", "\na", "…", "#", "a b " * 60, "a\n" * 60)
    random_ = random.Random(seed)
    for _ in range(count):
        vocabulary = random_.sample(_WORDS, random_.randint(1, len(_WORDS)))
        length = random_.choice((3, 20, 80, 300))
        parts = [random_.choice(vocabulary) + random_.choice(_GAPS) for _ in range(random_.randint(1, length))]
        text = "".join(parts)
        yield text * random_.choice((1, 1, 1, 2, 3))


def strings(value: Any) -> Iterator[str]:
    """Every string inside a JSON value; a record with a `text` is that text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from strings(value["text"]) if "text" in value else (s for v in value.values() for s in strings(v))
    elif isinstance(value, list):
        yield from (s for v in value for s in strings(v))


def documents_of(path: Path) -> Iterator[str]:
    """JSON and JSON Lines by string, WARC by payload, anything else in blocks of lines."""
    opener = _OPENERS.get(path.suffix, open)
    with opener(path, "rb") as file:  # type: ignore[operator]
        content = file.read()
    names = path.suffixes
    if ".jsonl" in names:
        for line in content.decode().split("\n"):
            if line:
                yield from strings(json.loads(line))
    elif ".json" in names:
        yield from strings(json.loads(content))
    elif ".warc" in names:
        yield from payloads(content)
    else:
        lines = content.decode(errors="replace").split("\n")
        for start in range(0, len(lines), _BLOCK_LINES):
            yield "\n".join(lines[start : start + _BLOCK_LINES])


def payloads(content: bytes) -> Iterator[str]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    for record in ArchiveIterator(
        io.BytesIO(content), record_types=WarcRecordType.response | WarcRecordType.conversion
    ):
        yield record.reader.read().decode(errors="replace")


def documents_under(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            yield from documents_of(file)
