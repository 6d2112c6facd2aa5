"""Blocks of pages: what text they hold, as a browser shows it, and what they stand in."""

import time
from html.entities import html5

import pytest
from gristmill.filters.html.attributes import NOT_SHOWN
from gristmill.filters.html.layout import BEGIN, ELEMENT, FINISH, HIDDEN, LINK_WORDS, PARENT, SAID, STATE, TAG, WORDS
from gristmill.filters.html.page import read_page
from gristmill.filters.html.tags import NAMES
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated import examples


def blocks(html: str | bytes) -> list[str]:
    page = read_page(html.encode() if isinstance(html, str) else html)
    return [page.block_text(number) for number in range(len(page.blocks))]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>one<b>two</b> <i>three</i>\n\t four</p>", ["onetwo three four"]),
        ("<p>a<p>b<div>c</div>d", ["a", "b", "c", "d"]),
        ("x<br>y<br><br>z", ["x\ny", "z"]),
        ("<p>男</p><p>€<span>…</span>où</p>", ["男", "€…où"]),
        ("<pre>\n a\n  b\t</pre>", [" a\n  b"]),
        ("<pre>a<b>\n b</b></pre> c", ["a\n b", "c"]),
        ("<p>a&nbsp;b &amp; &lt;c&gt; &eacute;</p><p>&nbsp;</p>", ["a\xa0b & <c> é"]),
        (
            "<p>Donau\u00addampf&shy;schiff&shy; &#173;fahrt\u00ad</p><p>\u00ad &shy;<p>\u00ad",
            ["Donaudampfschiff fahrt"],
        ),
        ("<pre>a\u00adb&shy;c</pre>", ["a\u00adb\u00adc"]),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp>字<rt>ji</ruby>!", ["漢(kan)字(ji)!"]),
        ("<p>שלום <b>עולם</b></p><p dir=rtl>مرحبا</p>", ["שלום עולם", "مرحبا"]),
        ("a<script>x<p>y</script>b<style>p{}</style>c<template><p>d</p></template>e", ["abce"]),
        ("a<span hidden>no</span><span style='display : NONE'>no</span><i aria-hidden=true>no</i>b", ["ab"]),
        ("<svg><title>no</title><text>no</text></svg>a<select><option>no</select>b", ["a", "b"]),
        ("<title>t</title>a<textarea>no</textarea>b<iframe>no</iframe>c", ["a", "b", "c"]),
        ("<iframe>never ended<p>a", ["never ended", "a"]),
        ("a<math><mi>x</mi><mo>=</mo><mn>1</mn></math>b", ["ax = 1b"]),
        (
            "is <math><semantics><mi>E</mi><annotation encoding='application/x-tex'>\\frac a&lt;b</annotation></math>.",
            ["is \\frac a<b."],
        ),
        (
            "<span class=katex><span class=katex-mathml><math><mi>E</mi><annotation encoding='application/x-tex'>e^x"
            "</annotation></math></span><span class=katex-html aria-hidden=true>ex</span></span>",
            ["e^x"],
        ),
        ("<span class=MathJax>x</span><script type='math/tex'>a<b</script>, then", ["a<b, then"]),
        ("<table><tr><td>1<td>2<tr><th>3</table>4", ["1", "2", "3", "4"]),
        ("<ul><li>a<li>b<ul><li>c</ul>d</ul>", ["a", "b", "c", "d"]),
        ("<dl><dt>a<dd>b<dt>c</dl>", ["a", "b", "c"]),
        ("<a href=x>l<div>m</div>n</a>o", ["l", "m", "no"]),
        ("<p>a\0b", ["a\ufffdb"]),
        ("<x-card>a<x-card>b</x-card>c</x-card>", ["a", "b", "c"]),
        ("<x-a><template shadowrootmode=open><p>a<style>s</style><slot></slot></template><p>b</x-a>", ["a", "b"]),
        ("<template shadowrootmode=closed hidden>a</template><template><p>b</p></template>c", ["c"]),
        ("</p></div>a</body>b", ["a", "b"]),
        ("", []),
        ("<>&", ["<>&"]),
    ],
)
def test_text_is_what_a_browser_shows(html: str, expected: list[str]) -> None:
    assert blocks(html) == expected


