"""CSV and its kin: delimiters, line ends, quotes that are never closed, encodings, repeated columns."""

import csv
import gzip
import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gristmill.pipelines.sources.readers.registry import list_splits
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe.source import Source
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.generated import examples
from tests.pipelines.sources.readers.reading import WHOLE, Reading, read_source

CELLS = [
    "",
    "plain",
    "two words",
    'a "quoted" word',
    "with, comma",
    "semi; colon",
    "tab\tinside",
    "line\nend",
    "é字",
    " x ",
]


def written(rows: list[list[str]], **dialect: Any) -> bytes:
    out = io.StringIO()
    csv.writer(out, **dialect).writerows(rows)
    return out.getvalue().encode()


def read(folder: Path, content: bytes, name: str = "a.csv", **options: Any) -> Reading:
    (folder / name).write_bytes(content)
    return read_source(folder / name, **options)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz"])
def test_delimiters_and_line_ends_are_found(tmp_path: Path, delimiter: str, line_end: str, name: str) -> None:
    rows = [["id", "text", "note"], *([str(n), f"Satz {n}, der; so | geht", "x\ty"] for n in range(50))]
    content = written(rows, delimiter=delimiter, lineterminator=line_end)
    reading = read(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name)
    assert reading.texts == [row[1] for row in rows[1:]]
    assert reading.reasons == []
    assert [row["location"].partition("#")[2] for row in reading.rows] == [str(n) for n in range(50)]


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(st.lists(st.sampled_from(CELLS), min_size=2, max_size=2), min_size=1, max_size=30),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_is_written_is_read(tmp_path: Path, cells: list, delimiter: str, line_end: str, quoting: int) -> None:
    rows = [["text", "url"], *cells]
    content = written(rows, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    reading = read(tmp_path, content, delimiter=delimiter)
    assert [(row["text"], row["url"]) for row in reading.rows] == [tuple(row) for row in cells]


def test_the_delimiter_of_the_recipe_is_taken(tmp_path: Path) -> None:
    assert read(tmp_path, b"text:n\nein Satz, mit Komma:1\n", delimiter=":").texts == ["ein Satz, mit Komma"]
    assert read(tmp_path, b"sep=;\ntext;n\neins;1\n").texts == ["eins"]
    assert read(tmp_path, b"text\nein Satz, mit; allem\n", delimiter="|").texts == ["ein Satz, mit; allem"]


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n"])
def test_a_delimiter_that_is_none_is_refused(delimiter: str) -> None:
    with pytest.raises(ValidationError, match="one character"):
        Source(name="s", path="x", delimiter=delimiter)


def test_a_header_without_the_column_names_what_the_best_delimiter_gives(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("body;id;day\nx;1;2\n")
    with pytest.raises(InputError, match="columns found: body, id, day"):
        list_splits(Source(name="s", path=str(tmp_path)), WHOLE)


def table(rows: int) -> list[list[str]]:
    dice = random.Random(7)
    words = ["mill", "river", "grain", "flour", "stone", "wheel", "weir", "water"]
    return [["id", "text"], *([str(n), f"row {n}: " + " ".join(dice.choices(words, k=12))] for n in range(rows))]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("victim", [1, 700, 1999])
def test_an_open_quote_costs_its_row(tmp_path: Path, quoting: int, line_end: str, victim: int) -> None:
    rows = table(2000)
    lines = written(rows, quoting=quoting, lineterminator="\n").decode().split("\n")
    lines[victim] = f'{victim - 1},"never closed'
    reading = read(tmp_path, line_end.join(lines).encode())
    assert reading.texts == [text for _, text in rows[1:victim] + rows[victim + 1 :]]
    assert reading.reasons == ["open_quote"]
    assert "never closed" in next(row["detail"] for row in reading.rows if row["reason"])
    assert reading.tallies[0].records_framed == 2000


def test_an_open_quote_that_a_later_quoted_field_seems_to_close(tmp_path: Path) -> None:
    lines = ["id,text", '1,"open', "2,two", '3,"three, quoted"', "4,four", '5,"also open', "6,six"]
    reading = read(tmp_path, "\n".join(lines).encode())
    assert reading.texts == ["two", "three, quoted", "four", "six"]
    assert reading.reasons == ["open_quote", "open_quote"]


def test_an_open_quote_closed_by_the_start_of_an_empty_looking_field(tmp_path: Path) -> None:
    lines = ["id,text,note", '1,"open,x', "2,two,x", "3,three,x", '4,",",x', "5,five,x"]
    reading = read(tmp_path, "\n".join(lines).encode())
    assert reading.texts == ["two", "three", ",", "five"]
    assert reading.reasons == ["open_quote"]


@pytest.mark.parametrize("lines", [3, 40])
def test_long_fields_are_whole_up_to_the_stated_number_of_lines(tmp_path: Path, lines: int) -> None:
    text = "\n".join(f"verse {n}" for n in range(lines))
    content = written([["text", "id"], [text, "1"], ["next", "2"]])
    assert read(tmp_path, content).texts == [text, "next"]
    reading = read(tmp_path, content, max_field_lines=lines - 1)
    assert reading.texts == [f'verse {lines - 1}"', "next"]
    assert reading.reasons == ["open_quote", *["wrong_field_count"] * (lines - 2)]


@pytest.mark.parametrize(
    ("content", "texts", "reasons"),
    [
        ('text,n\n"He said ""no""",1\n', ['He said "no"'], []),
        ('text,n\n5" pipe,1\n', ['5" pipe'], []),
        ('text,n\n"abc"def,1\n', ['"abc"def'], []),
        ('text,n\n"a\r\nb",1\r\n', ["a\r\nb"], []),
        ('text,n\n"",1\n,2\n', ["", ""], []),
        ('text,n\n"a",\n', ["a"], []),
        ("text,n\na,1", ["a"], []),
        ("text,n\n\n\na,1\n", ["a"], []),
        ("\n\ntext,n\na,1\n", ["a"], []),
        ("text,n\na\nb,1,2\nc,3\n", ["c"], ["wrong_field_count"] * 2),
        ("text,n\n", [], []),
        ("text,n", [], []),
        ('text,n\n"open,1', [], ["open_quote"]),
        ("text,n\nsep\u2028inside\x0b\x0c\x85,1\n", ["sep\u2028inside\x0b\x0c\x85"], []),
        ("text\tn\n“curly”\t1\n", ["“curly”"], []),
        ("text,n\ra,1\r\nb,2\nc,3", ["a", "b", "c"], []),
        ("text,n\na\rb,1\nc,2\n", ["a\rb", "c"], []),
        ("text,n\ra\nb,1\rc,2\r", ["a\nb", "c"], []),
        ("text,n\r\na,1\rb,2\r\nc,3\r\n", ["a", "b", "c"], []),
    ],
)
def test_grammar(tmp_path: Path, content: str, texts: list[str], reasons: list[str]) -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        reading = read(tmp_path, mark + content.encode())
        assert (reading.texts, reading.reasons) == (texts, reasons)


def test_tab_separated_files_without_quoting(tmp_path: Path) -> None:
    lines = ["text\tn", '"I think so, he said.\t1', '"Yes," said she.\t2', 'so "it" goes"\t3', '"whole"\t4', "end\t5"]
    reading = read(tmp_path, "\n".join(lines).encode(), "a.tsv")
    assert reading.texts == [line.split("\t")[0] for line in lines[1:]]


def test_tab_separated_files_with_quoting(tmp_path: Path) -> None:
    rows = [["text", "n"], ['"Yes", said she', "1"], ["two\nlines", "2"], ["a\ttab", "3"], ["plain", "4"]]
    assert read(tmp_path, written(rows, delimiter="\t"), "a.tsv").texts == [row[0] for row in rows[1:]]


@pytest.mark.parametrize(
    ("encoding", "text", "charset"),
    [
        ("cp1252", "Größe und „Äpfel“, fünf Euro (5 €)", "windows-1252"),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy", "windows-1250"),
        ("cp1251", "Съешь же ещё этих мягких французских булок", "windows-1251"),
        ("koi8_u", "Їжак з'їв шість свіжих ґав і ґречно дякував", "koi8-u"),
        ("gbk", "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。", "gb"),
        ("cp932", "水車は川が高いときに回り、㈱の髙さも①番", "shift_jis"),
        ("cp949", "물레방아는 강물이 높을 때 돌고 뷁도 있다", "euc-kr"),
        ("utf-16", "Größe 字", "utf-16le"),
        ("iso2022_jp", "水車は川が高いときに回り、粉を挽く", "iso-2022-jp"),
        ("utf-16-le", "Größe und Äpfel", "utf-16le"),
        ("utf-8", "Größe 字", None),
    ],
)
def test_encodings_are_found(tmp_path: Path, encoding: str, text: str, charset: str | None) -> None:
    filler = "plain words " * (
        6000 if encoding == "cp1252" else 1
    )  # more than a chunk of ASCII before the first letter
    ascii_rows = "".join(f"row number {n} {filler},{n}\n" for n in range(20))
    content = f"text,n\n{ascii_rows}{text.replace(',', ' ')},1\n".encode(encoding)
    row = read(tmp_path, content).rows[-1]
    assert row["text"] == text.replace(",", " ")
    found = json.loads(row["metadata"]).get("charset")
    assert found == charset or (charset == "gb" and found in ("gbk", "gb18030"))


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_stray_bytes_cost_themselves(tmp_path: Path, place: str) -> None:
    lines = [f"Größe {n} – 字".encode() for n in range(60)]
    at = {"first": 0, "middle": 30, "last": 59}[place]
    lines[at] = b"News \xb7 Site"
    reading = read(tmp_path, b"text\n" + b"\n".join(lines))
    expected = [line.decode("utf-8", "replace") for line in lines]
    assert reading.texts == expected
    assert [json.loads(row["metadata"]) for row in reading.rows] == [
        {"replaced_bytes": 1} if n == at else {} for n in range(60)
    ]


def test_an_encoding_of_the_recipe_is_not_doubted(tmp_path: Path) -> None:
    content = "text\nžluťoučký\n".encode("cp1250")
    assert read(tmp_path, content, encoding="windows-1250").texts == ["žluťoučký"]
    assert read(tmp_path, content, encoding="latin-1").texts == ["\x9elu\x9dou\xe8k\xfd".replace("\x9e", "ž")]
    assert read(tmp_path, "\ufefftext\nü\n".encode(), encoding="cp1250").texts == ["ü"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow"])
def test_a_repeated_column_is_found_while_planning(tmp_path: Path, kind: str) -> None:
    columns = pa.table([["a"], ["b"], ["c"]], names=["text", "text", "n"])
    if kind == "csv":
        (tmp_path / "a.csv").write_text("text,text,n\na,b,c\n")
    elif kind == "parquet":
        pq.write_table(columns, tmp_path / "a.parquet")
    else:
        with pa.ipc.new_stream(tmp_path / "a.arrow", columns.schema) as writer:
            writer.write_table(columns)
    with pytest.raises(InputError, match=r"2 columns named 'text'.*one of that name.*rename"):
        list_splits(Source(name="s", path=str(tmp_path)), WHOLE)


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow"])
def test_a_repeated_column_that_nobody_asks_for_does_no_harm(tmp_path: Path, kind: str) -> None:
    columns = pa.table([["b"], ["a"], ["c"]], names=["n", "text", "n"])
    if kind == "csv":
        (tmp_path / "a.csv").write_text("n,text,n\nb,a,c\n")
    elif kind == "parquet":
        pq.write_table(columns, tmp_path / "a.parquet")
    else:
        with pa.ipc.new_stream(tmp_path / "a.arrow", columns.schema) as writer:
            writer.write_table(columns)
    assert read_source(tmp_path).texts == ["a"]


def test_a_line_without_end_is_measured_and_never_held(tmp_path: Path) -> None:
    content = b"text,n\n" + b"x" * (5 << 20) + b"\na,1\n"
    reading = read(tmp_path, content, max_document_bytes=1000)
    assert (reading.texts, reading.reasons) == (["a"], ["too_large"])
    assert "5242881 characters" in reading.rows[0]["detail"]
