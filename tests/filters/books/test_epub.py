"""EPUB: order of the spine, what is no book, and archives that are not what they say."""

import io
import zipfile

import pytest
from gristmill.filters.books.book import BookChoices, BookError
from gristmill.filters.books.epub import epub_book
from gristmill.filters.books.from_bytes import book_of

from tests.filters.books.book_texts import chapters, prose
from tests.filters.books.epub_files import epub, package, xhtml

LIMIT = 8 << 20


def parts(count: int = 3) -> dict[str, str | bytes]:
    return {
        f"c{number}.xhtml": xhtml(f"<h1>{heading}</h1>" + "".join(f"<p>{one}</p>" for one in paragraphs))
        for number, (heading, paragraphs) in enumerate(chapters(count))
    }


EXPECTED = "\n\n".join(f"# {heading}\n\n" + "\n\n".join(paragraphs) for heading, paragraphs in chapters(3))


def test_chapters_come_in_the_order_of_the_spine() -> None:
    files = parts()
    backwards = dict(reversed(files.items()))
    book = epub_book(epub(backwards, package(list(files))), LIMIT)
    assert book.text == EXPECTED
    assert book.notes == {"title": "The & Mill", "authors": ["A. Miller"], "declared_languages": ["en"]}
    assert book.damage is None


def test_navigation_cover_and_page_marks_go() -> None:
    links = "".join(f'<li><a href="c{n}.xhtml">{heading}</a></li>' for n, (heading, _) in enumerate(chapters(3)))
    files = {
        "cover.xhtml": xhtml("<p>Cover</p>", "cover"),
        "nav.xhtml": xhtml(f"<nav><ol>{links}</ol></nav>"),
    } | parts()
    first = str(files["c0.xhtml"]).replace("<p>", '<p><span class="pagenum" id="p7">[7]</span><a id="x"/>', 1)
    files["c0.xhtml"] = first.replace("<p>", '<span epub:type="pagebreak" id="p8" title="8">8</span><p>', 1)
    raw = epub(files, package(list(files), properties={"nav.xhtml": "nav"}))
    book = epub_book(raw, LIMIT)
    assert book.text == EXPECTED
    assert book.left_out["contents"] > 0
    assert book.left_out["front_matter"] > 0
    assert "Cover" in epub_book(raw, LIMIT, BookChoices(front_matter=True)).text


def test_headers_of_project_gutenberg_inside() -> None:
    head = (
        "<pre>The Project Gutenberg EBook of The Mill\n\nTitle: The Mill\n\n*** START OF THIS PROJECT GUTENBERG "
        "EBOOK THE MILL ***</pre>"
    )
    foot = (
        "<div>*** END OF THIS PROJECT GUTENBERG EBOOK THE MILL ***</div><p>START: FULL LICENSE</p><p>Section 1. "
        "General Terms</p>"
    )
    files = {"h.xhtml": xhtml(head)} | parts() | {"f.xhtml": xhtml(foot)}
    assert epub_book(epub(files), LIMIT).text == EXPECTED


def test_a_package_that_is_missing_or_broken_is_done_without() -> None:
    assert epub_book(epub(parts(), container=None), LIMIT).text == EXPECTED
    assert epub_book(epub(parts(), "no XML at all"), LIMIT).text == EXPECTED
    assert epub_book(epub(parts(), "<package><manifest><item"), LIMIT).text == EXPECTED


def test_a_part_that_is_not_there_is_named_and_the_rest_read() -> None:
    files = parts()
    book = epub_book(epub({k: v for k, v in files.items() if k != "c1.xhtml"}, package(list(files))), LIMIT)
    assert book.damage is not None
    assert "1 of 3 parts" in book.damage
    assert "c1.xhtml" in book.damage
    assert book.text.count("# CHAPTER") == 2


def test_a_damaged_part_is_named_and_the_rest_read() -> None:
    raw = epub(parts())
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        info = archive.getinfo("OPS/c1.xhtml")
    middle = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
    broken = raw[:middle] + bytes(byte ^ 0xFF for byte in raw[middle : middle + 20]) + raw[middle + 20 :]
    book = epub_book(broken, LIMIT)
    assert book.damage is not None
    assert "c1.xhtml" in book.damage
    assert book.text.count("# CHAPTER") == 2


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (epub(parts())[:900], "damaged_archive"),
        (b"PK\x03\x04" + b"\0" * 100, "damaged_archive"),
        (epub({"c.xhtml": xhtml("")}), "no_text"),
        (epub({"bomb.xhtml": b"<p>" + b"a" * (20 << 20)}), "too_large"),
        (
            epub(
                {
                    **parts(),
                    "../META-INF/encryption.xml": '<encryption><EncryptionMethod Algorithm="aes"/></encryption>',
                },
                package(["c0.xhtml"]),
            ),
            None,
        ),
    ],
)
def test_what_gives_no_book_says_why(raw: bytes, reason: str | None) -> None:
    if reason is None:
        assert epub_book(raw, LIMIT).text
        return
    with pytest.raises(BookError) as raised:
        epub_book(raw, LIMIT)
    assert raised.value.reason == reason


def test_rights_management_is_named_and_obfuscated_fonts_are_not() -> None:
    def with_encryption(method: str) -> bytes:
        out = io.BytesIO(epub(parts()))
        with zipfile.ZipFile(out, "a") as archive:
            archive.writestr(
                "META-INF/encryption.xml", f'<encryption><EncryptionMethod Algorithm="{method}"/></encryption>'
            )
        return out.getvalue()

    assert epub_book(with_encryption("http://www.idpf.org/2008/embedding"), LIMIT).text == EXPECTED
    with pytest.raises(BookError, match="encrypted"):
        epub_book(with_encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc"), LIMIT)


def test_no_entity_is_expanded_and_no_file_is_read() -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    hostile = (
        f'<?xml version="1.0"?><!DOCTYPE package [<!ENTITY l0 "ha"><!ENTITY f SYSTEM "file:///etc/passwd">{levels}]>'
    )
    opf = package(list(parts())).replace('<?xml version="1.0"?>', hostile).replace("A. Miller", "&f;&l11;")
    book = epub_book(epub(parts(), opf), LIMIT)
    assert book.text == EXPECTED
    assert book.notes["authors"] == ["&f;&l11;"]


def test_names_that_leave_the_archive_name_nothing_outside() -> None:
    files = parts()
    opf = package([*files, "../../../../etc/passwd", "file:///etc/passwd"])
    book = epub_book(epub(files, opf), LIMIT)
    assert book.text == EXPECTED
    assert book.damage is not None


def test_pages_of_plain_text_in_an_archive_are_a_book() -> None:
    out = io.BytesIO()
    text = [prose(n, 8) for n in range(12)]
    with zipfile.ZipFile(out, "w") as archive:
        for number in reversed(range(12)):
            archive.writestr(f"vol/{number}.txt", f"THE MILL {number}\n{text[number]}")
    book = book_of(out.getvalue(), LIMIT)
    assert book.text.replace("\n\n", "\n").split("\n") == text
    assert book.notes["pages"] == 12


def test_html_files_are_books_too() -> None:
    html = (
        "<html><head><title>The Mill</title></head><body>"
        + "".join(f"<p>{prose(n)}</p>" for n in range(3))
        + "</body></html>"
    )
    book = book_of(html.encode(), LIMIT)
    assert book.text == "\n\n".join(prose(n) for n in range(3))
    assert book.notes["title"] == "The Mill"
