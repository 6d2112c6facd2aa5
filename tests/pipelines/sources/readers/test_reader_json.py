"""JSON files: arrays, objects over many lines, JSON Lines under the name of JSON; broken ones give what can be read."""

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gristmill.pipelines.sources.readers.json_array import is_lines
from gristmill.pipelines.sources.readers.json_frames import JsonFrame, frames
from gristmill.schemas.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples
from tests.pipelines.sources.readers.reading import read_source

DOCUMENTS = [
    {"text": "One morning, [the river] was {gone}."},
    {"text": 'He said "no" \\ twice'},
    {"text": "Zeile\nzwei ä", "n": [1, {"a": "]"}]},
]


def in_chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def framed(data: bytes, size: int, limit: int = 1 << 30) -> tuple[list[JsonFrame], list[str]]:
    errors: list[str] = []
    found = list(frames(in_chunks(data, size), limit, errors.append))
    for frame in found:
        assert frame.content is None or data[frame.offset : frame.offset + frame.size] == frame.content
    return found, errors


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\[]{},: \n\u00e4', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('a"\\]', max_size=3), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=examples(150))
@given(st.lists(values, max_size=5), st.integers(1, 40), st.booleans(), st.sampled_from([None, 2]))
def test_frames_are_the_elements(elements: list[Any], size: int, ascii_only: bool, indent: int | None) -> None:
    data = json.dumps(elements, ensure_ascii=ascii_only, indent=indent).encode()
    found, errors = framed(data, size)
    assert [json.loads(frame.content or b"") for frame in found] == elements
    assert errors == []


@settings(max_examples=examples(150))
@given(st.text('ab"\\[]{}, ', max_size=60), st.integers(1, 7))
def test_frames_do_not_depend_on_chunks(text: str, size: int) -> None:
    assert framed(text.encode(), size) == framed(text.encode(), 1 << 20)


@pytest.mark.parametrize(
    ("data", "contents", "error"),
    [
        (b"[]", [], None),
        (b' [ {"a": 1} , {"b": 2} ] ', [b'{"a": 1}', b'{"b": 2}'], None),
        (b'{"a":\n1}\n{"b": 2}', [b'{"a":\n1}', b'{"b": 2}'], None),
        (b'[{"a": 1}][{"b": 2}]', [b'{"a": 1}', b'{"b": 2}'], None),
        (b'{"a": 1},\n{"b": 2}]', [b'{"a": 1}', b'{"b": 2}'], None),
        (b'[{"a": 1}}, {"b": 2}]', [b'{"a": 1}', b'{"b": 2}'], None),
        (b'[{"a": 1},', [b'{"a": 1}'], "the JSON array is not closed at byte 10, the end"),
        (
            b'[{"a": 1}, {"b": "x',
            [b'{"a": 1}', b'{"b": "x'],
            "the JSON text ends inside a value that begins at byte 11",
        ),
    ],
)
def test_frames(data: bytes, contents: list[bytes], error: str | None) -> None:
    for size in (1, 3, 100):
        found, errors = framed(data, size)
        assert [frame.content for frame in found] == contents
        assert errors == ([] if error is None else [error])


def test_a_value_above_the_limit_is_measured_and_not_held() -> None:
    data = json.dumps([{"a": "x" * 5000}, {"a": "y"}]).encode()
    found, _ = framed(data, 64, limit=100)
    assert [(frame.size, frame.content is None) for frame in found] == [(5009, True), (10, False)]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'{"a": 1}\n{"a": 2}\n', True),
        (b'\xef\xbb\xbf{"a": 1}\n{', True),
        (b'{"a": "' + b"x" * (64 << 10), True),  # its first line goes on
        (b'{"a": 1}', False),  # one object, without a line end
        (b'{\n "a": 1}\n', False),
        (b'[{"a": 1}]', False),
        (b"", False),
    ],
)
def test_what_shows_json_lines(head: bytes, expected: bool) -> None:
    assert is_lines(head) is expected


def texts_of(path: Path, data: bytes, **options: Any) -> list[str]:
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return read_source(path, **options).texts


def test_every_layout_gives_the_same_texts(tmp_path: Path) -> None:
    wanted = [str(document["text"]) for document in DOCUMENTS]
    array = json.dumps(DOCUMENTS).encode()
    lines = "".join(json.dumps(document) + "\n" for document in DOCUMENTS).encode()
    pretty = "\n".join(json.dumps(document, indent=1) for document in DOCUMENTS).encode()
    for data in (array, lines, pretty, json.dumps(DOCUMENTS, indent=2, ensure_ascii=False).encode("utf-8-sig")):
        for name in ("a.json", "a.json.gz"):
            assert texts_of(tmp_path / name, data) == wanted
    assert texts_of(tmp_path / "a.json", array.decode().encode("utf-16")) == wanted
    assert texts_of(tmp_path / "a.txt", array, format="json") == wanted
    assert texts_of(tmp_path / "one.json", json.dumps(DOCUMENTS[0], indent=2).encode()) == wanted[:1]


def test_json_lines_under_the_name_of_json_are_split(tmp_path: Path) -> None:
    """And have the ids that they have as JSON Lines, however they are split."""
    lines = "".join(json.dumps({"text": f"line {number} " * 9}) + "\n" for number in range(200)).encode()
    whole = (tmp_path / "a.json", tmp_path / "b" / "a.jsonl")
    whole[1].parent.mkdir()
    for path in whole:
        path.write_bytes(lines)
    assert len(read_source(whole[0], 1000).tallies) > 5
    ids = [row["text"] for row in read_source(whole[0], 1000).rows]
    assert ids == [row["text"] for row in read_source(whole[1]).rows]


def test_positions_are_byte_offsets(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[\n {"text": "\u00e4"},\n {"text": "b"}]', encoding="utf-8")
    assert [row["location"] for row in read_source(tmp_path / "a.json").rows] == ["a.json#3", "a.json#20"]


def test_bad_elements_cost_themselves(tmp_path: Path) -> None:
    data = b'[{"text": "a"}, 5, "b", null, [1], {"text": }, {"text": "\xff"}, {"text": "\\ud800c"}, {"text": "z"}, {"te'
    (tmp_path / "a.json").write_bytes(data)
    found = read_source(tmp_path / "a.json")
    assert found.texts == ["a", "\ufffdc", "z"]
    assert found.reasons == [*4 * ["not_an_object"], "invalid_json", "binary_content", "invalid_json"]
    assert found.errors == [f"the JSON text ends inside a value that begins at byte {data.rindex(b'{')}"]


def test_a_truncated_archive_gives_what_it_holds(tmp_path: Path) -> None:
    dice = random.Random(4)
    texts = ["".join(dice.choices("abcdefgh ", k=300)) for _ in range(300)]
    packed = gzip.compress(json.dumps([{"text": text} for text in texts]).encode())
    (tmp_path / "a.json.gz").write_bytes(packed[: len(packed) // 2])
    found = read_source(tmp_path / "a.json.gz")
    assert 0 < len(found.texts) < 300
    assert found.texts == texts[: len(found.texts)]
    assert found.errors[0].startswith("truncated gzip stream")


def test_an_array_without_the_column_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"body": "a"}] * 1200), encoding="utf-8")
    with pytest.raises(InputError, match=r"map another column with `columns: \{text: body\}`"):
        read_source(tmp_path / "a.json")
