"""Input of the benchmarks: documents of real sentences, from the documentation of the installed Python packages.

Sentences are drawn with a fixed seed into documents of log-normal length (median about 2,000 characters), a tenth of
which repeat an earlier document. Nothing is downloaded; the same installation gives the same input.
"""

import json
import re
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WORK = Path(__file__).parent / ".work"
DUPLICATE_FRACTION = 0.1
_SENTENCE = re.compile(r"[A-Z][^.!?\n]{20,300}[.!?](?=\s|$)")


@cache
def sentences() -> list[str]:
    """Distinct sentences of the package documentation, sorted."""
    found: set[str] = set()
    packages = Path(pa.__file__).parent.parent
    for pattern in ("**/METADATA", "**/*.md", "**/*.rst", "**/*.txt", "**/*.py"):
        for path in packages.glob(pattern):
            if path.is_file() and path.stat().st_size < 2_000_000:
                text = path.read_text(encoding="utf-8", errors="ignore")
                found.update(_SENTENCE.findall(re.sub(r"\n(?!\n)", " ", text)))
    return sorted(found)


def documents(megabytes: float, seed: int = 0) -> list[str]:
    """About `megabytes` (10**6 bytes) of documents."""
    pool = sentences()
    rng = np.random.default_rng(seed)
    made: list[str] = []
    size = 0
    while size < megabytes * 1e6:
        if made and rng.random() < DUPLICATE_FRACTION:
            text = made[int(rng.integers(len(made)))]
        else:
            count = max(1, int(rng.lognormal(3.0, 0.8)))
            chosen = [pool[i] for i in rng.integers(len(pool), size=count)]
            breaks = rng.random(count) < 0.3
            text = "".join(s + ("\n" if b else " ") for s, b in zip(chosen, breaks, strict=True)).strip()
        made.append(text)
        size += len(text.encode())
    return made


def parquet(megabytes: float, seed: int = 0) -> Path:
    """A Parquet file of `documents(megabytes)`, made once and kept in benchmarks/.work."""
    WORK.mkdir(exist_ok=True)
    path = WORK / f"documents-{megabytes:g}mb-{seed}.parquet"
    if not path.exists():
        schema = pa.schema([("id", pa.large_string()), ("text", pa.large_string())])
        temporary = path.with_suffix(".tmp")
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            done, block = 0.0, 0
            while done < megabytes:
                step = min(100.0, megabytes - done)
                texts = documents(step, seed * 1000 + block)
                ids = [f"{block}-{i}" for i in range(len(texts))]
                writer.write_table(pa.table({"id": ids, "text": texts}, schema=schema), row_group_size=8192)
                done, block = done + step, block + 1
        temporary.rename(path)
    return path


def jsonl(megabytes: float, seed: int = 0) -> Path:
    """The same documents as JSON Lines."""
    WORK.mkdir(exist_ok=True)
    path = WORK / f"documents-{megabytes:g}mb-{seed}.jsonl"
    if not path.exists():
        temporary = path.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": text}) + "\n" for text in documents(megabytes, seed))
        temporary.rename(path)
    return path


if __name__ == "__main__":
    print(parquet(float(sys.argv[1])))
