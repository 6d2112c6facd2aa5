"""Formulas of pages as TeX, however a page writes or draws them."""

import pytest
from gristmill.filters.html.formulas import MAX_FORMULA_BYTES
from gristmill.filters.html.fragment import fragment_markdown
from gristmill.filters.html.page import read_page
from hypothesis import given
from hypothesis import strategies as st

DRAWN = "<mrow><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></mrow>"
TEX = "<annotation encoding='application/x-tex'>E=mc^2</annotation>"


def blocks(html: str) -> list[str]:
    page = read_page(html.encode())
    return [page.block_text(number) for number in range(len(page.blocks))]


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        (f"a <math>{DRAWN}</math>, b", "a $E = mc^{2}$, b"),
        (f"a <math display=block>{DRAWN}</math> b", "a $$E = mc^{2}$$ b"),
        ("<MATH><MFRAC><MI>&alpha;</MI><MN>2</MN></MFRAC></MATH>", "$\\frac{\\alpha}{2}$"),
        ("a <math><mi>x</mi><mspace width=2em /><mo>&lt;</mo><mi>y</mi></math> b", "a $x\\quad < y$ b"),
        # pages that are XHTML
        ("a <m:math><m:msup><m:mi>c</m:mi><m:mn>2</m:mn></m:msup></m:math> b", "a $c^{2}$ b"),
        (f"a <mml:math><mml:mi>E</mml:mi>{TEX.replace('annotation', 'mml:annotation')}</mml:math> b", "a $E=mc^2$ b"),
        # of several annotations the first that is TeX: LaTeXML writes two that end in the same words
        (
            f"<math><semantics>{DRAWN}<annotation-xml><apply><eq/><ci>E</ci></apply></annotation-xml>{TEX}"
            "<annotation encoding='application/x-llamapun'>italic_E = italic_m</annotation></semantics></math>, b",
            "$E=mc^2$, b",
        ),
        (f"<math><semantics>{DRAWN}<annotation encoding='LaTeX'>E</annotation>{TEX}</semantics></math> b", "$E$ b"),
        (
            f"<math><semantics>{DRAWN}<annotation encoding='text/plain'>E is</annotation></semantics></math>",
            "$E = mc^{2}$",
        ),
        # LaTeXML without annotations keeps the source in alttext; elsewhere that is what is read aloud
        (f"<math class=ltx_Math alttext='E=m\\,c^{{2}}'>{DRAWN}</math>", "$E=m\\,c^{2}$"),
        (f"<math alttext='E is m c squared'>{DRAWN}</math>", "$E = mc^{2}$"),
        # MathJax 3: what is drawn has no text, what is read aloud is MathML
        (
            "a <mjx-container class='MathJax CtxtMenu_Attached_0' jax=SVG><svg><g></g></svg><mjx-math class=MJX-TEX>E"
            f"</mjx-math><mjx-assistive-mml display=block><math display=block>{DRAWN}</math></mjx-assistive-mml>"
            "</mjx-container>, b",
            "a $$E = mc^{2}$$, b",
        ),
        # MathJax 2: the source stands in a script, and what is read aloud is not read twice
        (
            f"<span class=MathJax><nobr>E=mc2</nobr><span class=MJX_Assistive_MathML><math>{DRAWN}</math></span></span>"
            "<script type='math/tex'>E=mc^2</script> b",
            "$E=mc^2$ b",
        ),
        # Wikipedia hides the MathML and shows an image of it
        (
            f"<span style='display: none'><math><semantics>{DRAWN}{TEX}</semantics></math></span>"
            "<img class='mwe-math-fallback-image-inline' aria-hidden=true alt='E=mc^2'> b",
            "$E=mc^2$ b",
        ),
        (
            f"<math><semantics>{DRAWN}{TEX}</semantics></math></span><img class='mwe-math-fallback tex' alt='E=mc^2'> b",
            "$E=mc^2$ b",
        ),
        # what is not shown stays unshown
        (f"a<span hidden><math>{DRAWN}</math></span>b", "ab"),
        # images of formulas
        ("a <img class=latex alt='E=mc^2' src=/e.png> b", "a $E=mc^2$ b"),
        ("a <img src='https://s0.wp.com/latex.php?latex=x%5E2&bg=fff' alt='x^2' title='x^2'> b", "a $x^2$ b"),
        (
            "a <img src='https://latex.codecogs.com/gif.latex?%5Cfrac%7B1%7D%7B2%7D&space;x' alt=equation>",
            "a $\\frac{1}{2} x$",
        ),
        (
            "<img class='ql-img-displayed-equation quicklatex-auto-format' alt='&#92;&#91;x&lt;1&#92;&#93;' src=q.png>",
            "$$x<1$$",
        ),
        ("a <img src=/cgi-bin/mathtex.cgi?\\pi> b", "a $\\pi$ b"),
        ("a <img alt=x^2 class=tex> b <img alt=y class='a tex'/>", "a $x^2$ b $y$"),
        ("a <img class=tex alt='' src=t.png> b", "a b"),
        ("<img class=tex alt='&lt;br /&gt; x\\\\&lt;br /&gt;'> <img class=tex alt=y hidden> b", "$x\\\\$ b"),
        # images that have the word in their address or classes are no formulas
        ("a <img src=latex-gloves.jpg alt='Blue latex gloves'> b", "a b"),
        ("a <img class=tex src=stone.jpg alt='A texture of stone'> b", "a b"),
        (
            '<math><msup><mi>f</mi><mo>′</mo></msup><mtext>it\'s "so" &amp; $</mtext></math>',
            "$f'\\text{it's \"so\" \\& \\$}$",
        ),
        ("a <img class='text-center latex-box' src=x.jpg alt='A box'> b", "a b"),
    ],
)
def test_formulas_are_written_as_tex(html: str, markdown: str) -> None:
    assert fragment_markdown(html) == markdown


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            "<p>a <math><mi>x</mi> <p>b</math></p> c",
            ["a x", "b", "c"],
        ),  # a formula that is never ended takes no paragraph
        ("<p>a <math><mi>x</mi><p>b", ["a x", "b"]),
        ("<!-- <math><mi>x</mi></math> --><p>a<script>'<math><mi>x</mi></math>'</script>", ["a"]),
        ("<math></math><math><mspace/></math>a", ["a"]),
        ("<math><mi>x</mi></math></math><math><mi>y</mi></math>", ["xy"]),
    ],
)
def test_what_is_around_formulas_stays(html: str, expected: list[str]) -> None:
    assert blocks(html) == expected


