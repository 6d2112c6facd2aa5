"""Suffixes that several languages use, and what in a file tells them apart."""

import re
from collections.abc import Callable


def _has(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.MULTILINE)
    return lambda text: compiled.search(text) is not None


# Suffixes that several languages use: the first language whose marks are found, else the last one, which has none.
# Linear in the text: what begins a line takes no line end with it, and what looks for a closing mark looks not far.
AMBIGUOUS: dict[str, tuple[tuple[str, Callable[[str], bool] | None], ...]] = {
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
    AMBIGUOUS[_number] = (("Roff", _has(r"^[.'](?:\\\"|TH\b|Dd\b|so\b|SH\b)")), ("Text", None))
