"""Markdown of pages: what their elements mean, and text that would mean something by accident."""

import numpy as np
import pytest
from gristmill.filters.html.markdown import to_markdown
from gristmill.filters.html.page import read_page


def markdown(html: str, **options: bool) -> str:
    page = read_page(html.encode())
    return to_markdown(page, np.ones(len(page.blocks), bool), **options)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h1>a\n b</h1><h3>c<br>d</h3>", "# a b\n\n### c d"),
        ("<p>a<br>b", "a  \nb"),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul><p>e", "- a\n- b\n  - c\n- d\n\ne"),
        ("<ol><li>a<li><p>b<p>c</ol>", "1. a\n2. b\n\n   c"),
        ("<blockquote><p>a<p>b</blockquote><p>c", "> a\n>\n> b\n\nc"),
        ("<pre><code class='x language-c++'>if (a < b)\n  *c;\n</code></pre>", "```c++\nif (a < b)\n  *c;\n```"),
        ("<div class='highlight highlight-source-rust'><pre>x</pre></div>", "```rust\nx\n```"),
        ("<link class=language-c><pre>x</pre>", "```\nx\n```"),
        ("<pre>```\na\n```</pre>", "````\n```\na\n```\n````"),
        ("<p>use <code>a &lt; `b`</code>.", "use `` a < `b` ``."),
        (
            "<table><tr><th>a<th>b<tr><td>1|2<td><tr><td><td>x<br>y</table>",
            "| a | b |\n| --- | --- |\n| 1\\|2 |  |\n|  | x y |",
        ),
        (
            "<table><tr><th colspan=2>a<th rowspan='2'>b<tr><td>1<td>2<tr><td colspan=x>3<td rowspan=0>4<td>5</table>",
            "| a |  | b |\n| --- | --- | --- |\n| 1 | 2 |  |\n| 3 | 4 | 5 |",
        ),
        ("<table><tr><td><p>a<p>b</table>", "a\n\nb"),
        (
            "x <math display=block><mi>E</mi><annotation encoding='application/x-tex'>E=m</annotation></math> y"
            "<script type='math/tex'>a<b</script>",
            "x $$E=m$$ y$a<b$",
        ),
        ("<ol><li>a<ol><li>b<ul><li>c</ul></ol><li>d</ol>", "1. a\n   1. b\n      - c\n2. d"),
        ("<ul><li>a<ul><li>b</ul>c<li>d</ul>", "- a\n  - b\n\n  c\n- d"),
        ("<ol start=5><li>a<li value=9>b<li>c</ol><ol reversed><li>a<li>b</ol>", "5. a\n9. b\n10. c\n\n2. a\n1. b"),
        ("<ol start='-3'><li>a</ol><ol start=x title='start=7'><li>b</ol>", "- a\n\n1. b"),
        ("<ul><li>a<ol start=2><li>b</ol></ul>", "- a\n\n  2. b"),
        ("<ul><li><ul><li>a<li>b</ul><li><ul><li>c</ul>d</ul>", "- a\n- b\n\n- c\n\n- d"),
        ("<ol><li><blockquote>a<br>b</blockquote><p>c</ol>", "1. > a  \n   > b\n\n   c"),
        ("<blockquote>a<ul><li>b</ul></blockquote><blockquote>c</blockquote>", "> a\n>\n> - b\n\n> c"),
        ("<ul><li><pre>a  \n\nb</pre></ul>", "- ```\n  a  \n\n  b\n  ```"),
        (
            "<ul><li>a<table><tr><td><ul><li>1</ul><td>2<tr><td>3<td>4</table></ul>",
            "- a\n\n  | 1 | 2 |\n  | --- | --- |\n  | 3 | 4 |",
        ),
        ("<p>a<br>b<br>c<br>---", "a  \nb  \nc  \n\\---"),
        ("<h2>C # ##</h2><p>***<p>3.<p>* *\n*<p>__ _", "## C # \\##\n\n\\***\n\n3\\.\n\n\\* * *\n\n\\__ _"),
        ("<p>[1]: b", "\\[1]: b"),
        ("<code>a</code><code>b</code> <code>c</code><code>d`</code>", "`ab` `c` `` d` ``"),
        ("10<sup>6</sup> of H<sub>2</sub>O, 1<sup>st</sup>, x<sup>2n</sup><sub>i</sub>", "10⁶ of H₂O, 1st, x²ⁿi"),
        ("a<sup><a href='#f'>1</a></sup><sup>[2]</sup> <code>b<sup>2</sup></code>", "a¹[2] `b2`"),
        (
            "<table><tr><td>m<sup>2</sup><td>b<tr><td>1<td>2<sup>3<b>4</b></sup>5</table>",
            "| m² | b |\n| --- | --- |\n| 1 | 2³⁴5 |",
        ),
        ("<div role=heading aria-level=3>A b</div>c", "### A b\n\nc"),
        (
            "<div role=heading>a</div><p role=Heading aria-level=9>b<p role=heading aria-level=x>c",
            "## a\n\n###### b\n\n## c",
        ),
        ("<div role=heading aria-level=4><h1>a</h1></div>", "# a"),
        ("<script type='math/tex'>a</script><script type='math/tex; mode=display'>b</script>", "$a$ $$b$$"),
        ("<p># a<p>- b<p>3. c<p>+1 d<p>&lt;b> e &lt; f", "\\# a\n\n\\- b\n\n3\\. c\n\n+1 d\n\n\\<b> e < f"),
        ("", ""),
    ],
)
def test_blocks(html: str, expected: str) -> None:
    assert markdown(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>see <a href='/a b(1)'>the <b>page</b> </a>now", "see [the **page**](/a%20b%281%29) now"),
        ("<a href=x&amp;y><h2>a</h2></a>b", "## [a](x&y)\n\nb"),
        ("<a href='javascript:f()'>a</a> <a href='#n'>b</a> <a>c</a>", "a b c"),
        ("<i>a</i><em></em> <strong> b </strong>c", "*a* **b** c"),
        ("<p>a</a></b><b>c", "a**c**"),
        ("a<sup><a href=/n>1</a></sup><sup>2</sup>", "a[¹](/n)²"),
    ],
)
def test_links_and_emphasis_are_options(html: str, expected: str) -> None:
    assert markdown(html, links=True, emphasis=True) == expected
    assert not {"*", "["} & set(markdown(html))


def test_many_open_elements_cost_no_more() -> None:
    assert markdown("<a href=x>" * 20_000 + "b", links=True).endswith("[b](x)")
