"""Make the tables that the extractor decides by, from pages with their main text.

    python benchmarks/train_extraction.py DATA CHECKOUTS... [--trees 400] [--rounds 25]

DATA: the development split of WCXB as Parquet (benchmarks/extraction_data.py says what is in it). CHECKOUTS: of Readability,
fundus, newspaper4k, waddle and web2text, and a folder of manuals (benchmarks/extraction_golds.py says of what and from where),
whose pages with main text are learned from too. Needs lightgbm and rapidfuzz, which the extractor itself does not. The tables
go to filters/html/; each says in its head where it comes from. `benchmarks/extraction.py` measures, with models that have
not seen the sites they are measured on.
"""

import argparse
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import gristmill.filters.html.extract as extractor
import lightgbm
from extraction_data import examples, gold_examples
from extraction_golds import Gold, read_golds
from extraction_model import label_evidence, learn

FOLDER = Path(__file__).parent.parent / "filters" / "html"


def golds_digest(golds: Sequence[Gold]) -> str:
    """sha256 of the pages and what is right there, whatever their order."""
    digest = hashlib.sha256()
    for gold in sorted(golds, key=lambda gold: gold.name):
        for part in (gold.name.encode(), gold.html, gold.text.encode(), gold.title.encode()):
            digest.update(part + b"\0")
    return digest.hexdigest()


def heading(data: Path, what: str, pages: int, golds: Sequence[Gold]) -> str:
    """Where a table comes from, as its first lines."""
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    return (
        f"# {what}\n"
        f"# Learned by benchmarks/train_extraction.py (LightGBM {lightgbm.__version__}) from {pages:,} pages of the\n"
        "# development split of WCXB, the Web Content Extraction Benchmark (Foley 2026, arXiv:2605.21097), CC BY 4.0;\n"
        f"# sha256 of the file: {digest};\n"
        f"# and from {len(golds):,} pages of other sets: the test suites of Readability (github.com/mozilla/readability,\n"
        "# Apache-2.0), fundus (github.com/flairNLP/fundus, MIT), newspaper4k (github.com/AndyTheFactory/newspaper4k, MIT);\n"
        "# the comparison waddle (github.com/rundimeco/waddle, GPL-3.0: Corpus_daniel_v2.1); CleanEval (Baroni et al. 2008)\n"
        "# as in web2text (github.com/Tommel71/web2text, MIT); manuals in packages of Debian 12, the free documentation of\n"
        "# many projects (benchmarks/extraction_manuals.py). The pages are their publishers'; nothing of them is in here;\n"
        f"# sha256 of these pages and their main texts: {golds_digest(golds)}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("checkouts", type=Path, nargs="*")
    parser.add_argument("--trees", type=int, default=400, help="for blocks")
    parser.add_argument("--rounds", type=int, default=25, help="of trees for page types, seven each")
    options = parser.parse_args()
    started = time.monotonic()
    pages = examples(options.data)
    golds = [gold for checkout in options.checkouts for gold in read_golds(checkout)]
    known = pages + gold_examples(golds)
    learned = learn(known, [label_evidence(page) for page in known], options.trees, options.rounds)
    labels = [f"{label:08x}\t{score:.4g}" for label, score in sorted(learned.scores.items())]
    for name, what, lines in (
        (
            extractor.LABEL_SCORES,
            "hash of a word in a class, id, role or itemprop, and its log odds of main text",
            labels,
        ),
        (extractor.BLOCK_TREES, "trees over the features of a block (filters/html/features.py)", learned.block_lines),
        (extractor.PAGE_TREES, "trees over the features of a page, one for each type in turn", learned.page_lines),
    ):
        text = heading(options.data, what, len(pages), golds) + "\n".join(lines) + "\n"
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"{FOLDER / name}: {len(lines):,} lines")
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
