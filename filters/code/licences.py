"""Licences of files and repositories as SPDX expressions: from identifiers, from what manifests say, from the licences' words.

A licence text is known by phrases that stand in it and in no other; texts are compared without case, marks and line ends. What
is not recognised has no licence here, which a rule can drop: nothing is guessed.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

from license_expression import ExpressionError, Licensing, get_spdx_licensing

# Permissive licences as the Blue Oak Council rates them (model to bronze), public domain dedications included.
_PERMISSIVE = """
MIT MIT-0 Apache-2.0 BSD-2-Clause BSD-3-Clause BSD-3-Clause-Clear BSD-4-Clause 0BSD ISC Unlicense CC0-1.0 Zlib
BSL-1.0 PostgreSQL NCSA Python-2.0 PSF-2.0 BlueOak-1.0.0 X11 UPL-1.0 WTFPL Artistic-2.0 HPND libpng-2.0 Libpng FTL
ICU Unicode-3.0 Unicode-DFS-2016 Ruby AFL-3.0 ECL-2.0 MS-PL curl TCL BSD-1-Clause
"""
PERMISSIVE = tuple(_PERMISSIVE.split())
_OR_LATER = "either version {} of the license or at your option any later version"
# (SPDX name, phrases that must stand in the text, phrases that must not), the first that fits.
_TEXTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("AGPL-3.0-only", ("gnu affero general public license version 3",), ()),
    ("LGPL-2.1-only", ("gnu lesser general public license version 2 1",), ()),
    ("LGPL-3.0-only", ("gnu lesser general public license version 3",), ()),
    ("LGPL-2.0-only", ("gnu library general public license version 2",), ()),
    ("GPL-3.0-only", ("gnu general public license version 3 29 june 2007",), ()),
    ("GPL-2.0-only", ("gnu general public license version 2 june 1991",), ()),
    ("GPL-1.0-only", ("gnu general public license version 1 february 1989",), ()),
    ("Apache-2.0", ("apache license version 2 0",), ()),
    ("Apache-1.1", ("the apache software license version 1 1",), ()),
    ("MPL-2.0", ("mozilla public license version 2 0",), ()),
    ("MPL-1.1", ("mozilla public license version 1 1",), ()),
    ("EPL-2.0", ("eclipse public license v 2 0",), ()),
    ("EPL-1.0", ("eclipse public license v 1 0",), ()),
    ("CDDL-1.0", ("common development and distribution license cddl version 1 0",), ()),
    ("EUPL-1.2", ("european union public licence v 1 2",), ()),
    ("CC-BY-NC-SA-4.0", ("attribution noncommercial sharealike 4 0 international",), ()),
    ("CC-BY-NC-4.0", ("attribution noncommercial 4 0 international",), ()),
    ("CC-BY-ND-4.0", ("attribution noderivatives 4 0 international",), ()),
    ("CC-BY-SA-4.0", ("attribution sharealike 4 0 international",), ()),
    ("CC-BY-4.0", ("attribution 4 0 international",), ()),
    ("CC0-1.0", ("cc0 1 0 universal",), ()),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",), ()),
    ("OFL-1.1", ("sil open font license version 1 1",), ()),
    ("BSL-1.0", ("boost software license version 1 0",), ()),
    ("Artistic-2.0", ("the artistic license 2 0",), ()),
    ("Artistic-1.0", ("the artistic license", "preamble the intent of this document"), ()),
    ("WTFPL", ("do what the fuck you want to",), ()),
    ("MS-PL", ("microsoft public license ms pl",), ()),
    ("UPL-1.0", ("universal permissive license upl version 1 0",), ()),
    ("PSF-2.0", ("python software foundation license version 2",), ()),
    ("NCSA", ("university of illinois ncsa open source license",), ()),
    ("PostgreSQL", ("postgresql license",), ()),
    ("BUSL-1.1", ("business source license 1 1",), ()),
    ("SSPL-1.0", ("server side public license version 1",), ()),
    ("Elastic-2.0", ("elastic license 2 0",), ()),
    ("BlueOak-1.0.0", ("blue oak model license",), ()),
    (
        "Zlib",
        (
            "this software is provided as is without any express or implied warranty",
            "altered source versions must be plainly marked",
        ),
        (),
    ),
    (
        "BSD-4-Clause",
        ("redistributions in binary form must reproduce", "all advertising materials mentioning features"),
        (),
    ),
    (
        "BSD-3-Clause-Clear",
        (
            "redistributions in binary form must reproduce",
            "no express or implied licenses to any party s patent rights are granted",
        ),
        (),
    ),
    (
        "BSD-3-Clause",
        ("redistributions in binary form must reproduce", "endorse or promote products derived from this software"),
        (),
    ),
    (
        "BSD-2-Clause",
        ("redistributions of source code must retain", "redistributions in binary form must reproduce"),
        ("endorse or promote",),
    ),
    (
        "ISC",
        (
            "permission to use copy modify and or distribute this software for any purpose with or without fee is "
            "hereby granted provided that",
        ),
        (),
    ),
    (
        "0BSD",
        (
            "permission to use copy modify and or distribute this software for any purpose with or without fee is "
            "hereby granted",
        ),
        ("provided that",),
    ),
    (
        "MIT-0",
        ("permission is hereby granted free of charge to any person obtaining a copy",),
        ("the above copyright notice and this permission notice",),
    ),
    ("X11", ("permission is hereby granted free of charge to any person obtaining a copy", "x consortium"), ()),
    ("MIT", ("permission is hereby granted free of charge to any person obtaining a copy", "without restriction"), ()),
    (
        "HPND",
        (
            "permission to use copy modify and distribute this software and its documentation for any purpose and "
            "without fee is hereby granted",
        ),
        (),
    ),
)
_WORKS = (
    "file",
    "code",
    "module",
    "document",
    "program",
    "software",
    "library",
    "work",
    "script",
    "stylesheet",
    "package",
)
_GIVEN = ("is", "is placed", "is hereby placed", "has been placed")
# What headers of files say of a licence that stands elsewhere.
_HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AGPL-3.0-or-later", ("gnu affero general public license", _OR_LATER.format("3"))),
    ("AGPL-3.0-only", ("gnu affero general public license",)),
    ("LGPL-3.0-or-later", ("gnu lesser general public license", _OR_LATER.format("3"))),
    ("LGPL-2.1-or-later", ("gnu lesser general public license", _OR_LATER.format("2 1"))),
    ("LGPL-2.0-or-later", ("gnu library general public license", _OR_LATER.format("2"))),
    ("GPL-3.0-or-later", ("gnu general public license", _OR_LATER.format("3"))),
    ("GPL-2.0-or-later", ("gnu general public license", _OR_LATER.format("2"))),
    ("GPL-2.0-only", ("gnu general public license", "version 2")),
    ("GPL-3.0-only", ("gnu general public license", "version 3")),
    ("Apache-2.0", ("licensed under the apache license version 2 0",)),
    ("MPL-2.0", ("subject to the terms of the mozilla public license v 2 0",)),
    ("EPL-2.0", ("eclipse public license 2 0",)),
    ("EPL-1.0", ("eclipse public license v1 0",)),
    ("BSL-1.0", ("distributed under the boost software license version 1 0",)),
    ("MIT", ("licensed under the mit license",)),
    ("MIT", ("released under the mit license",)),
    ("MIT", ("under the terms of the mit license",)),
    ("MIT", ("mit license http www opensource org licenses mit license php",)),
    ("BSD-3-Clause", ("use of this source code is governed by a bsd style license",)),
    ("ISC", ("licensed under the isc license",)),
    ("CC0-1.0", ("creativecommons org publicdomain zero 1 0",)),
    ("Unlicense", ("released into the public domain", "unlicense org")),
    *(("CC0-1.0", (f"this {what} {how} in the public domain",)) for what in _WORKS for how in _GIVEN),
)
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
_CLASSIFIERS = {
    "MIT License": "MIT", "Apache Software License": "Apache-2.0", "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only", "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "Python Software Foundation License": "PSF-2.0", "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}  # fmt: skip
_SPOKEN = {
    "mit license": "MIT", "the mit license": "MIT", "expat": "MIT", "apache 2.0": "Apache-2.0",
    "apache2": "Apache-2.0", "apache-2": "Apache-2.0", "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache software license": "Apache-2.0", "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause", "new bsd": "BSD-3-Clause", "new bsd license": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause", "3-clause bsd": "BSD-3-Clause", "bsd 3-clause": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause", "2-clause bsd": "BSD-2-Clause", "gplv3": "GPL-3.0-only",
    "gpl-3": "GPL-3.0-only", "gplv2": "GPL-2.0-only", "gpl-2": "GPL-2.0-only", "gpl (>= 2)": "GPL-2.0-or-later",
    "gpl (>= 3)": "GPL-3.0-or-later", "lgplv3": "LGPL-3.0-only", "lgpl": "LGPL-2.1-or-later", "mpl 2.0": "MPL-2.0",
    "public domain": "CC0-1.0", "psf": "PSF-2.0", "unlicensed": "LicenseRef-proprietary",
    "proprietary": "LicenseRef-proprietary",
}  # fmt: skip
_HEAD_LINES = 60
_LONGEST_EXPRESSION = 1000  # characters; of longer ones a part would say something else
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
    for name, needed, barred in _TEXTS:
        if all(phrase in words for phrase in needed) and not any(phrase in words for phrase in barred):
            return name
    return next((name for name, needed in _HEADERS if all(phrase in words for phrase in needed)), None)


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
    return _CLASSIFIERS.get(classifier[1].strip()) if classifier else None


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


@cache
def _licensing() -> Licensing:
    return get_spdx_licensing()  # a tenth of a second


def normalised(expression: str) -> str | None:
    """An SPDX expression in its canonical form; None where it holds what is no SPDX name, or is longer than any is.

    >>> normalised("mit or apache-2.0"), normalised("see file")
    ('MIT OR Apache-2.0', None)
    """
    expression = expression.strip()
    return _normalised(expression) if len(expression) <= _LONGEST_EXPRESSION else None


@lru_cache(maxsize=4096)
def _normalised(expression: str) -> str | None:
    spoken = _SPOKEN.get(expression.lower())
    if spoken:
        return spoken
    licensing = _licensing()
    try:
        parsed = licensing.parse(
            expression.replace("/", " OR ") if " " not in expression else expression, validate=True
        )
    except (ExpressionError, ValueError, RecursionError, AttributeError, TypeError):
        return None
    return str(parsed) if parsed is not None else None


def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    """Whether an expression can be met with allowed licences alone: one side of OR, both of AND; exceptions widen a licence.

    >>> is_allowed("MIT OR GPL-3.0-only", frozenset({"MIT"})), is_allowed("MIT AND GPL-3.0-only", frozenset({"MIT"}))
    (True, False)
    """
    known = _is_allowed if len(expression) <= _LONGEST_EXPRESSION else _is_allowed.__wrapped__
    return known(expression, allowed)


@lru_cache(maxsize=4096)
def _is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    try:
        parsed = _licensing().parse(expression)
    except (ExpressionError, ValueError, RecursionError):
        return False
    return parsed is not None and _met(parsed, allowed)


def _met(node: object, allowed: frozenset[str]) -> bool:
    arguments = getattr(node, "args", ())
    operator = type(node).__name__
    if operator == "OR":
        return any(_met(one, allowed) for one in arguments)
    if operator == "AND":
        return all(_met(one, allowed) for one in arguments)
    licence = getattr(node, "license_symbol", node)
    return str(getattr(licence, "key", licence)) in allowed


def _identifier(text: str) -> str | None:
    found = _IDENTIFIER.search(text)
    return normalised(found[1]) if found else None


def _words(text: str) -> str:
    return _NOT_WORDS.sub(" ", text.lower()).strip()
