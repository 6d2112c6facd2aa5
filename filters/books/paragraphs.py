"""From hard-wrapped lines to paragraphs: wraps undone, verse kept, hyphens at ends of lines undone where the word is known."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_HYPHENATED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_ENDS_IN_HYPHEN = re.compile(r"([^\W\d_]+)([-‐¬\u00ad])$")
_STARTS_WITH_WORD = re.compile(r"[^\W\d_]+")
_SOFT = "¬\u00ad"
_HYPHENS = ("-", "‐", "¬", "\u00ad")
_UNWRAPPED = 220  # characters: a text whose lines are longer has no hard wraps
_INDENT = 2
_LONGEST_WORD = 80
_WRAPPED_SHARE = 0.5
_SURELY_WRAPPED = 0.85
_SLACK = 4
_VERSE_CAPITALS = 0.9
_NARROW = 50  # characters: lines of verse are mostly shorter, those of prose longer


class KnownWords:
    """The words of a book, and how it writes them: counted from places where no line ends."""

    def __init__(self, lines: Sequence[str], words: frozenset[str]) -> None:
        self._lines, self._words = lines, words

    @cached_property
    def _counts(self) -> tuple[Counter[str], Counter[str]]:
        """(words, words with hyphens) of the book; counted when the first line ends in a hyphen, as most books have none."""
        counts: Counter[str] = Counter()
        hyphenated: Counter[str] = Counter()
        for line in self._lines:
            line = line.rstrip()
            end = _hyphen_at_end(line)
            inner = (line[: -len(end[0])] if end else line).casefold()
            counts.update(_WORD.findall(inner))
            if "-" in inner:
                hyphenated.update(_HYPHENATED.findall(inner))
        return counts, hyphenated

    def joined(self, first: str, second: str) -> str:
        """What a word parted at an end of line is: without its hyphen only where the joined word is known."""
        whole, parted = (first + second).casefold(), f"{first}-{second}".casefold()
        counts, hyphenated = self._counts
        known = counts[whole] + (1 if whole in self._words else 0)
        if known and known >= hyphenated[parted]:
            return first + second
        return f"{first}-{second}"


def wrap_width(lines: Sequence[str]) -> int:
    """The width that lines are wrapped at, in characters; 0 where they are not."""
    lengths = sorted(len(line.rstrip()) for line, after in itertools.pairwise(lines) if line.strip() and after.strip())
    if not lengths:
        return 0
    width = lengths[min(len(lengths) - 1, int(0.9 * len(lengths)))]
    return width if width < _UNWRAPPED else 0


def paragraphs_of(lines: Sequence[str]) -> list[list[str]]:
    """Runs of lines between blank ones; an empty list is a further blank line (a wide gap)."""
    out: list[list[str]] = []
    current: list[str] = []
    for line in lines:
        if line.strip():
            current.append(line.rstrip())
        elif current:
            out.append(current)
            current = []
        else:
            out.append([])
    return [*out, current] if current else out


def is_wrapped(lines: Sequence[str], width: int) -> bool:
    """Whether lines are a paragraph wrapped at `width` and no verse, list or table.

    Of a wrapped paragraph each line but the last is so long that the first word of the next did not fit.
    """
    if len(lines) < 2 or not width:
        return len(lines) < 2
    indent = min(len(line) - len(line.lstrip()) for line in lines[1:])
    local = max(len(line) for line in lines) if indent >= _INDENT else width
    starts = [line.lstrip(" \"'“‘«„—-_([")[:1] for line in lines]
    capitals = sum(not start.islower() for start in starts) / len(starts)
    slack = 0 if capitals > 0.6 else _SLACK  # of lines that all begin with capitals more is asked, in German too
    full = 0
    for line, after in itertools.pairwise(lines):
        word = after.lstrip().split(" ", 1)[0]
        full += len(line) + 1 + len(word) > local - slack
    share = full / (len(lines) - 1)
    if capitals >= _VERSE_CAPITALS and len(lines) > 3:
        return share == 1 and local >= _NARROW
    if capitals > 0.6:
        return share >= _SURELY_WRAPPED and local >= _NARROW
    return share >= _WRAPPED_SHARE


def joined_lines(lines: Sequence[str], known: KnownWords) -> str:
    """A wrapped paragraph as one line."""
    parts: list[str] = []
    last = lines[0].strip()
    for line in (line.strip() for line in lines[1:]):
        end = _hyphen_at_end(last)
        start = _STARTS_WITH_WORD.match(line[:_LONGEST_WORD])
        between = " "
        if end and end[2] in _SOFT:
            last, between = last[:-1], ""
        elif end and start and not last.endswith("--"):
            whole = known.joined(end[1], start[0])
            last, line, between = (
                last[: -len(end[0])] + whole[: len(end[1])],
                whole[len(end[1]) :] + line[start.end() :],
                "",
            )
        elif last.endswith(("—", "--")) or line.startswith(("—", "--")):
            between = ""
        parts += (last, between)
        last = line
    return "".join([*parts, last])


def _hyphen_at_end(line: str) -> re.Match[str] | None:
    return _ENDS_IN_HYPHEN.search(line[-_LONGEST_WORD:]) if line[-1:] in _HYPHENS else None


def running_text(paragraphs: Iterable[Sequence[str]], width: int, known: KnownWords) -> str:
    """Paragraphs as text, a blank line between them: prose on one line, other lines as they stand, their common indent off."""
    out = []
    for lines in paragraphs:
        if not lines:
            continue
        if not width:
            out.append("\n".join(line.strip() for line in lines))
        elif is_wrapped(lines, width):
            out.append(joined_lines(lines, known))
        else:
            indent = min(len(line) - len(line.lstrip()) for line in lines)
            out.append("\n".join(line[indent:] for line in lines))
    return "\n\n".join(out)
