"""MathML as LaTeX, and LaTeX out of what documents put around it."""

import re

import pytest
from gristmill.filters.formulas.mathml import latex_of_mathml
from gristmill.filters.formulas.nodes import Node, text_of
from gristmill.filters.formulas.tex import formula_in
from gristmill.filters.jats.formula import node_of
from gristmill.filters.safe_xml import parse_xml
from hypothesis import given
from hypothesis import strategies as st


def latex_of(mathml: str) -> str:
    root = parse_xml(f"<math xmlns='http://www.w3.org/1998/Math/MathML'>{mathml}</math>".encode())
    assert root is not None
    return latex_of_mathml(node_of(root))


@pytest.mark.parametrize(
    ("mathml", "latex"),
    [
        ("<mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac>", "\\frac{a}{b + 1}"),
        ("<msup><mi>x</mi><mn>2</mn></msup><mo>≤</mo><mi>α</mi><mi>y</mi>", "x^{2} \\leq \\alpha y"),
        ("<msubsup><mi>σ</mi><mi>i</mi><mn>2</mn></msubsup>", "\\sigma_{i}^{2}"),
        (
            "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><mi>i</mi>",
            "\\sum_{i = 1}^{n}i",
        ),
        ("<msqrt><mi>x</mi></msqrt><mroot><mi>y</mi><mn>3</mn></mroot>", "\\sqrt{x}\\sqrt[3]{y}"),
        ("<mover><mi>x</mi><mo>¯</mo></mover><mover><mi>v</mi><mo>→</mo></mover>", "\\bar{x}\\vec{v}"),
        ("<mfenced open='[' close=''><mi>a</mi><mi>b</mi></mfenced>", "\\left[ a,b \\right."),
        (
            "<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr></mtable>",
            "\\begin{matrix} 1 & 0 \\end{matrix}",
        ),
        ("<mi>sin</mi><mi>x</mi><mo>,</mo><mi>max</mi><mi mathvariant='bold'>A</mi>", "\\sin x,\\max\\mathbf{A}"),
        ("<mo>‖</mo><mi>x</mi><mo>‖</mo>", "\\|x\\|"),
        ("<semantics><mi>q</mi><annotation encoding='application/x-tex'>Q_1</annotation></semantics>", "Q_1"),
        ("<mtext>if so</mtext><mspace/><mn>50</mn><mo>%</mo>", "\\text{if so} 50\\%"),
        ("<munknown><mi>z</mi></munknown>", "z"),
        # what stands around a table or a fraction without line says what it is
        (
            "<mo>(</mo><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd><mn>0</mn></mtd>"
            "<mtd><mn>1</mn></mtd></mtr></mtable><mo>)</mo>",
            "\\begin{pmatrix} 1 & 0 \\\\ 0 & 1 \\end{pmatrix}",
        ),
        (
            "<mfenced open='|' close='|'><mtable><mtr><mtd><mi>a</mi></mtd></mtr></mtable></mfenced>",
            "\\begin{vmatrix} a \\end{vmatrix}",
        ),
        (
            "<mrow><mo>{</mo><mstyle><mtable><mtr><mtd><mi>a</mi></mtd></mtr></mtable></mstyle><mo></mo></mrow>",
            "\\begin{cases} a \\end{cases}",
        ),
        (
            "<mtable columnalign='right left'><mlabeledtr><mtd><mtext>(1)</mtext></mtd><mtd><mi>a</mi></mtd><mtd><mo>=</mo>"
            "<mi>b</mi></mtd></mlabeledtr></mtable>",
            "\\begin{aligned} a & = b \\quad \\text{(1)} \\end{aligned}",
        ),
        ("<mo>(</mo><mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac><mo>)</mo>", "\\binom{n}{k}"),
        ("<mfrac linethickness='0pt'><mi>n</mi><mi>k</mi></mfrac>", "{n \\atop k}"),
        ("<mfrac linethickness='0.5pt'><mi>n</mi><mi>k</mi></mfrac>", "\\frac{n}{k}"),
        # scripts
        (
            "<mmultiscripts><mi>C</mi><mn>1</mn><none/><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>",
            "{}_{6}^{14}C_{1}",
        ),
        ("<msup><mi>f</mi><mo>′</mo></msup><msubsup><mi>x</mi><mi>i</mi><mo>″</mo></msubsup>", "f'x''_{i}"),
        ("<msup><mn>90</mn><mo>°</mo></msup>", "{90}^{\\circ}"),
        ("<msup><mrow><mi>a</mi><mi>b</mi></mrow><mn>2</mn></msup>", "{ab}^{2}"),
        (
            "<munder><mi>argmax</mi><mi>θ</mi></munder><munder><mo>lim sup</mo><mi>n</mi></munder>",
            "\\operatorname*{argmax}_{\\theta}\\limsup_{n}",
        ),
        ("<munderover><mo>→</mo><mi>a</mi><mi>b</mi></munderover>", "\\underset{a}{\\overset{b}{\\to}}"),
        (
            "<munder><mover><mrow><mi>a</mi><mi>b</mi></mrow><mo>⏞</mo></mover><mo>⏟</mo></munder>",
            "\\underbrace{\\overbrace{ab}}",
        ),
        (
            "<mover><mrow><mi>a</mi><mi>b</mi></mrow><mo>^</mo></mover><mover><mi>a</mi><mo>^</mo></mover>",
            "\\widehat{ab}\\hat{a}",
        ),
        # signs of numbers, and operators between two
        ("<mo>−</mo><mn>1</mn><mo>−</mo><mi>x</mi><mo>=</mo><mo>(</mo><mo>+</mo><mn>2</mn><mo>)</mo>", "-1 - x = (+2)"),
        ("<mi>A</mi><mo>∪</mo><mi>B</mi><mo>∖</mo><mi>C</mi><mo>|</mo><mi>D</mi>", "A \\cup B \\setminus C|D"),
        # letters in the styles of Unicode, upright words, variants that look alike
        (
            "<mi>𝐱</mi><mi>ℝ</mi><mi>𝔤</mi><mi>𝑎</mi><mi>ε</mi><mi>ϵ</mi>",
            "\\mathbf{x}\\mathbb{R}\\mathfrak{g}a\\varepsilon\\epsilon",
        ),
        (
            "<mi mathvariant='normal'>d</mi><mi mathvariant='normal'>x</mi><mi mathvariant='normal'>∞</mi>",
            "\\mathrm{dx}\\infty",
        ),
        # what is not seen, what LaTeX reads as something else
        ("<mi>f</mi><mo>&#x2061;</mo><mi>x</mi><mo>&#x2062;</mo><mi>y</mi><mtext>&#x200b;</mtext>", "fxy"),
        ("<mtext>50% of a_b &amp; c\\d</mtext>", "\\text{50\\% of a\\_b \\& c\\textbackslash{}d}"),
        (
            "<menclose notation='box'><mi>x</mi></menclose><menclose notation='updiagonalstrike'><mi>y</mi></menclose>",
            "\\boxed{x}\\cancel{y}",
        ),
        ("<mfenced open='x7B;' close='.'><mi>a</mi></mfenced>", "x7B;a."),
        ("<mo><mover><mo>=</mo><mo>!</mo></mover></mo>", "\\overset{!}{=}"),
        ("<mi>a</mi><mspace width='2em'/><mi>b</mi><mspace width='.1em'/><mi>c</mi>", "a\\quad b c"),
        ("<mi>x</mi><mtext>.</mtext><mtext>&#x2009;</mtext>", "x."),
        ("<mphantom><mi>q</mi></mphantom><maction><mi>a</mi><mi>b</mi></maction>", "a"),
    ],
)
def test_mathml(mathml: str, latex: str) -> None:
    assert latex_of(mathml) == latex


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("\\documentclass{a}\\usepackage{b}\\begin{document}$$x\n = 1$$\\end{document}", "x = 1"),
        ("\\[ y \\]", "y"),
        ("$z$", "z"),
        ("a+b", "a+b"),
    ],
)
def test_tex_math(text: str, latex: str) -> None:
    assert formula_in(text) == latex


