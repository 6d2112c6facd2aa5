"""Generated corpora full of near duplicates, and runs built from them."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.engine.session import Engine
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run
from gristmill.schemas.manifest import DatasetManifest
from gristmill.schemas.rows.decision import DECISION

VOCABULARY = [f"{a}{b}" for a in ("mill", "stone", "river", "grain", "wheel") for b in range(60)]


def changed(words: Sequence[str], changes: int, random_: random.Random) -> list[str]:
    result = list(words)
    for _ in range(changes):
        result[random_.randrange(len(result))] = random_.choice(VOCABULARY)
    return result


def corpus(families: int, seed: int) -> list[dict[str, Any]]:
    """Records (id, text, timestamp): exact copies, near copies, chains of versions, boilerplate, short and empty texts."""
    random_ = random.Random(seed)
    frame = [random_.choice(VOCABULARY) for _ in range(40)]
    texts = []
    for family in range(families):
        words = [random_.choice(VOCABULARY) for _ in range(random_.randint(8, 90))]
        if family % 3 == 0:
            words = frame + words[:8]
        texts.append(words)
        for _ in range(random_.choice((0, 0, 1, 3))):
            texts.append(list(words))
            texts.append(changed(words, random_.randint(1, 4), random_))
        version = words
        for _ in range(random_.choice((0, 0, 4))):
            version = changed(version, 2, random_)
            texts.append(version)
    written = [" ".join(words) for words in texts] + ["one two", "One  two!", "?", "...", "three"]
    random_.shuffle(written)
    return [
        {"id": str(n), "text": text, "date": f"2024-01-{1 + random_.randrange(28):02d}T00:00:00Z"}
        for n, text in enumerate(written)
    ]


def write_records(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def built(path: Path, records: Sequence[dict[str, Any]], dedup: dict[str, Any], engine: Engine, **recipe: Any) -> Run:
    """A run at `path` from records."""
    path.mkdir(parents=True, exist_ok=True)
    source = write_records(path / "input.jsonl", records)
    columns = {"id": "id", "timestamp": "date"}
    whole = {
        "name": "near",
        "sources": [{"name": "docs", "path": str(source), "columns": columns}],
        "dedup": dedup,
        **recipe,
    }
    return build(whole, path / "run", engine=engine, console=Console(quiet=True), report=False)


def table(run: Run, manifest: DatasetManifest) -> pa.Table:
    """All rows of a dataset, by id where it has one."""
    if not manifest.parts:
        return DECISION.empty_table()
    rows = pa.concat_tables([read_part(run.storage, part, None) for part in manifest.parts])  # type: ignore[arg-type]
    return rows.sort_by("doc_id") if "doc_id" in rows.column_names else rows


def kept_ids(run: Run) -> set[str]:
    rows = table(run, run.decisions)
    return set(rows.filter(rows.column("kept")).column("doc_id").to_pylist())
