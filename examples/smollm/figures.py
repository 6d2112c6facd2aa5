"""Held-out figures of the worked example's runs, before the first step of each and after its last.

python examples/smollm/figures.py FOLDER      # that holds the folders of the runs: sft, dpo, grpo
"""

import json
import sys
from pathlib import Path

FIGURES = {
    "sft": {"validation_loss": "loss of a held-out answer's tokens"},
    "dpo": {"held_out/accuracy": "held-out pairs in the right order", "held_out/margin": "margin of held-out pairs"},
    "grpo": {"held_out/passed": "sampled answers to held-out prompts that are right"},
}


def main(folder: Path) -> None:
    for run, figures in FIGURES.items():
        lines = [json.loads(line) for line in (folder / run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        for name, meaning in figures.items():
            validated = [line for line in lines if name in line]
            first, last = validated[0], validated[-1]
            steps = f"before step 1 {first[name]:.3f}, after step {last['step']} {last[name]:.3f}"
            print(f"{run:5} {meaning}: {steps}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
