"""LaTeX of a formula as documents hold it: with a preamble, in dollars, in an environment."""

import re

_TEX_BEGIN, _TEX_END = "\\begin{document}", "\\end{document}"
_DELIMITERS = re.compile(
    r"(?:\$\$?|\\\[|\\\(|\\begin\{(?:equation|displaymath|math)\*?\}) ?"
    r"(.*?) ?(?:\$\$?|\\\]|\\\)|\\end\{(?:equation|displaymath|math)\*?\})$"
)
_SPACES = re.compile(r"\s+")


def formula_in(tex: str) -> str:
    """The formula itself, on one line, without its delimiters.

    >>> formula_in("\\\\begin{document}$$ x = 1 $$\\\\end{document}")
    'x = 1'
    """
    begin = tex.find(_TEX_BEGIN)
    end = tex.find(_TEX_END, begin) if begin >= 0 else -1
    if end >= 0:
        tex = tex[begin + len(_TEX_BEGIN) : end]
    tex = _SPACES.sub(" ", tex).strip()  # first: at a run of spaces the delimiters would be tried at every place
    found = _DELIMITERS.match(tex)
    return found[1] if found else tex
