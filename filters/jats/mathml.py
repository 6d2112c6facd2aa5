"""MathML as LaTeX: presentation markup as articles use it, and the LaTeX that an annotation or `tex-math` already holds."""

import re
from collections.abc import Callable

from gristmill.filters.safe_xml import local_name, text_of
from lxml import etree

_SYMBOL_TABLE = r"""
α \alpha   β \beta   γ \gamma   δ \delta   ε \epsilon   ϵ \epsilon   ζ \zeta   η \eta   θ \theta   ϑ \vartheta
ι \iota   κ \kappa   λ \lambda   μ \mu   µ \mu   ν \nu   ξ \xi   π \pi   ρ \rho   σ \sigma   ς \varsigma
τ \tau   υ \upsilon   φ \phi   ϕ \phi   χ \chi   ψ \psi   ω \omega   Γ \Gamma   Δ \Delta   ∆ \Delta   Θ \Theta
Λ \Lambda   Ξ \Xi   Π \Pi   Σ \Sigma   Φ \Phi   Ψ \Psi   Ω \Omega   ∑ \sum   ∏ \prod   ∫ \int   ∬ \iint
∮ \oint   ∂ \partial   ∇ \nabla   √ \surd   ∞ \infty   ∈ \in   ∉ \notin   ∋ \ni   ⊂ \subset   ⊆ \subseteq
⊃ \supset   ∪ \cup   ∩ \cap   ∅ \emptyset   ∀ \forall   ∃ \exists   ¬ \neg   ∧ \wedge   ∨ \vee   ≤ \leq
⩽ \leq   ≥ \geq   ⩾ \geq   ≠ \neq   ≈ \approx   ≃ \simeq   ≅ \cong   ∼ \sim   ≡ \equiv   ∝ \propto   ≪ \ll
≫ \gg   ± \pm   ∓ \mp   × \times   ÷ \div   ⋅ \cdot   · \cdot   ∘ \circ   ∗ *   − -   ⊗ \otimes   ⊕ \oplus
→ \to   ← \leftarrow   ↔ \leftrightarrow   ⇒ \Rightarrow   ⇔ \Leftrightarrow   ↦ \mapsto   ⟨ \langle
⟩ \rangle   〈 \langle   〉 \rangle   ⌊ \lfloor   ⌋ \rfloor   ⌈ \lceil   ⌉ \rceil   … \ldots   ⋯ \cdots
⋮ \vdots   ⋱ \ddots   ′ '   ″ ''   ℓ \ell   ℏ \hbar   ℝ \mathbb{R}   ℕ \mathbb{N}   ℤ \mathbb{Z}   ℂ \mathbb{C}
ℚ \mathbb{Q}   ⊥ \perp   ∥ \parallel   ∠ \angle   ° ^\circ   % \%   # \#   & \&   { \{   } \}   _ \_   $ \$
"""
_SYMBOLS = dict(zip(_SYMBOL_TABLE.split()[::2], _SYMBOL_TABLE.split()[1::2], strict=True)) | {"‖": "\\|"}
_NOTHING = {"\u2061", "\u2062", "\u2063", "\u2064", "\u200b", "\ufeff"}
_FUNCTION_NAMES = """
sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp lim max min sup inf
det dim ker gcd Pr arg
"""
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_ACCENTS = {
    "¯": "\\bar", "‾": "\\bar", "_": "\\bar", "^": "\\hat", "ˆ": "\\hat", "~": "\\tilde", "˜": "\\tilde", "∼": "\\tilde",
    "→": "\\vec", "\u20d7": "\\vec",
    "˙": "\\dot", ".": "\\dot", "¨": "\\ddot", "ˇ": "\\check", "⏞": "\\overbrace", "\u0302": "\\hat", "\u0304": "\\bar",
}  # fmt: skip
_VARIANTS = {
    "bold": "\\mathbf", "double-struck": "\\mathbb", "script": "\\mathcal", "fraktur": "\\mathfrak",
    "bold-italic": "\\boldsymbol", "sans-serif": "\\mathsf", "monospace": "\\mathtt",
}  # fmt: skip
_TEX_BEGIN, _TEX_END = "\\begin{document}", "\\end{document}"
_DELIMITERS = re.compile(
    r"(?:\$\$?|\\\[|\\\(|\\begin\{(?:equation|displaymath|math)\*?\}) ?"
    r"(.*?) ?(?:\$\$?|\\\]|\\\)|\\end\{(?:equation|displaymath|math)\*?\})$"
)
_SPACES = re.compile(r"\s+")
_COMMAND_END = re.compile(r"\\[A-Za-z]+$")
MAX_DEPTH = 60


def latex_of_tex_math(text: str) -> str:
    """The formula in a `tex-math` element, which often holds a whole document with preamble."""
    begin = text.find(_TEX_BEGIN)
    end = text.find(_TEX_END, begin) if begin >= 0 else -1
    if end >= 0:
        text = text[begin + len(_TEX_BEGIN) : end]
    text = _SPACES.sub(" ", text).strip()  # first: at a run of spaces the delimiters would be tried at every place
    found = _DELIMITERS.match(text)
    return found[1] if found else text


def latex_of_mathml(element: etree._Element) -> str:
    """A `math` element as LaTeX without dollars; characters that have no command stay as they are.

    Of a formula nested deeper than MAX_DEPTH elements only the characters are left.
    """
    latex = _escaped(text_of(element)) if _depth(element) > MAX_DEPTH else _latex(element)
    return _SPACES.sub(" ", latex).strip()


