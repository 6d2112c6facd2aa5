"""Curation of conversations: planted faults and who finds them, and selection by vectors at size.

    python benchmarks/curate.py faults [--rows 20000] [--rate 0.02] [--seed 0]
    python benchmarks/curate.py rates [--rows 20000]
    python benchmarks/curate.py whole [--rows 100000] [--budget 10000]
    python benchmarks/curate.py select [--rows 100000] [--dimension 256] [--budget 10000] [--methods deita ...]

faults: a generated set with each fault at a known rate (`planted_faults.py`), built with the profile `sft`; for every fault how
many of the rows that have it are found by its rules (recall), and of these and the clean rows that fail them how many have it
(precision; rows with another fault are not counted). Then the clean rows that fail anything, and rows a second.

rates: rows a second of each family of signals, and of vectors.

whole: a build of generated conversations with the profile `sft`, exact, near and semantic duplicates and a budget by DEITA's
walk: seconds of each stage, rows a second of the whole, and the most memory that it and its workers took.

select: vectors of clusters of near copies, the size of real ones, through the choice itself: seconds and memory; with
`--compare` also how the approximate walk differs from the exact one.
"""

import argparse
import json
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from gristmill import build
from gristmill.console import Console
from gristmill.filters.embedding.hashed import document_counts, hashed_vectors, inverse_frequencies
from gristmill.filters.registry import family
from gristmill.filters.transforms.versions import version_texts
from gristmill.pipelines.select.choose import ChoosableRows, choose
from gristmill.schemas.recipe.curate import Select
from gristmill.schemas.rows.kind import stored_batch
from gristmill.schemas.rows.registry import row_kind
from held_memory import MostHeld
from planted_faults import FAULTS, conversations

