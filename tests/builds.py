"""Small corpora, recipes and builds in processes of their own, for the tests that run the whole spine."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.schemas import layout
from gristmill.schemas.manifest import DatasetManifest

_SENTENCES = {
    "en": "the mill turns when the river is high and of all that grain we keep what weighs enough to be bread",
    "de": "die Mühle dreht sich wenn der Fluss hoch steht und vom Korn bleibt nur was schwer genug für Brot ist",
    "el": "ο μύλος γυρίζει όταν το ποτάμι είναι ψηλά και από το σιτάρι κρατάμε όσο ζυγίζει αρκετά",
    "ru": "мельница крутится когда река высока и из всего зерна мы храним то что достаточно тяжело",
    "ja": "水車 は 川 が 高い とき に 回り 穀物 の うち 重い もの だけ を 残す 。",
}
WORDS = {language: sentence.split() for language, sentence in _SENTENCES.items()}
_DAYS = ("2021-03-01T00:00:00Z", "2022-07-15T12:30:00Z", "2023-01-31T23:59:59Z", None)
Row = dict[str, Any]


def prose(dice: random.Random, language: str, sentences: int) -> str:
    """Lines of a few sentences over a small vocabulary; some end without a mark."""
    lines = []
    for _ in range(sentences):
        words = dice.choices(WORDS[language], k=dice.randint(3, 14))
        lines.append(" ".join(words).capitalize() + dice.choice(".....?!,"))
    return "".join(line + dice.choice("  \n") for line in lines).strip()


def rows(count: int = 300, seed: int = 11) -> list[Row]:
    """Documents with explicit ids: several languages, copies, variants, shared ids, texts that are none."""
    dice = random.Random(seed)
    made: list[Row] = []
    for number in range(count):
        language = dice.choice(list(WORDS))
        text = prose(dice, language, dice.randint(1, 12))
        made.append({"id": f"doc-{number:05d}", "text": text, "timestamp": dice.choice(_DAYS), "note": language})
    for number in range(0, count, 7):  # copies, some of them changed in case and spacing only
        original = made[number]
        text = original["text"] if number % 2 else original["text"].upper().replace(" ", "  ")
        made.append({**original, "id": f"copy-{number:05d}", "text": text, "timestamp": dice.choice(_DAYS)})
    for number in range(0, count, 40):  # one id, several contents; one id and content several times
        made.append({**made[number], "text": prose(dice, "en", 6)})
        made.append({**made[number], "note": "again"})
        made.append(dict(made[number]))
    made += [{"id": f"null-{n}", "text": None, "timestamp": None, "note": "null"} for n in range(3)]
    made += [{"id": f"empty-{n}", "text": "", "timestamp": None, "note": "empty"} for n in range(3)]
    return made


def write_jsonl(path: Path, entries: Sequence[Row]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in entries), encoding="utf-8")
    return path


def write_parquet(path: Path, entries: Sequence[Row], row_group_size: int = 50) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(entries)), path, row_group_size=row_group_size)
    return path


COLUMNS = {"id": "id", "metadata": ["note"]}
POLICY: dict[str, Any] = {
    "profiles": ["gopher@dolma"],
    "rules": [{"name": "few_words", "signal": "word_count", "keep": ">= 8", "if_null": "drop"}],
    "thresholds": {"gopher@dolma/few_words": ">= 12"},
    "by_source": {"books": {"rules": [{"name": "short", "signal": "text_bytes", "keep": ">= 60"}]}},
}


def write_recipe(path: Path, sources: Sequence[Mapping[str, Any]], **changes: Any) -> Path:
    """A recipe with rules, exact duplicates and edited text; `changes` replace its top-level keys."""
    recipe = {
        "name": "proof",
        "sources": [dict(source) for source in sources],
        "policy": POLICY,
        "dedup": {"exact": {"normalise": ["case", "whitespace"], "survivor": ["source_priority", "oldest"]}},
        "text": "clean",
    } | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def command(recipe: Path, out: Path | str, *options: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "gristmill",
        "build",
        str(recipe),
        "--out",
        str(out),
        "--no-report",
        *options,
    ]


def build_process(
    recipe: Path, out: Path, *options: str, environment: Mapping[str, str] | None = None, seconds: float = 240
) -> subprocess.CompletedProcess[str]:
    """Run `gristmill build` to its end; the result's stdout and stderr are text."""
    return subprocess.run(
        command(recipe, out, *options),
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def datasets(out: Path) -> dict[str, DatasetManifest]:
    """Every finished dataset of a run by its folder (`documents`, `signals/tokens`, `edges/exact/members`, ...)."""
    storage = Storage(str(out))
    found = {}
    for path in sorted(out.rglob("manifest.json")):
        folder = path.parent.relative_to(out).as_posix()
        if folder not in (".", layout.SHARDS):  # a run's own, and that of its token shards
            manifest = read_manifest(storage, folder)
            assert manifest is not None
            found[folder] = manifest
    return found


def digests(out: Path) -> dict[str, str]:
    """Content digest of every dataset of a run."""
    return {folder: manifest.digest for folder, manifest in datasets(out).items()}


def table(out: Path, folder: str) -> pa.Table:
    """All rows of a dataset."""
    manifest = datasets(out)[folder]
    parts = [pq.read_table(out / part.path) for part in manifest.parts]
    return pa.concat_tables(parts) if parts else pa.table({})
