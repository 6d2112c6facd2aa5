"""Files that a file reads, put where it reads them; each once within itself, and no more than a limit in all."""

import posixpath
import re
from collections import Counter

from gristmill.filters.latex.comments import without_comments

_INPUT = re.compile(
    r"\\(?:input|include|subfile|InputIfFileExists|subfileinclude)(?![A-Za-z@])\s*+"
    r"(?:\{\s*+([^{}\n]{1,300}+)\s*+\}|([^\s{}\\]{1,300}))"
    r"|\\(?:import|subimport|includefrom|inputfrom)\*?\s*+\{\s*+([^{}\n]{0,300}+)\s*+\}\s*+\{\s*+([^{}\n]{1,300}+)\s*+\}"
)
DOCUMENT_BEGIN = re.compile(r"\\begin\s*\{document\}")
_END = re.compile(r"\\end\s*\{document\}")
MAX_DEPTH = 30
MAX_CHARACTERS = 32 << 20
MAX_INPUTS = 5000
_NOT_THE_PAPERS = (
    ".aux",
    ".toc",
    ".bbl",
    ".ind",
    ".pgf",
    ".lof",
    ".lot",
    ".gls",
    ".cls",
    ".sty",
    ".def",
    ".fd",
    ".clo",
)


def document_parts(text: str) -> tuple[str, str]:
    """(the preamble, the document's content); all of it is content where the document begins not."""
    begin = DOCUMENT_BEGIN.search(text)
    start = begin.end() if begin else 0
    end = _END.search(text, start)
    return text[: begin.start()] if begin else "", text[start : end.start() if end else len(text)]


class Inputs:
    """The files of a paper by name. missing: those that are asked for and not there."""

    def __init__(self, texts: dict[str, str], left_out: Counter[str]) -> None:
        self._texts, self._left_out = texts, left_out
        self._by_lower = {name.lower(): name for name in texts}
        self._clean: dict[str, str] = {}
        self._size = self._count = 0
        self._missing: dict[str, None] = {}

    @property
    def missing(self) -> list[str]:
        return sorted(self._missing)

    def joined(self, name: str, above: tuple[str, ...] = ()) -> str:
        """A file with those it reads in their places, without comments. A file that reads itself is read no second time."""
        if name not in self._clean:
            self._clean[name] = without_comments(self._texts[name], self._left_out)
        text = self._clean[name]
        if above:
            _, text = document_parts(text)  # a subfile may have a preamble of its own
        self._size += len(text)
        parts, at = [], 0
        for match in _INPUT.finditer(text):
            parts.append(text[at : match.start()])
            at = match.end()
            parts.append(self._one(match, name, (*above, name)))
        return "".join([*parts, text[at:]])

    def _one(self, match: re.Match[str], reader: str, above: tuple[str, ...]) -> str:
        joined = posixpath.join((match[3] or "").strip(), (match[4] or "").strip())
        asked = (match[1] or match[2] or joined).strip().strip('"')
        self._count += 1
        found = self._find(asked, posixpath.dirname(reader))
        if found is None:
            if "#" not in asked and "\\" not in asked and not asked.endswith(_NOT_THE_PAPERS):
                self._missing[asked[:200]] = None
            return ""
        if found in above or len(above) > MAX_DEPTH or self._size > MAX_CHARACTERS or self._count > MAX_INPUTS:
            self._left_out["inputs_beyond_limits"] += len(self._texts[found])
            return ""
        return "" if found.endswith(_NOT_THE_PAPERS) else self.joined(found, above)

    def _find(self, asked: str, folder: str) -> str | None:
        """The name of a file; only files of the paper have one, so nothing else can be read."""
        for base in ("", folder):
            for suffix in ("", ".tex", ".ltx"):
                name = posixpath.normpath(posixpath.join(base, asked + suffix))
                if name in self._texts:
                    return name
                if name.lower() in self._by_lower:
                    return self._by_lower[name.lower()]
        return None
