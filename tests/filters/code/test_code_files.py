"""Language, licence and marks of files of source code."""

import json

import pyarrow as pa
import pytest
from gristmill.filters.code.languages import language_of
from gristmill.filters.code.licence_expressions import is_allowed, normalised
from gristmill.filters.code.licence_phrases import PERMISSIVE
from gristmill.filters.code.licences import (
    licence_of_header,
    licence_of_manifest,
    licence_of_text,
    repository_licences,
)
from gristmill.filters.code.marks import encoded_characters, is_generated, is_minified, is_vendored
from gristmill.filters.code.notebook import notebook_text
from gristmill.filters.code.signals import CodeFileOptions, measure


@pytest.mark.parametrize(
    ("path", "text", "language", "kind"),
    [
        ("src/a.py", "", "Python", "programming"),
        ("A.PY", "", "Python", "programming"),
        ("x.h", "int add(int a, int b);", "C", "programming"),
        ("x.h", "namespace a { class B { public: int c; }; }", "C++", "programming"),
        ("x.h", "@interface Mill : NSObject", "Objective-C", "programming"),
        ("x.m", "@implementation Mill", "Objective-C", "programming"),
        ("x.m", "function y = f(x)\n  y = x;\nend", "MATLAB", "programming"),
        ("x.pl", "use strict;\nprint 1;", "Perl", "programming"),
        ("x.pl", "parent(a, b).\nold(X) :- parent(X, _).", "Prolog", "programming"),
        ("x.ts", "let a: number = 1", "TypeScript", "programming"),
        ("x.ts", "<?xml version='1.0'?><!DOCTYPE TS>", "XML", "programming"),
        ("x.v", "module m; endmodule", "Verilog", "programming"),
        ("x.v", "Lemma a : True. Proof.", "Coq", "programming"),
        ("x.cls", "\\ProvidesClass{a}", "TeX", "markup"),
        ("run", "#!/usr/bin/env python3\n", "Python", "programming"),
        ("run", "#!/usr/bin/env -S node --flag\n", "JavaScript", "programming"),
        ("run", "#! /bin/bash -e\n", "Shell", "programming"),
        ("conf", "# vim: set ft=ruby :", "Ruby", "programming"),
        ("conf", "/* -*- mode: c++; tab-width: 4 -*- */", "C++", "programming"),
        ("Makefile", "", "Makefile", "programming"),
        ("a/Dockerfile", "", "Dockerfile", "programming"),
        ("a.json", "{}", "JSON", "data"),
        ("a.md", "", "Markdown", "prose"),
        ("a.gleam", "", "Gleam", "programming"),
        ("page", "<!DOCTYPE html><p>", "HTML", "markup"),
        ("what", "nothing known", None, None),
    ],
)
def test_languages(path: str, text: str, language: str | None, kind: str | None) -> None:
    found = language_of(path, text)
    assert found.name == language
    assert found.kind == (kind if language != "XML" else "data")


MIT = (
    "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy of this software, to deal "
    + ("in the Software without restriction.\nThe above copyright notice and this permission notice shall be included.")
)
BSD = "Redistributions of source code must retain the notice. Redistributions in binary form must reproduce the notice."
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n\nCopyright (C) 2007 Free Software Foundation"


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (MIT, "MIT"),
        (MIT.replace("The above copyright notice and this permission notice shall be included.", ""), "MIT-0"),
        (BSD, "BSD-2-Clause"),
        (
            BSD + " Neither the name may be used to endorse or promote products derived from this software.",
            "BSD-3-Clause",
        ),
        ("Apache License\nVersion 2.0, January 2004", "Apache-2.0"),
        (GPL, "GPL-3.0-only"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007", "LGPL-3.0-only"),
        ("Creative Commons Attribution-NonCommercial 4.0 International", "CC-BY-NC-4.0"),
        ("Business Source License 1.1", "BUSL-1.1"),
        ("SPDX-License-Identifier: EPL-2.0 OR Apache-2.0\n", "EPL-2.0 OR Apache-2.0"),
        ("All rights reserved. Do not copy.", None),
    ],
)
def test_licence_texts(text: str, licence: str | None) -> None:
    assert licence_of_text(text) == licence


