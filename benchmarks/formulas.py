"""MathML to LaTeX, beside pandoc: how many formulas draw the same after LaTeX -> MathML -> LaTeX, and how long it takes.

    pip install latex2mathml pypandoc-binary
    python benchmarks/formulas.py FILE...   # LaTeX sources, plain, .gz or in tar archives

Formulas are what the files have between dollars and in displays, each once. latex2mathml makes MathML of each, without an
annotation; both write that as LaTeX; latex2mathml makes MathML of it again, which is compared with the first. Spaces, rows and
attributes that only say how operators are stretched are not compared. A formula that latex2mathml does not take, or that
holds macros, is left out. Seconds are of the wall clock, pandoc's with the start of its process.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

from gristmill.filters.formulas.mathml import latex_of_mathml
from gristmill.filters.jats.formula import node_of
from gristmill.filters.latex.unpack import files_of
from gristmill.filters.safe_xml import parse_xml
from latex2mathml.converter import convert
from sources_converted import LIMIT, unpacked

_FORMULA = re.compile(r"(?<!\\)\$\$?([^$]{1,300}?)\$|\\\[(.{1,400}?)\\\]", re.DOTALL)
_NOT_COMPARED = re.compile(
    r"</?(?:mrow|mstyle|mpadded|math)\b[^>]*>|<mspace[^>]*>(?:</mspace>)?|"
    r" (?:stretchy|fence|form|separator|displaystyle|movablelimits|minsize|maxsize|accent|columnalign)=\"[^\"]*\""
)


def sources(path: Path) -> Iterator[str]:
    """The LaTeX sources in a file."""
    for name, raw in files_of(unpacked(path), LIMIT)[0].items():
        if name.endswith(".tex"):
            yield raw.decode("utf-8", "replace")


def formulas(text: str) -> set[str]:
    """What stands between dollars and in displays."""
    text = re.sub(r"(?<!\\)%.*", "", text)
    return {" ".join((found[1] or found[2]).split()) for found in _FORMULA.finditer(text)}


def mathml(tex: str) -> str | None:
    """MathML of a formula; None where it is none for latex2mathml, which writes unknown commands as text."""
    try:
        made = convert(tex)
    except Exception:  # whatever it raises says that it does not take the formula
        return None
    return None if "\\" in made else made


def compared(made: str) -> str:
    """What of MathML is compared."""
    return unescape(re.sub(r"\s+", "", _NOT_COMPARED.sub("", made)))


def ours(made: list[str]) -> list[str]:
    """LaTeX of each by gristmill."""
    roots = (parse_xml(one.encode()) for one in made)
    return [latex_of_mathml(node_of(root)) if root is not None else "" for root in roots]


def pandoc(made: list[str]) -> list[str]:
    """LaTeX of each by pandoc, "" where it finds no formula or several."""
    import pypandoc

    page = "".join(f"<p id=f>{one}</p>" for one in made)
    command = [pypandoc.get_pandoc_path(), "-f", "html", "-t", "json"]
    blocks = json.loads(subprocess.run(command, input=page, capture_output=True, text=True, check=True).stdout)[
        "blocks"
    ]
    found = [[inline["c"][1] for inline in block["c"] if inline["t"] == "Math"] for block in blocks]
    return [one[0] if len(one) == 1 else "" for one in found]


def report(name: str, write: Callable[[list[str]], list[str]], made: list[str]) -> None:
    """Print how much of `made` draws the same from what one writes, and how fast that is."""
    started = time.perf_counter()
    written = write(made)
    seconds = time.perf_counter() - started
    again = [mathml(latex) for latex in written]
    equal = sum(two is not None and compared(one) == compared(two) for one, two in zip(made, again, strict=True))
    print(f"{name:10} {equal / len(made):6.3f} draw the same   {len(made) / seconds:9,.0f} formulas a second")


def main(paths: list[Path]) -> None:
    """Print both on the formulas of the files."""
    texts = sorted({one for path in paths for text in sources(path) for one in formulas(text)})
    made = [one for one in map(mathml, texts) if one is not None]
    print(f"{len(made)} formulas of {len(texts)}, the longest {max(map(len, made)):,} bytes of MathML")
    report("gristmill", ours, made)
    report("pandoc", pandoc, made)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
