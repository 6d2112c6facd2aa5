"""Which language a file is in: by its name, by its first line, and where a suffix stands for several by its content.

Names are those of GitHub's Linguist, which The Stack and StarCoder use, too. What this table does not know is asked of
Pygments, which knows 500 more and works offline.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from pygments.lexers import find_lexer_class_for_filename
from pygments.util import ClassNotFound

PROGRAMMING, MARKUP, DATA, PROSE = "programming", "markup", "data", "prose"


class Language(NamedTuple):
    """name: None where it is not known. kind: programming, markup, data, prose. by: name, first_line or content."""

    name: str | None
    kind: str | None
    by: str | None


UNKNOWN = Language(None, None, None)

_PROGRAMMING = """
ABAP:abap| Ada:adb ads| Agda:agda| Assembly:asm nasm s| Astro:astro| AutoHotkey:ahk| Awk:awk| Batchfile:bat cmd|
Ballerina:bal| Bison:y yy| C:c| C#:cs csx| C++:cc cpp cxx c++ hh hpp hxx h++ ipp tpp inl| CMake:cmake| COBOL:cob cbl
cpy| Clojure:clj cljs cljc edn| CoffeeScript:coffee| Common_Lisp:lisp cl asd| Coq:coq| Crystal:cr| Cuda:cu cuh|
Cython:pyx pxd pxi| D:di| Dart:dart| Elixir:ex exs| Elm:elm| Emacs_Lisp:el| Erlang:erl hrl| F#:fs fsi fsx| Fortran:f90
f95 f03 f08 for f77| GDScript:gd| GLSL:glsl vert frag geom| Go:go| Groovy:groovy gradle| Hack:hh hhi| Haskell:hs lhs
hsc| HLSL:hlsl fx| Haxe:hx| Idris:idr| Isabelle:thy| Java:java| JavaScript:js mjs cjs jsx es6| Julia:jl| Kotlin:kt
kts| Lean:lean| Lex:lex l| Logos:xm| Lua:lua| MLIR:mlir| Makefile:mk mak| Mojo:mojo| Nim:nim nims| Nix:nix| OCaml:ml
mli mll mly| Objective-C++:mm| OpenCL:opencl| PHP:php php3 php4 php5 phtml| PL/SQL:pks pkb plsql| Pascal:pas pp dpr
lpr| Perl:pm| PowerShell:ps1 psm1 psd1| Prolog:prolog yap| PureScript:purs| Python:py pyi pyw| R:r rd| Racket:rkt|
Raku:raku rakumod p6 pm6| Ruby:rb rake gemspec ru| Rust:rs| SAS:sas| SQL:sql| Scala:scala sc sbt| Scheme:scm ss sld|
Shell:sh bash zsh ksh fish| Smalltalk:st| Solidity:sol| Stan:stan| Standard_ML:sml sig| Stata:do ado| Starlark:bzl
star| SuperCollider:scd| Swift:swift| SystemVerilog:sv svh| Tcl:tcl| Thrift:thrift| TypeScript:mts cts| TSX:tsx|
VBScript:vbs| VHDL:vhd vhdl| Vala:vala vapi| Verilog:vh| Vim_Script:vim| Visual_Basic_.NET:vb| WebAssembly:wat wast|
WGSL:wgsl| Zig:zig| Protocol_Buffer:proto| GraphQL:graphql gql| HCL:tf hcl tfvars| Jsonnet:jsonnet libsonnet|
ASN.1:asn1| ANTLR:g4| Dafny:dfy| TLA:tla
"""
_MARKUP = """
HTML:html htm xhtml| CSS:css| SCSS:scss| Sass:sass| Less:less| Stylus:styl| Vue:vue| Svelte:svelte| TeX:tex sty ltx
dtx bbl| BibTeX:bib| Haml:haml| Pug:pug jade| Handlebars:hbs handlebars| Jinja:jinja j2 jinja2| Mustache:mustache|
EJS:ejs| HTML+ERB:erb| Blade:blade| XSLT:xsl xslt| Roff:1 2 3 4 5 6 7 8 man| Jupyter_Notebook:ipynb| QML:qml|
PostScript:ps eps| Typst:typ| Twig:twig| ASP.NET:aspx ascx cshtml
"""
_DATA = """
JSON:json geojson webmanifest jsonld| JSON_Lines:jsonl ndjson| JSON5:json5 jsonc| YAML:yml yaml| TOML:toml| XML:xml
xsd wsdl rdf plist csproj vcxproj xaml resx dae gpx kml tmx ui qrc storyboard xib| CSV:csv| TSV:tsv| INI:ini cfg conf
properties editorconfig| SVG:svg| Diff:diff patch| Gettext_Catalog:po pot| Lock:lock| Text_Data:dat|
Wavefront_Object:obj mtl| G-code:gcode| PEM:pem crt key| SMT:smt2 smt| Graphviz:dot gv| Intel_HEX:hex ihex| NCL:ncl|
Protein_Data_Bank:pdb| STL:stl| Adblock:adblock| Turtle:ttl| N-Triples:nt
"""
_PROSE = """
Markdown:md markdown mdown mkd mdx| reStructuredText:rst rest| AsciiDoc:adoc asciidoc asc| Text:txt text| Org:org|
RDoc:rdoc| Wikitext:wiki mediawiki| POD:pod
"""
_FILE_NAMES = {
    "makefile": ("Makefile", PROGRAMMING),
    "gnumakefile": ("Makefile", PROGRAMMING),
    "makefile.am": ("Makefile", PROGRAMMING),
    "makefile.in": ("Makefile", PROGRAMMING),
    "dockerfile": ("Dockerfile", PROGRAMMING),
    "containerfile": ("Dockerfile", PROGRAMMING),
    "jenkinsfile": ("Groovy", PROGRAMMING),
    "vagrantfile": ("Ruby", PROGRAMMING),
    "rakefile": ("Ruby", PROGRAMMING),
    "gemfile": ("Ruby", PROGRAMMING),
    "podfile": ("Ruby", PROGRAMMING),
    "cmakelists.txt": ("CMake", PROGRAMMING),
    "meson.build": ("Meson", PROGRAMMING),
    "build": ("Starlark", PROGRAMMING),
    "build.bazel": ("Starlark", PROGRAMMING),
    "workspace": ("Starlark", PROGRAMMING),
    "configure.ac": ("M4Sugar", PROGRAMMING),
    "snakefile": ("Python", PROGRAMMING),
    "sconstruct": ("Python", PROGRAMMING),
    "sconscript": ("Python", PROGRAMMING),
    "wscript": ("Python", PROGRAMMING),
    "justfile": ("Just", PROGRAMMING),
    "go.mod": ("Go Module", DATA),
    "go.sum": ("Go Checksums", DATA),
    "package-lock.json": ("JSON", DATA),
    "requirements.txt": ("Pip Requirements", DATA),
    "license": ("Text", PROSE),
    "licence": ("Text", PROSE),
    "copying": ("Text", PROSE),
    "readme": ("Text", PROSE),
    "notice": ("Text", PROSE),
    "authors": ("Text", PROSE),
    "changelog": ("Text", PROSE),
    ".gitignore": ("Ignore List", DATA),
    ".gitattributes": ("Git Attributes", DATA),
    ".bashrc": ("Shell", PROGRAMMING),
}
_INTERPRETERS = {
    "sh": "Shell", "bash": "Shell", "zsh": "Shell", "dash": "Shell", "ksh": "Shell", "fish": "Shell",
    "python": "Python", "pypy": "Python", "perl": "Perl", "ruby": "Ruby", "node": "JavaScript",
    "nodejs": "JavaScript", "deno": "TypeScript", "bun": "TypeScript", "ts-node": "TypeScript", "php": "PHP",
    "lua": "Lua", "luajit": "Lua", "rscript": "R", "julia": "Julia", "awk": "Awk", "gawk": "Awk", "mawk": "Awk",
    "tclsh": "Tcl", "wish": "Tcl", "expect": "Tcl", "escript": "Erlang", "elixir": "Elixir", "groovy": "Groovy",
    "scala": "Scala", "swift": "Swift", "racket": "Racket", "guile": "Scheme", "sbcl": "Common Lisp",
    "make": "Makefile", "osascript": "AppleScript", "pwsh": "PowerShell", "runhaskell": "Haskell",
    "runghc": "Haskell", "raku": "Raku", "perl6": "Raku", "crystal": "Crystal", "ocaml": "OCaml", "dart": "Dart",
    "nix": "Nix", "sed": "sed", "jq": "jq",
}  # fmt: skip
_MODES = {
    "c++": "C++", "cpp": "C++", "c": "C", "python": "Python", "perl": "Perl", "ruby": "Ruby", "sh": "Shell",
    "shell-script": "Shell", "bash": "Shell", "zsh": "Shell", "emacs-lisp": "Emacs Lisp", "lisp": "Common Lisp",
    "common-lisp": "Common Lisp", "scheme": "Scheme", "javascript": "JavaScript", "js": "JavaScript",
    "typescript": "TypeScript", "java": "Java", "objc": "Objective-C", "lua": "Lua", "php": "PHP", "rust": "Rust",
    "go": "Go", "haskell": "Haskell", "makefile": "Makefile", "make": "Makefile", "tcl": "Tcl", "r": "R",
    "vim": "Vim Script", "prolog": "Prolog", "matlab": "MATLAB", "octave": "MATLAB", "fortran": "Fortran",
    "f90": "Fortran", "ada": "Ada", "cmake": "CMake", "nroff": "Roff", "text": "Text", "markdown": "Markdown",
    "rst": "reStructuredText", "yaml": "YAML", "json": "JSON", "xml": "XML", "html": "HTML", "css": "CSS",
    "sql": "SQL", "tex": "TeX", "latex": "TeX", "conf": "INI", "dosini": "INI",
}  # fmt: skip
_SHEBANG = re.compile(
    r"#!\s*+(?:\S*/)?+(?:env\s++(?:-\S++\s++|\w++=\S*+\s++)*+(?:\S*/)?+)?([A-Za-z][\w+-]*?)[\d.]*(?:\.exe)?(?:\s|$)"
)
_EMACS = re.compile(r"-\*-\s*(?:.{0,80}?\bmode\s*:\s*)?([\w+#-]{1,30})\s*(?:;.{0,120}?)?-\*-", re.IGNORECASE)
_VIM = re.compile(r"\b(?:vim?|ex)\s*:\s*(?:set?\s+)?(?:.{0,80}?[\s:])?(?:ft|filetype|syntax)=([\w+#-]{1,30})")
_HEAD_CHARACTERS = 100_000
_LONGEST_NAME = 200  # characters of a file name that Pygments is asked about


def _table(text: str, kind: str) -> dict[str, tuple[str, str]]:
    entries = (entry.split(":") for entry in " ".join(text.split()).split("|") if entry.strip())
    return {suffix: (name.strip().replace("_", " "), kind) for name, suffixes in entries for suffix in suffixes.split()}


_SUFFIXES = {
    **_table(_PROGRAMMING, PROGRAMMING),
    **_table(_MARKUP, MARKUP),
    **_table(_DATA, DATA),
    **_table(_PROSE, PROSE),
}
_KINDS = dict(_SUFFIXES.values()) | dict(_FILE_NAMES.values())


def _has(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.MULTILINE)
    return lambda text: compiled.search(text) is not None


# Suffixes that several languages use: the first language whose marks are found, else the last one, which has none.
# Linear in the text: what begins a line takes no line end with it, and what looks for a closing mark looks not far.
_AMBIGUOUS: dict[str, tuple[tuple[str, Callable[[str], bool] | None], ...]] = {
    "h": (
        ("Objective-C", _has(r"^[^\S\n]*(?:@(?:interface|protocol|class|property|end)\b|#import\s+[<\"])")),
        (
            "C++",
            _has(
                r"^[^\S\n]*(?:class\s+\w+[^;{]{0,500}\{|template\s*<|namespace\s+\w*|using\s+(?:namespace\s+)?\w|(?:public|private|protected)\s*:|#include\s*<(?:string|vector|map|memory|iostream|cstdint|functional|utility|algorithm)>)|\bstd::|\bconstexpr\b|\bnoexcept\b"
            ),
        ),
        ("C", None),
    ),
    "m": (
        (
            "Objective-C",
            _has(
                r"^[^\S\n]*(?:@(?:implementation|interface|import|end|property|protocol|class)\b|#import\b|#include\s*[<\"])"
            ),
        ),
        ("Mercury", _has(r"^[^\S\n]*:-\s*(?:module|interface|import_module)\b")),
        ("Mathematica", _has(r"^[^\S\n]*\(\*|\bBeginPackage\[|:=\s*Module\[")),
        ("MATLAB", None),
    ),
    "pl": (("Prolog", _has(r"^[^\S\n]*:-\s*\w+|^[a-z]\w*\([^)]{0,500}\)\s*(?::-|\.[^\S\n]*$)")), ("Perl", None)),
    "pro": (
        ("Prolog", _has(r"^[^#\n]{0,200}:-")),
        ("QMake", _has(r"^[^\S\n]*(?:SOURCES|HEADERS|TEMPLATE|QT|CONFIG|TARGET)\s*[+*-]?=")),
        ("IDL", None),
    ),
    "t": (
        ("Raku", _has(r"^[^\S\n]*(?:use\s+v6|unit\s+module)\b")),
        ("Turing", _has(r"^[^\S\n]*(?:procedure|end\s+for)\b")),
        ("Perl", None),
    ),
    "ts": (("XML", _has(r"\A\ufeff?\s*<(?:\?xml|!DOCTYPE\s+TS|TS\b)")), ("TypeScript", None)),
    "v": (
        (
            "Coq",
            _has(
                r"^[^\S\n]*(?:Require\s+(?:Import|Export)|Proof\b|Qed\.|Lemma\b|Theorem\b|Definition\b|Inductive\b|Fixpoint\b)"
            ),
        ),
        ("V", _has(r"^[^\S\n]*(?:pub\s+)?fn\s+\w+\s*\(|^import\s+\w+$")),
        ("Verilog", None),
    ),
    "d": (
        ("Makefile", _has(r"^[\w./-]+\.(?:o|d|obj)\s*:\s")),
        ("DTrace", _has(r"^[^\S\n]*#pragma\s+D\s|^\w*:\w*:\w*:\w*\s*$")),
        ("D", None),
    ),
    "f": (
        ("Forth", _has(r"^:\s+\S+|^[^\S\n]*\\\s")),
        ("Filebench WML", _has(r"^define\s+(?:process|fileset|file)\b")),
        ("Fortran", None),
    ),
    "cls": (
        ("TeX", _has(r"\\(?:NeedsTeXFormat|ProvidesClass|documentclass|def\b)")),
        ("Apex", _has(r"\b(?:global|public|private)\b[^;{\n]{0,80}\bclass\b|@isTest")),
        ("VBA", _has(r"^[^\S\n]*(?:VERSION\s+1\.0\s+CLASS|Attribute\s+VB_)")),
        ("ObjectScript", None),
    ),
    "inc": (
        ("PHP", _has(r"<\?(?:php|=)")),
        ("Pascal", _has(r"^[^\S\n]*\{\$|\bprocedure\b[^;\n]{0,500};|^[^\S\n]*unit\s+\w+;")),
        ("Assembly", _has(r"^[^\S\n]*(?:\.\w+|%(?:macro|define)|\w+\s+(?:equ|db|dw|dd))\b")),
        ("C++", None),
    ),
    "sc": (("SuperCollider", _has(r"\b(?:SynthDef|SinOsc)\b|^[^\S\n]*\+\s+\w+\s*\{")), ("Scala", None)),
    "re": (("C++", _has(r"/\*!re2c|^[^\S\n]*#include\b")), ("Reason", None)),
    "as": (("AngelScript", _has(r"\b(?:funcdef|mixin)\b")), ("ActionScript", None)),
    "lsp": (("NewLisp", _has(r"^[^\S\n]*\(define\b")), ("Common Lisp", None)),
    "ms": (
        ("MAXScript", _has(r"^[^\S\n]*(?:rollout|fn|struct)\s+\w+")),
        ("Roff", _has(r"^\.[A-Za-z]")),
        ("Assembly", None),
    ),
    "rs": (("XML", _has(r"\A\s*<\?xml")), ("RenderScript", _has(r"#pragma\s+rs\b|#include\s+\"?rs_")), ("Rust", None)),
    "fs": (
        ("GLSL", _has(r"^[^\S\n]*(?:#version\s+\d|precision\s+\w+p\s+float|uniform\s|varying\s)|\bgl_FragColor\b")),
        ("Forth", _has(r"^:\s+\S+")),
        ("F#", None),
    ),
    "cs": (("Smalltalk", _has(r"![\w\s]+methodsFor:")), ("C#", None)),
    "r": (("Rebol", _has(r"\bRebol\s*\[")), ("Rez", _has(r"^[^\S\n]*(?:resource|data)\s+'\w{4}'")), ("R", None)),
    "s": (("Assembly", None),),
    "asp": (("Classic ASP", None),),
    "l": (
        ("Roff", _has(r"^\.(?:TH|SH|PP|\\\")")),
        ("Common Lisp", _has(r"^[^\S\n]*\((?:defun|defmacro|in-package)\b")),
        ("Lex", None),
    ),
    "cl": (("OpenCL", _has(r"\b__kernel\b|\bkernel\s+void\b|\bget_global_id\b")), ("Common Lisp", None)),
    "hh": (("Hack", _has(r"\A\s*<\?hh")), ("C++", None)),
    "ml": (
        ("Standard ML", _has(r"^[^\S\n]*(?:structure|signature|functor)\s+\w+\s*(?:=|:)|\bfn\s+\w+\s*=>")),
        ("OCaml", None),
    ),
    "gd": (("GAP", _has(r"\b(?:DeclareOperation|InstallMethod)\(")), ("GDScript", None)),
    "st": (("StringTemplate", _has(r"^[^\S\n]*\w+\([^)]{0,500}\)\s*::=|\$\w+[.(:;]")), ("Smalltalk", None)),
    "pp": (("Puppet", _has(r"^[^\S\n]*(?:class|define|node)\s+[\w:']+|=>\s")), ("Pascal", None)),
    "vb": (("Visual Basic .NET", None),),
    "md": (("Markdown", None),),
    "txt": (("Text", None),),
}
for _number in "12345678":  # manual pages, unless they are not
    _AMBIGUOUS[_number] = (("Roff", _has(r"^[.'](?:\\\"|TH\b|Dd\b|so\b|SH\b)")), ("Text", None))


def language_of(path: str, text: str) -> Language:
    """The language of a file. path: with folders or without, of any case. text: its content, or its beginning."""
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    if name in _FILE_NAMES:
        return Language(*_FILE_NAMES[name], "name")
    head = text[:_HEAD_CHARACTERS]
    suffix = name.rpartition(".")[2] if "." in name.lstrip(".") else ""
    if suffix in _AMBIGUOUS:
        for language, marks in _AMBIGUOUS[suffix]:
            if marks is None:
                return Language(language, _kind(language), "name")
            if marks(head):
                return Language(language, _kind(language), "content")
    if suffix in _SUFFIXES:
        return Language(*_SUFFIXES[suffix], "name")
    by_head = _by_first_lines(head)
    if by_head:
        return Language(by_head, _kind(by_head), "first_line")
    asked = f"x.{suffix}" if suffix else name
    known = _by_pygments(asked) if len(asked) < _LONGEST_NAME else None
    if known:
        return Language(known, _kind(known), "name")
    return _by_content(head)


def _kind(language: str) -> str:
    return _KINDS.get(language, PROGRAMMING)


def _by_first_lines(head: str) -> str | None:
    first = head[:400].lstrip("\ufeff")
    found = _SHEBANG.match(first)
    if found and found[1].lower() in _INTERPRETERS:
        return _INTERPRETERS[found[1].lower()]
    ends = first + "\n" + head[-400:]
    for pattern in (_EMACS, _VIM):
        mode = pattern.search(ends)
        if mode and mode[1].lower() in _MODES:
            return _MODES[mode[1].lower()]
    return None


@lru_cache(maxsize=4096)
def _by_pygments(name: str) -> str | None:
    try:
        lexer = find_lexer_class_for_filename(name)
    except (ClassNotFound, ValueError):
        return None
    return None if lexer is None else str(lexer.name)


_JSON_START = re.compile(r"\A\s*[\[{]\s*(?:\"|\{|\[|\]|\})")


def _by_content(head: str) -> Language:
    start = head[:2000].lstrip("\ufeff \t\r\n")
    if start.startswith("<?php"):
        return Language("PHP", PROGRAMMING, "content")
    if start.startswith("<?xml"):
        return Language("XML", DATA, "content")
    if start[:15].lower().startswith(("<!doctype html", "<html")):
        return Language("HTML", MARKUP, "content")
    if _JSON_START.match(start):
        return Language("JSON", DATA, "content")
    return UNKNOWN
