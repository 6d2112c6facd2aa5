"""Books as a source: one file is one book, hostile files are quarantined alone, and a build knows the profile."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from gristmill.filters.books.signals import measure
from gristmill.pipelines.engine.pool import shared_pool
from gristmill.pipelines.sources.readers.extract import EXTRACTED
from gristmill.schemas.errors import InputError

from tests.filters.books.book_texts import prose, wrapped
from tests.filters.books.epub_files import epub, package, xhtml
from tests.pipelines.sources.readers.reading import read_source

HEADER = (
    "The Project Gutenberg EBook of The Mill\n\nTitle: The Mill\n\n*** START OF THIS PROJECT GUTENBERG EBOOK "
    "THE MILL ***\n\n"
)


def pooled(function: str, config: dict, batch: pa.RecordBatch) -> pa.RecordBatch:
    return shared_pool().run(function, config, batch, EXTRACTED)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    text = wrapped(prose(1)) + "\n\n" + wrapped(prose(2))
    (tmp_path / "a.txt").write_text(HEADER + text + "\n\nEnd of Project Gutenberg's The Mill\n")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(text.replace("mill", "mühle").encode("latin-1")))
    files = {"c.xhtml": xhtml(f"<h2>One</h2><p>{prose(3)}</p>")}
    (tmp_path / "c.epub").write_bytes(epub(files))
    (tmp_path / "d.epub").write_bytes(epub(files, package(["c.xhtml", "missing.xhtml"])))
    (tmp_path / "e.epub").write_bytes(epub(files)[:700])
    (tmp_path / "f.epub").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    return tmp_path


def test_a_shelf_of_books(shelf: Path) -> None:
    reading = read_source(shelf, isolate=pooled, format="books")
    text = f"{prose(1)}\n\n{prose(2)}"
    assert reading.texts == [text, text.replace("mill", "mühle"), f"## One\n\n{prose(3)}", f"## One\n\n{prose(3)}"]
    assert reading.reasons == ["damaged_archive", "binary_content"]
    assert len(reading.errors) == 1
    assert "missing.xhtml" in reading.errors[0]
    assert '"title": "The Mill"' in reading.rows[0]["metadata"]
    assert '"charset": "windows-1252"' in reading.rows[1]["metadata"]


def test_in_this_process_the_rows_are_the_same(shelf: Path) -> None:
    assert read_source(shelf, format="books").rows == read_source(shelf, format="books", isolate=pooled).rows


def test_epub_files_are_books_without_being_told(shelf: Path) -> None:
    assert read_source(shelf / "c.epub").texts == [f"## One\n\n{prose(3)}"]


def test_word_list(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(
        wrapped(prose(1)) + "\n\nThe quiet water of the old river goes on, and they all of them under-\nstand it."
    )
    (tmp_path / "words").write_text("Understand\n")
    options = {"format": "books", "exclude": ("words",)}
    assert "under-stand" in read_source(tmp_path, **options).texts[0]
    assert "understand" in read_source(tmp_path, books={"word_list": str(tmp_path / "words")}, **options).texts[0]
    with pytest.raises(InputError, match=r"is no file.*books\.word_list"):
        read_source(tmp_path, books={"word_list": str(tmp_path / "none")}, **options)


def test_signals_of_books() -> None:
    texts = [
        prose(1),
        "Th1s bo^k w~s scan-\nned b4dly all o%er",
        "1 2 3 4",
        "",
        "Project Gutenberg License at www.gutenberg.org/license",
    ]
    found = measure(pa.record_batch([pa.array(texts, pa.large_string())], names=["text"]), {}).to_pydict()
    assert found["noisy_word_fraction"][0] == 0
    assert found["noisy_word_fraction"][1] == pytest.approx(5 / 8)
    assert found["broken_word_fraction"][1] == pytest.approx(1 / 8)
    assert found["letter_fraction"][2] == 0
    assert found["letter_fraction"][3] is None
    assert found["licence_phrases"] == [0, 0, 0, 0, 2]
