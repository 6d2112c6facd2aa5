"""Tables of Markdown: cells over several columns and rows, and tables that would grow with the square of their source."""

import pytest
from gristmill.filters.text.markdown_table import MAX_CELLS, MAX_SPAN, Cell, grid, table
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([[Cell("a"), Cell("b")], [Cell("c")]], [["a", "b"], ["c"]]),
        ([[Cell("a", 2), Cell("b")]], [["a", "", "b"]]),
        ([[Cell("a", 1, 2), Cell("b")], [Cell("c")]], [["a", "b"], ["", "c"]]),
        (
            [[Cell("a"), Cell("b", 2, 3)], [Cell("c")], [Cell("d")], [Cell("e")]],
            [["a", "b", ""], ["c", "", ""], ["d", "", ""], ["e"]],
        ),
        ([[Cell("a", 1, 2), Cell("b", 1, 2)], [], [Cell("c")]], [["a", "b"], ["", ""], ["c"]]),
    ],
)
def test_cells_over_several_columns_and_rows(rows: list[list[Cell]], expected: list[list[str]]) -> None:
    assert grid(rows) == expected


cells = st.builds(Cell, st.sampled_from("abc"), st.integers(1, 3), st.integers(1, 3))


@given(st.lists(st.lists(cells, max_size=4), max_size=5))
def test_every_cell_stands_where_no_other_is(rows: list[list[Cell]]) -> None:
    """As the algorithm of the HTML standard that forms tables says, without its overlaps."""
    taken: dict[tuple[int, int], str] = {}
    overlaps = False
    for y, row in enumerate(rows):
        x = 0
        for cell in row:
            while (y, x) in taken:
                x += 1
            for down in range(cell.rows):
                for right in range(cell.columns):
                    overlaps |= (y + down, x + right) in taken
                    taken[y + down, x + right] = "" if down or right else cell.content
            x += cell.columns
    if not overlaps:
        found = {(y, x): text for y, row in enumerate(grid(rows)) for x, text in enumerate(row)}
        shown = {place: text for place, text in taken.items() if place[0] < len(rows)}
        assert shown.items() <= found.items()
        assert all(found[place] == "" for place in found.keys() - shown.keys())


def test_a_table_is_read_back() -> None:
    rows = [["a", "", "b"], ["c"], [], ["d", "e", "f"]]
    html = MarkdownIt("commonmark").enable("table").render(table(rows))
    assert html.count("<th>") == 3
    assert html.count("<td>") == 9
    assert table([]) == table([[], []]) == ""


def test_rows_of_a_large_table_stay_as_short_as_they_are() -> None:
    rows = [["a"] * 30_000, *[["b"]] * 30_000]
    lines = table(rows).split("\n")
    assert lines[0].count("|") == lines[1].count("|") == 30_001
    assert set(lines[2:]) == {"| b |"}


def test_spans_of_a_large_table_are_bounded() -> None:
    rows = [[Cell("a", MAX_SPAN, MAX_SPAN)] * 20_000, *[[Cell("b", MAX_SPAN)]] * 200]
    assert sum(map(len, grid(rows))) < 3 * MAX_CELLS
