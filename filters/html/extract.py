"""The main text of a web page, and what the page says about itself.

The page is read into blocks (`page`), each gets a row of numbers (`features`), trees learned from pages with their main
text (`trees`) say how probable it is that a word of the block is main text, and the most probable blocks are kept
(`choose`). It is one pass over the bytes after the other, without a tree of objects, in this process.
"""

import re
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.encoding.decode import decode
from gristmill.filters.encoding.evidence import choose_encoding
from gristmill.filters.html.choose import choose_blocks, keep_code
from gristmill.filters.html.code_blocks import code_blocks
from gristmill.filters.html.declared import declared
from gristmill.filters.html.features import FEATURES, NAMES, block_features
from gristmill.filters.html.heads import Heads
from gristmill.filters.html.layout import ELEMENT, HIDDEN, STATE, TAG, WORDS, Page
from gristmill.filters.html.line_numbers import leave_out_line_numbers
from gristmill.filters.html.markdown import to_markdown
from gristmill.filters.html.metadata import Metadata
from gristmill.filters.html.page import read_page
from gristmill.filters.html.page_type import PAGE_FEATURES, most_probable_type, page_row
from gristmill.filters.html.plain_text import join_blocks
from gristmill.filters.html.tags import NAMES as TAG_NAMES
from gristmill.filters.html.trees import Trees, parse_trees, sum_of_trees, table_lines
from gristmill.schemas.errors import InputError

LABEL_SCORES, BLOCK_TREES, PAGE_TREES = "label_scores.tsv", "block_trees.tsv", "page_trees.tsv"
REVEALED_SHARE = 0.3  # of a page's words: hidden blocks that hold more are what a script would show
MAX_BLOCKS = 1 << 16  # a page of more is judged in pieces of so many, each as if it were the page
_SURROGATES = re.compile("[\ud800-\udfff]")


class Model(NamedTuple):
    """What was learned. label_keys uint32, label_scores float32: an open-addressing table of labels, 0 where empty.
    block_trees: whether a block is main text. page_trees: of which type a page is."""

    label_keys: np.ndarray
    label_scores: np.ndarray
    block_trees: Trees
    page_trees: Trees


class TextBlock(NamedTuple):
    """A piece of a page. element: the name of the block element around it, "" where it has none of HTML. score: the
    probability that a word of it is main text. kept: whether it is part of the text."""

    text: str
    element: str
    score: float
    kept: bool


@cache
def extraction_model() -> Model:
    """The model that comes with gristmill; `benchmarks/train_extraction.py` makes it."""
    folder = Path(str(files("gristmill.filters.html")))
    pairs = [line.split("\t") for line in table_lines(folder / LABEL_SCORES)]
    keys, scores = label_table({int(label, 16): float(score) for label, score in pairs})
    return Model(
        *(keys, scores),
        parse_trees(table_lines(folder / BLOCK_TREES), NAMES),
        parse_trees(table_lines(folder / PAGE_TREES), PAGE_FEATURES),
    )