@pytest.mark.parametrize(
    ("head", "licence"),
    [
        ("# SPDX-License-Identifier: GPL-2.0-or-later\n", "GPL-2.0-or-later"),
        ("/* SPDX-License-Identifier: (MIT OR Apache-2.0) */", "MIT OR Apache-2.0"),
        ("// Licensed under the Apache License,\n// Version 2.0 (the ...)", "Apache-2.0"),
        (
            " * the GNU General Public License as published by the Free Software Foundation;\n"
            " * either version 2 of the License, or (at your\n * option) any later version.",
            "GPL-2.0-or-later",
        ),
        (
            "# Use of this source code is governed by a BSD-style\n# license that can be found in the LICENSE file.",
            "BSD-3-Clause",
        ),
        ("# SPDX-License-Identifier: made up\n", None),
        ("import os  # no licence here", None),
    ],
)
def test_licences_in_headers(head: str, licence: str | None) -> None:
    assert licence_of_header(head.split("\n")) == licence


@pytest.mark.parametrize(
    ("name", "text", "licence"),
    [
        ("package.json", '{"license": "MIT"}', "MIT"),
        ("package.json", '{"license": {"type": "ISC"}}', "ISC"),
        ("package.json", '{"license": "SEE LICENSE IN FILE"}', None),
        ("package.json", "[" * 5000, None),
        ("Cargo.toml", 'license = "MIT/Apache-2.0"\n', "MIT OR Apache-2.0"),
        ("pyproject.toml", 'license = {text = "BSD 3-Clause"}\n', "BSD-3-Clause"),
        ("pyproject.toml", 'license = "MIT"  # as the file says\n', "MIT"),
        ("Cargo.toml", 'license = "MIT" "GPL-2.0-only"\n', None),
        ("setup.cfg", "classifiers =\n  License :: OSI Approved :: MIT License\n", "MIT"),
        ("DESCRIPTION", "License: GPL (>= 2)\n", "GPL-2.0-or-later"),
    ],
)
def test_licences_in_manifests(name: str, text: str, licence: str | None) -> None:
    assert licence_of_manifest(name, text) == licence


def test_licences_of_repositories_and_what_is_allowed() -> None:
    assert repository_licences([("LICENSE-MIT", MIT), ("LICENSE-APACHE", "Apache License Version 2.0")]) == [
        "Apache-2.0",
        "MIT",
    ]
    assert repository_licences([("COPYING", GPL), ("package.json", '{"license": "MIT"}')]) == ["GPL-3.0-only"]
    assert repository_licences([("package.json", '{"license": "MIT"}')]) == ["MIT"]
    allowed = frozenset(PERMISSIVE)
    assert is_allowed("MIT OR GPL-3.0-only", allowed)
    assert not is_allowed("MIT AND GPL-3.0-only", allowed)
    assert not is_allowed("LicenseRef-proprietary", allowed)
    assert is_allowed("Apache-2.0 WITH LLVM-exception", allowed)
    assert normalised("mit") == "MIT"


@pytest.mark.parametrize(
    ("path", "lines", "generated"),
    [
        ("a_pb2.py", [], True),
        ("yarn.lock", [], True),
        ("a.go", ["// Code generated by protoc. DO NOT EDIT."], True),
        ("a.cs", ["// <auto-generated>"], True),
        ("a.py", ["# this file is written by hand, not generated"], False),
        ("a.py", ["x = 1"] * 20 + ["# automatically generated"], False),
        ("a.txt", ["# This file is autogenerated by pip-compile with Python 3.13"], True),
        ("a.rst", ["This is an automatically generated API documentation from sources."], True),
        ("a.js", ["/* AUTO-GENERATED FILE */"], True),
        ("a.py", ["# WARNING! Auto-generated, see tools/."], True),
        ("a.py", ["# *** GENERATED BY `setup.py antlr`, DO NOT EDIT BY HAND ***"], True),
        ("a.py", ['"""', "Do NOT manually edit this file.", '"""'], True),
        ("a.txt", ["# Do not edit this file; modify pyproject.toml instead."], True),
        ("a.h", ["/* DO NOT EDIT */"], True),
        ("a.egg-info/SOURCES.txt", [], True),
        ("x_generated.h", [], True),
        ("a.py", ['"""AST nodes generated by the parser for the compiler. Also provides'], False),
        ("a.py", ["# The locale directory for this app is generated automatically"], False),
        ("a.rst", ["There should be five messages in the following, auto-generated"], False),
        ("a.css", ["/* Do not edit or override these styles!", "The slideshow needs them. */"], False),
        ("report_functions_without_rst_generated.py", ["import os"], False),
    ],
)
def test_generated(path: str, lines: list[str], generated: bool) -> None:
    assert is_generated(path, lines) is generated