def test_a_formula_longer_than_is_looked_at_stays_as_its_characters() -> None:
    for count, last in ((100, "x^{2}"), (MAX_FORMULA_BYTES // 10, "x2")):
        html = f"<math>{'<mi>y</mi>' * count}<msup><mi>x</mi><mn>2</mn></msup></math>"
        assert blocks(html) == ["y" * count + last]


_PIECES = (
    *("<math>", "</math>", "<m:math>", "<mi>", "</mi>", "<mrow>", "</mrow>", "<msup>", "</msup>", "<p>", "</p>", "<b>"),
    *("<annotation encoding=TeX>", "<annotation>", "</annotation>", "<semantics>", "<mjx-container class=MathJax>"),
    *(
        "</mjx-container>",
        "<img class=tex alt='q'>",
        "<span hidden>",
        "</span>",
        "<script>",
        "</script>",
        "a",
        "&amp;",
        "<",
    ),
)


@given(st.lists(st.sampled_from(_PIECES), max_size=30))
def test_text_outside_of_formulas_is_not_changed(pieces: list[str]) -> None:
    """Words around anything that looks like a formula are those around the same without any."""
    html = (
        "<div>before</div><div>" + "".join(pieces) + "</div></math></annotation></script></span></p><div>behind</div>"
    )
    found = blocks(html)
    assert found[0] == "before"
    assert "behind" in found[-1] or any(piece in ("<span hidden>", "<script>") for piece in pieces)
