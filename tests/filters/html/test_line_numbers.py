"""Code of pages: without the numbers of its lines, between fences whether or not it is preformatted."""

import html
from collections.abc import Callable

import pytest
from gristmill.filters.html.extract import extract
from gristmill.filters.html.fragment import fragment_markdown
from hypothesis import given
from hypothesis import strategies as st


def _each(lines: list[str], template: str, between: str = "") -> str:
    return between.join(
        template.format(n=n, line=html.escape(line), spaced=html.escape(line).replace(" ", "&nbsp;"))
        for n, line in enumerate(lines, 1)
    )


def _numbers(lines: list[str]) -> str:
    return "\n".join(str(n) for n in range(1, len(lines) + 1))


def _code(lines: list[str]) -> str:
    return html.escape("\n".join(lines))


WRITERS: dict[str, Callable[[list[str]], str]] = {
    "Rouge": lambda lines: (
        f"<pre><code><table><tr><td class=gl><pre>{_numbers(lines)}\n</pre></td><td>"
        f"<pre>{_code(lines)}\n</pre></td></tr></table></code></pre>"
    ),
    "Pygments": lambda lines: (
        f"<table><tr><td><div class=linenodiv><pre>{_numbers(lines)}</pre></div></td><td><div>"
        f"<pre><span></span>{_code(lines)}\n</pre></div></td></tr></table>"
    ),
    "Hexo": lambda lines: (
        f"<figure><table><tr><td class=gutter><pre>{_each(lines, '<span class=line>{n}</span><br>')}</pre></td><td><pre>"
        f"{_each(lines, '<span class=line>{line}</span><br>')}</pre></td></tr></table></figure>"
    ),
    "numbers in a list": lambda lines: f"<pre><code>{_code(lines)}</code></pre><ul>{_each(lines, '<li>{n}</li>')}</ul>",
    "Sphinx": lambda lines: "<pre><span></span>" + _each(lines, "<span class=linenos> {n}</span>{line}\n") + "</pre>",
    "Chroma": lambda lines: (
        "<pre><code>"
        + _each(lines, "<span class=line><span class=ln>{n} </span><span class=cl>{line}\n</span></span>")
        + "</code></pre>"
    ),
    "GitHub": lambda lines: (
        "<table>"
        + _each(
            lines, "<tr><td data-line-number={n}></td><td id=L{n} class='blob-code js-file-line'>{line}</td></tr>", "\n"
        )
        + "</table>"
    ),
    "preformatted, without numbers": lambda lines: f"<pre>\n{_code(lines)}</pre>",
}
IN_DIVISIONS: dict[str, Callable[[list[str]], str]] = {
    "SyntaxHighlighter": lambda lines: (
        f"<table><tr><td class=gutter>{_each(lines, '<div>{n}</div>')}</td><td class=code><div>"
        f"{_each(lines, '<div class=line><code>{spaced}</code></div>')}</div></td></tr></table>"
    ),
    "divisions": lambda lines: f"<div>{_each(lines, '<div><code>{spaced}</code></div>')}</div>",
    "breaks": lambda lines: f"<div><code>{_each(lines, '{spaced}', '<br>')}</code></div>",
}
LINES = st.lists(st.text("ab1 ={}<&;#'", max_size=12), min_size=2, max_size=12).filter(
    lambda lines: bool(lines[0].strip() and lines[-1].strip())
)


def fenced(lines: list[str]) -> str:
    return "\n".join(["```", *(line.rstrip() for line in lines), "```"])


@pytest.mark.parametrize("writer", WRITERS)
@given(lines=LINES)
def test_code_comes_out_as_it_went_in(writer: str, lines: list[str]) -> None:
    found = fragment_markdown(f"<p>Before.</p>{WRITERS[writer](lines)}<p>Behind.</p>")
    stripped = "\n".join(line.rstrip() for line in found.split("\n"))
    assert stripped == f"Before.\n\n{fenced(lines)}\n\nBehind."


@pytest.mark.parametrize("writer", IN_DIVISIONS)
@given(lines=LINES)
def test_code_in_lines_of_its_own_comes_out_as_it_went_in(writer: str, lines: list[str]) -> None:
    """Lines without a sign are no blocks of a page, and are not seen there."""
    lines = [line.strip(" ") and line for line in lines]
    lines = [line for line in lines if line]
    if len(lines) < 2:
        return
    found = fragment_markdown(f"<p>Before.</p>{IN_DIVISIONS[writer](lines)}<p>Behind.</p>")
    stripped = "\n".join(line.rstrip() for line in found.split("\n"))
    assert stripped == f"Before.\n\n{fenced(lines)}\n\nBehind."


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<table><tr><td>1<br>2</td><td>Small<br>Large</td></tr></table>", "1  \n2\n\nSmall  \nLarge"),
        (
            "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>",
            "| 1 | 2 |\n| --- | --- |\n| 3 | 4 |",
        ),
        (
            "<table><tr><td>1</td><td>a</td></tr><tr><td>2</td><td>b</td></tr></table>",
            "| 1 | a |\n| --- | --- |\n| 2 | b |",
        ),
        ("<ul><li>1<li>2<li>3</ul><p>steps", "- 1\n- 2\n- 3\n\nsteps"),
        ("<ul><li>1<li>2<li>3</ul><pre>a</pre>", "- 1\n- 2\n- 3\n\n```\na\n```"),  # as many as the code has not
        ("<pre>1 a\n2 b</pre>", "```\n1 a\n2 b\n```"),
        ("<pre><b>1</b> a\n<b>3</b> b</pre>", "```\n1 a\n3 b\n```"),
        ("<pre><b>1</b> a\n<b>2</b> b\nc</pre>", "```\n1 a\n2 b\nc\n```"),
        ("<pre><b>1 a</b>\n<b>2 b</b></pre>", "```\n1 a\n2 b\n```"),
        ("<pre><b>1234567</b>a\n<b>1234568</b>b</pre>", "```\n1234567a\n1234568b\n```"),
        ("<table><tr><td>1<td><pre>a</pre><tr><td>2<td><pre> b</pre></table>", "```\na\n b\n```"),
        ("<table><tr><td><pre>a\nb</pre><tr><td><pre>c</pre></table>", "```\na\nb\n```\n\n```\nc\n```"),
        ("<p><code>a</code></p><p><code>b</code></p>", "`a`\n\n`b`"),
        ("<ul><li><code>a</code><li><code>b</code></ul>", "- `a`\n- `b`"),
        ("<div><code>a</code> is</div><div><code>b</code></div>", "`a` is\n\n`b`"),
        ("<div class='one even'><code>a</code></div><div class='two even'><code>b</code></div>", "`a`\n\n`b`"),
        ("<div class='n1 i0'><code>a</code></div><div class='n2 i1'><code>b</code></div>", "```\na\nb\n```"),
        ("<div>x<br><code>a</code></div>", "x  \n`a`"),
        ("<h2><code>a<br>b</code></h2>", "## `a b`"),
        ("<div class=language-c><code>a;<br>b;</code></div>", "```c\na;\nb;\n```"),
    ],
)
def test_what_is_no_number_of_a_line_stays(page: str, expected: str) -> None:
    assert fragment_markdown(page) == expected


def test_what_is_left_out_is_told() -> None:
    words = "<p>This is how the mill turns the grain into flour, day and night, with water and with wind.</p>"
    page = extract(f"<article>{words}{WRITERS['Rouge'](['turn()', 'grind()'])}{words}</article>")
    assert str(page).count("turn()\ngrind()") == 1
    assert "1\n2" not in str(page)
    assert [block.kept for block in page.blocks if block.text == "1\n2"] == [False]
