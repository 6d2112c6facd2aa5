"""Articles and abstracts as sources: many to a file, archives, what is cut or no record."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from gristmill.pipelines.sources.readers.record_frames import RecordFrame, elements, paragraphs
from hypothesis import given
from hypothesis import strategies as st

from tests.pipelines.sources.readers.reading import read_source


def article(number: int) -> str:
    return f"<article article-type='x'><front><article-meta/></front><body><p>Text {number} é.</p></body></article>"


def record(number: int, abstract: bool = True) -> str:
    text = f"<Abstract><AbstractText>Text {number}.</AbstractText></Abstract>" if abstract else ""
    return f"<PubmedArticle><PMID>{number}</PMID><ArticleTitle>T{number}</ArticleTitle>{text}</PubmedArticle>"


def test_articles(tmp_path: Path) -> None:
    (tmp_path / "a.nxml").write_text(article(1))
    many = f"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><pmc-articleset>{article(2)}\n{article(3)}</pmc-articleset>"
    (tmp_path / "b.xml.gz").write_bytes(gzip.compress(many.encode()))
    latin = f"<?xml version='1.0' encoding='ISO-8859-1'?>{article(4)}".encode("latin-1")
    (tmp_path / "c.xml").write_bytes(latin)
    (tmp_path / "d.xml").write_bytes(("\ufeff" + article(5)).encode("utf-16"))
    (tmp_path / "e.xml").write_text(article(6) + article(7)[:40])
    (tmp_path / "f.xml").write_text("<html>no article</html>")
    reading = read_source(tmp_path, format="jats")
    assert reading.texts == [f"Text {number} é." for number in range(1, 7)]
    assert reading.reasons == ["truncated_record"]
    assert len(reading.errors) == 2
    assert "no article" in reading.errors[1]


def test_bulk_archives(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in {
            "PMC1/a.nxml": article(1),
            "PMC1/fig.jpg": "x",
            "PMC2/b.nxml": article(2),
            "c.nxml": "none",
        }.items():
            info = tarfile.TarInfo(name)
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
    (tmp_path / "oa.tar.gz").write_bytes(out.getvalue())
    reading = read_source(tmp_path / "oa.tar.gz", format="jats")
    assert reading.texts == ["Text 1 é.", "Text 2 é."]
    assert [json.loads(row["metadata"])["member"] for row in reading.rows] == ["PMC1/a.nxml", "PMC2/b.nxml"]
    (tmp_path / "cut.tar.gz").write_bytes(out.getvalue()[:-60])
    assert read_source(tmp_path / "cut.tar.gz", format="jats").errors


def test_abstracts(tmp_path: Path) -> None:
    records = record(1) + record(2, abstract=False) + record(3)
    (tmp_path / "a.xml.gz").write_bytes(gzip.compress(f"<PubmedArticleSet>{records}</PubmedArticleSet>".encode()))
    (tmp_path / "b.txt").write_text(
        "\nPMID- 4\nTI  - T4\nAB  - Text 4.\n\nPMID- 5\nTI  - T5\n\nPMID- 6\nTI  - T6\nAB  - Text 6.\n"
    )
    (tmp_path / "c.txt").write_text("nothing")
    reading = read_source(tmp_path, format="medline")
    assert reading.texts == [f"T{number}\n\nText {number}." for number in (1, 3, 4, 6)]
    assert reading.skipped == {"no_abstract": 2}
    assert [row["url"] for row in reading.rows][:1] == ["https://pubmed.ncbi.nlm.nih.gov/1/"]
    assert len(reading.errors) == 1


def test_a_record_above_the_limit_costs_itself_alone(tmp_path: Path) -> None:
    large = article(2).replace("Text", "long " * 1000)
    (tmp_path / "a.xml").write_text(article(1) + large + article(3))
    reading = read_source(tmp_path, format="jats", max_document_bytes=1000)
    assert reading.texts == ["Text 1 é.", "Text 3 é."]
    assert reading.reasons == ["too_large"]
    (tmp_path / "b.txt").write_text("PMID- 1\nAB  - a\n\nPMID- 2\nAB  - " + "b" * 5000 + "\n\nPMID- 3\nAB  - c\n")
    reading = read_source(tmp_path / "b.txt", format="medline", max_document_bytes=1000)
    assert reading.texts == ["a", "c"]
    assert reading.reasons == ["too_large"]


@given(
    st.lists(st.sampled_from(["<article>x</article>", "<article a='1'>yy</article >", "<articles>", " ", "<p>"])),
    st.integers(1, 30),
)
def test_frames_do_not_depend_on_blocks(parts: list[str], size: int) -> None:
    raw = "".join(parts).encode()
    blocks = [raw[start : start + size] for start in range(0, len(raw), size)]
    found = list(elements(blocks, ("article",), 1000))
    assert found == list(elements([raw], ("article",), 1000))
    assert [frame.content for frame in found] == [
        part.encode() for part in parts if part.startswith(("<article>", "<article "))
    ]
    assert all(raw[frame.offset : frame.offset + frame.size] == frame.content for frame in found)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_flat_records_do_not_depend_on_blocks(size: int) -> None:
    raw = b"head\nPMID- 1\na\n\nPMID- 2\nxPMID- no\n\nPMID- 3"
    blocks = [raw[start : start + size] for start in range(0, len(raw), size)]
    found = list(paragraphs(blocks, b"PMID- ", 1000))
    assert [frame.content for frame in found] == [b"PMID- 1\na\n\n", b"PMID- 2\nxPMID- no\n\n", b"PMID- 3"]
    assert all(isinstance(frame, RecordFrame) and raw[frame.offset :].startswith(b"PMID- ") for frame in found)
