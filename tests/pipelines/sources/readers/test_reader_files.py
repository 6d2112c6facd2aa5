"""Which files a source is, and whole files as documents."""

import bz2
import gzip
import json
import os
from pathlib import Path
from typing import get_args

import fsspec
import pytest
from gristmill.pipelines.sources.readers.registry import READERS, list_splits, reader
from gristmill.schemas.errors import InputError, RecipeError
from gristmill.schemas.recipe.source import READER_NOTES, Columns, Source, SourceFormat
from pydantic import ValidationError

from tests.pipelines.sources.readers.reading import WHOLE, read_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.txt", "sub/b.md", "sub/deep/c.rst", "sub/.hidden.txt", "_SUCCESS", ".git/d.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"content of {name}")
    return tmp_path


def paths(**options: object) -> list[str]:
    return [split.path for split in list_splits(Source(name="s", **options), WHOLE)]


@pytest.mark.parametrize(
    ("path", "options", "expected"),
    [
        ("", {}, ["a.txt", "sub/b.md", "sub/deep/c.rst"]),
        ("/", {}, ["a.txt", "sub/b.md", "sub/deep/c.rst"]),
        ("/*.txt", {}, ["a.txt"]),
        ("/**/*.rst", {}, ["sub/deep/c.rst"]),
        ("/sub/*", {}, ["b.md"]),
        ("/sub/deep/c.rst", {}, ["c.rst"]),
        ("", {"exclude": ["*.rst"]}, ["a.txt", "sub/b.md"]),
        ("", {"exclude": ["sub/*"]}, ["a.txt"]),
        ("", {"exclude": ["b.md", "a*"]}, ["sub/deep/c.rst"]),
    ],
)
def test_which_files(folder: Path, path: str, options: dict, expected: list[str]) -> None:
    assert paths(path=f"{folder}{path}", **options) == expected


def test_root_and_several_paths(folder: Path) -> None:
    assert paths(path=f"{folder}/sub/b.md", root=str(folder)) == ["sub/b.md"]
    assert paths(path=(f"{folder}/sub/b.md", f"{folder}/a.txt")) == ["a.txt", "sub/b.md"]
    with pytest.raises(InputError, match=r"not below .*set `root`"):
        paths(path=f"{folder}/a.txt", root=f"{folder}/sub")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/missing.txt", r"missing.txt does not exist; expected .*correct `path`"),
        ("/*.parquet", r"\*.parquet matches no file"),
        ("/empty", r"empty is a folder without files"),
        ("/hidden", r"is a folder without files"),
        ("/odd", r"notes.docx is of no known format.*set `format`"),
    ],
)
def test_paths_that_yield_nothing(folder: Path, path: str, message: str) -> None:
    (folder / "empty").mkdir()
    for name in ("hidden/.x.txt", "odd/notes.docx"):
        (folder / name).parent.mkdir()
        (folder / name).write_text("x")
    with pytest.raises(InputError, match=message):
        paths(path=f"{folder}{path}")


def test_excluding_everything_is_an_error(folder: Path) -> None:
    with pytest.raises(InputError, match="all 3 files are excluded"):
        paths(path=str(folder), exclude=["*"])


def test_a_file_that_cannot_be_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(fsspec.implementations.local.LocalFileSystem, "open", refuse)
    with pytest.raises(InputError, match=r"cannot be opened.*Permission denied.*readable file.*permission"):
        paths(path=str(folder))


def test_a_file_gone_after_planning(folder: Path) -> None:
    from gristmill.pipelines.sources.readers.registry import read_split

    source = Source(name="s", path=str(folder / "a.txt"))
    (split,) = list_splits(source, WHOLE)
    (folder / "a.txt").unlink()
    with pytest.raises(InputError, match=r"a.txt.*the file that was listed"):
        list(read_split(split, source))


def test_remote_files_have_the_ids_of_local_ones(folder: Path) -> None:
    store = fsspec.filesystem("memory")
    store.pipe({f"/shelf/{n}": (folder / n).read_bytes() for n in ("a.txt", "sub/b.md", "sub/deep/c.rst")})
    remote = read_source("memory://shelf")
    assert remote.rows == read_source(folder).rows
    assert read_source("memory://shelf/**/*.md").texts == ["content of sub/b.md"]
    assert remote.tallies[0].url == "memory:///shelf/a.txt"
    store.rm("/shelf", recursive=True)


@pytest.mark.parametrize(
    ("raw", "text", "notes"),
    [
        ("Ärger im Büro".encode(), "Ärger im Büro", {}),
        ("\ufeffÄrger".encode(), "Ärger", {}),
        ("Ärger im Büro".encode("utf-16"), "Ärger im Büro", {"charset": "utf-16le"}),
        (
            "Ärger im Büro, schöne Grüße an alle. ".encode("cp1252") * 5,
            "Ärger im Büro, schöne Grüße an alle. " * 5,
            {"charset": "windows-1252"},
        ),
        (b"line\r\nends stay\r", "line\r\nends stay\r", {}),
        (b"one \0 nul among many", "one \0 nul among many", {"nul_characters": 1}),
    ],
)
def test_text_files_in_any_encoding(tmp_path: Path, raw: bytes, text: str, notes: dict) -> None:
    for name, content in (("a.txt", raw), ("b.txt.gz", gzip.compress(raw)), ("c.md.bz2", bz2.compress(raw))):
        (tmp_path / name).write_bytes(content)
    reading = read_source(tmp_path)
    assert reading.texts == [text] * 3
    assert [json.loads(row["metadata"]) for row in reading.rows] == [notes] * 3


