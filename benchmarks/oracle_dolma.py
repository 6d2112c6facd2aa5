"""Run by the oracle's own Python: Dolma's taggers over JSON Lines of texts, their spans as JSON Lines.

python oracle_dolma.py TEXTS.jsonl SPANS.jsonl
"""

import json
import sys

from dolma.core.data_types import Document
from dolma.taggers.c4 import FasterC4Tagger
from dolma.taggers.gopher import GopherTagger


def main(texts_path: str, spans_path: str) -> None:
    taggers = {"gopher": GopherTagger(), "c4": FasterC4Tagger()}
    with open(texts_path, encoding="utf-8") as texts, open(spans_path, "w", encoding="utf-8") as out:
        for number, line in enumerate(texts):
            document = Document(source="", id=str(number), text=json.loads(line))
            spans = {
                name: [(s.type, s.start, s.end, s.score) for s in tagger.predict(document).spans]
                for name, tagger in taggers.items()
            }
            out.write(json.dumps(spans) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
