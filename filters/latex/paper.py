"""A paper from the files of its source: which one is the main file, what it reads, and the text of it all."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.encoding.decode import decode
from gristmill.filters.encoding.evidence import choose_encoding
from gristmill.filters.latex.comments import without_comments
from gristmill.filters.latex.groups import forget_groups
from gristmill.filters.latex.inputs import DOCUMENT_BEGIN, Inputs, document_parts
from gristmill.filters.latex.macros import Macros
from gristmill.filters.latex.markdown import LatexChoices, Writer

TEX_SUFFIXES = (".tex", ".ltx", ".latex", ".sty", ".def", ".inc", ".tikz", ".txt", ".bbl", ".cls")
_MAIN_SUFFIXES = (".tex", ".ltx", ".latex", ".txt")
_CLASS = re.compile(r"^[^%\n]*\\document(?:class|style)\b", re.MULTILINE)
_PLAIN = re.compile(
    r"^[^%\n]*(?:\\(?:bye|magnification|beginsection|eject|vfill\\eject)\b|\\input\s+(?:amstex|harvmac|phyzzx|epsf|eplain)\b)",
    re.MULTILINE,
)
_PACKAGES = re.compile(r"\\(?:usepackage|RequirePackage)\s*+(?:\[[^\]]{0,2000}\]\s*+)?\{([^{}]{1,2000})\}")
_TOP_LEVEL = re.compile(r"^[^\S\n]*+(\S+\.(?:tex|ltx))\s++toplevelfile", re.MULTILINE)
_LIKELY_MAIN = ("main", "ms", "paper", "article", "manuscript", "root", "thesis", "book")


class PaperError(ValueError):
    """Files that give no paper. reason: plain_tex, no_tex, no_text."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass
class Paper:
    """text: Markdown with LaTeX formulas. left_out: characters, by what they were. damage: what it asks for and is
    not there."""

    text: str
    notes: dict[str, Any] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    damage: str | None = None


def paper_of(files: dict[str, bytes], choices: LatexChoices | None = None) -> Paper:
    """The paper in the files of a source, by their names. Raises PaperError for what is no LaTeX."""
    texts = {
        name: _decoded(raw) for name, raw in files.items() if name.lower().endswith(TEX_SUFFIXES) or len(files) == 1
    }
    main = main_file(texts, files)
    left_out: Counter[str] = Counter()
    inputs = Inputs(texts, left_out)
    source = inputs.joined(main)
    preamble, body = document_parts(source)
    macros = Macros()
    for name in _local_packages(preamble, texts):
        macros.read(without_comments(texts[name], Counter()))
    preamble = macros.read(preamble)
    body = macros.expand(macros.read(body))
    writer = Writer(choices or LatexChoices(), macros.theorems, left_out)
    text = writer.convert(macros.expand(preamble), body)
    forget_groups()
    if not text.strip():
        raise PaperError("no_text", f"no text in {main}")
    notes: dict[str, Any] = {"title": writer.title, "main_file": main}
    missing = inputs.missing
    if missing:
        notes["missing_files"] = missing[:20]
    if macros.exhausted:
        notes["macros_unexpanded"] = True
    damage = f"{main} reads files that are not there: {', '.join(missing[:3])}" if missing else None
    return Paper(text, notes, left_out, damage)


def main_file(texts: dict[str, str], files: dict[str, bytes]) -> str:
    """The name of the file that the others are read from."""
    found = [name for name, text in texts.items() if name.lower().endswith(_MAIN_SUFFIXES) or len(texts) == 1]
    with_class = [name for name in found if _CLASS.search(texts[name])]
    if not with_class:
        plain = next((name for name in sorted(found) if _PLAIN.search(texts[name]) or "\\def\\" in texts[name]), None)
        if plain:
            raise PaperError("plain_tex", f"{plain} is plain TeX: no \\documentclass in it")
        listed = ", ".join(sorted(files)[:5])
        raise PaperError("no_tex", f"no file with \\documentclass among {len(files)}: {listed}")
    readme = next((texts[name] for name in texts if name.lower().startswith("00readme")), "")
    said = _TOP_LEVEL.search(readme)
    if said and said[1] in with_class:
        return said[1]

    def order(name: str) -> tuple[bool, bool, int, int, str]:
        stem = name.rpartition("/")[2].rpartition(".")[0].lower()
        return (
            not DOCUMENT_BEGIN.search(texts[name]),
            stem not in _LIKELY_MAIN,
            name.count("/"),
            -len(texts[name]),
            name,
        )

    return min(with_class, key=order)


def _local_packages(preamble: str, texts: dict[str, str]) -> list[str]:
    """Style files of the paper's own that it uses: their macros are the paper's."""
    wanted = [name.strip() for match in _PACKAGES.finditer(preamble) for name in match[1].split(",")]
    return [f"{name}.sty" for name in wanted if f"{name}.sty" in texts][:20]


def _decoded(raw: bytes) -> str:
    mark = mark_of(raw)
    if mark:
        return decode(raw[len(mark[0]) :], mark[1])
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = decode(raw, choose_encoding(raw, []))
    return text.replace("\r\n", "\n").replace("\r", "\n")
