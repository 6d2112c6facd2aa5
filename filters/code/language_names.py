"""Languages by the suffixes and names of files, by interpreters and by what editors call them.

Names are those of GitHub's Linguist, which The Stack and StarCoder use, too.
"""

PROGRAMMING, MARKUP, DATA, PROSE = "programming", "markup", "data", "prose"
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
FILE_NAMES: dict[str, tuple[str, str]] = {
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
INTERPRETERS = {
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
MODES = {
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


def _table(text: str, kind: str) -> dict[str, tuple[str, str]]:
    entries = (entry.split(":") for entry in " ".join(text.split()).split("|") if entry.strip())
    return {suffix: (name.strip().replace("_", " "), kind) for name, suffixes in entries for suffix in suffixes.split()}


SUFFIXES: dict[str, tuple[str, str]] = {
    **_table(_PROGRAMMING, PROGRAMMING),
    **_table(_MARKUP, MARKUP),
    **_table(_DATA, DATA),
    **_table(_PROSE, PROSE),
}
KINDS = dict(SUFFIXES.values()) | dict(FILE_NAMES.values())