def element_names(html: str, number: int = 0) -> list[str]:
    """The names of the elements around a block, from the inside out."""
    page = read_page(html.encode())
    found, element = [], int(page.blocks[number, ELEMENT])
    while element > 0:
        found.append(NAMES[page.elements[element, TAG]])
        element = int(page.elements[element, PARENT])
    return found


@pytest.mark.parametrize(
    ("html", "number", "expected"),
    [
        ("<div><p>a<div>b", 1, ["div", "div"]),
        ("<p>a<table><tr><td>b</table>", 1, ["td", "tr", "table"]),
        ("<table><tr><td><p>a</td><td>b", 1, ["td", "tr", "table"]),
        ("<h1>a</h2>b", 1, []),
        ("<div><b><p>a</b></p>c</div>", 1, ["div"]),
        ("<ul><li><div>a<li>b</ul>", 1, ["li", "ul"]),
        ("<table><tr><td></table>a</td>", 0, []),
        ("<div></span></p>a", 0, ["div"]),
    ],
)
def test_implied_ends(html: str, number: int, expected: list[str]) -> None:
    assert element_names(html, number) == expected


def test_what_is_hidden_and_linked_is_counted() -> None:
    page = read_page(b"<div hidden><p>a b</p></div><noscript>c</noscript><p>d <a href=x>e f</a>&nbsp;g</p>")
    assert (page.blocks[:, STATE] & HIDDEN).tolist() == [1, 1, 0]
    assert page.blocks[:, WORDS].tolist() == [2, 1, 4]
    assert page.blocks[:, LINK_WORDS].tolist() == [0, 0, 2]
    assert read_page("<p>Donau\u00ad&shy;dampf<b>\u00adschiff</b> Fahrt".encode()).blocks[:, WORDS].tolist() == [2]


PIECES = st.sampled_from(
    [
        *("<div>", "</div>", "<p>", "</p>", "<b>", "</b>", "<a href=x>", "</a>", "<table>", "<tr>", "<td>", "</table>"),
        *(
            "<ul>",
            "<li>",
            "</ul>",
            "<pre>",
            "</pre>",
            "<ruby>",
            "<rt>",
            "</ruby>",
            "<math>",
            "</math>",
            "<br>",
            "<svg>",
        ),
        *("<annotation encoding=x-tex>", "</annotation>", "<script type=math/tex>", "</script>", "<title>", "</title>"),
        *(
            "<iframe>",
            "<h1>",
            "</h2>",
            "<button>",
            "</button>",
            "<x-y hidden>",
            "</x-y>",
            "<i hidden>",
            "</i>",
            "</svg>",
        ),
        *("word", " ", "\n", "\r", "\0", "&amp;", "&nGt;", "&nbsp;", "&shy;", "é", "字", "<", "&", "<!--", "-->"),
    ]
)


@settings(max_examples=examples(300))
@given(st.lists(PIECES, max_size=60))
def test_blocks_of_any_markup(pieces: list[str]) -> None:
    """Blocks follow each other in the text, none is blank, and each element comes behind the one it is in."""
    page = read_page("".join(pieces).encode())
    end = 0
    for number, block in enumerate(page.blocks):
        assert end <= block[BEGIN] < block[FINISH] <= len(page.text)
        assert page.block_text(number).strip("\n ") != ""
        assert 0 <= block[ELEMENT] < len(page.elements)
        end = block[FINISH]
    assert all(page.elements[number, PARENT] < number for number in range(len(page.elements)))


@settings(max_examples=examples(200))
@given(st.binary(max_size=200))
def test_any_bytes(html: bytes) -> None:
    read_page(html)


