"""Characters of formulas and their LaTeX commands. What no table names stays as it is: LaTeX of today reads Unicode."""

import re
import unicodedata
from functools import cache

# Relations, arrows and operators between two things: spaces stand around them.
_BETWEEN = r"""
= =   < <   > >   + +   - -   − -   ± \pm   ∓ \mp   × \times   ÷ \div   ⋅ \cdot   · \cdot   ∘ \circ   ∗ *   ⋆ \star
∙ \bullet   • \bullet   ⊕ \oplus   ⊖ \ominus   ⊗ \otimes   ⊘ \oslash   ⊙ \odot   ∪ \cup   ∩ \cap   ⊎ \uplus   ⊔ \sqcup
⊓ \sqcap   ∖ \setminus   ⧵ \setminus   ∧ \wedge   ∨ \vee   † \dagger   ‡ \ddagger   ≤ \leq   ⩽ \leqslant   ≦ \leqq
≥ \geq   ⩾ \geqslant   ≧ \geqq   ≠ \neq   ≈ \approx   ≃ \simeq   ≅ \cong   ∼ \sim   ∽ \backsim   ≡ \equiv   ≢ \not\equiv
∝ \propto   ≪ \ll   ≫ \gg   ≲ \lesssim   ≳ \gtrsim   ≐ \doteq   ≔ :=   ≕ =:   ≜ \triangleq   ≍ \asymp   ≺ \prec   ≻ \succ
⪯ \preceq   ⪰ \succeq   ≼ \preceq   ≽ \succeq   ∈ \in   ∉ \notin   ∋ \ni   ⊂ \subset   ⊃ \supset   ⊆ \subseteq
⊇ \supseteq   ⊊ \subsetneq   ⊋ \supsetneq   ⊄ \not\subset   ⊈ \nsubseteq   ⊑ \sqsubseteq   ⊒ \sqsupseteq   ∤ \nmid
⊥ \perp   ⟂ \perp   ⊢ \vdash   ⊣ \dashv   ⊨ \models   ⊩ \Vdash   ∴ \therefore   ∵ \because   ⋈ \bowtie   → \to
⟶ \longrightarrow   ← \leftarrow   ⟵ \longleftarrow   ↔ \leftrightarrow   ⟷ \longleftrightarrow   ⇒ \Rightarrow
⟹ \implies   ⇐ \Leftarrow   ⟸ \impliedby   ⇔ \Leftrightarrow   ⟺ \iff   ↦ \mapsto   ⟼ \longmapsto   ↪ \hookrightarrow
↩ \hookleftarrow   ↣ \rightarrowtail   ↠ \twoheadrightarrow   ⤳ \leadsto   ⇀ \rightharpoonup   ⇌ \rightleftharpoons
⇄ \rightleftarrows   ⇝ \rightsquigarrow   ↗ \nearrow   ↘ \searrow   ↙ \swarrow   ↖ \nwarrow   ≮ \nless   ≯ \ngtr   ≰ \nleq
≱ \ngeq   ≉ \not\approx   ≁ \nsim   ⊲ \triangleleft   ⊳ \triangleright   ⊴ \trianglelefteq   ⊵ \trianglerighteq   ∶ :
~ \sim   ⊧ \models
"""
# Operators whose limits stand above and below.
_LARGE = r"""
∑ \sum   ∏ \prod   ∐ \coprod   ∫ \int   ∬ \iint   ∭ \iiint   ∮ \oint   ⋃ \bigcup   ⋂ \bigcap   ⨁ \bigoplus   ⨂ \bigotimes
⨀ \bigodot   ⨄ \biguplus   ⨆ \bigsqcup   ⋁ \bigvee   ⋀ \bigwedge
"""
_OTHERS = r"""
α \alpha   β \beta   γ \gamma   δ \delta   ε \varepsilon   ϵ \epsilon   ζ \zeta   η \eta   θ \theta   ϑ \vartheta   ι \iota
κ \kappa   ϰ \varkappa   λ \lambda   μ \mu   µ \mu   ν \nu   ξ \xi   π \pi   ϖ \varpi   ρ \rho   ϱ \varrho   σ \sigma
ς \varsigma   τ \tau   υ \upsilon   φ \varphi   ϕ \phi   χ \chi   ψ \psi   ω \omega   Γ \Gamma   Δ \Delta   ∆ \Delta
Θ \Theta   Λ \Lambda   Ξ \Xi   Π \Pi   Σ \Sigma   Υ \Upsilon   Φ \Phi   Ψ \Psi   Ω \Omega   ∂ \partial   ∇ \nabla   √ \surd
∞ \infty   ∅ \emptyset   ⌀ \varnothing   ∀ \forall   ∃ \exists   ∄ \nexists   ¬ \neg   ⊤ \top   ⟨ \langle   ⟩ \rangle
〈 \langle   〉 \rangle   ⌊ \lfloor   ⌋ \rfloor   ⌈ \lceil   ⌉ \rceil   … \ldots   ⋯ \cdots   ⋮ \vdots   ⋱ \ddots   ′ '
″ ''   ‴ '''   ⁗ ''''   ℓ \ell   ℏ \hbar   ħ \hbar   ℘ \wp   ℜ \Re   ℑ \Im   ℵ \aleph   ℶ \beth   ∠ \angle   ° ^\circ
∥ \|   ‖ \|   ∣ |   ↑ \uparrow   ↓ \downarrow   ↕ \updownarrow   ⇑ \Uparrow   ⇓ \Downarrow   □ \square   ◻ \Box   △ \triangle
◊ \lozenge   ♯ \sharp   ♭ \flat   ♮ \natural   ı \imath   ȷ \jmath   % \%   # \#   & \&
{ \{   } \}   _ \_   $ \$   \ \backslash   ^ \text{\textasciicircum}   ℧ \mho   ⋄ \diamond   ∔ \dotplus   ≀ \wr   ⨯ \times
"""


