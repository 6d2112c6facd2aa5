"""Pages of many languages with their main text, from checkouts of public test suites of other extractors.

    mozilla/readability       test/test-pages: a page, and the HTML that Readability is meant to make of it
    flairNLP/fundus           tests/resources/parser/test_data: a news article, and what its publisher's own parser takes
    AndyTheFactory/newspaper4k, codelucas/newspaper    tests/data/html, tests/data/txt or text: a page and its text
    rundimeco/waddle          corpora/Corpus_daniel_v2.1: news of 2011 and 2012 in five languages, cleaned by hand
    dalab/web2text, Tommel71/web2text    src/main/resources/cleaneval: CleanEval (Baroni et al. 2008), pages of all kinds of
                              2006 in English, cleaned by hand
    a folder of benchmarks/extraction_manuals.py    manuals in many languages, by their templates

All but the last are what one of the peers' authors, or those who compared them, call right; none of them knows of gristmill.
Titles are kept apart where the checkout does so: whether the heading of an article belongs to its text is answered
differently by each.
"""

import gzip
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
from extraction_manuals import read_manuals
from gristmill.filters.encoding.decode import decode
from gristmill.filters.encoding.evidence import choose_encoding
from gristmill.filters.html.page import read_page
from gristmill.filters.language.identify import measure
from pydantic_core import from_json
from word_scores import precision_recall, words_or_pairs

PAGES_OF_A_SITE = 4  # of waddle, where some sites have a hundred
LEAST_FOUND = 0.6  # of the words of a main text in its page: of waddle some pages are others


class Gold(NamedTuple):
    """name: of the page. html: in UTF-8. text: its main text. title: of the article, "" where it is not known. publisher:
    whose page it is, as far as the checkout says."""

    name: str
    html: bytes
    text: str
    title: str
    publisher: str


def read_golds(checkout: Path) -> list[Gold]:
    """The pages of a checkout, whichever of these it is; those without main text are left out."""
    readers = {
        "test/test-pages": _readability,
        "tests/resources/parser/test_data": _fundus,
        "tests/data/html": _newspaper,
        "corpora/Corpus_daniel_v2.1": _waddle,
        "src/main/resources/cleaneval": _cleaneval,
        "debian-handbook/usr/share/doc": _manuals,
    }
    for folder, reader in readers.items():
        if (checkout / folder).is_dir():
            return [gold for gold in reader(checkout / folder) if gold.text.strip()]
    raise SystemExit(f"{checkout}: expected a checkout with one of the folders {', '.join(readers)}")


def languages(golds: list[Gold]) -> list[str]:
    """The language of each main text, by the detectors of gristmill together; "none" where they name none."""
    batch = pa.RecordBatch.from_pydict({"text": pa.array([gold.text for gold in golds], pa.large_string())})
    return [found or "none" for found in measure(batch, {}).column("language").to_pylist()]


def utf8(raw: bytes) -> bytes:
    """A page in UTF-8, whatever it is in."""
    return decode(raw, choose_encoding(raw, [], is_html=True)).encode("utf-8", "replace")


def _readability(folder: Path) -> Iterator[Gold]:
    for page in sorted(folder.iterdir()):
        expected = shown((page / "expected.html").read_bytes())
        title = from_json((page / "expected-metadata.json").read_bytes()).get("title") or ""
        yield Gold(page.name, utf8((page / "source.html").read_bytes()), expected, title, page.name)


def _fundus(folder: Path) -> Iterator[Gold]:
    for path, article in fundus_articles(folder):
        name = f"{path.parent.name}/{path.name}"
        text = "\n".join(_lines(article["body"]))
        yield Gold(name, utf8(gzip.decompress(path.read_bytes())), text, article["title"], _publisher(path))


def fundus_articles(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each page and what its publisher's parser takes of it: the n-th oldest page belongs to the n-th version of a parser."""
    for path in sorted(folder.glob("*/*.json")):
        pages = sorted(page for page in path.parent.glob(f"{path.stem}_*.html.gz") if _is_dated(page, path.stem))
        versions = sorted(
            from_json(path.read_bytes()).items(), key=lambda item: [*map(int, re.findall(r"\d+", item[0]))]
        )
        for page, (_, article) in zip(pages, versions, strict=True):
            yield page, article


def _publisher(page: Path) -> str:
    return re.sub(r"_\d{4}_\d\d_\d\d\.html\.gz$", "", page.name)


def _is_dated(page: Path, publisher: str) -> bool:
    return re.fullmatch(r"_\d{4}_\d\d_\d\d\.html\.gz", page.name.removeprefix(publisher)) is not None


def _lines(body: Any) -> Iterator[str]:
    yield from body["summary"]
    for section in body["sections"]:
        yield from section["headline"]
        yield from section["paragraphs"]


def _newspaper(folder: Path) -> Iterator[Gold]:
    for page in sorted(folder.glob("*.html")):
        for name in ("txt", "text"):
            text = folder.parent / name / f"{page.stem}.txt"
            if text.is_file():
                yield Gold(page.stem, utf8(page.read_bytes()), text.read_text("utf-8", "replace"), "", page.stem)


def _waddle(folder: Path) -> Iterator[Gold]:
    """The first pages of each site in an order that is a hash of their names, none of the same text as one before and none
    that does not hold most of the words of its text."""
    taken: Counter[str] = Counter()
    seen: set[str] = set()
    names = {path.name for path in (folder / "html").iterdir()} & {
        path.name for path in (folder / "reference").iterdir()
    }
    for name in sorted(names, key=lambda name: hashlib.sha1(name.encode()).hexdigest()):
        site, text = name.split("_")[1].removeprefix("www."), shown((folder / "reference" / name).read_bytes())
        if taken[site] == PAGES_OF_A_SITE or text in seen:
            continue
        html = utf8((folder / "html" / name).read_bytes())
        _, recall = precision_recall(Counter(words_or_pairs(shown(html))), Counter(words_or_pairs(text)))
        if recall >= LEAST_FOUND:
            seen.add(text)
            taken[site] += 1
            yield Gold(name, html, text, "", site)


def _cleaneval(folder: Path) -> Iterator[Gold]:
    """Pages in an element `text` that holds their address; main texts with a mark before each paragraph, heading and item."""
    for path in sorted((folder / "clean").iterdir(), key=lambda path: int(path.stem)):
        text = re.sub(r"\A\s*URL:.*", "", path.read_text("utf-8", "replace"))
        html = utf8((folder / "orig" / f"{path.stem}.html").read_bytes())
        address = re.search(rb'<text id="([^"]*)"', html)
        site = urlsplit(address[1].decode() if address else "").netloc.lower().removeprefix("www.")
        page = re.sub(rb"\A\s*<text [^\n]*>|</text>\s*\Z", b"", html)
        yield Gold(path.stem, page, re.sub(r"(?m)^ *<[hlp]>", "", text).strip(), "", site)


def _manuals(folder: Path) -> Iterator[Gold]:
    for page in read_manuals(folder.parents[3]):
        yield Gold(page.name, utf8(page.html), shown(page.main), "", page.template)


def shown(html: bytes) -> str:
    """The text of all blocks, a line each."""
    page = read_page(html)
    return "\n".join(page.block_text(number) for number in range(len(page.blocks)))
