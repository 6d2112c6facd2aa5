"""Rows of the worked example, made here: sums of two numbers below 100, asked in words, answered in one line.

    python examples/smollm/rows.py FOLDER

Pairs of numbers are dealt out once: what is held out is trained on by no kind.
"""

import json
import random
import sys
from pathlib import Path

ROWS, HELD_OUT = 240, 48


def sum_of(number: int, draw: random.Random) -> dict[str, dict]:
    """The rows of one sum, by the name of their file. A wrong answer is off by one, or by ten."""
    one, other = divmod(number, 90)
    one, other = one + 10, other + 10
    right, wrong = one + other, one + other + draw.choice((-10, -1, 1, 10))
    asked = [{"role": "user", "content": f"What is {one} plus {other}?"}]
    good, bad = ([{"role": "assistant", "content": f"{one} + {other} = {found}"}] for found in (right, wrong))
    return {
        "conversations": {"messages": asked + good},
        "pairs": {"prompt": asked, "chosen": good, "rejected": bad},
        "prompts": {"prompt": asked, "answer": str(right), "checker": {"kind": "number"}},
    }


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(0)
    numbers = draw.sample(range(90 * 90), ROWS + HELD_OUT)
    for split, chosen in (("", numbers[:ROWS]), ("-held-out", numbers[ROWS:])):
        made = [sum_of(number, draw) for number in chosen]
        for name in made[0]:
            lines = "".join(json.dumps(rows[name]) + "\n" for rows in made)
            (folder / f"{name}{split}.jsonl").write_text(lines, encoding="utf-8")
    print(f"{folder}: {ROWS} rows of each kind, {HELD_OUT} held out")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
