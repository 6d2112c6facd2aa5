"""Views, and edits of texts that stay in their pieces, against plain Python."""

from typing import Any

import pyarrow as pa
from gristmill.filters.transforms.apply import apply_edits
from gristmill.filters.transforms.views import edits_within_pieces, pieces_after, view_texts
from gristmill.schemas.rows.edits import EDITS
from gristmill.schemas.rows.kind import PIECES, SEPARATOR, View
from gristmill.schemas.rows.registry import row_kind
from hypothesis import given
from hypothesis import strategies as st

LABELS = ("system", "user", "assistant", "tool")
ROWS = st.lists(
    st.none() | st.lists(st.tuples(st.sampled_from(LABELS), st.text("aé中 \n", max_size=6)), min_size=1, max_size=5),
    max_size=6,
)
VIEWS = list(row_kind("conversation").views.values())
Row = list[tuple[str, str]]


def columns(rows: list[Row | None]) -> tuple[pa.Array, pa.Array]:
    texts: list[str | None] = []
    pieces: list[list[dict[str, Any]] | None] = []
    for row in rows:
        if row is None:
            texts.append(None)
            pieces.append(None)
            continue
        encoded = row_kind("conversation").encode({"messages": [{"role": r, "content": c} for r, c in row]})
        texts.append(encoded.text.decode())
        pieces.append(encoded.piece_rows)
    return pa.array(texts, pa.large_string()), pa.array(pieces, PIECES)


def chosen(row: Row, view: View) -> list[int]:
    """The numbers of the pieces of a view."""
    meant = [number for number, (label, _) in enumerate(row) if view.has(label)]
    if view.turn == "all":
        return meant
    if view.turn == "last":
        return meant[-1:]
    return list(range(meant[-1])) if meant else list(range(len(row)))


@given(ROWS, st.sampled_from(VIEWS))
def test_a_view_joins_its_pieces(rows: list[Row | None], view: View) -> None:
    texts, pieces = columns(rows)
    wanted = [
        None if row is None or not chosen(row, view) else SEPARATOR.join(row[n][1] for n in chosen(row, view))
        for row in rows
    ]
    assert view_texts(texts, pieces, view).to_pylist() == wanted
    half = len(rows) // 2
    assert view_texts(texts[half:], pieces[half:], view).to_pylist() == wanted[half:]


def drawn_edits(data: st.DataObject, text: str) -> list[dict[str, Any]]:
    """Sorted edits of a text that do not overlap, at character boundaries."""
    edges = [len(text[:n].encode()) for n in range(len(text) + 1)]
    places = sorted(data.draw(st.lists(st.sampled_from(edges), max_size=6)))
    replacements = st.sampled_from(["", "X", "né"])
    return [
        {"start": start, "end": end, "replacement": data.draw(replacements), "reason": "r"}
        for start, end in zip(places[::2], places[1::2], strict=False)
    ]


def edited_pieces(texts: list[str], edits: list[dict[str, Any]]) -> list[str]:
    """Each text after edits on their joined text: an edit's replacement goes to the first text that it touches."""
    spans: list[tuple[int, int]] = []
    for text in texts:
        at = spans[-1][1] + len(SEPARATOR) if spans else 0
        spans.append((at, at + len(text.encode())))
    out = [text.encode() for text in texts]
    for edit in reversed(edits):
        touched: list[tuple[int, int, int]] = []
        for number, (start, end) in enumerate(spans):
            low, high = max(start, edit["start"]), min(end, edit["end"])
            is_insertion = edit["start"] == edit["end"]
            if low < high or (is_insertion and low == high and not touched):
                touched.append((number, low - start, high - start))
        for order, (number, low, high) in enumerate(touched):
            new = edit["replacement"].encode() if order == 0 else b""
            out[number] = out[number][:low] + new + out[number][high:]
    return [piece.decode() for piece in out]


@given(ROWS, st.data())
def test_edits_of_a_text_stay_in_its_pieces(rows: list[Row | None], data: st.DataObject) -> None:
    texts, pieces = columns(rows)
    edits = [None if text is None else drawn_edits(data, text) for text in texts.to_pylist()]
    within = edits_within_pieces(pa.array(edits, EDITS), pieces)
    after = pieces_after(pieces, within).to_pylist()
    for row, edit, text, places in zip(rows, edits, apply_edits(texts, within).to_pylist(), after, strict=True):
        if row is None or edit is None:
            assert text is places is None
            continue
        wanted = edited_pieces([content for _, content in row], edit)
        assert [text.encode()[p["start"] : p["end"]].decode() for p in places] == wanted
        assert text == SEPARATOR.join(wanted)
        assert [p["label"] for p in places] == [label for label, _ in row]
