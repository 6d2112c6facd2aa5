"""Conversations, pairs and prompts from files as they are published: records, rows, forms, what is left out, rows a second.

    python benchmarks/forms.py FILE_OR_FOLDER ... [--kind conversation] [--choose all]

Every file is read as every kind of rows, unless `--kind` names one; a line for each kind that a form of its records becomes.
Rows a second of processor time, of reading alone: from packed files to batches of rows.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from gristmill.pipelines.sources.readers.registry import list_splits, read_splits
from gristmill.schemas.recipe.source import PairOptions, Source
from gristmill.schemas.rows.registry import DOCUMENT, ROW_KINDS
from gristmill.schemas.tally import Tally

SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz", ".parquet", ".csv.gz", ".csv")


def files_of(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (one for one in inside if one.name.endswith(SUFFIXES))


def measure(path: Path, kind: str, pairs: PairOptions) -> str | None:
    """One line for a file read as one kind; None where no record of it has a form of this kind."""
    source = Source(name="file", path=str(path), rows=kind, pairs=pairs)
    reasons: Counter[str] = Counter()
    forms: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    records = rows = 0
    error = None
    started = time.process_time()
    for item in read_splits(list_splits(source, 64 << 20), source):
        if isinstance(item, pa.RecordBatch):
            counted = pc.value_counts(item.column("reason").drop_null()).to_pylist()
            reasons.update({one["values"]: one["counts"] for one in counted})
        elif isinstance(item, Tally):
            forms.update(item.forms)
            skipped.update(item.skipped)
            rows += item.documents
            error = error or item.error
    seconds = time.process_time() - started
    records = sum(forms.values()) + reasons["unknown_form"]
    if not forms:
        return None
    said = [f"{records:,} records", f"{rows:,} rows", ", ".join(f"{n} {c:,}" for n, c in forms.most_common())]
    said += [
        f"{label}: {_listed(counts)}" for label, counts in (("quarantined", reasons), ("left out", skipped)) if counts
    ]
    said += [f"error: {error}"] if error else []
    return f"  {kind:<12} {'; '.join(said)}; {rows / seconds:,.0f} rows a second"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--kind", choices=[kind for kind in ROW_KINDS if kind != DOCUMENT])
    parser.add_argument("--choose", choices=["best_worst", "best_random_lower", "all"], default="best_worst")
    options = parser.parse_args()
    pairs = PairOptions(choose=options.choose)
    for path in files_of(options.paths):
        print(path.name)
        kinds = [options.kind] if options.kind else [kind for kind in ROW_KINDS if kind != DOCUMENT]
        lines = [line for kind in kinds if (line := measure(path, kind, pairs)) is not None]
        print("\n".join(lines) or "  no form of rows that are no documents")


if __name__ == "__main__":
    main()
