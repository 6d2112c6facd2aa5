"""Pages with their main text: what the extractor learns from and is measured on.

Half are of WCXB; the others, articles in many languages, are of other test suites and comparisons (extraction_golds.py).
DATA is the development split of WCXB (Foley 2026, arXiv:2605.21097, CC BY 4.0) as one Parquet file: file_id, url,
page_type, html (bytes), main_content, with_, without (snippets that a text must and must not hold).

Pages are split into folds by host, so that no site is learned from and measured on, and copies of a page stay together.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow.parquet as pq
from extraction_golds import Gold
from gristmill.filters.html.heads import Heads
from gristmill.filters.html.layout import Page
from gristmill.filters.html.metadata import Metadata
from gristmill.filters.html.page import read_page
from gristmill.filters.html.page_type import PAGE_TYPES
from word_scores import word_f1, words, words_or_pairs

# Of a page of other test suites, beside 1 of WCXB: nearly all are articles, and their golds have other habits.
GOLD_WEIGHT = 0.25


@dataclass
class Example:
    """A page read into blocks. page_type: "" where it is not known. block_words, sizes: of each block. matched: how many of
    them are main text. wanted: words of the main text. weight: of the page among those that are learned from."""

    id: str
    host: str
    page_type: str
    html: bytes
    page: Page
    heads: Heads
    block_words: list[Counter[str]]
    sizes: np.ndarray
    matched: np.ndarray
    wanted: Counter[str]
    with_: list[str]
    without: list[str]
    weight: float = 1.0

    def f1(self, kept: np.ndarray) -> float:
        """Word F1 of the blocks where `kept` is true."""
        found: Counter[str] = Counter()
        for number in np.flatnonzero(kept):
            found.update(self.block_words[number])
        return word_f1(found, self.wanted)


def utf8(html: bytes) -> bytes:
    """The pages of WCXB are UTF-8 but for single bytes."""
    return html.decode("utf-8", "replace").encode()


def examples(data: Path, limit: int | None = None) -> list[Example]:
    """Every page of the split, read and matched with its main text."""
    rows = pq.read_table(data).to_pylist()[:limit]
    made = []
    for row in rows:
        page = read_page(utf8(row["html"]))
        blocks = [words(page.block_text(number)) for number in range(len(page.blocks))]
        gold = words(row["main_content"] or "")
        made.append(
            Example(
                row["file_id"],
                urlsplit(row["url"] or "").netloc.lower().removeprefix("www."),
                row["page_type"],
                row["html"],
                page,
                Heads(page),
                [Counter(block) for block in blocks],
                np.array([len(block) for block in blocks], np.int64),
                match(blocks, gold),
                Counter(gold),
                row["with_"] or [],
                row["without"] or [],
            )
        )
    return made


def gold_examples(golds: Sequence[Gold]) -> list[Example]:
    """Pages of other test suites, matched with their main text and a block that is their title.

    A page's host is that of its canonical address, the same for all pages of a publisher; its publisher where it names none.
    """
    hosts: dict[str, str] = {}
    made = []
    for gold in golds:
        page = read_page(gold.html)
        heads = Heads(page)
        host = urlsplit(Metadata(page, heads, None).canonical_url or "").netloc.lower().removeprefix("www.")
        if host:
            hosts.setdefault(gold.publisher, host)
        blocks = [words_or_pairs(page.block_text(number)) for number in range(len(page.blocks))]
        wanted, title = words_or_pairs(gold.text), words_or_pairs(gold.title)
        sizes = np.array([len(block) for block in blocks], np.int64)
        is_title = np.array([bool(block) and block == title for block in blocks], bool)
        matched = np.where(is_title, sizes, match(blocks, wanted))
        counts = [Counter(block) for block in blocks]
        about = gold.name, gold.publisher, "", gold.html, page, heads
        made.append(Example(*about, counts, sizes, matched, Counter(wanted), [], [], weight=GOLD_WEIGHT))
    return [replace(example, host=hosts.get(example.host, example.host)) for example in made]


def match(blocks: Sequence[Sequence[str]], gold: Sequence[str]) -> np.ndarray:
    """How many words of each block are main text: those in the longest common sequence of words, where they are no chance
    (three in a row, or most of the block), then runs of four left over, for text in another order."""
    from rapidfuzz.distance import LCSseq

    flat = [word for block in blocks for word in block]
    owner = np.array([number for number, block in enumerate(blocks) for _ in block], np.int64)
    found, used = np.zeros(len(flat), bool), np.zeros(len(gold), bool)
    if not flat or not gold:
        return np.zeros(len(blocks))
    sizes = np.array([len(block) for block in blocks])
    numbers = {word: number for number, word in enumerate(dict.fromkeys([*flat, *gold]))}
    for run in LCSseq.opcodes([numbers[word] for word in flat], [numbers[word] for word in gold]):
        if run.tag != "equal":
            continue
        start, length = run.src_start, run.src_end - run.src_start
        if length >= 3 or length >= 0.8 * sizes[owner[start]]:
            found[start : start + length] = True
            used[run.dest_start : run.dest_start + length] = True
    left: dict[tuple[str, ...], int] = defaultdict(int)
    for start in range(len(gold) - 3):
        if not used[start : start + 4].any():
            left[tuple(gold[start : start + 4])] += 1
    for start in range(len(flat) - 3 if left else 0):
        run_of_four = tuple(flat[start : start + 4])
        if left.get(run_of_four, 0) and owner[start] == owner[start + 3] and not found[start : start + 4].any():
            found[start : start + 4] = True
            left[run_of_four] -= 1
    matched = np.zeros(len(blocks))
    np.add.at(matched, owner[found], 1)
    return matched


def fold_of(host: str, folds: int, seed: str = "outer") -> int:
    """The fold of a host: a function of its name."""
    return int(hashlib.sha1(f"{seed}:{host}".encode()).hexdigest(), 16) % folds


def by_type(pages: Sequence[Example], scores: Sequence[float]) -> dict[str, float]:
    """Mean scores over all pages and of each type."""
    grouped: dict[str, list[float]] = {"all": list(scores)}
    for page, score in zip(pages, scores, strict=True):
        grouped.setdefault(page.page_type, []).append(score)
    return {name: float(np.mean(grouped[name])) for name in ("all", *PAGE_TYPES) if name in grouped}
