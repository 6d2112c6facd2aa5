"""The near-duplicate removal of text-dedup on the same documents and parameters: seconds, and what each removed.

    python benchmarks/text_dedup_peer.py [MEGABYTES] [--python PYTHON]       default 20

text-dedup pins old versions of what we use, so it runs in an environment of its own: PYTHON, or one that is made below
benchmarks/.work from the package index. One process and 14 bands of 8 rows for both, 112 permutations of word 5-grams,
similarity 0.8, no exact duplicates first. text-dedup lower-cases, splits at what is no letter or digit, does not verify
candidates and keeps the first of each connected component; ours is given `link: star` with verified pairs. Its second
figure leaves out start and imports, as ours does.
"""

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from inputs import WORK
from near_duplicates import deduplicated, near_copies, rows_of

PACKAGES = (
    *("bitarray", "click", "click-option-group", "datasets", "fire", "ftfy", "psutil", "pybloom-live", "regex", "rich"),
    *("scipy", "tqdm", "xxhash", "zstandard", "setuptools<81"),
)
SAME = {"bands": 14, "rows": 8, "shingle": {"words": 5, "normalise": ["case", "punctuation", "whitespace"]}}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("megabytes", nargs="?", type=float, default=20.0)
    parser.add_argument("--python")
    given = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    python = given.python or environment()
    records = near_copies(given.megabytes)
    size = sum(len(record["text"].encode()) for record in records) / 1e6
    deduplicated("text-dedup-warm", near_copies(1.0), **SAME)
    run = deduplicated("text-dedup-ours", records, **SAME)
    names = ("edges/near/signatures", "edges/near/buckets", "edges/near/shingles", "decisions")
    seconds = sum(run.dataset(name).seconds for name in names)
    ours = {name: row["duplicate_of"] for name, row in rows_of(run) if row["duplicate_of"]}
    theirs, whole, stages = text_dedup(python, records)
    print(f"{len(records):,} documents, {size:.1f} MB")
    print(f"  ours {seconds:.2f} s, {size / seconds:.1f} MB/s; {len(ours):,} removed")
    print(f"  text-dedup {stages:.1f} s ({whole:.1f} s with start), {size / stages:.2f} MB/s; {len(theirs):,} removed")
    print(f"  ratio {stages / seconds:.0f}")
    print(f"  removed by both {len(theirs & set(ours)):,}, by ours alone {len(set(ours) - theirs):,}, "
          f"by text-dedup alone {len(theirs - set(ours)):,}")  # fmt: skip
    explain(theirs - set(ours), set(ours) - theirs, dict(rows_of(run)))


def explain(only_theirs: set[str], only_ours: set[str], rows: dict[str, dict[str, object]]) -> None:
    """Why the removed sets differ: another copy of the same cluster kept, or no verified pair at all."""
    clustered = {name for name in only_theirs if rows[name]["cluster"] is not None}
    print(f"  of text-dedup's alone {len(clustered):,} survive a cluster of ours of which another copy is dropped; "
          f"{len(only_theirs) - len(clustered):,} have no verified partner: chance collisions and chains")  # fmt: skip
    print(
        f"  of ours alone {len(only_ours):,}: text-dedup kept another copy of the cluster, or its words are split otherwise"
    )


def environment() -> str:
    """The Python of an environment with text-dedup, made when it is not there."""
    folder = WORK / "text-dedup"
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--no-deps", "text-dedup==0.4.0"], check=True)  # its pins do not matter to MinHash
        subprocess.run([*install, *PACKAGES], check=True)
    return str(python)


def text_dedup(python: str, records: list[dict[str, str]]) -> tuple[set[str], float, float]:
    """(ids removed, seconds of the whole process, seconds that it reports of its own work)."""
    folder = WORK / "text-dedup-run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(records), folder / "input.parquet")
    command = [
        *(python, "-m", "text_dedup.minhash", "--path", "parquet", "--data_files", str(folder / "input.parquet")),
        *(
            "--split",
            "train",
            "--cache_dir",
            str(folder / "cache"),
            "--output",
            str(folder / "kept"),
            "--column",
            "text",
        ),
        *("--num_proc", "1", "--ngram", "5", "--min_length", "0", "--num_perm", "112", "--threshold", "0.8"),
        *("--b", "14", "--r", "8", "--hash_func", "xxh3", "--batch_size", "1000"),
    ]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    whole = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"text-dedup failed:\n{done.stderr[-3000:]}")
    kept = {name for file in sorted((folder / "kept").glob("*.arrow")) for name in _ids(file)}
    reported = re.findall(r"Total\s*:\s*([\d.]+)s", done.stdout + done.stderr)
    return {record["id"] for record in records} - kept, whole, float(reported[-1]) if reported else whole


def _ids(file: Path) -> list[str]:
    with pa.memory_map(str(file)) as source:
        found: list[str] = pa.ipc.open_stream(source).read_all().column("id").to_pylist()
    return found


if __name__ == "__main__":
    main()
