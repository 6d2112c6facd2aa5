"""Plain text books: what is no book goes, paragraphs and verse come as they are."""

import time

import pytest
from gristmill.filters.books.book import BookChoices
from gristmill.filters.books.plain import plain_book

from tests.filters.books.book_texts import VERSE, chapters, prose, wrapped

BODY = "\n\n\n\n".join(
    heading + "\n\n" + "\n\n".join(wrapped(one) for one in paragraphs) for heading, paragraphs in chapters(3)
)
EXPECTED = "\n\n".join(heading + "\n\n" + "\n\n".join(paragraphs) for heading, paragraphs in chapters(3))
FIELDS = "Title: The Mill\n\nAuthor: A. Miller\n\nRelease Date: May 1, 2005 [EBook #12345]\n\nLanguage: English\n\n"
USE = "This eBook is for the use of anyone anywhere at no cost and with\nalmost no restrictions whatsoever.\n\n"
SMALL_PRINT = (
    '***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\nWhy is this "Small Print!" statement here?\n'
    "They tell us you might sue us.\n\nINDEMNITY\nYou will indemnify and hold the Project harmless.\n\n"
)
LICENCE = "\n\nSection 1. General Terms of Use\n\nBy reading or using any part of this work you agree.\n" * 3

HEADERS = {
    "since 2006": f"The Project Gutenberg EBook of The Mill, by A. Miller\n\n{USE}{FIELDS}*** START OF THIS PROJECT "
    f"GUTENBERG EBOOK THE MILL ***\n\n\nProduced by J. Doe and the Online Distributed\nProofreading Team at "
    f"https://www.pgdp.net\n\n",
    "since 2020": f"\ufeffThe Project Gutenberg eBook of The Mill\n\n{USE}{FIELDS}*** START OF THE PROJECT "
    f"GUTENBERG EBOOK THE MILL ***\n",
    "no space": f"The Project Gutenberg eBook, The Mill\n\n{USE}{FIELDS}***START OF THE PROJECT GUTENBERG EBOOK A "
    f"TITLE THAT\nTAKES TWO LINES***\n\n\nE-text prepared by Jane Doe\n\n",
    "small print": f"**The Project Gutenberg Etext of The Mill by A. Miller**\n\nMay, 1997 [Etext "
    f"#12345]\n\n{SMALL_PRINT}*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n",
    "small print of 2001": f"Project Gutenberg Etext The Mill\n\n{SMALL_PRINT}*END THE SMALL PRINT! FOR PUBLIC "
    f"DOMAIN ETEXTS*Ver.10/04/01*END*\n",
    "small print without end": f"The Project Gutenberg Etext of The Mill\n\n{SMALL_PRINT}",
    "german": "Project Gutenberg Etext Die Mühle\n\n*** Beginn dieses Projekt Gutenberg Etextes: Die Mühle ***\n\n",
    "french": "*** DÉBUT DU PROJET GUTENBERG EBOOK LE MOULIN ***\n",
    "spanish": "*** INICIO DE ESTE PROYECTO GUTENBERG EBOOK EL MOLINO ***\n",
    "none": f"The Project Gutenberg EBook of The Mill, by A. Miller\n\n{USE}{FIELDS}",
}
FOOTERS = {
    "since 2006": f"\n\nEnd of Project Gutenberg's The Mill, by A. Miller\n\n*** END OF THIS PROJECT GUTENBERG "
    f"EBOOK THE MILL ***\n\n***** This file should be named 12345.txt *****{LICENCE}",
    "since 2020": f"\n\n*** END OF THE PROJECT GUTENBERG EBOOK THE MILL ***\n\nUpdated editions will replace the "
    f"previous one.\n\nSTART: FULL LICENSE{LICENCE}",
    "of an etext": "\n\nEnd of The Project Gutenberg Etext of The Mill\n",
    "this is the end": "\n\nThis is the end of the Project Gutenberg Etext.\n",
    "german": "\n\nEnde dieses Projekt Gutenberg Etextes Die Mühle\n",
    "french": "\n\nFin du projet Gutenberg EBook de Le Moulin\n",
    "dutch": "\n\nEinde van Project Gutenberg's De Molen\n",
    "licence alone": f"\n\n*** START: FULL LICENSE ***\n\nTHE FULL PROJECT GUTENBERG LICENSE{LICENCE}",
    "small print at the end": f"\n\n{SMALL_PRINT}*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n",
}


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("footer", ["since 2006", "of an etext"])
def test_headers(header: str, footer: str) -> None:
    book = plain_book((HEADERS[header] + "\n\n" + BODY + FOOTERS[footer]).replace("\n", "\r\n"))
    assert book.text == EXPECTED
    assert book.left_out["licence"] > 0


