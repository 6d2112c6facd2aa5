"""MediaWiki exports: every packing, the index of a multistream dump, histories, what is no article, and damage."""

import bz2
import gzip
import json
import lzma
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import py7zr
import pytest

from tests.pipelines.sources.readers.reading import Reading, read_source

SITE = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="de">
  <siteinfo><sitename>Wikipedia</sitename><dbname>dewiki</dbname><base>https://de.wikipedia.org/wiki/Hauptseite</base>
    <namespaces><namespace key="0" case="first-letter" /><namespace key="6" case="first-letter">Bildchen</namespace>
    <namespace key="14" case="first-letter">Schublade</namespace></namespaces></siteinfo>
"""
END = "</mediawiki>\n"


def revision(
    text: str, number: int = 1, time: str = "2024-01-01T00:00:00Z", model: str = "wikitext", more: str = ""
) -> str:
    return (
        f"<revision><id>{number}</id><timestamp>{time}</timestamp><contributor><username>N</username><id>99</id>"
        f"</contributor><comment>a &lt;page&gt; comment</comment><model>{model}</model><format>text/x-wiki</format>"
        f'<text bytes="{len(text)}" xml:space="preserve"{more}>{escape(text)}</text></revision>'
    )


def page(number: int, title: str, *revisions: str, ns: int | None = 0, more: str = "") -> str:
    space = "" if ns is None else f"<ns>{ns}</ns>"
    return f"  <page><title>{escape(title)}</title>{space}<id>{number}</id>{more}{''.join(revisions)}</page>\n"


def article(number: int, words: int = 20) -> str:
    body = " ".join(f"Wort{number}" for _ in range(words))
    return page(number, f"Artikel {number}", revision(f"'''{body}''' [[Mühle|mahlt]].\n== Teil ==\nEnde.", number))


def export(pages: Sequence[str]) -> str:
    return SITE + "".join(pages) + END


def multistream(
    folder: Path, groups: Sequence[Sequence[str]], name: str = "dewiki-1-pages-articles-multistream"
) -> Path:
    """A dump of a stream for each group of articles, its index beside it."""
    data, index = bz2.compress(SITE.encode()), []
    for number, group in enumerate(groups):
        index += [f"{len(data)}:{number}:Artikel" for _ in group]
        data += bz2.compress("".join(group).encode())
    data += bz2.compress(END.encode())
    path = folder / f"{name}.xml.bz2"
    path.write_bytes(data)
    (folder / f"{name}-index.txt.bz2").write_bytes(bz2.compress("\n".join(index).encode()))
    return path


def read(path: Path, **options: object) -> Reading:
    return read_source(path, format="mediawiki", **options)  # type: ignore[arg-type]


def test_an_article(tmp_path: Path) -> None:
    text = "'''Mühlen''' mahlen.[[Bildchen:A.b]][[Schublade:Z]]\n== Bau ==\nSteine."
    (tmp_path / "dewiki-20240101-pages-articles.xml").write_text(
        export([page(7, "Mühle & Co/x", revision(text, 70, "2024-05-06T07:08:09Z"))])
    )
    (row,) = read(tmp_path).rows
    assert row["text"] == "# Mühle & Co/x\n\nMühlen mahlen.\n\n## Bau\n\nSteine."
    assert row["url"] == "https://de.wikipedia.org/wiki/M%C3%BChle_%26_Co/x"
    assert row["timestamp"] == "2024-05-06T07:08:09Z"
    assert row["location"] == "dewiki-20240101-pages-articles.xml#7"
    assert json.loads(row["metadata"]) == {
        "title": "Mühle & Co/x",
        "page_id": "7",
        "revision_id": "70",
        "wiki": "dewiki",
        "language": "de",
        "left_out": {"files": 1, "categories": 1},
        "sections": [[0, 1, "Mühle & Co/x"], [len("# Mühle & Co/x\n\nMühlen mahlen.\n\n".encode()), 2, "Bau"]],
    }


@pytest.mark.parametrize("suffix", ["xml", "xml.gz", "xml.bz2", "xml.xz", "7z", "xml.bz2-p1p9"])
def test_every_packing_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    text = export([article(number) for number in range(1, 40)]).encode()
    path = tmp_path / f"dewiki.{suffix}"
    if suffix == "7z":
        with py7zr.SevenZipFile(path, "w") as archive:
            archive.writestr(text, "dewiki-history.xml")
    else:
        pack = {"gz": gzip.compress, "xz": lzma.compress}.get(suffix[4:], bz2.compress if "bz2" in suffix else bytes)
        path.write_bytes(pack(text))
    reading = read(path)
    assert len(reading.texts) == 39
    assert reading.errors == []
    assert [row["location"].partition("#")[2] for row in reading.rows] == [str(number) for number in range(1, 40)]


def test_a_multistream_dump_is_split_by_its_index(tmp_path: Path) -> None:
    path = multistream(tmp_path, [[article(3 * group + number) for number in range(1, 4)] for group in range(20)])
    whole, parts = read(tmp_path), read(path, split_bytes=8)
    assert len(whole.tallies) == 1
    assert len(parts.tallies) == 21
    assert sum(len(tally.url) > 0 for tally in parts.tallies) == 21
    assert parts.rows == whole.rows
    assert len(whole.texts) == 60
    assert whole.errors == parts.errors == []


def test_an_index_of_another_dump_is_not_believed(tmp_path: Path) -> None:
    path = multistream(tmp_path, [[article(number)] for number in range(1, 10)])
    index = path.parent / path.name.replace(".xml.bz2", "-index.txt.bz2")
    for content in ("5:1:A\n77:2:B\n", "not an index\n", ""):
        index.write_bytes(bz2.compress(content.encode()))
        reading = read(path, split_bytes=8)
        assert len(reading.tallies) == 1
        assert len(reading.texts) == 9
    index.write_bytes(b"BZh9 damaged")
    assert len(read(path, split_bytes=8).texts) == 9


def test_a_damaged_stream_costs_itself(tmp_path: Path) -> None:
    path = multistream(tmp_path, [[article(number, 300)] for number in range(1, 10)])
    data = bytearray(path.read_bytes())
    middle = [at for at in range(len(data) - 3) if data[at : at + 4] == b"BZh9"][5]
    data[middle + 30 : middle + 34] = b"\0\0\0\0"
    path.write_bytes(data)
    for split_bytes in (8, 1 << 30):
        reading = read(path, split_bytes=split_bytes)
        assert len(reading.texts) == 8
        assert len(reading.errors) == 1
        assert f"corrupt bz2 stream begun at byte {middle}" in reading.errors[0]


def test_a_cut_dump_is_named(tmp_path: Path) -> None:
    text = export([article(number) for number in range(1, 30)]).encode()
    for name, data in {
        "a.xml": text[:-900],
        "b.xml.bz2": bz2.compress(text)[:-40],
        "c.xml.gz": gzip.compress(text)[:-90],
    }.items():
        path = tmp_path / name
        path.write_bytes(data)
        reading = read(path)
        assert len(reading.errors) == 1, name
        assert any(word in reading.errors[0] for word in ("cut", "truncated")), reading.errors
        assert reading.reasons in (["truncated_page"], []), name
    archive = tmp_path / "d.7z"
    with py7zr.SevenZipFile(archive, "w") as packed:
        packed.writestr(text, "d.xml")
    archive.write_bytes(archive.read_bytes()[:-10])
    assert "7z archive" in read(archive).errors[0]


def test_of_a_history_the_latest_revision_is_read(tmp_path: Path) -> None:
    path = tmp_path / "w.xml"
    old, new, newer = (f"2020-01-0{day}T00:00:00Z" for day in (1, 2, 3))
    history = [revision("Erste.", 1, old), revision("Letzte.", 3, newer), revision("Zweite.", 2, new)]
    path.write_text(
        export([page(1, "A", *history), page(2, "B", *[revision(f"{'x' * 900} {n}", n, old) for n in range(50)])])
    )
    assert read(path).texts == ["# A\n\nLetzte.", f"# B\n\n{'x' * 900} 49"]
    assert len(read(path, max_document_bytes=5000).texts) == 2  # the limit is that of a revision, not of a page


def test_what_is_no_article_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "w.xml"
    pages = [
        page(1, "Vorlage:X", revision("x"), ns=10),
        page(2, "Diskussion:X", revision("x"), ns=1),
        page(3, "Portal:X", revision("x"), ns=100),
        page(4, "Alt", revision("#REDIRECT [[Neu]]"), more='<redirect title="Neu" />'),
        page(5, "Älter", revision("#WEITERLEITUNG [[Neu]]")),
        page(6, "Q6", revision('{"type": "item", "id": "Q6"}', model="wikibase-item")),
        page(7, "Q7", revision('{"type": "item", "id": "Q7"}')),
        page(8, "Mühle", revision("Mühle ist\n* [[A]]\n{{Begriffsklärung}}")),
        page(9, "Leer", revision("")),
        page(10, "Weg", revision("", more=' deleted="deleted"')),
        page(11, "Stummel", "<revision><id>1</id><text id='5' bytes='77' /></revision>"),
        page(12, "Tabelle", revision("{{Infobox|a=b}}")),
        page(13, "Bildchen:Alt.png", revision("x"), ns=None),
        page(14, "Help:Alt", revision("x"), ns=None),
        page(15, "Alien: Covenant", revision("Ein Film."), ns=None),
    ]
    path.write_text(export(pages))
    reading = read(path)
    assert reading.texts == ["# Alien: Covenant\n\nEin Film."]
    assert reading.skipped == {
        "namespace_template": 1,
        "namespace_talk": 1,
        "namespace_100": 1,
        "redirect": 2,
        "model_wikibase_item": 1,
        "model_json": 1,
        "disambiguation": 1,
        "empty_page": 1,
        "deleted_text": 1,
        "text_not_in_dump": 1,
        "no_prose": 1,
        "namespace_file": 1,
        "namespace_help": 1,
    }
    wanted = read(path, wiki={"name": "frwiki", "namespaces": [100]})
    assert [row["url"] for row in wanted.rows] == ["https://fr.wikipedia.org/wiki/Portal:X"]


def test_the_name_of_the_file_is_believed_before_the_siteinfo(tmp_path: Path) -> None:
    (tmp_path / "zh_min_nanwiki-x.xml").write_text(export([article(1)]))
    (tmp_path / "frwikisource.xml").write_text(export([article(1)]))
    (tmp_path / "commonswiki.xml").write_text(export([article(1)]))
    (tmp_path / "other.xml").write_text(export([article(1)]))
    said = {
        row["location"]: (row["url"].rpartition("/")[0], json.loads(row["metadata"]).get("language"))
        for row in read(tmp_path).rows
    }
    assert said == {
        "zh_min_nanwiki-x.xml#1": ("https://zh-min-nan.wikipedia.org/wiki", "zh-min-nan"),
        "frwikisource.xml#1": ("https://fr.wikisource.org/wiki", "fr"),
        "commonswiki.xml#1": ("https://commons.wikimedia.org/wiki", None),
        "other.xml#1": ("https://de.wikipedia.org/wiki", "de"),
    }


def test_hostile_xml(tmp_path: Path) -> None:
    path = tmp_path / "w.xml"
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>\n'
    raw = "<page><title>T</title><ns>0</ns><id>{}</id><revision><id>1</id><text>{}</text></revision></page>"
    pages = [
        raw.format(1, "&b;"),
        raw.format(2, "&f;"),
        raw.format(3, "<a>" * 5000),
        raw.format(4, "{{" * 50_000 + " text"),
        "<page><title>no end</title><ns>0</ns><id>5</id>",
        raw.format(6, "good\x01"),
        raw.format(7, "x" * 5000),
        raw.format(8, "last"),
    ]
    path.write_text(bomb + SITE + "\n".join(pages) + END)
    reading = read(path, max_document_bytes=2000 + 100_000)
    assert sorted(reading.reasons) == ["invalid_xml", "invalid_xml", "invalid_xml", "truncated_page"]
    assert [text[-4:] for text in reading.texts] == ["text", "ood\ufffd", "xxxx", "last"]
    assert read(path, max_document_bytes=4000).reasons.count("too_large") == 3


def test_what_is_no_export(tmp_path: Path) -> None:
    for name, content in {"a.xml": "<html>no</html>", "b.xml": "", "c.xml": "<page><title>half"}.items():
        (tmp_path / name).write_text(content)
        reading = read(tmp_path / name)
        assert reading.texts == []
        assert len(reading.errors) == 1


def test_parts_of_a_dump_beside_other_files(tmp_path: Path) -> None:
    (tmp_path / "dewiki-pages-articles1.xml-p1p2.bz2").write_bytes(bz2.compress(export([article(1)]).encode()))
    (tmp_path / "dewiki-pages-articles2.xml-p3p4.bz2").write_bytes(bz2.compress(SITE.encode()))  # no page, and valid
    for name in ("report.html", "private.dblist", "dewiki-md5sums.txt", "table.yaml"):
        (tmp_path / name).write_text("something else")
    reading = read(tmp_path)
    assert len(reading.texts) == 1
    assert len(reading.tallies) == 2
    assert reading.errors == []


def test_utf16_and_a_byte_order_mark(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-8-sig"):
        path = tmp_path / f"{encoding}.xml"
        path.write_bytes(export([article(1)]).encode(encoding))
        assert len(read(path).texts) == 1


def test_archives_that_are_none_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "two.7z"
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.writestr("<a/>", "a.xml")
        archive.writestr("<b/>", "b.xml")
    assert "2 files to read in the 7z archive" in read(path).errors[0]
    assert sorted(tmp_path.iterdir()) == [path]
    with py7zr.SevenZipFile(path, "w", password="x") as archive:
        archive.writestr("<a/>", "a.xml")
    assert "password" in read(path).errors[0]
