"""The grammar of delimited text (RFC 4180): fields, quoted fields that hold line ends, and quotes that are never closed.

A field is quoted when its quotes are well formed: one at its start, one at its end, those between doubled. Any other
quote is a character like others. A quoted field that is not closed, or whose closing quote stands in the middle of a field
lines later, has swallowed the lines after it: its first line is a record with a defect, and the others are read again.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from gristmill.pipelines.sources.readers.text_lines import TextLines

OPEN_QUOTE, TOO_LARGE = "open_quote", "too_large"
NOT_CLOSED = "is not closed by the end of the file"


class Record(NamedTuple):
    """One framed record: its fields, [] for a blank line; None with a defect and what is to say of it.

    stray_quote: a field begins with a quote and is no quoted field.
    """

    fields: list[str] | None
    size: int
    defect: str = ""
    detail: str = ""
    stray_quote: bool = False


class Grammar(NamedTuple):
    """delimiter: one character. quotes: whether fields may be quoted. max_field_lines: that a quoted field may cross."""

    delimiter: str
    quotes: bool = True
    max_field_lines: int = 100_000


@cache
def _patterns(delimiter: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """(the rest of a quoted field behind its opening quote, the rest of a line within a field that stays open)."""
    inside = r"[^\"]*+(?:\"\"[^\"]*+)*+"
    return re.compile(rf"({inside})\"(?={re.escape(delimiter)}|\Z)"), re.compile(rf"{inside}\Z")


def _body(line: str) -> str:
    return line[:-2] if line.endswith("\r\n") else line[:-1] if line.endswith(("\n", "\r")) else line


class DelimitedLine(NamedTuple):
    """The fields of a line. open_at: where a quoted field begins that the line leaves open, else -1.

    stray_quote: a field begins with a quote and is no quoted field.
    """

    fields: list[str]
    open_at: int = -1
    stray_quote: bool = False


def fields_of(line: str, grammar: Grammar, at: int = 0) -> DelimitedLine:
    """The fields of a line from `at` on."""
    body, delimiter = _body(line), grammar.delimiter
    if not grammar.quotes or '"' not in body:
        return DelimitedLine(body[at:].split(delimiter))
    closed, open_end = _patterns(delimiter)
    fields: list[str] = []
    stray_quote = False
    while True:
        if body.startswith('"', at) and (match := closed.match(body, at + 1)):
            fields.append(match[1].replace('""', '"'))
            at = match.end()
        elif body.startswith('"', at) and open_end.match(body, at + 1):
            return DelimitedLine(fields, at + 1, stray_quote)
        else:
            stray_quote |= body.startswith('"', at)
            end = body.find(delimiter, at)
            end = len(body) if end < 0 else end
            fields.append(body[at:end])
            at = end
        if at >= len(body):
            return DelimitedLine(fields, -1, stray_quote)
        at += 1  # the delimiter; behind the last one there is an empty field


def records(lines: TextLines, grammar: Grammar, limit: int, header: Sequence[str] | None = None) -> Iterator[Record]:
    """The records of a table. limit: characters of a record; header: how many fields one should have, if known."""
    while (line := lines.next()) is not None:
        if isinstance(line, int):
            yield Record(None, line, TOO_LARGE, f"a line of {line} characters; the limit is {limit}")
            continue
        fields, open_at, stray_quote = first = fields_of(line, grammar)
        if open_at >= 0:
            yield _across_lines(line, first, lines, grammar, limit, header)
        elif header and len(fields) != len(header) and (inner := _inner_lines(line, grammar, len(header))):
            lines.put_back(inner)
        elif not _body(line):
            yield Record([], len(line))
        else:
            yield Record(fields, len(line), stray_quote=stray_quote)


def _across_lines(
    line: str,
    first: DelimitedLine,
    lines: TextLines,
    grammar: Grammar,
    limit: int,
    header: Sequence[str] | None,
) -> Record:
    """The record that begins with `line`, whose last field goes on in the next lines."""
    held: list[str | int] = [line]
    fields, open_at, stray_quote = first
    parts, size = [line[open_at:]], len(line)
    closed, open_end = _patterns(grammar.delimiter)
    problem = ""
    while not problem:
        following = lines.next()
        if following is None:
            problem = NOT_CLOSED
            break
        held.append(following)
        if isinstance(following, int) or size + len(following) > limit:
            problem = f"is not closed within {limit} characters"
        elif len(held) > grammar.max_field_lines:
            problem = f"is not closed within {grammar.max_field_lines} lines"
        elif match := closed.match(_body(following)):
            size += len(following)
            fields.append("".join([*parts, match[1]]).replace('""', '"'))
            if match.end() == len(_body(following)):
                break
            more, open_at, another = fields_of(following, grammar, match.end() + 1)
            fields += more
            stray_quote |= another
            if open_at < 0:
                break
            parts = [following[open_at:]]
        elif open_end.match(_body(following)):
            parts.append(following)
            size += len(following)
        else:
            problem = f"would end in the middle of a field {len(held) - 1} lines later"
    if not problem and header and len(fields) != len(header) and _are_rows(held[1:], grammar, len(header)):
        problem = f"swallows {len(held) - 1} lines that are rows of their own"
    if not problem:
        return Record(fields, size, stray_quote=stray_quote)
    lines.put_back(held[1:])
    return Record(None, len(line), OPEN_QUOTE, f"a quoted field {problem}; the line: {_body(line)[:80]!r}")


def _inner_lines(line: str, grammar: Grammar, count: int) -> list[str]:
    """The rows in a line that holds line ends of the file's other kind; none unless all of them have `count` fields."""
    inner = re.findall("[^\r\n]+(?:\r\n?|\n|\\Z)", line)
    return inner if len(inner) > 1 and all(len(fields_of(one, grammar).fields) == count for one in inner) else []


def _are_rows(lines: Sequence[str | int], grammar: Grammar, count: int) -> bool:
    """More than half of them have as many fields as the header, and that is more than one."""
    alone = sum(isinstance(line, str) and len(fields_of(line, grammar).fields) == count for line in lines)
    return count > 1 and alone * 2 > len(lines)
