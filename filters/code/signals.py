"""Signals of files of source code.

The path of a file is what a reader notes as `path` in the metadata, or a table's column of a name that The Stack and its
kin use; else the place of the document below its source's root. Licences are those a file names itself, else those of its
repository. Shapes of lines follow StarCoder2 (Lozhkov et al. 2024, section 3.1), which exempts formats whose lines are
paragraphs.
"""

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from gristmill.filters.code.languages import language_of
from gristmill.filters.code.licence_expressions import is_allowed, normalised
from gristmill.filters.code.licence_phrases import PERMISSIVE
from gristmill.filters.code.licences import licence_of_header
from gristmill.filters.code.marks import encoded_characters, is_generated, is_minified, is_vendored
from gristmill.schemas.rows.document import parsed_metadata
from gristmill.schemas.signals import Family, Signal
from gristmill.schemas.strict import Strict
from pydantic import Field

LONG_LINED = ("HTML", "JSON", "JSON Lines", "Markdown", "Roff", "SMT", "TeX", "Text", "XML", "SVG", "Jupyter Notebook")
_LINES_EXEMPT = f"the language is one of {', '.join(LONG_LINED)}"
_NO_CHARACTER = "the file is empty"
_SPACES = re.compile(r"\s+")
_LONGEST_PATH = 4096  # characters, from the end: what metadata call a path may be anything
_HIDDEN_ELEMENT = re.compile(r"<(script|style)(?=[\s/>])", re.IGNORECASE | re.ASCII)
_HIDDEN_END = {name: re.compile(f"</{name}", re.IGNORECASE | re.ASCII) for name in ("script", "style")}


class CodeFileOptions(Strict):
    """Where a document's metadata say what file it is, and which licences are allowed."""

    path: tuple[str, ...] = Field(
        ("path", "max_stars_repo_path", "file_path", "filename", "file_name"),
        description="metadata keys that may hold a file's path; the first that is there counts",
    )
    licences: tuple[str, ...] = Field(
        ("licences", "repository_licences", "licenses", "max_stars_repo_licenses", "detected_licenses", "license"),
        description="metadata keys that may hold licences: a name, an SPDX expression, or a list of them",
    )
    allowed: tuple[str, ...] = Field(PERMISSIVE, description="SPDX names of licences whose files may be used")


FAMILY = Family(
    name="code_files",
    version=2,
    signals=(
        Signal(
            "code_language",
            "string",
            "name",
            "the language of the file, by name, first line and content",
            "it is not known",
        ),
        Signal(
            "code_language_by", "string", "name", "what told the language: name, first_line, content", "it is not known"
        ),
        Signal("code_kind", "string", "name", "programming, markup, data or prose", "the language is not known"),
        Signal("code_line_count", "int", "lines", "lines of the file"),
        Signal("longest_line", "int", "characters", "the longest line"),
        Signal("longest_code_line", "int", "characters", "the longest line of a file of code", _LINES_EXEMPT),
        Signal("mean_code_line_length", "float", "characters", "characters a line of a file of code", _LINES_EXEMPT),
        Signal("alphanumeric_fraction", "float", "fraction", "letters and digits, of all characters", _NO_CHARACTER),
        Signal("alphabetic_fraction", "float", "fraction", "letters, of all characters", _NO_CHARACTER),
        Signal(
            "encoded_fraction", "float", "fraction", "characters in data written as text (base64, bytes)", _NO_CHARACTER
        ),
        Signal("longest_encoded_run", "int", "characters", "the longest run of data written as text"),
        Signal("code_generated", "bool", "", "a tool wrote the file, by its name or its first lines"),
        Signal("code_minified", "bool", "", "JavaScript or CSS without line ends"),
        Signal("code_vendored", "bool", "", "a copy of another project, by its path"),
        Signal("html_shown_fraction", "float", "fraction", "characters of HTML that are shown", "the file is no HTML"),
        Signal(
            "html_shown_characters", "int", "characters", "characters of HTML that are shown", "the file is no HTML"
        ),
        Signal("data_file_characters", "int", "characters", "characters of a file of JSON or YAML", "it is neither"),
        Signal(
            "code_licence", "string", "SPDX", "the licence a file names, else that of its repository", "none is known"
        ),
        Signal("code_licence_allowed", "bool", "", "the licence can be met with allowed ones alone", "none is known"),
    ),
    measure="gristmill.filters.code.signals:measure",
    source="Linguist's names; StarCoder2 (Lozhkov et al. 2024), section 3.1; Kocetkov et al. 2022 (The Stack)",
    reads=("text", "metadata", "location"),
    options=CodeFileOptions,
    isolated=True,
    libraries=("pygments", "license-expression"),
)
_REPOSITORY_KEYS = ("repository", "repo_name", "max_stars_repo_name", "repository_name")
_NAMES = tuple(signal.name for signal in FAMILY.signals)


