"""Poison in token shards: is it found, are the right documents blamed, does the run go on as if it had never been there?

    python benchmarks/stability.py poison [--kind one|one-rollback|sustained|nan] [--seeds 0 1 2 3 4] [--rates 1e-3 3e-3 1e-2]
    python benchmarks/stability.py calm [--seeds 0 1 2 3 4] [--steps 2000] [--documents texts.jsonl]

poison: tiny Llama models, documents of heavy-tailed lengths from an order-1 source, and in the shards
  one           a batch of random tokens: its update is skipped, nothing is rolled back
  one-rollback  the same with `skip_updates: 0`: rolled back at once
  sustained     24 batches of random tokens: skipping updates does not clear it
  nan           a document in each of 8 batches that makes the model give NaN
After each run that rolled back, a second one is served a plan that never held the skipped positions; every loss and
gradient norm from the rollback on must be the same, bit for bit (so are those before it).
calm: no poison; document lengths as above or those of a file's texts, sources of different difficulty, two switches of
source. There must be no rollback.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS.parent))

import torch  # noqa: E402

from tests.training.poisoned_runs import KINDS, calm_run, one_run  # noqa: E402


def run_poison(kinds: list[str], seeds: list[int], rates: list[float]) -> None:
    for kind in kinds:
        results = []
        for seed in seeds:
            for rate in rates:
                with tempfile.TemporaryDirectory() as folder:
                    started = time.perf_counter()
                    result = one_run(Path(folder), kind, seed, rate)
                    results.append(result)
                    shown = {name: round(v, 3) if isinstance(v, float) else v for name, v in result.items()}
                    print(f"{kind} seed {seed} rate {rate}: {json.dumps(shown)}, {time.perf_counter() - started:.0f} s")
        worst = {name: min(r[name] for r in results) for name in ("found", "precision", "recall", "recall_of_all")}
        means = {name: sum(r[name] for r in results) / len(results) for name in worst}
        identical = [r["same"] for r in results if r["same"] is not None]
        print(
            f"== {kind}: {len(results)} runs, {sum(r['finished'] for r in results)} finished; "
            + "; ".join(f"{name} {means[name]:.3f} (lowest {worst[name]:.3f})" for name in worst)
            + f"; rolled back {sum(r['rollbacks'] > 0 for r in results)}; bit-identical {sum(identical)} of {len(identical)}",
            flush=True,
        )


def text_lengths(documents: Path) -> list[int]:
    """Lengths in tokens of a file's texts, a token for 4 bytes."""
    with documents.open(encoding="utf-8") as lines:
        return [len(json.loads(line)["text"].encode()) // 4 for line in lines]


def run_calm(seeds: list[int], steps: int, documents: Path | None) -> None:
    known = [] if documents is None else text_lengths(documents)
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            result = calm_run(Path(folder), seed, steps, known)
            print(f"calm seed {seed}: {json.dumps(result)}, {time.perf_counter() - started:.0f} s", flush=True)
            if result["rollbacks"]:
                raise SystemExit("a rollback without poison")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["poison", "calm"])
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 3e-3, 1e-2])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--documents", type=Path, help="JSON Lines with `text`; a document has a token for 4 bytes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "calm":
        run_calm(options.seeds, options.steps, options.documents)
    else:
        run_poison(options.kind or list(KINDS), options.seeds, options.rates)


if __name__ == "__main__":
    main()
