"""Titles, days and authors of web pages by gristmill and trafilatura, beside those that WCXB and other test suites give.

    python benchmarks/extraction_metadata.py DATA CHECKOUTS...

DATA: WCXB's development split as Parquet. CHECKOUTS: of mozilla/readability and flairNLP/fundus. For each set and field:
how many pages have one, how many of these each gives right, other than that, or not at all, and to how many pages without
one it gives one all the same. Titles and authors are compared by their words in lower case; authors of fundus are all of
them, in order. Golds of WCXB are what its annotators took from the page; a page whose shown day is that of its last change
has that day there.
"""

import argparse
import gzip
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
from extraction_golds import fundus_articles, utf8
from gristmill import extract
from pydantic_core import from_json

Said = dict[str, str]


class Page(NamedTuple):
    """gold: title, date (YYYY-MM-DD) and author, "" where there is none."""

    html: bytes
    gold: Said


def wcxb(path: Path) -> Iterator[Page]:
    for row in pq.read_table(path, columns=["html", "title", "publish_date", "author"]).to_pylist():
        gold = {"title": row["title"], "date": (row["publish_date"] or "")[:10], "author": row["author"]}
        yield Page(row["html"], {field: said or "" for field, said in gold.items()})


def readability(folder: Path) -> Iterator[Page]:
    for page in sorted(folder.iterdir()):
        said = from_json((page / "expected-metadata.json").read_bytes())
        gold = {
            "title": said.get("title"),
            "date": (said.get("publishedTime") or "")[:10],
            "author": said.get("byline"),
        }
        yield Page(utf8((page / "source.html").read_bytes()), {field: one or "" for field, one in gold.items()})


def fundus(folder: Path) -> Iterator[Page]:
    for path, article in fundus_articles(folder):
        day, authors = (article.get("publishing_date") or "")[:10], article.get("authors") or []
        gold = {"title": article.get("title") or "", "date": day, "author": "; ".join(authors)}
        yield Page(utf8(gzip.decompress(path.read_bytes())), gold)


def by_gristmill(html: bytes) -> Said:
    about = extract(html).metadata
    return {"title": about.title or "", "date": about.date or "", "author": about.author or ""}


def by_trafilatura(html: bytes) -> Said:
    from trafilatura.metadata import extract_metadata

    about = extract_metadata(html.decode("utf-8", "replace"))
    return {"title": about.title or "", "date": about.date or "", "author": about.author or ""}


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def counted(pages: list[Page], extractor: Callable[[bytes], Said]) -> dict[str, Counter[str]]:
    """right, other, none, and given where there is none, for each field."""
    counts: dict[str, Counter[str]] = {field: Counter() for field in ("title", "date", "author")}
    for page in pages:
        said = extractor(page.html)
        for field, count in counts.items():
            gold, ours = words(page.gold[field]), words(said[field])
            if gold:
                count["right" if ours == gold else "other" if ours else "none"] += 1
            elif ours:
                count["given without"] += 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("checkouts", type=Path, nargs="*")
    options = parser.parse_args()
    sets = {"WCXB": list(wcxb(options.data))}
    for checkout in options.checkouts:
        for below, reader in (("test/test-pages", readability), ("tests/resources/parser/test_data", fundus)):
            if (checkout / below).is_dir():
                sets[checkout.name] = list(reader(checkout / below))
    print(
        f"{'set':<14}{'field':<8}{'extractor':<12}{'gold':>6}{'right':>8}{'other':>7}{'none':>6}{'given without gold':>20}"
    )
    for name, pages in sets.items():
        for extractor in (by_gristmill, by_trafilatura):
            for field, count in counted(pages, extractor).items():
                gold = count["right"] + count["other"] + count["none"]
                without = f"{count['given without']} of {len(pages) - gold}"
                shares = f"{count['right'] / max(gold, 1):>8.3f}{count['other']:>7}{count['none']:>6}"
                print(f"{name:<14}{field:<8}{extractor.__name__[3:]:<12}{gold:>6}{shares}{without:>20}")


if __name__ == "__main__":
    main()
