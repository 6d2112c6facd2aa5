"""A book of plain text: typed or scanned, with or without pages, of Project Gutenberg or elsewhere."""

from collections import Counter
from collections.abc import Sequence

from gristmill.filters.books.apparatus import without_contents, without_front_matter, without_notes, without_pictures
from gristmill.filters.books.book import Book, BookChoices
from gristmill.filters.books.gutenberg import body_of
from gristmill.filters.books.pages import FORM_FEED, clean_pages, split_pages, without_inline_numbers
from gristmill.filters.books.paragraphs import KnownWords, paragraphs_of, running_text, wrap_width


def plain_book(text: str, choices: BookChoices | None = None) -> Book:
    """The book that a text file holds.

    text: with any line ends; pages may be parted by form feeds.
    """
    choices = choices or BookChoices()
    left_out: Counter[str] = Counter()
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    parts = body_of(lines)
    body = "\n".join(lines[parts.first : parts.last])
    if parts.is_gutenberg:
        left_out["licence"] += len(text) - len(body)
    body = without_pictures(without_inline_numbers(body, left_out), left_out)
    cleaned = clean_pages(split_pages(body), left_out)
    # A form feed at the start of a chapter, where it is no page break, is a blank line.
    paragraphs = paragraphs_of([line.replace(FORM_FEED, "") for line in cleaned])
    kept = chosen_paragraphs(paragraphs, choices, left_out)
    known = KnownWords(cleaned, choices.words)
    return Book(running_text(kept, wrap_width(cleaned), known), parts.notes, left_out)


def chosen_paragraphs(
    paragraphs: Sequence[list[str]], choices: BookChoices, left_out: Counter[str]
) -> Sequence[list[str]]:
    """The paragraphs without what the choices leave out."""
    if not choices.notes:
        paragraphs = without_notes(paragraphs, left_out)
    if not choices.contents:
        paragraphs = without_contents(paragraphs, left_out)
    if not choices.front_matter:
        paragraphs = without_front_matter(paragraphs, left_out)
    return paragraphs