def _table(pairs: str) -> dict[str, str]:
    words = pairs.split()
    return dict(zip(words[::2], words[1::2], strict=True))


BETWEEN, LARGE = _table(_BETWEEN), _table(_LARGE)
_COMMANDS = BETWEEN | LARGE | _table(_OTHERS)
# Invisible operators, joiners and marks of how a character is drawn.
_UNSEEN = re.compile("[\u2061-\u2064\u200b\u2060\ufeff\ufe00-\ufe0f]")
_FUNCTION_NAMES = """
sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth log ln lg exp lim limsup liminf max min sup inf
det dim ker gcd Pr arg deg hom
"""
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
# The name of a style in Unicode, longest first: MATHEMATICAL BOLD ITALIC SMALL A.
_STYLES = (
    ("SANS-SERIF", "\\mathsf"),
    ("MONOSPACE", "\\mathtt"),
    ("DOUBLE-STRUCK", "\\mathbb"),
    ("FRAKTUR", "\\mathfrak"),
    ("BLACK-LETTER", "\\mathfrak"),
    ("SCRIPT", "\\mathcal"),
    ("BOLD ITALIC", "\\boldsymbol"),
    ("BOLD", "\\mathbf"),
    ("ITALIC", ""),
)
_TEXT_MARKS = str.maketrans(
    {
        **{mark: "\\" + mark for mark in "%#&{}_$"},
        "\\": "\\textbackslash{}",
        "^": "\\textasciicircum{}",
        "~": "\\textasciitilde{}",
    }
)
_COMMAND_END = re.compile(r"\\[A-Za-z]+$")
_UPRIGHT = re.compile(r"(\\math(?:rm|sf|tt)\{)([A-Za-z]+)\}")


def seen(text: str) -> str:
    """Text of a formula composed (NFC), without characters that are not seen, spaces of all kinds as one."""
    return " ".join(without_unseen(unicodedata.normalize("NFC", text)).split())


def without_unseen(text: str) -> str:
    """Text without operators and joiners that are not seen."""
    return _UNSEEN.sub("", text)


@cache
def command_of(character: str) -> str:
    """A character as LaTeX of a formula.

    >>> command_of("α"), command_of("𝐱"), command_of("ℝ"), command_of("x")
    ('\\\\alpha', '\\\\mathbf{x}', '\\\\mathbb{R}', 'x')
    """
    if character in _COMMANDS:
        return _COMMANDS[character]
    if character < "\u2100":
        return character
    letter, name = unicodedata.normalize("NFKC", character), unicodedata.name(character, "")
    if letter == character or len(letter) > 1:
        return character
    for style, command in _STYLES:
        if style in name:
            written = _COMMANDS.get(letter, letter)
            return f"{command}{{{written}}}" if command else written
    return character


def joined(parts: list[str]) -> str:
    """Parts side by side, a space where a command would run into a letter, letters of one upright style as a word."""
    out: list[str] = []
    style = ""  # of the word that was written last
    for part in parts:
        if not part:
            continue
        upright = _UPRIGHT.fullmatch(part)
        if upright and upright[1] == style:
            out[-1] = out[-1][:-1] + upright[2] + "}"
        elif out and part[0].isalpha() and _COMMAND_END.search(out[-1][-40:]):
            out += " ", part
        elif upright:
            out += upright[1], upright[2] + "}"
        else:
            out.append(part)
        style = upright[1] if upright else ""
    return "".join(out)


def commands_of(text: str) -> str:
    """The characters of a text as LaTeX of a formula."""
    return joined([command_of(character) for character in text])


def text_command(text: str) -> str:
    """Words in a formula."""
    return f"\\text{{{text.translate(_TEXT_MARKS)}}}"
