"""Environments of LaTeX by what becomes of them; those named nowhere are read as the text around them."""

_MATH_NAMES = """
equation eqnarray align alignat gather multline flalign displaymath math dmath IEEEeqnarray subequations xalignat
aligned equationarray darray
"""
MATH = frozenset(_MATH_NAMES.split())
_FLOAT_NAMES = """
figure table wrapfigure wraptable sidewaysfigure sidewaystable subfigure SCfigure longtable teaserfigure
"""
FLOATS = frozenset(_FLOAT_NAMES.split())
LEFT_OUT = {
    "tikzpicture": "pictures", "picture": "pictures", "pgfpicture": "pictures", "pspicture": "pictures",
    "asy": "pictures", "thebibliography": "references", "references": "references", "bibliography": "references",
    "filecontents": "files", "CCSXML": "keywords", "keywords": "keywords", "IEEEkeywords": "keywords",
    "keyword": "keywords", "tabular": "tables", "tabularx": "tables", "array": "tables", "deluxetable": "tables",
    "tabulary": "tables", "xy": "pictures", "comment": "comments", "acknowledgments": "acknowledgements",
    "acknowledgements": "acknowledgements", "ack": "acknowledgements", "theindex": "index",
}  # fmt: skip
CODE = {"verbatim", "Verbatim", "lstlisting", "minted", "alltt", "code"}
LISTS = {"itemize", "enumerate", "description", "compactitem", "compactenum", "inparaenum", "list", "trivlist"}
QUOTES = {"quote", "quotation", "verse", "displayquote"}
_CALLED = "Theorem Lemma Proposition Corollary Definition Proof Remark Example Conjecture Claim Fact"
THEOREMS = {
    **{name.lower(): name for name in _CALLED.split()},
    "thm": "Theorem", "lem": "Lemma", "prop": "Proposition", "cor": "Corollary", "defn": "Definition", "rem": "Remark",
    "pf": "Proof",
}  # fmt: skip
WITH_ARGUMENT = {"minipage", "multicols", "adjustwidth", "spacing"}  # of the page, not of the text