CHUNK = 20_000
FAMILIES = (
    *("conversation_structure", "copied_prompt", "json_answers", "conversation_languages", "loops", "refusals"),
    *("template_tokens", "truncation", "code_fences", "final_answer", "task_class"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    faults = commands.add_parser("faults")
    faults.add_argument("--rows", type=int, default=20_000)
    faults.add_argument("--rate", type=float, default=0.02)
    faults.add_argument("--seed", type=int, default=0)
    select = commands.add_parser("select")
    select.add_argument("--rows", type=int, default=100_000)
    select.add_argument("--dimension", type=int, default=256)
    select.add_argument("--budget", type=int, default=10_000)
    select.add_argument("--methods", nargs="+", default=["deita", "k_center", "facility_location", "clusters"])
    select.add_argument("--neighbours", default="auto")
    select.add_argument("--compare", action="store_true")
    whole = commands.add_parser("whole")
    whole.add_argument("--rows", type=int, default=100_000)
    whole.add_argument("--budget", type=int, default=10_000)
    rates = commands.add_parser("rates")
    rates.add_argument("--rows", type=int, default=20_000)
    chosen = parser.parse_args()
    commands_by_name = {"faults": print_faults, "select": print_selection, "rates": print_rates, "whole": print_whole}
    commands_by_name[chosen.command](chosen)


def print_rates(chosen: argparse.Namespace) -> None:
    records, _ = conversations(chosen.rows, 0.01, 0)
    records = [one for one in records if all(turn["content"] is not None for turn in one["messages"])]
    turns = [[(turn["role"], turn["content"]) for turn in one["messages"]] for one in records]
    batch = stored_batch(turns)
    kind = row_kind("conversation")
    versions = {version: version_texts(batch, version, kind) for version in ("response", "prompt")}
    megabytes = sum(len(text.encode()) for text in batch.column("text").to_pylist()) / 1e6
    print(f"{batch.num_rows:,} conversations, {megabytes:.1f} MB; of one core, in CPU time")
    for name in FAMILIES:
        one = family(name)
        given = batch
        if "pieces" not in one.reads:
            given = pa.record_batch({"text": versions["prompt" if name == "task_class" else "response"]})
        one.function(one.prepared(given.slice(0, 10), {}), {})
        before = time.process_time()
        one.function(one.prepared(given.select(one.reads), {}), {})
        cpu = time.process_time() - before
        print(f"  {name:24}{batch.num_rows / cpu:>12,.0f} rows/s")
    texts = versions["prompt"]
    before = time.process_time()
    hashed_vectors(texts, inverse_frequencies(document_counts(texts), len(texts)), 256, 1)
    print(f"  {'vectors (hashed)':24}{batch.num_rows / (time.process_time() - before):>12,.0f} rows/s")


def print_faults(chosen: argparse.Namespace) -> None:
    records, planted = conversations(chosen.rows, chosen.rate, chosen.seed)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "conversations.jsonl"
        source.write_text("\n".join(json.dumps({"id": f"{n}", **record}) for n, record in enumerate(records)))
        recipe = {
            "name": "faults",
            "rows": "conversation",
            "sources": [{"name": "generated", "path": str(source)}],
            "policy": {"profiles": ["sft"]},
            "dedup": {"exact": None},
        }
        started = time.monotonic()
        run = build(recipe, Path(folder) / "run", console=Console(quiet=True), report=False)
        seconds = time.monotonic() - started
        stages = run.summary["stage_seconds"]
        failed = [
            {rule.removeprefix("sft/") for rule in rules}
            for rules in run.table("decisions").to_arrow().column("failed_rules").to_pylist()
        ]
    if len(failed) != len(records):
        raise SystemExit(f"{len(failed)} decisions of {len(records)} rows")
    print(f"{chosen.rows:,} rows, each of {len(FAULTS)} faults in {chosen.rate:.1%}; profile sft")
    print(f"{'fault':28}{'planted':>8}{'found':>8}{'recall':>9}{'precision':>11}")
    for name, (_, rules) in FAULTS.items():
        rows = [number for number, fault in enumerate(planted) if fault == name]
        found = sum(bool(failed[number] & set(rules)) for number in rows)
        wrong = sum(bool(failed[number] & set(rules)) for number, fault in enumerate(planted) if not fault)
        recall = found / len(rows) if rows else float("nan")
        precision = found / (found + wrong) if found + wrong else float("nan")
        print(f"{name:28}{len(rows):>8,}{found:>8,}{recall:>9.3f}{precision:>11.3f}")
    clean = [rules for rules, fault in zip(failed, planted, strict=True) if not fault]
    dropped = [rules for rules in clean if rules]
    print(
        f"clean rows that fail a rule: {len(dropped):,} of {len(clean):,}", dict(Counter(r for s in dropped for r in s))
    )
    undropped = sum(not rules for rules, fault in zip(failed, planted, strict=True) if fault)
    print(f"rows with a fault that fail nothing: {undropped:,} of {len(planted) - len(clean):,}")
    print(f"whole build: {seconds:.1f} s, {chosen.rows / seconds:,.0f} rows/s")
    for name, took in stages.items():
        if name.startswith("signals/") and took:
            print(f"  {name}: {took:.1f} s (families of one pass share it)")


def print_whole(chosen: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "conversations.jsonl"
        written = 0
        with source.open("w") as file:
            for seed, first in enumerate(range(0, chosen.rows, CHUNK)):
                records, _ = conversations(min(CHUNK, chosen.rows - first), 0.002, seed)
                written += sum(
                    file.write(json.dumps({"id": f"{first + n}", **one}) + "\n") for n, one in enumerate(records)
                )
        recipe = {
            "name": "whole",
            "rows": "conversation",
            "sources": [{"name": "generated", "path": str(source), "columns": {"id": "id"}}],
            "policy": {"profiles": ["sft"]},
            "dedup": {"exact": {}, "near": {}, "semantic": {"min_similarity": 0.97}},
            "embed": {"view": "prompt"},
            "select": {"budget": chosen.budget, "by": "response_characters"},
        }
        started = time.monotonic()
        with MostHeld() as memory:
            run = build(recipe, Path(folder) / "run", console=Console())
        seconds = time.monotonic() - started
        failed = Counter(
            rule for rules in run.table("decisions").to_arrow().column("failed_rules").to_pylist() for rule in rules
        )
        print(f"{chosen.rows:,} conversations, {written / 1e6:,.0f} MB of JSON, budget {chosen.budget:,}: {run}")
        print(f"whole build: {seconds:,.0f} s, {chosen.rows / seconds:,.0f} rows/s")
        stages = run.summary["stage_seconds"]
        one_pass = {"signals, in one pass": max(took for name, took in stages.items() if name.startswith("signals/"))}
        for name, took in {**one_pass, **{n: s for n, s in stages.items() if not n.startswith("signals/")}}.items():
            if took >= 1:
                print(f"  {name:40}{took:>8,.1f} s")
        print("rows that fail: " + ", ".join(f"{name} {count:,}" for name, count in failed.most_common(8)))
        print(f"memory at most, with that of worker processes: {memory.bytes / 2**30:.1f} GiB")


def print_selection(chosen: argparse.Namespace) -> None:
    rng = np.random.default_rng(0)
    vectors = clustered(chosen.rows, chosen.dimension, rng)
    drawn = rng.permutation(chosen.rows)
    scores = rng.random(chosen.rows)
    given = ChoosableRows(vectors, np.ones(chosen.rows, bool), drawn, drawn, np.argsort(-scores))
    print(f"{chosen.rows:,} rows of {chosen.dimension} dimensions, budget {chosen.budget:,}")
    for method in chosen.methods:
        select = Select(budget=chosen.budget, method=method, neighbours=chosen.neighbours)
        started, before = time.monotonic(), time.process_time()
        found = choose(given, None, select)
        seconds, cpu = time.monotonic() - started, time.process_time() - before
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        near = found.count("near_selected")
        took = f"{seconds:8.1f} s ({cpu:,.0f} s of CPU)"
        print(f"  {method:18} {took}, {found.count('selected'):,} selected, {near:,} near, peak {memory:.1f} GiB")
        if chosen.compare and method == "deita":
            exact = choose(given, None, select.model_copy(update={"neighbours": "exact"}))
            other = choose(given, None, select.model_copy(update={"neighbours": "approximate"}))
            same = (exact.outcome == other.outcome).mean()
            missed = ((exact.outcome == 1) & (other.outcome != 1)).sum() / max(1, exact.count("near_selected"))
            print(
                f"    approximate: {same:.4%} of the rows decided as by the exact walk, {missed:.3%} of the near ones missed"
            )


def clustered(rows: int, dimension: int, rng: np.random.Generator) -> np.ndarray:
    """Vectors of length 1 around a centre for every 5 rows, some so near that one of them goes at 0.9."""
    centres = rng.normal(size=(max(1, rows // 5), dimension)).astype(np.float32)
    vectors = centres[rng.integers(0, len(centres), rows)]
    vectors += (rng.uniform(0.1, 0.6, (rows, 1)) * rng.normal(size=(rows, dimension))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


if __name__ == "__main__":
    main()
