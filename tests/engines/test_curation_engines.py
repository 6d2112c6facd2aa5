"""Curated sets of conversations and of pairs: the same rows on Sail and Spark, in any partitioning, order and hash seed.

Forms of several kinds in one file, scores joined, vectors, a budget, semantic duplicates, contradictions, cycles, label noise
and balance are all in one of the two recipes.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from gristmill.pipelines.sources.readers.identity import id_from_column

from tests.builds import digests, table, write_jsonl
from tests.engines.cluster import LOOPBACK_ENVIRONMENT

LAYOUT_ONLY = {"documents/ids/rows", "embeddings/part-counts"}
WORDS = ["mill", "river", "grain", "stone", "wheel", "flour", "bread", "oven", "water", "field", "harvest", "barn"]
CASES = [("sail", 1, "0", False), ("sail", 3, "1", True), ("spark", 3, "0", True)]


def said(draw: random.Random, words: int) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(words)) + "."


def conversations() -> list[dict[str, Any]]:
    """Alpaca, ShareGPT, messages and GSM8K; some prompts asked twice, some with another number as their answer."""
    draw = random.Random(3)
    rows: list[dict[str, Any]] = []
    for number in range(60):
        asked = f"Tell me of {said(draw, 6)}"
        sums = f"How many stones has the mill of {number % 20} rivers and {said(random.Random(number % 20), 5)}?"
        rows += [
            {"instruction": asked, "output": said(draw, 8)},
            {"conversations": [{"from": "human", "value": asked[:-1]}, {"from": "gpt", "value": said(draw, 9)}]},
            {"messages": [{"role": "user", "content": said(draw, 7)}, {"role": "assistant", "content": said(draw, 7)}]},
            {"question": sums, "answer": f"Count them.\n#### {number % 3}"},
        ]
    return [{"id": f"row-{number}", **row} for number, row in enumerate(rows)]


def pairs() -> list[dict[str, Any]]:
    """Chosen and rejected texts, and lists of rated answers; some prompts with a cycle."""
    draw = random.Random(4)
    rows: list[dict[str, Any]] = []
    for number in range(80):
        prompt = f"What of {said(draw, 4)}"
        rows.append({"prompt": prompt, "chosen": said(draw, draw.randint(4, 14)), "rejected": said(draw, 7)})
        ratings = [{"response": said(draw, draw.randint(3, 12)), "score": draw.randint(1, 5)} for _ in range(3)]
        rows.append({"prompt": prompt + " Again?", "completions": ratings})
        if number % 10 == 0:
            rows += [
                {"prompt": f"Which, {number}?", "chosen": one, "rejected": other}
                for one, other in (("this one", "that one"), ("that one", "no one"), ("no one", "This  one"))
            ]
    return [{"id": f"pair-{number}", **row} for number, row in enumerate(rows)]


RECIPES: dict[str, dict[str, Any]] = {
    "conversation": {
        "embed": {"view": "prompt", "dimension": 32},
        "dedup": {"exact": {"view": "prompt"}, "near": {}, "semantic": {"min_similarity": 0.97}},
        "select": {"budget": 40, "by": "scored_quality * response_characters", "max_similarity": 0.6},
        "contradictions": {"min_similarity": 0.9},
        "policy": {
            "rules": [{"name": "minority", "signal": "contradicts_majority", "keep": "!= true"}],
            "balance": [{"by": "response_characters", "edges": [42]}],
        },
    },
    "pair": {
        "preferences": {},
        "policy": {
            "profiles": ["preference"],
            "rules": [
                {"name": "cyclic", "signal": "pair_in_cycle", "keep": "!= true"},
                {"name": "unlikely", "signal": "label_probability", "keep": ">= 0.2"},
                {"name": "loops", "signal": "loop_character_fraction@chosen", "keep": "<= 0.9"},
                {"name": "rejected_loops", "signal": "loop_character_fraction@rejected", "keep": "<= 0.9"},
            ],
            "balance": [{"by": "length", "max_ratio": 1.5}],
        },
    },
}


def write_recipe(folder: Path, kind: str, shuffled: bool, files: int) -> Path:
    rows = conversations() if kind == "conversation" else pairs()
    scores = [{"doc_id": id_from_column("set", row["id"]), "quality": n % 7 / 7} for n, row in enumerate(rows)]
    del scores[len(scores) * 3 // 4 :]
    if shuffled:
        random.Random(5).shuffle(rows)
        random.Random(6).shuffle(scores)
    for file in range(files):
        write_jsonl(folder / "in" / f"{file}.jsonl", rows[file::files])
    write_jsonl(folder / "scores.jsonl", scores)
    source = {"name": "set", "path": str(folder / "in"), "columns": {"id": "id"}}
    recipe = {"name": kind, "rows": kind, "sources": [source], **RECIPES[kind]}
    if kind == "conversation":
        recipe["scores"] = {"quality": str(folder / "scores.jsonl")}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


@pytest.mark.java
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", RECIPES)
def test_the_same_set_on_every_engine(kind: str, tmp_path: Path) -> None:
    runs = []
    for engine, partitions, seed, shuffled in CASES:
        folder = tmp_path / f"{engine}-{partitions}"
        recipe = write_recipe(folder, kind, shuffled, partitions)
        runs.append(folder / "run")
        builds = json.dumps({seed: [[str(recipe), str(folder / "run"), partitions]]})
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("several_builds.py")), engine, "", builds],
            env={**os.environ, **LOOPBACK_ENVIRONMENT, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
    first, *others = ({k: v for k, v in digests(run).items() if k not in LAYOUT_ONLY} for run in runs)
    for other, case in zip(others, CASES[1:], strict=True):
        assert other == first, case
    columns = ["doc_id", "kept", "failed_rules", "duplicate_of"]
    decided = [table(run, "decisions").select(columns).sort_by("doc_id").to_pylist() for run in runs]
    assert decided[0] == decided[1] == decided[2]
    failed = {rule for row in decided[0] for rule in row["failed_rules"]}
    wanted = {
        "conversation": {
            "select/over_budget",
            "select/near_selected",
            "policy/minority",
            "balance/response_characters",
        },
        "pair": {"policy/cyclic", "balance/length"},
    }
    assert wanted[kind] <= failed, sorted(failed)
