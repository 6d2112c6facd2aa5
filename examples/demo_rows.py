"""Rows for the training demo, made here: which of two words stands first in a dictionary, answered in a whole sentence.

    python examples/demo_rows.py FOLDER

Writes conversations (for `kind: sft`) whose answers are a word or a sentence, preference pairs (`kind: dpo`) that prefer the
sentence, and prompts with a checker that wants the sentence with the right word. Pairs of words are dealt out once: what is
held out is trained on by neither kind.
"""

import json
import random
import sys
from pathlib import Path

WORDS = ["code", "data", "file", "name", "package", "return", "set", "test", "use", "version"]
HELD_OUT = 20


def sentence(word: str) -> str:
    return f" it is {word}"


def rows_of(one: str, other: str) -> dict[str, list[dict]]:
    """Rows that ask about two words, by the name of their file."""
    first = min(one, other)
    asked = [{"role": "user", "content": f"first of {one} {other}"}]
    said, short = ([{"role": "assistant", "content": text}] for text in (sentence(first), f" {first}"))
    return {
        "conversations": [{"messages": asked + said}, {"messages": asked + short}],
        "pairs": [{"prompt": asked, "chosen": said, "rejected": short}],
        "prompts": [{"prompt": asked, "answer": sentence(first).strip(), "checker": {"kind": "exact"}}],
    }


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [(one, other) for one in WORDS for other in WORDS if one != other]
    random.Random(0).shuffle(pairs)
    for split, chosen in (("", pairs[HELD_OUT:]), ("-held-out", pairs[:HELD_OUT])):
        made = [rows_of(*pair) for pair in chosen]
        for name in made[0]:
            lines = [json.dumps(row) + "\n" for rows in made for row in rows[name]]
            (folder / f"{name}{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{folder}: rows about {len(pairs) - HELD_OUT} pairs of words, and about {HELD_OUT} held out")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