@settings(max_examples=examples(100))
@given(
    st.lists(
        st.text(st.characters(exclude_characters="<&\0\r\xa0", exclude_categories=["Cs"]), max_size=20), max_size=8
    )
)
def test_no_character_of_plain_text_is_lost(texts: list[str]) -> None:
    """White space of HTML becomes one space, soft hyphens are left out; every other character is in its place."""
    html = "<p>".join(texts)
    texts = [text.replace("\u00ad", "") for text in texts]
    expected = [" ".join(text.replace("\f", " ").replace("\t", " ").replace("\n", " ").split(" ")) for text in texts]
    assert blocks(html) == [
        " ".join(text.split(" ")).strip(" ") for text in map(_collapsed, expected) if text.strip(" ")
    ]


@pytest.mark.parametrize(
    ("html", "texts"),
    [
        (r"<div>$\begingroup$<p>Is $83$ prime?</p>$\endgroup$</div>", ["Is $83$ prime?"]),
        (r"<li> $\begingroup$ <b>It is.</b> $\endgroup$ &ndash; <a>me</a>", ["It is. – me"]),
        (r"<p>a$\begingroup$b", ["ab"]),
        (r"<p>$\begingroup$$\endgroup$<p>$\endgroup", [r"$\endgroup"]),
        (r"<p>$\begin{x}$ \begingroup$ $\begingroup", [r"$\begin{x}$ \begingroup$ $\begingroup"]),
        (r"<pre>$\begingroup$</pre>", [r"$\begingroup$"]),
        (r"<div>\$\begingroup\$<p>A diode at \$0.7\$ V. \$\endgroup\$</div>", [r"A diode at \$0.7\$ V."]),
        (r"<p>\$\begingroup \$\endgroup\\", [r"\$\begingroup \$\endgroup\\"]),
    ],
)
def test_formulas_that_show_nothing_are_no_text(html: str, texts: list[str]) -> None:
    """Whole ones; what is preformatted stays as it is."""
    assert blocks(html) == texts


def _collapsed(text: str) -> str:
    return " ".join(part for part in text.split(" ") if part)


HOSTILE = (
    *(
        b"<div>",
        b"<b>",
        b"<b><p>",
        b"<table>",
        b"<a>",
        b"<div><span>x",
        b"<svg><title>",
        b"<iframe>",
        b"<script>",
        b"<!--",
    ),
    *(
        b"<ruby><rt>",
        b"<math><annotation>",
        b"<h1><h2>x",
        b"</h1>",
        b"<li>x",
        b"<title>",
        b"&",
        b"<p>x</b>",
        b'<a href="',
    ),
)


def test_deep_and_unclosed_pages_take_linear_time() -> None:
    assert slowest(20_000) < 10


@pytest.mark.slow
def test_a_million_of_everything() -> None:
    assert slowest(1_000_000) < 120
    page = read_page(b"<p " + b"a=b " * 10_000_000 + b">x")
    assert page.block_text(0) == "x"


def slowest(times: int) -> float:
    """Seconds of the slowest page; far more than any takes, and far less than quadratic ones would."""
    most = 0.0
    for piece in HOSTILE:
        started = time.monotonic()
        read_page(piece * times + b"<p>end")
        most = max(most, time.monotonic() - started)
    return most


def test_tags_of_many_attributes_are_read_whole() -> None:
    """What the token's table of attributes does not hold is read again."""
    for count in (30, 31, 32, 33, 90):
        many = "".join(f" data-{n}='>{n}'" for n in range(count))
        page = read_page(f"<div{many} class=told hidden>text</div>".encode())
        few = read_page(b"<div class=told hidden>text</div>")
        assert page.labels.tolist() == few.labels.tolist() != []
        assert page.elements[1, SAID] == few.elements[1, SAID] == NOT_SHOWN
        assert page.block_text(0) == "text"


def test_no_page_has_more_text_than_its_arrays_hold() -> None:
    """The references that grow, NUL, parentheses of `<rt>` and line ends are the most that bytes of a page become."""
    for piece in ("&nGt;", "&acE;", "\0", "<ruby>x<rt>y", "a<br>", "x<rt>", "&#0;", "a b"):
        html = (piece * 3000).encode()
        assert len(read_page(html).text) <= len(html) + len(html) // 4 + 2 * html.count(0)
    growth = max(len(value.encode()) / len(f"&{name}".encode()) for name, value in html5.items())
    assert growth <= 1.25