@pytest.mark.parametrize("tag", ["msup", "mfrac", "mover", "mfenced", "msqrt"])
def test_formulas_nested_without_end_are_their_characters(tag: str) -> None:
    """Each level takes several calls, and how many are left depends on who asks; so the limit is one of levels."""
    for levels in (50, 200):
        math = f"<math>{f'<{tag}>' * levels}<mi>α</mi>{f'<mi>y</mi></{tag}>' * levels}</math>"
        root = parse_xml(math.encode())
        assert root is not None
        characters = "\\alpha " + "y" * levels
        assert (latex_of_mathml(node_of(root)) == characters) is (levels == 200)


def test_a_long_formula_is_not_cut() -> None:
    root = parse_xml(f"<math>{'<mi>x</mi>' * 60_000}</math>".encode())
    assert root is not None
    assert latex_of_mathml(node_of(root)) == "x" * 60_000


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("$" + " " * 1_000_000 + "x", "$ x"),
        ("\\[" + "a" * 1_000_000, "\\[" + "a" * 1_000_000),
        ("\\begin{document}" * 60_000, "\\begin{document}" * 60_000),
    ],
)
def test_hostile_formulas(text: str, latex: str) -> None:
    """Each of them took minutes with expressions that go back."""
    assert formula_in(text) == latex


_NAMES = (
    "mi mo mn mtext mrow mfrac msqrt mroot msup msub msubsup mover munder munderover mmultiscripts mfenced menclose mtable "
    "mtr mlabeledtr mtd mstyle unknown"
)
_EMPTY = "mprescripts none mspace"
_TEXTS = st.text(alphabet="ab1+-=({|∑→αx′°%_\\ \u2062𝐱", min_size=0, max_size=3)
_FENCES = st.sampled_from(["", "(", "]", "{", "|", "∥", "x"])
_NODES = st.recursive(
    st.builds(lambda name, text: Node(name, {}, [text]), st.sampled_from(["mi", "mo", "mn", "mtext"]), _TEXTS)
    | st.builds(Node, st.sampled_from(_EMPTY.split())),
    lambda inside: st.builds(
        Node,
        st.sampled_from(_NAMES.split()),
        st.fixed_dictionaries({}, optional={"open": _FENCES, "close": _FENCES, "linethickness": st.just("0")}),
        st.lists(inside, max_size=4),
    ),
    max_leaves=25,
)


@given(_NODES)
def test_any_tree_gives_latex_in_which_everything_is_closed(node: Node) -> None:
    latex = latex_of_mathml(Node("math", {}, [node]))
    bare = re.sub(r"\\[\\{}]", "", latex)
    assert bare.count("{") == bare.count("}")
    assert len(re.findall(r"\\left(?![a-z])", latex)) == len(re.findall(r"\\right(?![a-z])", latex))
    assert len(re.findall(r"\\begin\{(\w+)\}", latex)) == len(re.findall(r"\\end\{(\w+)\}", latex))


@given(_NODES)
def test_no_digit_is_lost(node: Node) -> None:
    assert latex_of_mathml(Node("math", {}, [node])).count("1") == text_of(node).count("1")
