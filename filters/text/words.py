"""White-space words over decoded code points; other word rules (spaCy, Unicode, WordPunct) have files of their own."""

# mypy: disallow-untyped-defs=False
from gristmill.filters.text.unicode_tables import SPACE
from gristmill.kernels.compile import helper


@helper
def split_whitespace(cps, n, classes, starts, ends):
    """Spans of `str.split()` words of cps[:n] into `starts`, `ends`; returns their number."""
    words = 0
    inside = False
    for i in range(n):
        if classes[cps[i]] & SPACE:
            if inside:
                ends[words] = i
                words += 1
                inside = False
        elif not inside:
            starts[words] = i
            inside = True
    if inside:
        ends[words] = n
        words += 1
    return words