def _depth(element: etree._Element) -> int:
    """How many elements lie within each other at most, the given one counted."""
    depth = deepest = 0
    for event, _ in etree.iterwalk(element, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _latex(element: etree._Element) -> str:
    name = local_name(element)
    if name in _WRITERS:
        return _WRITERS[name](element)
    if name in ("annotation", "annotation-xml", "mphantom", "none", "mprescripts", ""):
        return ""
    return _row(element)


def _row(element: etree._Element) -> str:
    return _joined([_latex(child) for child in element])


def _joined(parts: list[str]) -> str:
    """Parts side by side, a space where a command would run into a letter."""
    out: list[str] = []
    for part in parts:
        if not part:
            continue
        if out and part[:1].isalpha() and _COMMAND_END.search(out[-1][-40:]):
            out.append(" ")
        out.append(part)
    return "".join(out)


def _text(element: etree._Element) -> str:
    return text_of(element).strip()


def _escaped(text: str) -> str:
    return _joined([_SYMBOLS.get(character, character) for character in text if character not in _NOTHING])


def _identifier(element: etree._Element) -> str:
    text = _text(element)
    if text in _FUNCTIONS:
        return "\\" + text
    written = _escaped(text)
    variant = _VARIANTS.get(element.get("mathvariant") or "")
    if variant and written:
        return f"{variant}{{{written}}}"
    if len(text) > 1 and text.isalpha() and text.isascii():
        return f"\\mathrm{{{written}}}"
    return written


def _operator(element: etree._Element) -> str:
    text = _text(element)
    if text in _FUNCTIONS:
        return "\\" + text
    if len(text) > 2 and text.isalpha():
        return f"\\operatorname{{{text}}}"
    written = _escaped(text)
    return f" {written} " if text and text in "=<>≤≥≠≈≡+−±×→∈⇒∼" else written


def _words(element: etree._Element) -> str:
    text = text_of(element)
    return f"\\text{{{text}}}" if text.strip() else " "


def _children(element: etree._Element) -> list[str]:
    return [_latex(child) for child in element if isinstance(child.tag, str)]


def _group(latex: str) -> str:
    return f"{{{latex.strip()}}}"


def _base(latex: str) -> str:
    latex = latex.strip()
    return latex if len(latex) <= 1 or re.fullmatch(r"\\[A-Za-z]+|\\math[a-z]+\{[^{}]*\}", latex) else f"{{{latex}}}"


def _fraction(element: etree._Element) -> str:
    parts = _children(element)
    return f"\\frac{_group(parts[0])}{_group(parts[1])}" if len(parts) == 2 else "".join(parts)


def _root(element: etree._Element) -> str:
    parts = _children(element)
    return f"\\sqrt[{parts[1].strip()}]{_group(parts[0])}" if len(parts) == 2 else f"\\sqrt{_group(''.join(parts))}"


def _scripts(marks: str) -> Callable[[etree._Element], str]:
    def write(element: etree._Element) -> str:
        parts = _children(element)
        if len(parts) != len(marks) + 1:
            return "".join(parts)
        written = [mark + _group(part) for mark, part in zip(marks, parts[1:], strict=True) if part.strip()]
        return _base(parts[0]) + "".join(written)

    return write


def _over(element: etree._Element) -> str:
    children = [child for child in element if isinstance(child.tag, str)]
    if len(children) != 2:
        return _row(element)
    accent = _ACCENTS.get(_text(children[1]))
    base = _latex(children[0])
    if accent:
        return f"{accent}{_group(base)}"
    if base.strip() in ("\\sum", "\\prod", "\\int", "\\lim"):
        return f"{base.strip()}^{_group(_latex(children[1]))}"
    return f"\\overset{_group(_latex(children[1]))}{_group(base)}"


def _under(element: etree._Element) -> str:
    parts = _children(element)
    if len(parts) != 2:
        return "".join(parts)
    base = parts[0].strip()
    if base.startswith("\\"):
        return f"{base}_{_group(parts[1])}"
    return f"\\underset{_group(parts[1])}{_group(base)}"


def _fenced(element: etree._Element) -> str:
    separator = (element.get("separators") or ",")[:1]
    opened, closed = element.get("open", "("), element.get("close", ")")
    sides = [_escaped(side) or "." for side in (opened, closed)]
    return f"\\left{sides[0]} {separator.join(_children(element))} \\right{sides[1]}"


def _table(element: etree._Element) -> str:
    rows = [
        " & ".join(_row(cell).strip() for cell in row if local_name(cell) == "mtd")
        for row in element
        if local_name(row) in ("mtr", "mlabeledtr")
    ]
    return "\\begin{matrix} " + " \\\\ ".join(rows) + " \\end{matrix}"


def _semantics(element: etree._Element) -> str:
    for child in element:
        if local_name(child) == "annotation" and "tex" in (child.get("encoding") or "").lower():
            return latex_of_tex_math(_text(child))
    return next((_latex(child) for child in element if isinstance(child.tag, str)), "")


_WRITERS: dict[str, Callable[[etree._Element], str]] = {
    "mi": _identifier,
    "mn": lambda element: _escaped(_text(element)),
    "mo": _operator,
    "mtext": _words,
    "ms": _words,
    "mspace": lambda element: " ",
    "mfrac": _fraction,
    "msqrt": lambda element: f"\\sqrt{_group(_row(element))}",
    "mroot": _root,
    "msup": _scripts("^"),
    "msub": _scripts("_"),
    "msubsup": _scripts("_^"),
    "munderover": _scripts("_^"),
    "mover": _over,
    "munder": _under,
    "mfenced": _fenced,
    "mtable": _table,
    "semantics": _semantics,
}
