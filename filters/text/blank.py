"""Whether a part of a text is nothing but white space, for kernels."""

# mypy: disallow-untyped-defs=False
from gristmill.filters.text.unicode_tables import SPACE
from gristmill.kernels.compile import helper
from gristmill.kernels.utf8 import next_code_point


@helper
def is_blank(data, start, end, classes):
    """data[start:end] holds white space alone, or nothing. classes: `unicode_tables.CLASS`."""
    i = start
    while i < end:
        cp, i = next_code_point(data, i)
        if not classes[cp] & SPACE:
            return False
    return True
