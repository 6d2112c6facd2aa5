"""Decontamination's thresholds as a curve: evaluation items found, whole and in pieces, against false alarms.

    python benchmarks/decontamination_curve.py DOCUMENTS.jsonl --sets [NAME=]PATH:FIELD,FIELD ... [--items 60]

Items of at least MIN_WORDS words, `--items` for each way and no item twice, are put into the middle of documents of their
own: whole; half of the longest string, first or second; a third of it, from its middle; the longest string with every tenth
word replaced. The other documents are left as they are. A build measures all of them; every pair of thresholds is applied to
what it stored. Printed for each: the share of items found in each way, and of the untouched documents that fail (which
may really hold items: `--show` prints the matches).
"""

import argparse
import json
import random
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from gristmill.console import Console
from gristmill.pipelines.build import build
from gristmill.pipelines.decontamination.command import recipe_of
from gristmill.pipelines.decontamination.eval_sets import read_sets, set_splits
from gristmill.pipelines.run.dataset import read_part
from gristmill.pipelines.run.run import Run

MIN_WORDS = 24
OVERLAPS = (0.3, 0.5, 0.7, None)
MATCHES = (None, 30, 20, 15, 13, 12, 11, 10, 9, 8)
REPLACEMENTS = ("granite", "lantern", "meadow", "copper", "saddle", "harbour")
WAYS = ("whole", "first half", "second half", "a third", "words replaced")


def planted(way: str, strings: list[str], dice: random.Random) -> str:
    """An item as it stands in a document."""
    words = max(strings, key=lambda text: len(text.split())).split()
    if way == "whole":
        return "\n".join(strings)
    if way == "words replaced":
        return " ".join(dice.choice(REPLACEMENTS) if at % 10 == 9 else word for at, word in enumerate(words))
    first, last = {"first half": (0, 1 / 2), "second half": (1 / 2, 1), "a third": (1 / 3, 2 / 3)}[way]
    return " ".join(words[round(first * len(words)) : round(last * len(words))])


def middle(text: str, piece: str) -> str:
    """The piece on lines of its own, at the white space in the middle of a text."""
    at = text.find(" ", len(text) // 2)
    at = len(text) if at < 0 else at
    return f"{text[:at]}\n{piece}\n{text[at:]}"


def rows_of(run: Run, folder: str, names: list[str]) -> list[dict[str, Any]]:
    return [row for part in run.dataset(folder).parts for row in read_part(run.storage, part, names).to_pylist()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("--sets", nargs="+", required=True, metavar="[NAME=]PATH:FIELD,FIELD")
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--show", type=int, default=0, help="Print so many hits of untouched documents.")
    arguments = parser.parse_args()
    dice = random.Random(0)
    recipe = recipe_of(["-"], arguments.sets, "text", None, "8,13", 0.5, None, "drop")
    assert recipe.decontaminate is not None
    items = read_sets(recipe.decontaminate, set_splits(recipe.decontaminate))
    strings: dict[int, list[str]] = defaultdict(list)
    for owner, passage in zip(items.passage_item.tolist(), items.passages.to_pylist(), strict=True):
        strings[owner].append(passage)
    long = [item for item, texts in strings.items() if max(len(text.split()) for text in texts) >= MIN_WORDS]
    chosen = dice.sample(long, arguments.items * len(WAYS))
    with arguments.documents.open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    hosts = dice.sample(range(len(texts)), len(chosen))
    way_of = {f"d{host}": (WAYS[number % len(WAYS)], chosen[number]) for number, host in enumerate(hosts)}
    for name, (way, item) in way_of.items():
        texts[int(name[1:])] = middle(texts[int(name[1:])], planted(way, strings[item], dice))
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "documents.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps({"id": f"d{n}", "text": text}) + "\n" for n, text in enumerate(texts))
        recipe = recipe_of([str(path)], arguments.sets, "text", None, "8,13", 0.5, None, "drop", ["id"])
        run = build(recipe, Path(temporary) / "run", console=Console(quiet=True), report=False)
        documents = rows_of(run, "documents", ["doc_id", "metadata"])
        ids = {row["doc_id"]: json.loads(row["metadata"])["id"] for row in documents}
        hits = rows_of(run, "contamination/hits", ["doc_id", "set", "item", "overlap", "longest"])
    numbers = {name: number for number, name in enumerate(items.names)}
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)  # what of its own item a host holds
    clean: dict[str, list[tuple[float, int]]] = defaultdict(list)
    shown = []
    for hit in hits:
        name = ids[hit["doc_id"]]
        if name not in way_of:
            clean[name].append((hit["overlap"], hit["longest"]))
            shown.append((hit["longest"], hit["overlap"], hit["set"], hit["item"], name))
        elif numbers[hit["item"]] == way_of[name][1]:
            found[name].append((hit["overlap"], hit["longest"]))
    untouched = len(texts) - len(way_of)
    print(f"{len(items.names):,} items; {untouched:,} untouched documents, {sum(map(len, texts)) / 1e6:.0f} MB in all")
    print(f"{'min_overlap':>11} {'min_match':>9} " + " ".join(f"{way:>14}" for way in WAYS) + f" {'false alarms':>14}")
    for overlap in OVERLAPS:
        for match in MATCHES:
            if overlap is None and match is None:
                continue

            def fails(pairs: list[tuple[float, int]], o: float | None = overlap, m: int | None = match) -> bool:
                return any((o is not None and share >= o) or (m is not None and run >= m) for share, run in pairs)

            cells = [
                sum(fails(found[name]) for name, (kind, _) in way_of.items() if kind == way) / arguments.items
                for way in WAYS
            ]
            alarms = sum(map(fails, clean.values()))
            line = " ".join(f"{cell:14.2f}" for cell in cells)
            print(f"{overlap or 'off':>11} {match or 'off':>9} {line} {alarms:6} ({alarms / untouched:.2%})")
    for longest, share, group, item, name in sorted(shown, reverse=True)[: arguments.show]:
        print(f"{name} shares {longest} words with {group} {item}, overlap {share:.2f}")


if __name__ == "__main__":
    main()
