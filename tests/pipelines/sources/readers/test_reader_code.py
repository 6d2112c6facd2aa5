"""Repositories as a source: git folders, archives, plain folders; what is in them and what only claims to be."""

import io
import json
import os
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from dulwich import porcelain
from dulwich.repo import Repo
from gristmill.pipelines.sources.readers.registry import list_splits
from gristmill.pipelines.sources.repositories import whole
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.source import Source

from tests.pipelines.sources.readers.reading import Reading, read_source

LICENCE = "Permission is hereby granted, free of charge, to any person obtaining a copy, without restriction. " + (
    "The above copyright notice and this permission notice shall be included."
)
FILES: dict[str, bytes] = {
    "LICENSE": LICENCE.encode(),
    "a/mill.py": b"def grind():\n    return 'flour'\n",
    "b.c": b"int main(void) { return 0; }\n",
    "logo.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "note.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": "1 + 1"}]}).encode(),
    "vendor/lib.go": b"package lib\n",
    "empty.txt": b"",
    "big.sql": b"select 1;\n" * 200,
}
OPTIONS = {"format": "code", "code": {"max_file_bytes": 1000}}


def write(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def committed(folder: Path, files: dict[str, bytes] = FILES, message: bytes = b"one") -> Repo:
    folder.mkdir(parents=True, exist_ok=True)
    repo = Repo(str(folder)) if (folder / ".git").exists() else porcelain.init(str(folder))
    write(folder, files)
    porcelain.add(repo, [str(folder / name) for name in files])
    porcelain.commit(repo, message, author=b"a <a@b>", committer=b"a <a@b>")
    return repo


def tar_of(files: dict[str, bytes], mode: str = "w:gz", prefix: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(prefix + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def paths(reading: Reading) -> list[str]:
    return [json.loads(row["metadata"])["path"] for row in reading.rows if row["status"] == "ok"]


def check(reading: Reading) -> None:
    """What every form of the same repository gives."""
    assert sorted(paths(reading)) == ["LICENSE", "a/mill.py", "b.c", "note.ipynb", "vendor/lib.go"]
    texts = dict(zip(paths(reading), reading.texts, strict=True))
    assert texts["a/mill.py"] == "def grind():\n    return 'flour'\n"
    assert texts["note.ipynb"] == "```python\n1 + 1\n```"
    assert reading.skipped == {"binary_file": 1, "empty_file": 1, "large_file": 1}
    assert all(json.loads(row["metadata"])["repository_licences"] == ["MIT"] for row in reading.rows)
    assert not reading.errors


def test_a_folder(tmp_path: Path) -> None:
    check(read_source(write(tmp_path / "mill"), **OPTIONS))


def test_a_checkout_is_read_as_it_was_committed(tmp_path: Path) -> None:
    with committed(tmp_path / "mill") as repo:
        config = repo.get_config()
        config.set((b"remote", b"origin"), b"url", b"https://user:secret@github.com/o/mill.git")
        config.write_to_path()
        head = repo.head().decode()
    (tmp_path / "mill" / "untracked.py").write_text("not committed")
    (tmp_path / "mill" / "b.c").write_text("changed, not committed")
    reading = read_source(tmp_path / "mill", **OPTIONS)
    check(reading)
    row = next(row for row in reading.rows if "mill.py" in row["metadata"])
    assert row["url"] == f"https://github.com/o/mill/blob/{head}/a/mill.py"
    assert json.loads(row["metadata"])["revision"] == head
    assert "secret" not in row["metadata"] + row["url"]


def test_a_bare_and_packed_repository_and_other_revisions(tmp_path: Path) -> None:
    long = b"".join(b"line %d of a file that is long enough for a delta\n" % n for n in range(15))
    with committed(tmp_path / "mill", FILES | {"c.txt": long}) as repo:
        porcelain.tag_create(repo, b"v1", annotated=True, message=b"v1", author=b"a <a@b>")
        committed(tmp_path / "mill", {"c.txt": long + b"and one more\n", "d.py": b"x = 2\n"}, b"two").close()
        repo.object_store.pack_loose_objects()
        porcelain.clone(str(tmp_path / "mill"), str(tmp_path / "bare.git"), bare=True).close()
    reading = read_source(tmp_path / "bare.git", **OPTIONS)
    assert "d.py" in paths(reading)
    assert (long + b"and one more\n").decode() in reading.texts
    tagged = read_source(tmp_path / "bare.git", format="code", code={"max_file_bytes": 1000, "revision": "v1"})
    assert "d.py" not in paths(tagged)
    assert long.decode() in tagged.texts
    missing = read_source(tmp_path / "bare.git", format="code", code={"revision": "v9"})
    assert not missing.rows
    assert "v9" in missing.errors[0]


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_archives(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"mill-1.0.tar{kind[1:].replace(':', '.')}"
    path.write_bytes(tar_of(FILES, kind, "mill-1.0/"))
    reading = read_source(path, **OPTIONS)
    check(reading)
    assert json.loads(reading.rows[0]["metadata"])["repository"] == "mill-1.0"


def test_zip_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mill.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in FILES.items():
            archive.writestr(f"mill/{name}", content)
    check(read_source(tmp_path / "mill.zip", **OPTIONS))


def test_a_folder_of_repositories_is_several(tmp_path: Path) -> None:
    committed(tmp_path / "owner" / "one").close()
    committed(tmp_path / "owner" / "two", {"x.py": b"x = 1\n"}).close()
    (tmp_path / "three.tar.gz").write_bytes(tar_of(FILES))
    (tmp_path / "README").write_text("about")
    left_out: list[str] = []
    splits = list_splits(Source(name="s", path=str(tmp_path), format="code"), 1, left_out)
    assert [split.path for split in splits] == [
        f"{tmp_path.name}/owner/one",
        f"{tmp_path.name}/owner/two",
        f"{tmp_path.name}/three.tar.gz",
    ]
    assert [os.path.basename(name) for name in left_out] == ["README"]
    chosen = Source(name="s", path=str(tmp_path / "owner" / "*"), format="code", exclude=("two",))
    assert [split.path for split in list_splits(chosen, 1)] == ["one"]
    with pytest.raises(InputError, match="does not exist"):
        list_splits(Source(name="s", path=str(tmp_path / "none"), format="code"), 1)


def test_new_commits_are_another_version_and_other_files_are_not(tmp_path: Path) -> None:
    def version() -> str:
        return list_splits(Source(name="s", path=str(tmp_path / "mill"), format="code"), 1)[0].version

    committed(tmp_path / "mill").close()
    first = version()
    (tmp_path / "mill" / "untracked").write_text("x")
    assert version() == first
    committed(tmp_path / "mill", {"new.py": b"x = 1\n"}, b"two").close()
    assert version() != first


def test_whole_repositories(tmp_path: Path) -> None:
    write(tmp_path / "mill", FILES | {"z.min.js": b"var a;", "data.csv": b"1,2\n" * 2000, "gen_pb2.py": b"x = 1"})
    reading = read_source(
        tmp_path / "mill", format="code", code={"documents": "repositories", "file_header": "<<< {path} >>>"}
    )
    row = reading.rows[0]
    assert len(reading.rows) == 1
    order = [line[4:-4] for line in row["text"].split("\n") if line.startswith("<<< ")]
    assert order == ["LICENSE", "a/mill.py", "b.c", "big.sql", "note.ipynb"]
    about = json.loads(row["metadata"])
    assert about["files"] == 5
    assert about["left_out"] == {
        "binary_file": 1,
        "data": 1,
        "empty_file": 1,
        "generated": 1,
        "minified": 1,
        "vendored": 1,
    }
    cut = read_source(tmp_path / "mill", format="code", code={"documents": "repositories"}, max_document_bytes=400)
    assert len(cut.rows) == 3
    assert cut.reasons == ["too_large"]


IMPORTING = {"a.py": b"import z\n", "m.py": b"import a\n", "z.py": b"x = 1\n", "notes.md": b"# Notes\n"}


def order_of(reading: Reading) -> list[list[str]]:
    return [[line[8:] for line in text.split("\n") if line.startswith("# file: ")] for text in reading.texts]


@pytest.mark.parametrize(
    ("order", "expected"),
    [("path", ["a.py", "m.py", "notes.md", "z.py"]), ("dependency", ["notes.md", "z.py", "a.py", "m.py"])],
)
def test_the_order_of_files_in_whole_repositories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str, expected: list[str]
) -> None:
    """In a folder and in archives that have another order, in memory and on disk, in one document and cut into several."""
    options = {"format": "code", "code": {"documents": "repositories", "order": order}}
    write(tmp_path / "mill", IMPORTING)
    (tmp_path / "mill.tar").write_bytes(
        tar_of({name: IMPORTING[name] for name in sorted(IMPORTING)[::-1]}, "w", "mill/")
    )
    folder, archive = read_source(tmp_path / "mill", **options), read_source(tmp_path / "mill.tar", **options)
    assert order_of(folder) == order_of(archive) == [expected]
    assert folder.texts == archive.texts
    monkeypatch.setattr(whole, "MEMORY_BYTES", 10)
    assert read_source(tmp_path / "mill", **options).texts == folder.texts
    cut = read_source(tmp_path / "mill.tar", max_document_bytes=60, **options)
    assert order_of(cut) == [expected[:2], expected[2:]]
    assert "\n".join(cut.texts) == folder.texts[0]
    assert len({row["doc_id"] for row in cut.rows}) == 2


def test_an_order_of_files_that_are_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected `documents: repositories`"):
        Source(name="s", path=str(tmp_path), format="code", code={"order": "dependency"})


def test_what_leaves_a_repository_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text("password = 1")
    folder = write(tmp_path / "mill", {"a.py": b"x = 1\n"})
    (folder / "link.py").symlink_to(secret)
    (folder / "out").symlink_to(tmp_path)
    assert paths(read_source(folder, **OPTIONS)) == ["a.py"]
    evil = tar_of({"../../secret.py": b"x = 1\n", "/etc/passwd": b"root\n", "ok.py": b"y = 1\n"}, "w")
    (tmp_path / "evil.tar").write_bytes(evil)
    reading = read_source(tmp_path / "evil.tar", **OPTIONS)
    assert paths(reading) == ["etc/passwd", "ok.py"]  # a name inside the archive, no file of the machine
    assert "leaves the archive" in reading.errors[0]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"n{kind!r}.py")
            info.type, info.linkname = kind, str(secret)
            archive.addfile(info)
    (tmp_path / "links.tar").write_bytes(out.getvalue())
    assert read_source(tmp_path / "links.tar", **OPTIONS).skipped == {"link": 2, "no_plain_file": 2}


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_cut_archives_are_named_and_the_rest_read(tmp_path: Path, cut: float) -> None:
    many = {f"f{number:03d}.py": os.urandom(300).hex().encode() for number in range(100)}
    raw = tar_of(many)
    (tmp_path / "cut.tar.gz").write_bytes(raw[: int(cut * len(raw))])
    reading = read_source(tmp_path / "cut.tar.gz", **OPTIONS)
    assert 0.7 * cut * 100 < len(paths(reading)) <= cut * 100 + 1
    assert reading.errors


@pytest.mark.parametrize(
    "raw", [b"PK\x03\x04" + bytes(50), b"no archive at all", b"\x1f\x8b" + bytes(20), bytes(10_000)]
)
def test_what_is_no_archive_is_named(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(raw)
    reading = read_source(tmp_path / "x.tar", **OPTIONS)
    assert not reading.rows
    assert reading.errors or raw == bytes(10_000)  # zeros are how a tar archive ends


def test_an_object_that_unpacks_to_too_much_is_left_out(tmp_path: Path) -> None:
    with committed(tmp_path / "mill", {"a.py": b"x = 1\n", "b.py": b"y = 2\n"}) as repo:
        blob = repo.object_store[repo.head()].tree
        sha = next(entry.sha for entry in repo.object_store[blob].items() if entry.path == b"b.py")
    bomb = tmp_path / "mill" / ".git" / "objects" / sha[:2].decode() / sha[2:].decode()
    bomb.chmod(0o644)
    packer = zlib.compressobj(9)
    with bomb.open("wb") as out:
        out.write(packer.compress(b"blob 6\0"))
        for _ in range(200):
            out.write(packer.compress(bytes(1 << 20)))
        out.write(packer.flush())
    reading = read_source(tmp_path / "mill", **OPTIONS)
    assert paths(reading) == ["a.py"]
    assert reading.skipped == {"large_file": 1}


def test_damaged_objects_are_quarantined_alone(tmp_path: Path) -> None:
    with committed(tmp_path / "mill", {"a.py": b"x = 1\n", "b.py": b"y = 2\n"}) as repo:
        tree = repo.object_store[repo.object_store[repo.head()].tree]
        sha = next(entry.sha for entry in tree.items() if entry.path == b"b.py")
    damaged = tmp_path / "mill" / ".git" / "objects" / sha[:2].decode() / sha[2:].decode()
    damaged.unlink()
    reading = read_source(tmp_path / "mill", **OPTIONS)
    assert paths(reading) == ["a.py"]
    assert reading.reasons == ["unreadable_file"]
