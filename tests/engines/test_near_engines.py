"""Near duplicates in rounds on Spark, in rounds on Sail and in memory: the same rows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builds import COLUMNS, digests, rows, table, write_jsonl, write_recipe
from tests.engines.cluster import LOOPBACK_ENVIRONMENT

MEMORY, ROUNDS = "1000000", "0"


def build_with(recipe: Path, out: Path, engine: str, memory_rows: str) -> Path:
    script = Path(__file__).with_name("near_build.py")
    done = subprocess.run(
        [sys.executable, str(script), str(recipe), str(out), engine, memory_rows],
        env={**os.environ, **LOOPBACK_ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return out


@pytest.mark.java
@pytest.mark.timeout(900)
@pytest.mark.slow
@pytest.mark.parametrize("link", ["star", "component"])
def test_rounds_on_both_engines_give_what_memory_gives(tmp_path: Path, link: str) -> None:
    write_jsonl(tmp_path / "web.jsonl", rows(150, seed=8))
    near = {"similarity": 0.8, "recall": 0.9, "shingle": {"words": 1}, "link": link, "max_hubs": 3}
    exact = {"normalise": ["case", "whitespace"], "survivor": ["oldest"]}
    recipe = write_recipe(
        tmp_path / "recipe.yaml",
        [{"name": "web", "path": "web.jsonl", "columns": COLUMNS}],
        policy={},
        dedup={"exact": exact, "near": near},
    )
    chosen = [("sail", MEMORY), ("sail", ROUNDS), ("spark", ROUNDS)]
    outs = [build_with(recipe, tmp_path / f"{engine}-{limit}", engine, limit) for engine, limit in chosen]
    decisions = table(outs[0], "decisions").to_pylist()
    assert sum("duplicate/near" in row["failed_rules"] for row in decisions) > 20
    expected = digests(outs[0])
    assert "decisions/near/pairs" in expected
    for out in outs[1:]:
        assert digests(out) == expected, out.name
