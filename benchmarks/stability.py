"""Poison in token shards: is it found, are the right documents blamed, does the run go on as if it had never been there?

    python benchmarks/stability.py poison [--kind one|one-rollback|sustained|nan] [--seeds 0 1 2 3 4] [--rates 1e-3 3e-3 1e-2]
    python benchmarks/stability.py calm [--seeds 0 1 2 3 4] [--steps 2000]

poison: tiny Llama models, documents of heavy-tailed lengths from an order-1 source, and in the shards
  one           a batch of random tokens: its update is skipped, nothing is rolled back
  one-rollback  the same with `skip_updates: 0`: rolled back at once
  sustained     24 batches of random tokens: skipping updates does not clear it
  nan           a document in each of 8 batches that makes the model give NaN
After each run that rolled back, a second one is served a plan that never held the skipped positions; every loss and
gradient norm from the rollback on must be the same, bit for bit (so are those before it).
calm: no poison; document lengths as above, sources of different difficulty, and two switches of source. There must be
no rollback.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "training")]

import gristmill.training.pretrain as pretraining  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from gristmill.schemas.training_recipe import TrainingRecipe  # noqa: E402
from gristmill.training.pretrain import pretrain  # noqa: E402
from gristmill.training.stream.history import History  # noqa: E402
from poison import corpus, mark, plant, random_tokens, stomachless, stream_of  # noqa: E402
from training_runs import BATCH, curve, documents_blamed, skipped, tiny, without  # noqa: E402

STEPS, AT, SUSTAINED, MARKED = 140, 80, 24, 8
FEWEST_TOKENS = 12  # a document is expected to be blamed from as many poisoned tokens on
BUILD_MODEL = pretraining.build_model


def recipe_of(shards: Path, kind: str, seed: int, rate: float) -> TrainingRecipe:
    return tiny(
        shards,
        steps=STEPS,
        seed=seed,
        stream={"window": 64, "seed": seed},
        optimizer={"learning_rate": rate, "warmup_steps": 20},
        checkpoints={"every_steps": 20, "stable_after_steps": 10},
        stability={"skip_updates": 0} if kind == "one-rollback" else {},
    )


def poison(recipe: TrainingRecipe, kind: str, seed: int) -> tuple[set[int], dict[str, int]]:
    """Plant it; the bad positions, and the poisoned tokens of every document touched."""
    pretraining.build_model = BUILD_MODEL
    if kind == "nan":
        pretraining.build_model = stomachless(BUILD_MODEL)
        bad = [(AT + number) * BATCH + (number + seed) % BATCH for number in range(MARKED)]
        return set(bad), dict.fromkeys(mark(recipe, bad), FEWEST_TOKENS)
    batches = SUSTAINED if kind == "sustained" else 1
    served = range(AT * BATCH, (AT + batches) * BATCH)
    return set(served), plant(recipe, served, random_tokens(np.random.default_rng(seed)))


def one_run(folder: Path, kind: str, seed: int, rate: float) -> dict[str, Any]:
    """Train on poisoned shards, and again on a plan without what was skipped; what came of it."""
    shards = corpus(folder / "shards", seed, web=(110_000, 0.5))
    recipe = recipe_of(shards, kind, seed, rate)
    bad, poisoned = poison(recipe, kind, seed)
    finished = pretrain(recipe, folder / "run")
    history = History.open(folder / "run" / "history.jsonl", stream_of(recipe).plan)
    notes = {event.data["step"] for event in history.events if event.event == "note"}
    bad_steps = {position // BATCH + 1 for position in bad}
    gone, named = skipped(history), documents_blamed(folder / "run")
    plain = {doc_id for doc_id, tokens in poisoned.items() if tokens >= FEWEST_TOKENS}
    result = {
        "found": len(gone & bad) / len(bad) if kind != "one" else float(bad_steps <= notes),
        "precision": len(named & set(poisoned)) / len(named) if named else 0.0,
        "recall": len(named & plain) / len(plain),
        "recall_of_all": len(named & set(poisoned)) / len(poisoned),
        "false_updates": len(notes - bad_steps),
        "clean_sequences_skipped": len(gone - bad),
        "rollbacks": finished.rollbacks,
        "finished": len(curve(folder / "run")) == STEPS,
        "same": None,
    }
    if finished.rollbacks:
        without(folder / "reference", history)
        pretrain(recipe, folder / "reference")
        result["same"] = curve(folder / "run") == curve(folder / "reference")
    return result


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


def run_calm(seeds: list[int], steps: int) -> None:
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            shards = corpus(
                Path(folder) / "shards", seed, prose=(400_000, 0.5), code=(300_000, 0.8), tables=(300_000, 0.2)
            )
            third = steps // 3
            phases = [
                {"from_step": third, "mixture": {"tables": 1.0}},
                {"from_step": 2 * third, "mixture": {"prose": 1.0, "code": 1.0}},
            ]
            recipe = tiny(
                shards,
                steps=steps,
                seed=seed,
                stream={"window": 64, "seed": seed, "mixture": {"prose": 2.0, "code": 1.0}, "phases": phases},
                checkpoints={"every_steps": 100, "stable_after_steps": 20},
                stability={},
            )
            started = time.perf_counter()
            finished = pretrain(recipe, Path(folder) / "run")
            history = History.open(Path(folder) / "run" / "history.jsonl", stream_of(recipe).plan)
            kinds = [event.data["kind"] for event in history.events if event.event == "note"]
            print(
                f"calm seed {seed}: {len(curve(Path(folder) / 'run')):,} steps, {finished.rollbacks} rollbacks, "
                f"{kinds.count('skipped_update')} updates skipped, {kinds.count('change_of_data')} changes accepted, "
                f"{time.perf_counter() - started:.0f} s",
                flush=True,
            )
            if finished.rollbacks:
                raise SystemExit("a rollback without poison")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["poison", "calm"])
    parser.add_argument("--kind", action="append", choices=["one", "one-rollback", "sustained", "nan"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 3e-3, 1e-2])
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "calm":
        run_calm(options.seeds, options.steps)
    else:
        run_poison(options.kind or ["one", "one-rollback", "sustained", "nan"], options.seeds, options.rates)


if __name__ == "__main__":
    main()
