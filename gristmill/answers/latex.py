r"""LaTeX answers brought to one spelling, so that most equal answers are equal texts.

`\dfrac12`, `\frac{1}{2}` and `1/2`, `\left( 1, 2 \right)` and `(1,2)`, `90^\circ` and `90`, `x = 5` and `5` are each one.
"""

import re

_REPLACED = (
    (re.compile(r"\\(?:left|right|displaystyle|limits|bigl?|bigr?|Bigl?|Bigr?)(?![A-Za-z])"), ""),
    (re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\[,;:! ]|\\q?quad(?![A-Za-z])|~"), ""),
    (re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ)|°|\\degree(?![A-Za-z])"), ""),
    (re.compile(r"\\?%|\\?\$"), ""),
    (re.compile(r"\\frac\s*([0-9A-Za-z])\s*([0-9A-Za-z])"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\frac\s*\{\s*(-?\w+)\s*\}\s*\{\s*(\w+)\s*\}"), r"\1/\2"),
    (re.compile(r"\\sqrt\s*([0-9A-Za-z])"), r"\\sqrt{\1}"),
    (re.compile(r"(?<=\d)\{,\}(?=\d{3})"), ""),
    (re.compile(r"(?<![\d,(\[{])(\d{1,3}(?:,\d{3})+)(?![\d,])"), lambda found: found[1].replace(",", "")),
    (re.compile(r"\\(?:le|leq)q?(?![A-Za-z])"), "<="),
    (re.compile(r"\\(?:ge|geq)q?(?![A-Za-z])"), ">="),
    (re.compile(r"\\(?:cdot|times)(?![A-Za-z])"), "*"),
    (re.compile(r"\s+"), ""),
)
_NAMED = re.compile(r"^[A-Za-z](?:\([A-Za-z]\))?=(?=[^=])")


def plain_latex(answer: str) -> str:
    r"""One spelling of a LaTeX answer; see the module.

    >>> plain_latex(r"$x = \dfrac12$."), plain_latex(r"\left( 3, \frac{\pi}{2} \right)")
    ('1/2', '(3,\\frac{\\pi}{2})')
    """
    text = answer.strip().strip("$").removeprefix("\\[").removesuffix("\\]").removeprefix("\\(").removesuffix("\\)")
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    text = text.rstrip(".,;")
    return _NAMED.sub("", text)
