"""One small generated run with everything a report shows: duplicates, quarantine, edits, two sources, several rules."""

import json
import random
from pathlib import Path

WORDS = ["the", "of", "and", "to", "water", "mill", "stone", "grain", "river", "wheel", "flour", "turns", "slowly"]


def documents(seed: int, count: int) -> list[dict[str, str]]:
    """Texts of very different length, some of them repeated, some with braces, some without a full stop."""
    rng = random.Random(seed)
    made: list[dict[str, str]] = []
    for number in range(count):
        if made and rng.random() < 0.15:
            made.append({"text": rng.choice(made)["text"], "url": f"https://example.org/copy/{number}"})
            continue
        lines = []
        for _ in range(rng.randint(1, 6)):
            line = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 40)))
            lines.append(line + rng.choice([".", ".", "", " {}"]))
        made.append({"text": "\n".join(lines), "url": f"https://example.org/{number}"})
    return made


def recipe_for(folder: Path) -> dict[str, object]:
    """Writes the sources into `folder`."""
    for number, name in enumerate(("mills", "rivers")):
        lines = [json.dumps(document) for document in documents(number, 130)]
        lines[7] = '{"text": "cut off'
        lines[20] = '{"text": 12}'
        lines[33] = '{"text": ""}'
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {
        "name": "generated",
        "seed": 5,
        "sources": [{"name": name, "path": str(folder / f"{name}.jsonl")} for name in ("mills", "rivers")],
        "policy": {
            "profiles": ["c4@dolma"],
            "rules": [
                {"name": "few_words", "signal": "word_count", "keep": ">= 12"},
                {"name": "many_words", "signal": "word_count", "keep": "< 110"},
                {"name": "long_words", "signal": "median_word_length", "keep": "<= 4.5"},
                {"name": "few_stop_words", "signal": "stop_word_count", "keep": "> 4"},
            ],
            "by_source": {
                "rivers": {"rules": [{"name": "few_words", "signal": "word_count", "keep": ">= 20"}]},
            },
        },
    }