def label_table(scores: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """(keys uint32, scores float32): scores of labels as an open-addressing table at most half full, key 0 where empty."""
    size = 16
    while size < 2 * len(scores) + 2:
        size *= 2
    keys, values = np.zeros(size, np.uint32), np.zeros(size, np.float32)
    for label, score in sorted(scores.items()):
        place = label & (size - 1)
        while keys[place]:
            place = (place + 1) & (size - 1)
        keys[place], values[place] = label, score
    return keys, values


class Extraction:
    """What was extracted of a page: `str()` gives the text, `blocks` what was kept and what not, `metadata` the rest.

    text_source: "blocks", or the key of the page's linked data ("articleBody") where that was asked for and used.
    """

    def __init__(self, html: bytes, *, linked_data: bool = False, model: Model | None = None) -> None:
        self.page: Page = read_page(html)
        self._model = model or extraction_model()
        self.heads = Heads(self.page)
        self._linked_data = linked_data

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Extraction of {len(self.text)} characters, {int(self._chosen[1].sum())} of {len(self.page.blocks)} blocks>"

    @cached_property
    def _chosen(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(score float32, kept bool, features) of each block; the features are those of the last piece of a large page."""
        page, model = self.page, self._model
        count = len(page.blocks)
        scores, kept = np.zeros(count, np.float32), np.zeros(count, bool)
        rows = np.empty((min(count, MAX_BLOCKS), FEATURES), np.float32)
        if count:
            sums = np.empty((1, count))
            said = (self.heads.bytes_of("<title>"), description_bytes(self.heads), declared(self.heads))
            for start in range(0, count, MAX_BLOCKS):
                blocks = page.blocks[start : start + MAX_BLOCKS]
                learned = (model.label_keys, model.label_scores)
                block_features(page.text, blocks, page.elements, page.labels, *said, *learned, rows[: len(blocks)])
                sum_of_trees(rows[: len(blocks)], *model.block_trees, sums[:, start : start + MAX_BLOCKS])
            sizes = block_sizes(page)
            allowed = shown_blocks(page, sizes)
            choose_blocks(sums[0], sizes, allowed, scores, kept)
            keep_code(page.text, page.blocks, code_blocks(page), sizes, allowed, kept)
            leave_out_line_numbers(page, kept)
            rows = rows[: len(blocks)]
        return scores, kept, rows

    @cached_property
    def _text_and_source(self) -> tuple[str, str]:
        page, kept = self.page, self._chosen[1]
        out = np.empty(len(page.text) + 2 * len(page.blocks), np.uint8)
        size = join_blocks(page.text, page.blocks, page.elements, kept, out)
        text = out[:size].tobytes().decode("utf-8", "replace")
        if self._linked_data:
            for key, value in self.metadata.linked_texts.items():
                if len(value) > len(text):
                    return value, key
        return text, "blocks"

    @property
    def text(self) -> str:
        """The main text."""
        return self._text_and_source[0]

    @property
    def text_source(self) -> str:
        """Where the text comes from."""
        return self._text_and_source[1]

    def markdown(self, *, links: bool = False, emphasis: bool = False) -> str:
        """The main text as Markdown. links: with the addresses of links. emphasis: with bold and italic."""
        if self.text_source != "blocks":
            return self.text
        return to_markdown(self.page, self._chosen[1], links=links, emphasis=emphasis)

    @cached_property
    def blocks(self) -> list[TextBlock]:
        """Every block of the page, in its order."""
        scores, kept, _ = self._chosen
        page = self.page
        tags = page.elements[page.blocks[:, ELEMENT], TAG]
        return [
            TextBlock(
                page.block_text(k),
                TAG_NAMES[tags[k]] if tags[k] < len(TAG_NAMES) else "",
                float(scores[k]),
                bool(kept[k]),
            )
            for k in range(len(page.blocks))
        ]

    @cached_property
    def metadata(self) -> Metadata:
        """Title, date, author and the like."""
        return Metadata(self.page, self.heads, self.page_type)

    @cached_property
    def page_type(self) -> str | None:
        """article, collection, documentation, forum, listing, product or service; None of a page without a block."""
        scores, _, rows = self._chosen
        if not len(rows):
            return None
        sizes = block_sizes(self.page)[-len(rows) :]
        return most_probable_type(page_row(rows, sizes, scores[-len(rows) :]), self._model.page_trees)

    @property
    def shown_bytes(self) -> int:
        """Bytes of the text in all blocks, main text or not, in UTF-8."""
        return len(self.page.text)

    @property
    def shown_characters(self) -> int:
        """Characters of the text in all blocks, main text or not."""
        return int(np.count_nonzero(self.page.text & 0xC0 != 0x80))


def extract(html: bytes | str, *, charset: str | None = None, linked_data: bool = False) -> Extraction:
    """Extract the main text of a web page.

    html: bytes, whose encoding is found as browsers and readers of a build do, or text. charset: what the server said
    of the encoding of the bytes. linked_data: let the page's own JSON-LD text (`articleBody`) stand in where it is longer.
    No page raises: a page without text gives an empty one. InputError for what is neither bytes nor text.

    >>> str(extract("<nav><a href=/>Home</a></nav><article><p>They grind grain, and have for long, day and night.</p>"))
    'They grind grain, and have for long, day and night.'
    """
    if isinstance(html, bytes | bytearray | memoryview):
        html = _decoded(bytes(html), charset)
    elif not isinstance(html, str):
        raise InputError(f"extract was given {type(html).__name__}", expected="the bytes or the text of a page")
    try:
        utf8 = html.encode()
    except UnicodeEncodeError:
        utf8 = _SURROGATES.sub("\ufffd", html).encode()
    return Extraction(utf8, linked_data=linked_data)


def _decoded(raw: bytes, charset: str | None) -> str:
    mark = mark_of(raw)
    if mark:
        return decode(raw[len(mark[0]) :], mark[1])
    return decode(raw, choose_encoding(raw, [charset], is_html=True))


def description_bytes(heads: Heads) -> np.ndarray:
    """The description of a page in its metas, as bytes."""
    found = heads.bytes_of("og:description")
    return found if len(found) else heads.bytes_of("description")


def block_sizes(page: Page) -> np.ndarray:
    """Words of each block (float64)."""
    return page.blocks[:, WORDS].astype(np.float64)


def shown_blocks(page: Page, sizes: np.ndarray) -> np.ndarray:
    """bool: which blocks may be kept. Hidden ones may not, unless they hold so much of the page that a script shows them."""
    hidden = page.blocks[:, STATE] & HIDDEN != 0
    if sizes[hidden].sum() > REVEALED_SHARE * sizes.sum():
        return np.ones(len(hidden), bool)
    return ~hidden
