"""Reading training sequences: tokens a second on one core, beside four peers on the same tokens in the same run.

    python benchmarks/stream.py [--megatokens 200] [--seconds 5] [--no-peers]

Documents of log-normal length (median 270 tokens) and uniform ids, each with a separator at its end, in ten shards;
random windows of 2,049 tokens, 16 to a batch. Ours hands out input ids, position ids that start again with each
document, and labels (three int64 arrays), or the ids alone, as they are stored; in the process, pinned to one core. The
peers hand out the ids alone, shuffled their own way, on all cores, each with no and with two worker processes where it
allows both; litdata also with position ids and labels made of its ids (benchmarks/stream_peers.py). Ours is measured
again before each peer and compared with that: a machine's speed changes within minutes. litdata and
mosaicml-streaming get an environment of their own, which is made once in benchmarks/.work (about 2 GB) from the
package index.

Also: the time to the batch at step 1,000,000 in a fresh plan; building the bin index, and how full the bins are.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent.parent))

from environments import python_with
from gristmill.training.data.stream.dataset import PlanDataset
from gristmill.training.data.stream.packing import pack
from gristmill.training.data.stream.plan import Plan, PlanConfig
from gristmill.training.data.stream.shards import ShardSet
from inputs import WORK, sentences
from stream_peers import BATCH, EOS, WINDOW, WITH_POSITIONS

from tests.made_shards import write_shards
from tests.real_lengths import real_lengths

PEERS = {"torch DataLoader": False, "datasets": False, "litdata": True, "mosaicml-streaming": True}  # own environment?
PACKAGES = ["litdata==0.2.76", "mosaicml-streaming==0.13.0", "torch==2.13.0", "numpy<3"]


def corpus(megatokens: int) -> tuple[Path, Path]:
    """(folder of shards, the same tokens as one raw file), made once."""
    folder = WORK / f"stream-{megatokens}"
    tokens = folder / "tokens.bin"
    if not tokens.exists():
        rng = np.random.default_rng(0)
        shards = {}
        for shard in range(10):
            lengths = np.maximum(2, rng.lognormal(5.6, 1.1, int(megatokens * 1e5 / 494))).astype(int)
            ids = rng.integers(4, 50_000, lengths.sum(), dtype=np.uint16)
            ids[np.cumsum(lengths) - 1] = EOS
            shards[f"web-{shard:05d}"] = np.split(ids, np.cumsum(lengths)[:-1])
        write_shards(folder, shards)
        with tokens.with_suffix(".part").open("wb") as file:
            for path in sorted((folder / "train").glob("*.bin")):
                file.write(path.read_bytes())
        tokens.with_suffix(".part").replace(tokens)
    return folder, tokens


def served(folder: Path, packing: bool, seconds: float, ids_alone: bool = False) -> float:
    """Tokens a second over whole epochs, without the first batch (compilation)."""
    plan = Plan.build(ShardSet.open(folder), PlanConfig(window=WINDOW, packing=packing), folder / f"plan-{packing}")
    data = PlanDataset(plan)
    read = data.ids if ids_alone else data.batch
    read(0, BATCH)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds or count < plan.sequences:
        read(count, count + BATCH)
        count += BATCH
    return count * WINDOW / (time.perf_counter() - began)


def seek(folder: Path) -> float:
    """Seconds from nothing open to the batch at step 1,000,000."""
    began = time.perf_counter()
    plan = Plan.build(ShardSet.open(folder), PlanConfig(window=WINDOW))
    PlanDataset(plan).batch(1_000_000 * BATCH, 1_000_001 * BATCH)
    return time.perf_counter() - began


def peer(name: str, tokens: Path, seconds: float) -> dict[str, float]:
    """Way -> tokens a second of a peer."""
    python = python_with("stream-peers", PACKAGES) if PEERS[name] else Path(sys.executable)
    work = tokens.parent / name.replace(" ", "-")
    script = Path(__file__).parent / "stream_peers.py"
    done = subprocess.run([python, script, name, tokens, work, str(seconds)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def packing() -> None:
    """Fill and speed of packing on the lengths of the documentation's sentences and of real files."""
    for name, lengths in (
        ("source and documentation files of this installation, 4 bytes a token", real_lengths()),
        ("their sentences, 4 bytes a token", np.array([max(1, len(text) // 4) for text in sentences()])),
    ):
        pack(lengths[:10], WINDOW)
        began = time.perf_counter()
        bins = pack(lengths, WINDOW)
        seconds = time.perf_counter() - began
        fill = lengths.sum() / (len(bins.ends) * WINDOW)
        size = 12 * len(bins.starts) + 4 * len(bins.ends)
        print(
            f"packing {len(lengths):,} {name} (median {np.median(lengths):.0f}, mean {lengths.mean():.0f} tokens): "
            f"fill {100 * fill:.3f} %, {len(lengths) / seconds / 1e6:.1f} M documents/s, "
            f"{size / lengths.sum():.4f} bytes of index a token"
        )


@contextmanager
def one_core() -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    yield
    os.sched_setaffinity(0, cores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megatokens", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    folder, tokens = corpus(options.megatokens)
    with one_core():
        seek(folder)  # compiles
        print(f"batch at step 1,000,000: {seek(folder):.3f} s")
        print(f"gristmill packing, one core: {served(folder, True, options.seconds) / 1e6:.0f} M tokens/s")
    for name in [] if options.no_peers else PEERS:
        with one_core():
            all_three, ids = (served(folder, False, options.seconds, alone) for alone in (False, True))
        print(f"gristmill windows, before {name}: {all_three / 1e6:.0f} M tokens/s, ids alone {ids / 1e6:.0f}")
        for way, rate in peer(name, tokens, options.seconds).items():
            ratios = f"{all_three / rate:.1f} times as fast"
            if WITH_POSITIONS not in way:
                ratios += f", with ids alone {ids / rate:.1f} times"
            print(f"{name}, {way}: {rate / 1e6:.1f} M tokens/s; gristmill is {ratios}")
    packing()


if __name__ == "__main__":
    main()
