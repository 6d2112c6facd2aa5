"""Papers as a source: e-prints, folders, bulk archives, and what is no LaTeX."""

import gzip
import io
import json
import tarfile
from pathlib import Path

from tests.pipelines.sources.readers.reading import read_source


def paper(text: str) -> bytes:
    return f"\\documentclass{{article}}\\title{{T}}\\begin{{document}}{text}\\end{{document}}".encode()


def tar_of(files: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_every_form_of_a_source(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(paper("one file")))
    (tmp_path / "b.tar.gz").write_bytes(tar_of({"m.tex": paper("a tar \\input{x}"), "x.tex": b"of two"}, "w:gz"))
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.4 ...")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "main.tex").write_bytes(paper("a folder"))
    (tmp_path / "d" / "sub").mkdir()
    (tmp_path / "d" / "sub" / "y.tex").write_bytes(b"unused")
    (tmp_path / "e.gz").write_bytes(gzip.compress(b"\\magnification 1200 plain \\bye"))
    bulk = {
        "2301/2301.00001.gz": gzip.compress(paper("in bulk")),
        "2301/2301.00002.pdf": b"%PDF-1.4",
        "2301/2301.00003.gz": gzip.compress(tar_of({"p.tex": paper("packed twice")})),
    }
    (tmp_path / "f.tar").write_bytes(tar_of(bulk))
    (tmp_path / "g.gz").write_bytes(gzip.compress(tar_of({f"{n}.tex": paper("x" * 3000) for n in range(9)}))[:-40])
    (tmp_path / "notes.md").write_text("about")
    reading = read_source(tmp_path, format="latex")
    texts = [text.removeprefix("# T\n\n") for text in reading.texts]
    assert [text for text in texts if len(text) < 100] == [
        "one file",
        "a tar of two",
        "a folder",
        "in bulk",
        "packed twice",
    ]
    assert reading.reasons == ["plain_tex"]
    assert reading.skipped == {"pdf_only": 2}
    names = [json.loads(row["metadata"])["paper"] for row in reading.rows if row["status"] == "ok"]
    assert names[:5] == ["a", "b", "d", "2301.00001", "2301.00003"]
    assert len(reading.errors) == 1


def test_a_tar_of_one_paper_and_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "p.tar").write_bytes(tar_of({"p/m.tex": paper("one")}))
    (tmp_path / "q.tex").write_bytes(paper("two"))
    assert read_source(tmp_path / "p.tar", format="latex").texts == ["# T\n\none"]
    assert read_source(tmp_path / "q.tex", format="latex").texts == ["# T\n\ntwo"]


def test_sources_above_the_limit_are_quarantined_alone(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(paper("small")))
    (tmp_path / "b.gz").write_bytes(gzip.compress(bytes(1 << 20)))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "m.tex").write_bytes(paper("x" * 5000))
    reading = read_source(tmp_path, format="latex", max_document_bytes=2000)
    assert reading.texts == ["# T\n\nsmall"]
    assert reading.reasons == ["too_large", "too_large"]
