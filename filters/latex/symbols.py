"""Commands of LaTeX that stand for characters, accents, and the commands whose arguments are not text."""

import unicodedata

ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328", "d": "\u0323", "b": "\u0331",
    "r": "\u030a", "t": "\u0361",
}  # fmt: skip
CHARACTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å", "l": "ł",
    "L": "Ł", "i": "i", "j": "j", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "ng": "ŋ", "NG": "Ŋ", "dj": "đ",
    "DJ": "Đ", "S": "§", "P": "¶", "dag": "†", "ddag": "‡", "copyright": "©", "pounds": "£", "euro": "€",
    "texteuro": "€", "ldots": "…", "dots": "…", "textellipsis": "…", "textendash": "–", "textemdash": "—",
    "textquoteleft": "‘", "textquoteright": "’", "textquotedblleft": "“", "textquotedblright": "”",
    "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textless": "<", "textgreater": ">",
    "textbar": "|", "textbullet": "•", "textdegree": "°", "degree": "°", "textregistered": "®", "texttrademark": "™",
    "textmu": "µ", "LaTeX": "LaTeX", "TeX": "TeX", "LaTeXe": "LaTeX2e", "BibTeX": "BibTeX", "quad": " ",
    "qquad": " ", "enspace": " ", "thinspace": " ", "space": " ", "textunderscore": "_", "slash": "/",
    "guillemotleft": "«", "guillemotright": "»", "textexclamdown": "¡", "textquestiondown": "¿", "newline": "\n",
    "linebreak": "\n", "par": "\n\n", "ie": "i.e.", "eg": "e.g.",
}  # fmt: skip
# Single characters after a backslash.
ESCAPED = {
    "%": "%", "&": "&", "#": "#", "_": "_", "$": "$", "{": "{", "}": "}", " ": " ", ",": " ", ";": " ", ":": " ",
    "!": "", "/": "", "-": "", "@": "", "\n": " ", "\\": "\n", "|": "|", "<": "", ">": "", "+": "",
}  # fmt: skip
# Commands that are taken off with so many groups of arguments, brackets before and between them included.
_ONE = """
label ref eqref autoref cref Cref pageref nameref vref vspace hspace includegraphics bibliography bibliographystyle
usepackage documentclass documentstyle pagestyle thispagestyle pagenumbering index glossary input include epsfig
psfig epsffile graphicspath hyphenation nocite addbibresource email thanks affiliation address institute institution
keywords date author authors altaffiltext altaffilmark altaffiliation received accepted published preprint pacs PACS
ead fntext fnmark tnotetext tnoteref cortext corref inst orcidID orcid titlerunning authorrunning affil altaffil
linespread vskip hskip kern color hypersetup urlstyle geometry theoremstyle numberwithin
DeclareGraphicsExtensions lstset captionsetup icmltitlerunning icmlauthor ccsdesc acmConference acmYear acmDOI
acmISBN acmPrice setcopyright copyrightyear cline shorttitle shortauthors bstctlcite stepcounter refstepcounter
usetikzlibrary pgfplotsset tikzset selectlanguage cellcolor rowcolor columncolor arrayrulecolor pagecolor
fontfamily fontseries fontshape phantom hphantom vphantom
"""
_TWO = """
setlength addtolength setcounter addtocounter fontsize markboth rule definecolor icmlaffiliation newcolumntype pdfbookmark
"""
_THREE = """
addcontentsline titleformat icmlcorrespondingauthor
"""
WITHOUT_TEXT = {name: count for count, names in ((1, _ONE), (2, _TWO), (3, _THREE)) for name in names.split()}
# Commands of whose groups the first ones say how or where, and the rest is text.
_ONE_BEFORE = """
textcolor colorbox parbox raisebox scalebox rotatebox adjustbox foreignlanguage hyperlink hypertarget ifthenelse
"""
_TWO_BEFORE = "resizebox multicolumn multirow fcolorbox"
BEFORE_TEXT = {name: count for count, names in ((1, _ONE_BEFORE), (2, _TWO_BEFORE)) for name in names.split()}
# Commands whose first group is text, and whose second one says the same for menus of a viewer, or explains it there.
TEXT_AND_TOOLTIP = frozenset({"texorpdfstring", "pdftooltip"})


def accented(accent: str, letter: str) -> str:
    """A letter with an accent, as one character where there is one.

    >>> accented("'", "e"), accented("c", "c")
    ('é', 'ç')
    """
    base = letter[:1] or " "
    return unicodedata.normalize("NFC", base + ACCENTS[accent]) + letter[1:]
