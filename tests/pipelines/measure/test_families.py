"""Families that read the same version of the texts share it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from gristmill import build
from gristmill.console import Console
from gristmill.pipelines.measure import families


def test_each_version_of_a_batch_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mills.jsonl").write_text(json.dumps({"text": "They grind grain, and have for long. Day and night!"}))
    made: Counter[str] = Counter()
    really = families.version_texts

    def counted(batch: Any, version: str, kind: Any) -> Any:
        made[version] += 1
        return really(batch, version, kind)

    monkeypatch.setattr(families, "version_texts", counted)
    recipe = {
        "name": "mills",
        "sources": [{"name": "mills", "path": str(tmp_path / "mills.jsonl")}],
        "policy": {"profiles": ["fineweb_chain"]},
    }
    build(recipe, tmp_path / "run", console=Console(quiet=True), report=False)
    assert len(made) > 1
    assert set(made.values()) == {1}