@pytest.mark.parametrize("footer", FOOTERS)
def test_footers(footer: str) -> None:
    assert plain_book(HEADERS["since 2006"] + "\n\n" + BODY + FOOTERS[footer]).text == EXPECTED


def test_what_the_header_says_is_noted() -> None:
    notes = plain_book(HEADERS["since 2006"] + BODY).notes
    assert notes == {
        "title": "The Mill",
        "authors": ["A. Miller"],
        "declared_language": "English",
        "gutenberg_ebook": 12345,
    }
    assert (
        plain_book(
            "**This is a COPYRIGHTED Project Gutenberg eBook, Details Below**\n" + HEADERS["since 2006"] + BODY
        ).notes["rights"]
        == "copyrighted"
    )


def test_a_book_about_the_project_is_left_alone() -> None:
    about = prose(1) + " Project Gutenberg was begun in the winter, and the end of it is not near. " + prose(2)
    text = "\n\n".join([wrapped(prose(9)), wrapped(about), wrapped(prose(3))])
    assert plain_book(text).text == "\n\n".join([prose(9), about, prose(3)])


def test_verse_tables_and_block_quotes_keep_their_lines() -> None:
    quote = wrapped(prose(5), 60, "    ")
    text = "\n\n".join([wrapped(prose(1)), VERSE, quote, "Barley   12\nWheat     7\nOats      3", wrapped(prose(2))])
    found = plain_book(text).text.split("\n\n")
    assert found == [prose(1), VERSE, prose(5), "Barley   12\nWheat     7\nOats      3", prose(2)]


def test_text_without_hard_wraps_stays() -> None:
    text = "\n".join(prose(n) for n in range(5))
    assert plain_book(text).text == text


@pytest.mark.parametrize(
    ("first", "second", "inner", "expected"),
    [
        ("under-", "stand", "They understand it.", "understand"),  # the book knows the word
        ("mill-", "keeper", "The mill-keeper, the mill-keeper, a millkeeper.", "mill-keeper"),  # and how it writes it
        ("grist-", "wheel", "Nothing.", "grist-wheel"),  # nobody knows: nothing is made up
        ("Ver-", "fassung", "Die VERFASSUNG.", "Verfassung"),
        ("неза-", "висимость", "Это независимость.", "независимость"),
        ("soft\u00ad", "ware", "", "software"),
        ("ſonder¬", "bar", "", "ſonderbar"),
    ],
)
def test_hyphens_at_ends_of_lines(first: str, second: str, inner: str, expected: str) -> None:
    filler = prose(4)
    lines = [
        wrapped(filler),
        "",
        f"{inner:<60}".rstrip(),
        "",
        f"{'the quiet water of the old river goes on, and all of them now ' + first}",
        f"{second} goes on.",
    ]
    assert f" {expected} goes on." in plain_book("\n".join(lines)).text


def test_a_word_list_knows_words_too() -> None:
    text = wrapped(prose(1)) + "\n\nThe quiet water of the old river goes on, and they all of them under-\nstand it."
    assert "under-stand" in plain_book(text).text
    assert "understand" in plain_book(text, BookChoices(words=frozenset({"understand"}))).text


