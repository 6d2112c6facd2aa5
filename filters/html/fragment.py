"""A piece of HTML that is all text, such as a post of a forum, as Markdown: nothing in it is judged and left out."""

import numpy as np
from gristmill.filters.html.layout import HIDDEN, STATE
from gristmill.filters.html.line_numbers import leave_out_line_numbers
from gristmill.filters.html.markdown import to_markdown
from gristmill.filters.html.page import read_page


def fragment_markdown(html: str, *, links: bool = False, emphasis: bool = False) -> str:
    """Every block of a piece of HTML as Markdown: headings, lists, quotes, code, tables, formulas.

    links: addresses of links are kept. emphasis: bold and italic are marked. Scripts, styles and what is hidden are no text.
    Lone surrogates become U+FFFD.

    >>> fragment_markdown("<p>Use <code>len(x)</code>:</p><pre><code>n = len(x)</code></pre>")
    'Use `len(x)`:\\n\\n```\\nn = len(x)\\n```'
    """
    page = read_page(html.encode("utf-8", "replace"))
    shown: np.ndarray = page.blocks[:, STATE] & HIDDEN == 0
    leave_out_line_numbers(page, shown)
    return to_markdown(page, shown, links=links, emphasis=emphasis)
