"""A stored table as lines of text: the encoding decided by what the whole file shows, line ends of every kind kept.

`auto` takes the file for UTF-8 until a line is not; then the lines beyond ASCII of the whole file are weighed.
"""

import codecs
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from gristmill.filters.encoding.declared import mark_of
from gristmill.filters.encoding.decode import decode
from gristmill.filters.encoding.evidence import choose_encoding
from gristmill.filters.encoding.labels import codec_of
from gristmill.filters.encoding.single_byte import REPLACED
from gristmill.pipelines.sources.readers.decoding import AUTO

EVIDENCE_BYTES = 1 << 20
LOST_BYTE = "\udcff"  # stands for what could not be decoded; UTF-8 has a surrogate for each byte
_LINE_END = re.compile(rb"[\r\n]")
_ANY_END = re.compile("\r\n?|\n")
_WIDE = ("utf-16", "utf-32")

Blocks = Callable[[], Iterator[bytes]]  # opens the stored bytes from their beginning


class TextLines:
    """Lines with their ends, one after the other; some can be put back.

    blocks: opens the file. encoding: what the recipe says, or "auto". limit: a line of more characters is an int, its size,
    and never held. After the first line `encoding` is what the file is read as; "auto" may still turn into another one.
    """

    def __init__(self, blocks: Blocks, encoding: str, limit: int) -> None:
        self._blocks, self._limit = blocks, limit
        self.encoding = "utf-8" if encoding == AUTO else codec_of(encoding) or encoding
        self._undecided = encoding == AUTO
        self._waiting: deque[str | int] = deque()
        self._lines = _lines(self._texts(), limit)

    def next(self) -> str | int | None:
        """The next line; None at the end."""
        return self._waiting.popleft() if self._waiting else next(self._lines, None)

    def put_back(self, lines: Iterable[str | int]) -> None:
        self._waiting.extendleft(reversed(list(lines)))

    def _texts(self) -> Iterator[str]:
        blocks = self._blocks()
        first = next(blocks, b"")
        while len(first) < len(codecs.BOM_UTF32_LE) and (more := next(blocks, b"")):
            first += more
        if mark := mark_of(first):
            first, self.encoding, self._undecided = first[len(mark[0]) :], mark[1], False
        elif self._undecided and (b"\0" in first or b"\x1b" in first):  # which may be UTF-8 to the eye
            chosen = choose_encoding(first)
            if chosen.startswith(_WIDE) or chosen == "iso-2022-jp":
                self.encoding, self._undecided = chosen, False
        if self.encoding.startswith(_WIDE):
            return self._wide_texts(first, blocks)
        return (self._decoded(piece) for piece in _pieces(first, blocks, self._limit))

    def _wide_texts(self, first: bytes, blocks: Iterator[bytes]) -> Iterator[str]:
        python_name = {"utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}.get(self.encoding, self.encoding)
        decoder = codecs.getincrementaldecoder(python_name)("replace")
        yield decoder.decode(first).replace(REPLACED, LOST_BYTE)
        for block in blocks:
            yield decoder.decode(block).replace(REPLACED, LOST_BYTE)
        yield decoder.decode(b"", final=True).replace(REPLACED, LOST_BYTE)

    def _decoded(self, piece: bytes) -> str:
        if self.encoding == "utf-8":
            try:
                return piece.decode()
            except UnicodeDecodeError:
                if self._undecided:
                    self.encoding, self._undecided = choose_encoding(self._evidence()), False
            if self.encoding == "utf-8":
                return piece.decode("utf-8", "surrogateescape")
        return decode(piece, self.encoding).replace(REPLACED, LOST_BYTE)

    def _evidence(self) -> bytes:
        """The first lines of the file with bytes above 127, behind a line end, as none of them is a byte order mark."""
        found = [b""]
        size = 0
        blocks = self._blocks()
        for piece in _pieces(next(blocks, b""), blocks, self._limit):
            for line in _LINE_END.split(piece) if not piece.isascii() else ():
                if not line.isascii():
                    found.append(line[:EVIDENCE_BYTES])
                    size += len(line)
            if size >= EVIDENCE_BYTES:
                break
        return b"\n".join(found)


def _pieces(first: bytes, blocks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """The bytes again, cut behind line ends, where every encoding but the wide ones can be cut."""
    parts, size = [first], len(first)
    while True:
        block = parts[-1]
        cut = max(block.rfind(b"\n"), block.rfind(b"\r", 0, -1)) + 1
        if cut or size > limit + len(block):
            whole = cut or len(block)
            yield b"".join([*parts[:-1], block[:whole]])
            parts, size = [block[whole:]], len(block) - whole
        following = next(blocks, b"")
        if not following:
            break
        parts.append(following)
        size += len(following)
    if size:
        yield b"".join(parts)


def _lines(texts: Iterator[str], limit: int) -> Iterator[str | int]:
    """Lines with their ends: LF, with or without CR before it, or CR alone where the first line ends in it.

    A lone CR in a file of LF, or the other way round, is a character like others: pandas writes such without quotes.
    """
    parts: list[str] = []
    size = 0
    line_end = ""
    for text in _whole_ends(texts):
        if not line_end and (found := _ANY_END.search(text)):
            line_end = "\r" if found[0] == "\r" else "\n"
        *whole, rest = text.split(line_end) if line_end else [text]
        for piece in [*(piece + line_end for piece in whole), rest]:
            size += len(piece)
            if size <= limit + len("\r\n"):
                parts.append(piece)
            if line_end and piece.endswith(line_end):
                yield "".join(parts) if size <= limit + len("\r\n") else size
                parts, size = [], 0
    if size:
        yield "".join(parts) if size <= limit else size


def _whole_ends(texts: Iterator[str]) -> Iterator[str]:
    """The texts again, none cut between CR and LF."""
    rest = ""
    for text in texts:
        text = rest + text
        rest = "\r" if text.endswith("\r") else ""
        yield text[: len(text) - len(rest)]
    yield rest
