"""Rows of the worked example, made here: sums of two numbers below 100, asked in words, answered in one line.

    python examples/smollm/rows.py FOLDER

Sums are dealt out once: no two of the kinds train on the same one, and what is held out is trained on by none.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

ROWS = {"conversations": 160, "pairs": 120, "prompts": 80}
HELD_OUT = 64


def row(kind: str, number: int, draw: random.Random) -> dict[str, Any]:
    """The row of one sum. A wrong answer is off by one, or by ten."""
    one, other = divmod(number, 90)
    one, other = one + 10, other + 10
    right, wrong = one + other, one + other + draw.choice((-10, -1, 1, 10))
    asked = [{"role": "user", "content": f"What is {one} plus {other}?"}]
    good, bad = ([{"role": "assistant", "content": f"{one} + {other} = {found}"}] for found in (right, wrong))
    rows: dict[str, dict[str, Any]] = {
        "conversations": {"messages": asked + good},
        "pairs": {"prompt": asked, "chosen": good, "rejected": bad},
        "prompts": {"prompt": asked, "answer": str(right), "checker": {"kind": "number"}},
    }
    return rows[kind]


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(0)
    sums = draw.sample(range(90 * 90), HELD_OUT + sum(ROWS.values()))
    held_out, rest = sums[:HELD_OUT], sums[HELD_OUT:]
    for kind, count in ROWS.items():
        own, rest = rest[:count], rest[count:]
        for name, numbers in ((kind, own), (f"{kind}-held-out", held_out)):
            lines = "".join(json.dumps(row(kind, number, draw)) + "\n" for number in numbers)
            (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    print(f"{folder}: {', '.join(f'{count} {kind}' for kind, count in ROWS.items())}; {HELD_OUT} sums held out")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