def test_vendored_and_minified() -> None:
    assert all(
        map(
            is_vendored,
            ["vendor/a.go", "x/node_modules/b/c.js", "third_party/a.cc", "js/jquery-3.1.0.min.js", "a/dist/b.js"],
        )
    )
    assert all(
        map(is_vendored, ["dist-module/a.js", "external/a.c", "src/extern/zlib/a.c", "d3.min.js", "bootstrap.css"])
    )
    own = ["src/vendoring.py", "distance/a.py", "a/jquery_plugin.js", "sympy/external/gmpy.py", "a/externality/b.c"]
    assert not any(map(is_vendored, own))
    for library, repository in (("src/jquery.js", "jquery-4.0.0"), ("lodash.js", "https://github.com/lodash/lodash")):
        assert is_vendored(library)
        assert not is_vendored(library, repository)
        assert is_vendored(f"vendor/{library}", repository)
    assert is_vendored("d3.js", "django-5.2")
    assert is_vendored("static/jquery.js", "jqueryui-1.2")
    assert is_minified("a.min.js", "JavaScript", ["x"])
    assert is_minified("a.js", "JavaScript", ["x" * 500])
    assert not is_minified("a.py", "Python", ["x" * 500])


def test_encoded_data() -> None:
    base64 = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo" * 40
    for text in (base64, ", ".join(["0x1f"] * 400), "\\x41" * 400, "\\u0041" * 300, ", ".join(["201"] * 600)):
        found, longest = encoded_characters(f"a = '{text}'\n")
        assert found > 0.9 * len(text)
        assert longest > 1024
    code = "def grind(grain):\n    return [one * 2 for one in (1, 2, 3)]\n" * 50
    assert encoded_characters(code) == (0, 0)


def notebook(**cell: object) -> str:
    return json.dumps({"cells": [cell], "metadata": {"kernelspec": {"language": "Julia"}}, "nbformat": 4})


def test_notebooks() -> None:
    assert notebook_text(notebook(cell_type="markdown", source=["# A\n", "text"])) == "# A\ntext"
    assert (
        notebook_text(notebook(cell_type="code", source="x = 1", outputs=[{"data": "y" * 9}])) == "```julia\nx = 1\n```"
    )
    assert notebook_text(notebook(cell_type="code", source="'''```'''")) == "````julia\n'''```'''\n````"
    old = {
        "worksheets": [
            {"cells": [{"cell_type": "heading", "level": 2, "source": "B"}, {"cell_type": "code", "input": ["y"]}]}
        ]
    }
    assert notebook_text(json.dumps(old)) == "## B\n\n```python\ny\n```"
    for broken in (
        "",
        "[]",
        "{}",
        '{"cells": 3}',
        "[" * 100_000,
        '{"worksheets": [3]}',
        '{"worksheets": [{"cells": 3}]}',
    ):
        assert notebook_text(broken) in (None, "")


