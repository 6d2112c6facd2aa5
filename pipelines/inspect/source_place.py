"""Where in its source a character of a document lies: the section, the chapter, the answer, the file and line.

A stored text is Markdown with the headings of its source, and the metadata say what they belong to. So a place is the
headings above a character, outside fences of code, together with what the metadata know of that part.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any
from urllib.parse import quote

from gristmill.filters.books.apparatus import is_chapter_heading
from gristmill.filters.code.signals import CodeFileOptions
from gristmill.schemas.recipe.corpus import Recipe
from gristmill.schemas.rows.document import parsed_metadata

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+([^ \t].*)")
_ANSWER = "Answer"
PATH_KEYS = CodeFileOptions().path


@dataclass(frozen=True)
class SourcePlace:
    """A place in what was published; None and () for what it has not.

    title: of the page, question or article. post: `question`, or `answer` with its id. section: headings above it, the
    outermost first. file, line: of source code, lines from 1, as they are stored. url: the nearest address.
    """

    title: str | None = None
    post: str | None = None
    section: tuple[str, ...] = ()
    file: str | None = None
    line: int | None = None
    url: str | None = None

    def __str__(self) -> str:
        said = [self.file and f"file {self.file}" + (f", line {self.line:,}" if self.line else "")]
        said += [self.title and f'"{self.title}"', self.post]
        said += ["section " + " > ".join(f'"{heading}"' for heading in self.section) if self.section else None]
        return ", ".join([part for part in (*said, self.url) if part]) or "no place in it is known"

    def as_dict(self) -> dict[str, Any]:
        """The fields that it has."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Heading:
    """A heading of a text: the character at which its line begins, its level from 1, its words."""

    start: int
    level: int
    text: str

    @property
    def is_answer(self) -> bool:
        """Whether it stands above an answer of a StackExchange document."""
        return (self.level, self.text) == (2, _ANSWER)


def headings_of(text: str) -> list[Heading]:
    """The Markdown headings of a text, those in fenced code left out; without any, lines that are headings of chapters."""
    found = list(_markdown_headings(text))
    return found or [
        Heading(start, 1, line.strip())
        for start, line in _lines(text)
        if len(line) <= 90 and is_chapter_heading(line.strip())
    ]


def _markdown_headings(text: str) -> Iterator[Heading]:
    fence = ""
    for start, line in _lines(text):
        mark = _FENCE.fullmatch(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
        elif mark and not (mark[1][0] == "`" and "`" in mark[2]):
            fence = mark[1]
        elif heading := _HEADING.fullmatch(line):
            yield Heading(start, len(heading[1]), _without_closing_marks(heading[2].rstrip()))


def _without_closing_marks(heading: str) -> str:
    """`Title ##` is the title alone."""
    title = heading.rstrip("#")
    return title.rstrip() if title.endswith((" ", "\t")) else heading


def _lines(text: str) -> Iterator[tuple[int, str]]:
    lines = text.split("\n")
    starts = accumulate((len(line) + 1 for line in lines), initial=0)
    return zip(starts, lines, strict=False)


def places_in_source(
    text: str,
    start: int,
    end: int,
    *,
    metadata: str | None = None,
    url: str | None = None,
    file_header: str | None = None,
) -> list[SourcePlace]:
    """The places in its source of the characters [start, end) of a document, in order; at least one.

    metadata: of the document, as it is stored (JSON). file_header: the line before each file, `{path}` for its path, where
    the document is a whole repository.
    """
    about = parsed_metadata(metadata)
    path = next((about[key] for key in PATH_KEYS if isinstance(about.get(key), str)), None)
    if path is not None and not path.lower().endswith((".ipynb", ".md")):
        return [_in_file(path, text.count("\n", 0, start) + 1, url)]
    if file_header is not None:
        return _in_files(text, start, end, file_header, url)
    headings = headings_of(text)
    begins = [heading.start for heading in headings]
    first = max(bisect_right(begins, start) - 1, -1)
    last = max(bisect_right(begins, max(end - 1, start)) - 1, first)
    places = [_below(headings, place + 1, about, url, path) for place in range(first, last + 1)]
    return list(dict.fromkeys(places))


def file_headers(recipe: Recipe) -> dict[str, str]:
    """The line before each file, by source, of the sources whose documents are whole repositories."""
    return {
        source.name: source.code.file_header
        for source in recipe.sources
        if source.code.documents == "repositories" and source.format == "code"
    }


def _in_file(path: str, line: int, url: str | None) -> SourcePlace:
    return SourcePlace(file=path, line=line, url=f"{url}#L{line}" if url and "/blob/" in url else url)


def _in_files(text: str, start: int, end: int, header: str, url: str | None) -> list[SourcePlace]:
    """The files of a whole repository that characters lie in."""
    before, _, after = header.partition("{path}")
    marks = [
        (at, line[len(before) : len(line) - len(after)])
        for at, line in _lines(text)
        if line.startswith(before) and line.endswith(after) and len(line) > len(before) + len(after)
    ]
    begins = [at for at, _ in marks]
    places = []
    for number in range(bisect_right(begins, start) - 1, bisect_right(begins, max(end - 1, start))):
        if number < 0:
            continue
        at, path = marks[number]
        line = text.count("\n", at, max(start, at))  # the header's line is not the file's
        places.append(SourcePlace(file=path, line=max(line, 1), url=url))
    return places or [SourcePlace(url=url)]


def _below(
    every: Sequence[Heading], count: int, about: Mapping[str, Any], url: str | None, path: str | None
) -> SourcePlace:
    """The place below the first `count` headings."""
    headings = every[:count]
    title = about.get("title") if isinstance(about.get("title"), str) else None
    answers = about.get("answers")
    post = None
    if isinstance(answers, list):
        post, marks = "question", [place for place, one in enumerate(headings) if one.is_answer]
        if marks:
            are_all_there = sum(one.is_answer for one in every) == len(answers)  # no empty one, no heading of another's
            named = answers[len(marks) - 1] if are_all_there else None
            answer = named if isinstance(named, dict) else {}
            post, url = f"answer {answer.get('id', f'number {len(marks)}')}", answer.get("url", url)
            headings = headings[marks[-1] + 1 :]
    section = _open_headings(headings)
    if section and section[0] == title:
        section = section[1:]
    if section and url and "wiki" in about:
        same = Counter(one.text for one in headings)[section[-1]]
        url += "#" + quote(section[-1].replace(" ", "_") + (f"_{same}" if same > 1 else ""))
    return SourcePlace(title=title, post=post, section=section, file=path, url=url)


def _open_headings(headings: Sequence[Heading]) -> tuple[str, ...]:
    """The last heading and those above it in the outline."""
    found: list[Heading] = []
    for heading in reversed(headings):
        if not found or heading.level < found[-1].level:
            found.append(heading)
    return tuple(heading.text for heading in reversed(found))
