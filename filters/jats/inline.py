"""Inline elements of JATS as text on one line: scripts, formulas as LaTeX, numbers that cite left out."""

import re
from collections import Counter
from collections.abc import Iterator

from gristmill.filters.formulas.mathml import latex_of_mathml
from gristmill.filters.formulas.tex import formula_in
from gristmill.filters.jats.formula import node_of
from gristmill.filters.safe_xml import local_name, text_of
from gristmill.filters.text.raised import lowered, raised
from gristmill.filters.text.soft_hyphens import without_soft_hyphens
from lxml import etree

_SPACES = re.compile(r"[ \t\r\n\u00a0]+")
_SPACE_BEFORE = re.compile(r" +([,.;:)\]])")
_CITED = "\ufdd0"  # stands where a number that cites was; no character, so that no text has it
_BRACKETED = re.compile(r" ?[\[(](?:[\s,;–\ufdd0-]|and|et al\.)*[\])]")
_LEFT_OUT_NAMES = """
ref-list ack fn-group notes bio author-notes supplementary-material media object-id graphic inline-graphic label
permissions contrib-group aff funding-group processing-meta attrib floats-wrap
"""
LEFT_OUT = frozenset(_LEFT_OUT_NAMES.split())
_INLINE_NAMES = """
bold italic sup sub sc underline overline strike monospace roman sans-serif styled-content xref ext-link uri email
named-content inline-formula math tex-math abbrev milestone-start fn milestone-end break inline-graphic private-char
chem-struct inline-supplementary-material related-article related-object institution target term fixed-case ruby rb
rt string-name year source x hr
"""
INLINE = frozenset(_INLINE_NAMES.split())


class InlineWriter:
    """Inline elements as text. left_out: characters that are not in it, by the element that holds them."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()

    def leave_out(self, element: etree._Element, name: str = "") -> None:
        self.left_out[name or local_name(element)] += len(text_of(element))

    def inline(self, element: etree._Element) -> str:
        """The text of an element and what is in it, on one line."""
        return tidied("".join(self._inner(element)))

    def inline_of(self, element: etree._Element) -> str:
        """An inline element as text, not tidied."""
        name = local_name(element)
        if name in ("inline-formula", "tex-math", "math"):
            latex = self.formula(element)
            return f"${latex}$" if latex else ""
        if name == "disp-formula":
            latex = self.formula(element)
            return f" $${latex}$$ " if latex else ""
        if name in ("sup", "sub"):
            return self._script(element, name)
        if name == "xref" and element.get("ref-type") == "bibr" and text_of(element).strip("[]()*†,; ").isdigit():
            return _CITED
        if name == "break":
            return " "
        if name in LEFT_OUT or name in ("fn", "alt-text", "long-desc"):
            self.leave_out(element)
            return ""
        return "".join(self._inner(element))

    def _inner(self, element: etree._Element) -> Iterator[str]:
        yield element.text or ""
        for child in element:
            if isinstance(child.tag, str):
                block = local_name(child) in ("p", "title", "list-item", "td", "disp-quote")
                yield (" " if block else "") + self.inline_of(child) + (" " if block else "")
            yield child.tail or ""

    def _script(self, element: etree._Element, name: str) -> str:
        text = "".join(self._inner(element)).strip()
        only_references = all(local_name(child) == "xref" for child in element) and len(element) > 0
        if not text.strip(",–- " + _CITED) or (only_references and not text.strip("0123456789,–- " + _CITED)):
            return ""
        written = raised(text) if name == "sup" else lowered(text)
        return written or f"{'^' if name == 'sup' else '_'}{text if len(text) == 1 else f'{{{text}}}'}"

    def formula(self, element: etree._Element) -> str:
        """LaTeX of a formula: what it holds as such, else its MathML, else its text."""
        inside = [element, *element.iter()]
        tex = next((one for one in inside if local_name(one) == "tex-math"), None)
        if tex is not None and (latex := formula_in(text_of(tex))):
            return latex
        math = next((one for one in inside if local_name(one) == "math"), None)
        if math is not None:
            return latex_of_mathml(node_of(math))
        return tidied("".join(self._inner(element))) if local_name(element) not in ("tex-math", "math") else ""


def tidied(text: str) -> str:
    """A text on one line, without soft hyphens and brackets that held nothing but numbers that cite."""
    text = _SPACES.sub(" ", without_soft_hyphens(text))
    text = _BRACKETED.sub(lambda found: "" if _CITED in found[0] else found[0], text).replace(_CITED, "")
    text = _SPACES.sub(" ", text)
    return _SPACE_BEFORE.sub(r"\1", text).strip()
