# mypy: disallow-untyped-defs=False
"""Lines and paragraphs as the Gopher implementations cut them: four definitions, each giving spans of code points."""

from gristmill.filters.text.unicode_tables import SPACE
from gristmill.kernels.compile import helper

NEWLINE = 0x0A


@helper
def strip_span(cps, classes, start, end):
    """The span without white space at either side, as str.strip()."""
    while start < end and classes[cps[start]] & SPACE:
        start += 1
    while end > start and classes[cps[end - 1]] & SPACE:
        end -= 1
    return start, end


@helper
def newline_lines(cps, n, starts, ends):
    """`text.split("\\n")`: n newlines make n + 1 lines, empty ones included."""
    lines = 0
    starts[0] = 0
    for i in range(n):
        if cps[i] == NEWLINE:
            ends[lines] = i
            lines += 1
            starts[lines] = i + 1
    ends[lines] = n
    return lines + 1


@helper
def newline_run_pieces(cps, start, end, shortest_run, starts, ends):
    """`re.split("\\n{k,}", text)` of cps[start:end], k = shortest_run; a run at a side leaves an empty piece."""
    pieces = 0
    starts[0] = start
    i = start
    while i < end:
        if cps[i] != NEWLINE:
            i += 1
            continue
        run_end = i + 1
        while run_end < end and cps[run_end] == NEWLINE:
            run_end += 1
        if run_end - i >= shortest_run:
            ends[pieces] = i
            pieces += 1
            starts[pieces] = run_end
        i = run_end
    ends[pieces] = end
    return pieces + 1


@helper
def drop_blank(cps, classes, starts, ends, pieces):
    """Strip each piece and drop the blank ones, in place; returns how many stay."""
    kept = 0
    for k in range(pieces):
        start, end = strip_span(cps, classes, starts[k], ends[k])
        if start < end:
            starts[kept], ends[kept] = start, end
            kept += 1
    return kept