@pytest.mark.parametrize(
    ("raw", "limit", "reasons"),
    [
        (b"x" * 99, 100, []),
        (b"x" * 100, 100, []),
        (b"x" * 101, 100, ["too_large"]),
        (bytes(range(256)) * 40, 1 << 20, ["binary_content"]),
        (b"\x7fELF" + bytes(500), 1 << 20, ["binary_content"]),
    ],
)
def test_files_that_are_no_documents(tmp_path: Path, raw: bytes, limit: int, reasons: list[str]) -> None:
    (tmp_path / "a.txt").write_bytes(raw)
    assert read_source(tmp_path, max_document_bytes=limit).reasons == reasons


def test_a_declared_encoding_is_used(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("žluťoučký kůň".encode("cp1250"))
    (row,) = read_source(tmp_path, encoding="cp1250").rows
    assert (row["text"], json.loads(row["metadata"])) == ("žluťoučký kůň", {"charset": "windows-1250"})


def test_html_files(tmp_path: Path) -> None:
    body = "<p>" + "A page saved by hand, with enough words to be its main content. " * 4 + "</p>"
    (tmp_path / "a.html").write_text(f"<html><head><title>Saved</title></head><body>{body}</body></html>")
    (tmp_path / "b.htm").write_text("")
    reading = read_source(tmp_path)
    assert len(reading.tallies) == 2
    (row,) = reading.rows
    assert row["text"].startswith("A page saved by hand")
    metadata = json.loads(row["metadata"])
    assert metadata.pop("page").keys() == {"type", "shown_bytes"}
    assert metadata == {"charset": "utf-8", "mime": "text/html", "title": "Saved"}


def test_every_reader_is_there() -> None:
    assert all(callable(reader(name).splits) and callable(reader(name).read) for name in READERS)
    assert {"auto", *READERS} == set(get_args(SourceFormat))
    with pytest.raises(RecipeError, match="'pdf' is unknown; expected one of arc, books, code"):
        reader("pdf")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "x", "fromat": "csv"}, "fromat"),
        ({"path": ""}, "empty path"),
        ({"path": []}, "empty path"),
        ({"path": "x", "name": ""}, "name"),
        ({"path": "x", "encoding": "utf-9"}, "utf-9"),
        ({"path": "x", "max_document_bytes": 0}, "max_document_bytes"),
        ({"path": "x", "columns": {"txt": "body"}}, "txt"),
        ({"path": "x", "columns": {"metadata": [READER_NOTES[0]]}}, "readers' own notes"),
    ],
)
def test_sources_that_cannot_be(options: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Source(**{"name": "s", **options})


def test_required_columns() -> None:
    assert Columns().required == ("text",)
    assert Columns().wanted == ("text", "url", "timestamp")
    named = Columns(text="body", url="link", metadata=["a", "b"])
    assert named.required == ("body", "link", "a", "b")


SNAPSHOT = ("README.md", "LICENSE", ".gitattributes", "dataset_infos.json", "CITATION.cff", "corpus.py", "SHA256SUMS")


@pytest.mark.parametrize("data", ["train.jsonl", "data/train-00000.jsonl.gz", "train.csv", "x.warc"])
def test_what_lies_beside_the_data_of_a_snapshot_is_no_document(tmp_path: Path, data: str) -> None:
    for name in SNAPSHOT:
        (tmp_path / name).write_text("---\nlicense: mit\n---\n# A corpus")
    (tmp_path / data).parent.mkdir(exist_ok=True)
    (tmp_path / data).write_text("text\na\n" if data.endswith("csv") else '{"text": "a"}\n')
    left_out: list[str] = []
    found = list_splits(Source(name="s", path=str(tmp_path)), WHOLE, left_out)
    assert [split.path for split in found] == [data]
    assert [Path(name).name for name in left_out] == sorted(set(SNAPSHOT) - {".gitattributes"})
    assert paths(path=f"{tmp_path}/**/*") == [data]
    assert paths(path=(f"{tmp_path}/{data}", f"{tmp_path}/README.md"), root=str(tmp_path)) == sorted(
        [data, "README.md"]
    )


def test_a_readme_among_texts_is_a_document(tmp_path: Path) -> None:
    for name in ("README.md", "a.txt", "notes/readme.rst"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("some text")
    assert paths(path=str(tmp_path)) == ["README.md", "a.txt", "notes/readme.rst"]


def test_data_named_like_a_readme_is_data(tmp_path: Path) -> None:
    (tmp_path / "readme-corpus.jsonl").write_text('{"text": "a"}\n')
    assert paths(path=str(tmp_path)) == ["readme-corpus.jsonl"]


def test_a_folder_that_cannot_be_listed_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).rstrip("/").endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    for path in (str(folder), f"{folder}/**/*", f"{folder}/sub/*/*.rst"):
        with pytest.raises(InputError, match=r"Permission denied.*readable path"):
            paths(path=path)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_text_stored_unpacked_under_the_name_of_a_packed_file(tmp_path: Path, encoding: str) -> None:
    text = "Ärger im Büro, schöne Grüße an alle. " * 3
    (tmp_path / "a.txt.gz").write_bytes(text.encode(encoding))
    assert read_source(tmp_path).texts == [text]
    store = fsspec.filesystem("memory")
    store.pipe("/packed/a.txt.gz", text.encode(encoding))
    assert read_source("memory://packed").texts == [text]
    store.rm("/packed", recursive=True)


@pytest.mark.parametrize("name", ["a.txt.gz", "a.jsonl.gz", "a.csv.gz"])
def test_a_damaged_archive_is_told(tmp_path: Path, name: str) -> None:
    stored = bytearray(gzip.compress(b'{"text": "a"}\n' * 40))
    stored[:4] = b"\0\1\2\3"
    (tmp_path / name).write_bytes(stored)
    reading = read_source(tmp_path)
    assert reading.rows == []
    assert "corrupt gzip" in reading.errors[0]
