# mypy: disallow-untyped-defs=False
"""Lines and paragraphs as the Gopher implementations cut them: three definitions, each giving byte spans of a text
that is read into masks.
"""

from gristmill.filters.text.text_masks import is_set, next_set, stripped
from gristmill.kernels.compile import helper


@helper
def newline_lines(newlines, n, starts, ends):
    """`text.split("\\n")`: m newlines make m + 1 lines, empty ones included."""
    lines, start = 0, 0
    while start <= n:
        starts[lines] = start
        ends[lines] = next_set(newlines, start)
        start = ends[lines] + 1
        lines += 1
    return lines


@helper
def newline_run_pieces(newlines, start, end, shortest_run, starts, ends):
    """`re.split("\\n{k,}", text)` of text[start:end], k = shortest_run; a run at a side leaves an empty piece."""
    pieces = 0
    starts[0] = start
    at = start
    while at < end:
        run = next_set(newlines, at)
        if run >= end:
            break
        at = run + 1
        while at < end and is_set(newlines, at):
            at += 1
        if at - run >= shortest_run:
            ends[pieces] = run
            pieces += 1
            starts[pieces] = at
    ends[pieces] = end
    return pieces + 1


@helper
def drop_blank(spaces, starts, ends, pieces):
    """Strip each piece and drop the blank ones, in place; returns (how many stay, whether any has changed)."""
    kept, changed = 0, False
    for k in range(pieces):
        start, end = stripped(spaces, starts[k], ends[k])
        changed = changed or start != starts[k] or end != ends[k] or start == end
        if start < end:
            starts[kept], ends[kept] = start, end
            kept += 1
    return kept, changed