def test_signals() -> None:
    rows = [
        ("def f():\n    return 1\n", {"path": "a/b.py", "repository_licences": ["MIT", "Apache-2.0"]}, "s#0"),
        (
            "<html><script>var a;</script><p>hello</p></html>",
            {"max_stars_repo_path": "x.html", "license": "mit"},
            "s#1",
        ),
        ('{"a": 1}', {}, "deep/x.json#7"),
        ("x" * 2000, {"path": "a.txt", "licenses": ["GPL-3.0-only"]}, "s#2"),
        ("// SPDX-License-Identifier: ISC\n", {"path": "a.c", "licences": ["nobody knows"]}, "s#3"),
        ("a\n", {"path": "b.c", "licences": ["MIT", "nobody knows"]}, "s#3"),
        ("", {"path": "b.c"}, "s#4"),
    ]
    columns = {"text": [text for text, _, _ in rows], "metadata": [json.dumps(about) for _, about, _ in rows]}
    batch = pa.record_batch({**columns, "location": [place for _, _, place in rows]})
    found = measure(batch, CodeFileOptions().model_dump()).to_pydict()
    assert found["code_language"] == ["Python", "HTML", "JSON", "Text", "C", "C", "C"]
    assert found["code_licence"] == ["MIT AND Apache-2.0", "MIT", None, "GPL-3.0-only", "ISC", None, None]
    assert found["code_licence_allowed"] == [True, True, None, False, True, None, None]
    assert found["longest_code_line"][:4] == [12, None, None, None]
    assert found["longest_line"][3] == 2000
    assert found["html_shown_characters"][:2] == [None, 5]
    assert found["data_file_characters"][2] == 8
    assert found["alphabetic_fraction"][6] is None
    assert found["code_line_count"] == [2, 1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("a.h", "\n" * 1_000_000, "C"),
        ("a.h", "class a\n" * 100_000, "C"),
        ("a.m", " \n" * 500_000, "MATLAB"),
        ("a.pl", "a(\n" * 300_000, "Perl"),
        ("a.st", "a(\n" * 300_000, "Smalltalk"),
        ("a.cs", "!a " * 300_000, "C#"),
        ("a.inc", "procedure " * 100_000, "C++"),
        ("a.fs", "precision " + "p" * 1_000_000, "F#"),
        ("a.d", "::" * 500_000, "D"),
        ("run", "#!" + "/" * 150 + "a1" * 120 + "=", None),
        ("run", "#!/bin/env " + "a=1 " * 95 + "=", None),
        ("a." + "b" * 1_000_000, "nothing known", None),
    ],
)
def test_languages_of_hostile_files(path: str, text: str, language: str | None) -> None:
    """Each of them took minutes with expressions that go back."""
    assert language_of(path, text).name == language


def test_licences_of_hostile_files() -> None:
    """Each of the first took minutes; what is too long for an expression is none, and is not kept as a whole."""
    assert licence_of_text("SPDX-License-Identifier:" + " " * 1900 + "*") is None
    assert licence_of_manifest("Cargo.toml", "license =" + " " * 90_000 + "{") is None
    assert licence_of_manifest("Cargo.toml", "\n" * 90_000 + 'license = "MIT"') == "MIT"
    assert licence_of_manifest("Cargo.toml", "licence\n" * 10_000) is None
    assert licence_of_header(["# SPDX-License-Identifier: MIT -->"]) == "MIT"
    assert normalised(" " * 1_000_000 + "MIT") == "MIT"
    assert normalised("MIT OR " * 200_000 + "MIT") is None
    assert is_allowed(" AND ".join(["MIT", "ISC"] * 500), frozenset(PERMISSIVE))
    assert not is_allowed(" AND ".join(["MIT"] * 500 + ["GPL-3.0-only"]), frozenset(PERMISSIVE))


@pytest.mark.parametrize(
    ("text", "encoded", "shown"),
    [
        ("1," * 300_000, 600_000, 600_000),
        ("ab " * 200_000, 600_000, 599_999),
        ("A" * 1_000_000, 1_000_000, 1_000_000),
        ("<" * 500_000, 0, 0),
        ("\\x4" * 200_000, 0, 600_000),
        ("<!--" * 200_000, 0, 0),
        ("<script>" * 100_000, 0, 0),
        ("İ" * 1000 + "<Script>var a</SCRIPT>b<styled-x>c</styled-x>", 0, 1004),
    ],
)
def test_signals_of_hostile_files(text: str, encoded: int, shown: int) -> None:
    batch = pa.record_batch({"text": [text], "metadata": ['{"path": "a.html"}'], "location": ["s#0"]})
    (row,) = measure(batch, CodeFileOptions().model_dump()).to_pylist()
    assert row["encoded_fraction"] == encoded / len(text)
    assert row["html_shown_characters"] == shown


@pytest.mark.parametrize(
    ("head", "licence"),
    [
        ("# Copyright: This module has been placed in the public domain.", "CC0-1.0"),
        ("/* This code is in the public domain. */", "CC0-1.0"),
        ("# The poems it tests are in the public domain.", None),
        (
            "# This program is free: GNU General Public License version 3. This file has been placed in the public domain",
            "GPL-3.0-only",
        ),
    ],
)
def test_public_domain(head: str, licence: str | None) -> None:
    assert licence_of_header([head]) == licence
