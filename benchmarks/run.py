"""`make bench`: every benchmark that needs no named file, one after the other; one that fails stops none of the others.

    python benchmarks/run.py [NAME ...]

Scripts that compare with a peer outside the dependencies, or that want files to be named, are listed with `--list` and
run by hand.
"""

import subprocess
import sys
from pathlib import Path

from inputs import jsonl

HERE = Path(__file__).parent


def commands() -> dict[str, list[str]]:
    """Name -> script and arguments."""
    prose = str(jsonl(20))
    return {
        "kernels": ["text_kernels.py", prose, "--megabytes", "16", "--datatrove-megabytes", "0.5"],
        "word-rules": ["word_rules.py", prose, "--megabytes", "1"],
        "readers": ["readers.py", "speed", prose],
        "minhash": ["minhash_kernels.py", prose],
        "substrings": ["substrings.py", prose],
        "decontamination": ["decontamination.py", prose],
        "shards": ["shards.py", "--jsonl", prose],
        "build": ["build.py", "100", "200"],
        "trainer-overhead": ["trainer_overhead.py", "--steps", "8"],
        "post-training": ["post_training.py"],
        "stability": ["stability.py", "poison", "--seeds", "0", "--rates", "3e-3"],
        "pii": ["pii.py", "speed", "0.3"],
        "near-duplicates": ["near_duplicates.py", "speed", "200"],
        "near-duplicate-truth": ["near_duplicates.py", "truth"],
        "cut-substrings": ["cut_substrings.py", "20", "100"],
        "text-dedup": ["text_dedup_peer.py", "20"],
        "stream": ["stream.py"],
        "objectives": ["objectives.py"],
        "export-readers": ["export_readers.py"],
    }


def main() -> None:
    available = commands()
    if "--list" in sys.argv:
        print("\n".join(sorted({path.name for path in HERE.glob("*.py")})))
        return
    names = sys.argv[1:] or list(available)
    for name in names:
        if name not in available:
            raise SystemExit(f"no benchmark {name!r}; expected one of {', '.join(available)}")
    failed = []
    for name in names:
        print(f"== {name}: python benchmarks/{' '.join(available[name])}", flush=True)
        script, *arguments = available[name]
        if subprocess.run([sys.executable, str(HERE / script), *arguments], check=False).returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
