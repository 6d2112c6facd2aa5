"""The language of a piece of code, as classes and attributes of programs that colour code name it."""

import re
from collections.abc import Iterator

from gristmill.filters.html.layout import CODE, MARK_TAG, PARENT, Page
from gristmill.filters.html.markdown_inline import marks_of
from gristmill.filters.html.tag_attributes import attributes_of, mark_bytes, tag_bytes

MAX_LEVELS = (
    8  # elements around code that are looked at: Rouge puts a table between the code and what names its language
)
_NEAR_LEVELS = 2  # in these any name is one of a language, farther out only those below
_PREFIXED = re.compile(
    r"(?:^|\s)(?:language-|lang-|lang:|highlight-source-|highlight-text-|brush:\s*|sourceCode\s+)([\w+#.-]+)"
)
_SPHINX_OR_ORG = re.compile(r"(?:^|\s)(?:highlight|src)-([\w+#.-]+)")
_ATTRIBUTES = ("data-lang", "data-language", "data-enlighter-language")
_HIGHLIGHTER_NAMES = "hljs highlight syntaxhighlighter prettyprint shiki src code chroma"
_HIGHLIGHTERS = frozenset(_HIGHLIGHTER_NAMES.split())
_NONE_NAMES = "none text plain plaintext plain_text txt default nohighlight no-highlight output auto"
_NONE = frozenset(_NONE_NAMES.split())
_LANGUAGES = """
ada apache apl arduino asm assembly awk bash basic bat batch c c# c++ clj clojure cmake cmd cobol coffee coffeescript
console cpp cs csharp css csv cuda cython d dart delphi diff docker dockerfile dos elisp elixir elm emacs-lisp erb erlang
f# fish fortran fsharp gdscript glsl go golang gradle graphql groovy haml haskell haxe hcl hlsl hs html http ini io j java
javascript jinja jl js json json5 jsonc jsonnet jsx julia kotlin kt latex less lisp lua make makefile markdown markup
mathematica matlab md mermaid mysql nasm nginx nim nix objc objective-c objectivec ocaml octave pascal patch perl pgsql
php pl plsql postgres postgresql powershell prolog properties proto protobuf ps1 pug puppet py py3 pycon pytb python
python3 qml r racket rb reason rest rkt rs rst ruby rust sas sass scala scheme scss sh shell shell-session sml solidity
sparql sql stata svelte swift systemverilog tcl terraform tex toml ts tsql tsx twig typescript v vala vb vbnet verilog
vhdl vim viml vue wasm wat wolfram x86asm xhtml xml xquery xslt yaml yml zig zsh
"""
KNOWN_LANGUAGES = frozenset(_LANGUAGES.split())


def code_language(page: Page, number: int, element: int) -> str:
    """The language that a `code` in a block, the element around it, or one around that names; "" where none does.

    number: of the block. element: of the block, or its `pre`.
    """
    tags = [mark_bytes(page, mark) for mark in marks_of(page, number) if mark[MARK_TAG] == CODE]
    near = len(tags) + _NEAR_LEVELS
    for _ in range(MAX_LEVELS):
        if element <= 0:
            break
        tags.append(tag_bytes(page, element))
        element = int(page.elements[element, PARENT])
    for place, tag in enumerate(tags):
        for name, is_sure in _names(attributes_of(tag)):
            if (is_sure and place < near) or name.lower() in KNOWN_LANGUAGES:
                return "" if name.lower() in _NONE else name
    return ""


def _names(attributes: dict[str, str]) -> Iterator[tuple[str, bool]]:
    """(what may be the name of a language, whether nothing else stands in such a place) in a tag."""
    classes = attributes.get("class", "")
    if found := _PREFIXED.search(classes):
        yield found[1], True
    for name in _ATTRIBUTES:
        if (value := attributes.get(name, "").strip()) and " " not in value:
            yield value, True
    if found := _SPHINX_OR_ORG.search(classes):
        yield found[1], False
    words = classes.split()
    if _HIGHLIGHTERS & {word.lower() for word in words}:
        yield from ((word, False) for word in words if word.lower() not in _HIGHLIGHTERS)
