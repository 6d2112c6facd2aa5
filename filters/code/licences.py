"""Licences of files and repositories as SPDX expressions: from identifiers, from what manifests say, from the licences' words.

A licence text is known by phrases that stand in it and in no other; texts are compared without case, marks and line ends. What
is not recognised has no licence here, which a rule can drop: nothing is guessed.
"""

import json
import re
from collections.abc import Iterable, Sequence

from gristmill.filters.code.licence_expressions import normalised
from gristmill.filters.code.licence_phrases import CLASSIFIERS, HEADERS, TEXTS

_IDENTIFIER = re.compile(
    r"SPDX-License-Identifier:[ \t]*+((?:(?!-->)[^\n\r*#<>\"]){1,200}+)(?:\*/|-->|#|$|[\n\r\"])", re.MULTILINE
)
_LICENCE_FILE = re.compile(
    r"^(?:licen[cs]es?|copying|unlicense|mit-licen[cs]e|copyright|ofl)(?:[-_.].*)?$|^.+[-_.]licen[cs]e(?:\.(?:txt|md|rst))?$",
    re.IGNORECASE,
)
_MANIFESTS = ("package.json", "pyproject.toml", "cargo.toml", "setup.cfg", "composer.json", "description", "pkg-info")
_MANIFEST_LICENCE = re.compile(
    r"""^[^\S\n]*+["']?licen[cs]e(?:-expression)?["']?\s*+[:=]\s*+(?:\{\s*+text\s*+=\s*+)?["']?"""
    r"""([^"'\n{}#]{2,120}+)["']?[^\S\n]*+[,}]?[^\S\n]*+(?:#[^\n]*+)?$""",
    re.IGNORECASE | re.MULTILINE,
)
_CLASSIFIER = re.compile(r"License :: OSI Approved :: ([^\n\"']{3,80})")
_HEAD_LINES = 60
_MAX_LICENCE_CHARACTERS = 100_000
_NOT_WORDS = re.compile(r"[^a-z0-9]+")
_COMMENT = re.compile(r"^[ \t]*(?://+|#+|\*+|;+|--+|%+|/\*+|<!--|\"{3}|'{3})?[ \t]?", re.MULTILINE)


def is_licence_file(name: str) -> bool:
    """Whether a file in the root of a repository holds its licence. name: without folders."""
    return bool(_LICENCE_FILE.match(name))


def is_manifest(name: str) -> bool:
    return name.lower() in _MANIFESTS


def licence_of_text(text: str) -> str | None:
    """The licence that a licence file holds; None where it is none that is known."""
    found = _identifier(text[:2000])
    if found:
        return found
    words = _words(text[:_MAX_LICENCE_CHARACTERS])
    for name, needed, barred in TEXTS:
        if all(phrase in words for phrase in needed) and not any(phrase in words for phrase in barred):
            return name
    return next((name for name, needed in HEADERS if all(phrase in words for phrase in needed)), None)


def licence_of_header(lines: Sequence[str]) -> str | None:
    """The licence that the first lines of a file name: its SPDX identifier, a notice, or the whole text of a short one."""
    head = "\n".join(line[:300] for line in lines[:_HEAD_LINES])
    low = head.lower()
    if "licen" not in low and "permission" not in low and "redistribut" not in low and "public domain" not in low:
        return None
    return licence_of_text(_COMMENT.sub("", head))


def licence_of_manifest(name: str, text: str) -> str | None:
    """What a manifest such as package.json, pyproject.toml or Cargo.toml says."""
    text = text[:_MAX_LICENCE_CHARACTERS]
    said: object = None
    if name.lower().endswith(".json"):
        try:
            content = json.loads(text)
            said = content.get("license") if isinstance(content, dict) else None
        except (ValueError, RecursionError):
            return None
        if isinstance(said, dict):
            said = said.get("type")
        if isinstance(said, list):
            said = " OR ".join(one for one in said if isinstance(one, str))
    else:
        found = _MANIFEST_LICENCE.search(text)
        said = found[1].strip().rstrip(", ") if found else None
    named = normalised(said) if isinstance(said, str) else None
    if named:
        return named
    classifier = _CLASSIFIER.search(text)
    return CLASSIFIERS.get(classifier[1].strip()) if classifier else None


def repository_licences(files: Iterable[tuple[str, str]]) -> list[str]:
    """The licences of a repository, from (path, text) of its licence files, or of its manifests where none is recognised."""
    found: dict[str, None] = {}
    manifests: dict[str, None] = {}
    for path, text in files:
        name = path.rpartition("/")[2]
        licence = licence_of_text(text) if is_licence_file(name) else None
        if licence:
            found[licence] = None
        elif is_manifest(name) and (said := licence_of_manifest(name, text)):
            manifests[said] = None
    return sorted(found or manifests)


def _identifier(text: str) -> str | None:
    found = _IDENTIFIER.search(text)
    return normalised(found[1]) if found else None


def _words(text: str) -> str:
    return _NOT_WORDS.sub(" ", text.lower()).strip()