def measure(batch: pa.RecordBatch, options: Mapping[str, Any]) -> pa.RecordBatch:
    columns = zip(*(batch.column(name).to_pylist() for name in ("text", "metadata", "location")), strict=True)
    allowed = frozenset(options["allowed"])
    rows = [
        _measured(text or "", parsed_metadata(metadata), location, options, allowed)
        for text, metadata, location in columns
    ]
    return pa.RecordBatch.from_pylist(rows, schema=FAMILY.schema)


def _measured(
    text: str, about: dict[str, Any], location: str, options: Mapping[str, Any], allowed: frozenset[str]
) -> dict[str, Any]:
    path = next((about[key] for key in options["path"] if isinstance(about.get(key), str)), location.rpartition("#")[0])
    path = path[-_LONGEST_PATH:]
    language = language_of(path, text)
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    longest = max(map(len, lines), default=0)
    long_lined = language.name in LONG_LINED
    encoded, run = encoded_characters(text)
    row: dict[str, Any] = dict.fromkeys(_NAMES)
    row |= {
        "code_language": language.name,
        "code_language_by": language.by,
        "code_kind": language.kind,
        "code_line_count": len(lines),
        "longest_line": longest,
        "longest_code_line": None if long_lined else longest,
        "mean_code_line_length": None if long_lined or not lines else sum(map(len, lines)) / len(lines),
        "longest_encoded_run": run,
        "code_generated": is_generated(path, lines),
        "code_minified": is_minified(path, language.name, lines),
        "code_vendored": is_vendored(path, _repository_name(about)),
    }
    if text:
        letters = sum(map(str.isalpha, text))
        row["alphabetic_fraction"] = letters / len(text)
        row["alphanumeric_fraction"] = sum(map(str.isalnum, text)) / len(text)
        row["encoded_fraction"] = encoded / len(text)
    if language.name == "HTML":
        shown = len(_SPACES.sub(" ", shown_html(text)).strip())
        row["html_shown_characters"] = shown
        row["html_shown_fraction"] = shown / len(text) if text else None
    if language.name in ("JSON", "YAML"):
        row["data_file_characters"] = len(text)
    licence = licence_of_header(lines) or _repository_licence(about, options["licences"])
    if licence:
        row["code_licence"] = licence
        row["code_licence_allowed"] = is_allowed(licence, allowed)
    return row


def _repository_name(about: dict[str, Any]) -> str:
    """The name of the file's repository, as our reader and The Stack's sets note it."""
    return next((about[key] for key in _REPOSITORY_KEYS if isinstance(about.get(key), str)), "")


def _repository_licence(about: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    """The licences that the metadata name, all of which hold; None where one of them is no SPDX expression."""
    said = next((about[key] for key in keys if about.get(key)), None)
    names = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    found = [normalised(name) if isinstance(name, str) else None for name in names]
    known = [name for name in found if name]
    if not known or len(known) < len(found):
        return None
    wrapped = [f"({name})" if " OR " in name and len(known) > 1 else name for name in dict.fromkeys(known)]
    return " AND ".join(wrapped)


def shown_html(html: str) -> str:
    """What of HTML lies outside tags, comments, scripts and styles, in one pass."""
    parts, at = [], 0
    while (start := html.find("<", at)) >= 0:
        parts.append(html[at:start])
        if html.startswith("<!--", start):
            end = html.find("-->", start + 4)
            at = end + 3
        else:
            end = html.find(">", start)
            at = end + 1
            hidden = _HIDDEN_ELEMENT.match(html, start)
            if hidden and end >= 0:
                closed = _HIDDEN_END[hidden[1].lower()].search(html, end)
                end = at = closed.start() if closed else -1
        if end < 0:
            return " ".join(parts)
    return " ".join([*parts, html[at:]])