def pages(count: int, head: str = "THE OLD MILL", numbers: bool = True, separator: str = "\f") -> tuple[str, str]:
    """(pages with running heads and numbers, the text they hold): paragraphs run on over the page breaks."""
    text = " ".join(prose(n, 12) for n in range(count))
    lines = wrapped(text, 60).split("\n")
    per = len(lines) // count + 1
    out = []
    for number in range(count):
        body = "\n".join(lines[number * per : (number + 1) * per])
        above = head if number % 2 else "A. MILLER"
        top = f"{number + 7}  {above}\n\n" if head and number else ""
        out.append(top + body + (f"\n\n- {number + 7} -" if numbers else ""))
    return separator.join(out), text


@pytest.mark.parametrize("numbers", [True, False])
def test_pages_lose_numbers_and_running_heads(numbers: bool) -> None:
    scanned, text = pages(8, numbers=numbers)
    book = plain_book(scanned)
    assert book.text == text
    assert book.left_out["running_heads"] > 0


def test_running_heads_with_errors_of_scanning_are_known() -> None:
    scanned, text = pages(10, numbers=False)
    scanned = scanned.replace("THE OLD MILL", "THE 0LD MlLL", 2).replace("A. MILLER", "A. MILI.ER", 1)
    assert plain_book(scanned).text == text


def test_pages_that_only_numbers_tell_apart() -> None:
    scanned, text = pages(8, head="", separator="\n\n")
    assert plain_book(scanned).text == text


def test_pages_of_hathitrust() -> None:
    scanned, text = pages(8, head="", numbers=False)
    marked = "".join(f"\n## p. {n} (#{n + 8}) {'#' * 40}\n\n{page}" for n, page in enumerate(scanned.split("\f")))
    assert plain_book(marked).text == text


def test_years_and_numbered_lists_are_no_page_numbers() -> None:
    text = "\n\n".join(f"{year}\n\n{prose(year, 3)}" for year in (1901, 1914, 1929, 1931, 1945, 1950))
    assert plain_book(text).text == text


def test_contents_go_and_chapters_stay_in_order() -> None:
    contents = "CONTENTS\n\n" + "\n".join(f"{heading:<50}{12 * n + 1:>5}" for n, (heading, _) in enumerate(chapters(3)))
    book = plain_book("THE MILL\n\nby A. Miller\n\n\n\n" + contents + "\n\n\n\n" + BODY)
    assert book.text == EXPECTED
    assert book.left_out["contents"] > 50
    kept = plain_book(contents + "\n\n\n" + BODY, BookChoices(contents=True, front_matter=True))
    assert kept.text.startswith("CONTENTS")


def test_contents_without_numbers_are_known_by_the_headings_that_come_again() -> None:
    contents = "Inhalt\n\n" + "\n\n".join(heading for heading, _ in chapters(3))
    assert plain_book(contents + "\n\n\n" + BODY).text == EXPECTED


def test_a_chapter_called_contents_is_no_table() -> None:
    text = "Contents\n\n" + "\n\n".join(wrapped(prose(n)) for n in range(4))
    assert plain_book(text).text == "Contents\n\n" + "\n\n".join(prose(n) for n in range(4))


def test_notes_and_pictures_go_unless_they_are_wanted() -> None:
    note = "Transcriber's Note:\n\n    Spelling was kept as it stood.\n\n    Italics are in underscores.\n\n\n\n"
    text = note + BODY.replace("\n\n\n\n", "\n\n[Illustration: The mill\nby night]\n\n\n\n", 1)
    book = plain_book(text)
    assert book.text == EXPECTED
    assert book.left_out["notes"] > 40
    assert book.left_out["pictures"] > 20
    assert "Spelling was kept" in plain_book(text, BookChoices(notes=True, front_matter=True)).text


@pytest.mark.parametrize(
    "text",
    ["", "\n" * 50_000, "\f" * 20_000, "a-\n" * 50_000, "CONTENTS\n\n" * 10_000, "x" * 500_000, "[Pg 1]" * 50_000],
)
def test_hostile_text_ends_in_time(text: str) -> None:
    started = time.process_time()
    plain_book(text)
    assert time.process_time() - started < 60
