"""Other tables, another key of documents/."""

import shutil
from pathlib import Path

import pytest
from gristmill.filters.html import learned_tables
from gristmill.filters.html.learned_tables import TABLES, tables_digest
from gristmill.pipelines.sources import ingest
from gristmill.pipelines.sources.ingest import source_versions


def test_every_table_counts(tmp_path: Path) -> None:
    here = Path(learned_tables.__file__).parent
    assert sorted(TABLES) == sorted(path.name for path in here.glob("*.tsv"))
    found = {tables_digest()}
    for name in TABLES:
        folder = Path(shutil.copytree(here, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")))
        (folder / name).write_bytes((folder / name).read_bytes() + b"#")
        found.add(tables_digest(folder))
    assert len(found) == 1 + len(TABLES)
    assert tables_digest() in source_versions().values()


def test_the_revision_of_the_readers_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = source_versions()
    monkeypatch.setattr(ingest, "READERS_REVISION", ingest.READERS_REVISION + 1)
    assert source_versions() != before
