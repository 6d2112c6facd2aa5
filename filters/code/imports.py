"""What a source file says that it imports, as its language writes it; `import_targets` finds the files that are meant.

Patterns read the text once, and take no statement apart that they do not need. What stands in strings and comments may be
taken for an import: it then names a file of the repository, or none.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

MAX_NAME_CHARACTERS = 400  # of a module or path; longer ones name no file
_MAX_RUST_PARTS = 16


class Import(NamedTuple):
    """module: a dotted name, a path, or parts with `::`, as it is written. member: what is taken from it, which may be a
    module too; "" for the module itself, "*" for all of a package."""

    module: str
    member: str = ""


class FileImports(NamedTuple):
    """A file, and what it says of its place among others. language: as `languages.language_of` names it. package: that it
    declares itself part of (Java and its kin), or the module that a `go.mod` names. imports: each once, in order."""

    path: str
    language: str | None
    package: str
    imports: tuple[Import, ...]


def imports_of(path: str, language: str | None, text: str) -> FileImports:
    """Read what a file imports; nothing of a language that is not in LANGUAGES."""
    read = LANGUAGES.get(language or "")
    found = dict.fromkeys(read(text)) if read else {}
    named = tuple(one for one in found if max(map(len, one)) <= MAX_NAME_CHARACTERS)
    declared = _PACKAGES[language].search(text) if language in _PACKAGES else None
    return FileImports(path, language, declared[1] if declared else "", named)


_PYTHON_SKIPPED = re.compile(
    r'"""(?:[^\\"]++|\\(?:.|\Z)|"(?!""))*+(?:"""|\Z)'
    r"|'''(?:[^\\']++|\\(?:.|\Z)|'(?!''))*+(?:'''|\Z)"
    r'|"(?:[^\\"\n]++|\\(?:.|\Z))*+"?'
    r"|'(?:[^\\'\n]++|\\(?:.|\Z))*+'?"
    r"|#[^\n]*+|\\\r?\n",
    re.DOTALL,
)
_PYTHON = re.compile(
    r"(?:^|[;:])[ \t]*+"
    r"(?:from[ \t]++(\.*+[\w.]*+)[ \t]++import\b[ \t]*+(?:\(([^()]*+)\)|([^\n;()]*+))|import[ \t]++([^\n;]*+))",
    re.MULTILINE,
)
_PYTHON_NAME = re.compile(r"\s*+([\w.]++|\*)")


def _python(text: str) -> Iterator[Import]:
    for found in _PYTHON.finditer(_PYTHON_SKIPPED.sub(" ", text)):
        module, inside, beside, modules = found.groups()
        if module is None:
            yield from (Import(name) for name in _python_names(modules))
        else:
            yield from (Import(module, name) for name in _python_names(inside or beside or "*"))


def _python_names(listed: str) -> Iterator[str]:
    for one in listed.split(","):
        if name := _PYTHON_NAME.match(one):
            yield name[1]


_SCRIPT = re.compile(r"""\b(?:from|import|require)\b[ \t]*+\(?+[ \t]*+(["'`])(\.{1,2}(?:/[^"'`\n\\]*+)?)\1""")
_SCRIPT_COMMENTS = ("//", "*", "/*")


def _script(text: str) -> Iterator[Import]:
    for line in text.split("\n"):
        if not line.lstrip().startswith(_SCRIPT_COMMENTS):
            yield from (Import(found[2]) for found in _SCRIPT.finditer(line))


_INCLUDE = re.compile(r'^[ \t]*+#[ \t]*+(?:include|import)[ \t]*+(?:"([^"\n]++)"|<([^<>\n]++)>)', re.MULTILINE)


def _include(text: str) -> Iterator[Import]:
    """Also `<folder/file.h>`, which is how many libraries include their own headers; `<vector>` is the system's."""
    for found in _INCLUDE.finditer(text):
        if found[1] or "/" in found[2]:
            yield Import(found[1] or found[2])


_GO = re.compile(r'^import[ \t]*+(?:\(([^()]*+)\)|(?:[\w.]++[ \t]++)?("[^"\n]++"))', re.MULTILINE)
_GO_COMMENT = re.compile(r"//[^\n]*+")
_QUOTED = re.compile(r'"([^"\n]++)"')


def _go(text: str) -> Iterator[Import]:
    for found in _GO.finditer(_GO_COMMENT.sub("", text)):
        yield from (Import(name[1]) for name in _QUOTED.finditer(found[1] or found[2]))


_RUST = re.compile(
    r"^[ \t]*+(?:pub(?:\([^()\n]*+\))?+[ \t]++)?+(?:mod[ \t]++(\w++)[ \t]*+;|use[ \t]++((?:crate|self|super)::[^;]{1,2000}+))",
    re.MULTILINE,
)
_RUST_TOKEN = re.compile(r"\w++|[{},*]")


def _rust(text: str) -> Iterator[Import]:
    for found in _RUST.finditer(text):
        if found[1]:
            yield Import("mod", found[1])
        else:
            yield from (Import("::".join(parts)) for parts in _rust_tree(found[2]) if len(parts) <= _MAX_RUST_PARTS)


def _rust_tree(tree: str) -> Iterator[list[str]]:
    """The paths of `crate::{a::{b, c as d}, e}`, each as its parts."""
    before: list[list[str]] = []
    base: list[str] = []
    parts: list[str] = []
    is_new_name = False
    for token in _RUST_TOKEN.findall(tree):
        if is_new_name:
            is_new_name = False
        elif token == "{":
            before.append(base)
            base, parts = [*base, *parts][: _MAX_RUST_PARTS + 1], []
        elif token in (",", "}"):
            if parts:
                yield [*base, *parts]
            parts = []
            if token == "}" and before:
                base = before.pop()
        elif token == "as":
            is_new_name = True
        elif token == "*" or (token == "self" and base):
            yield [*base, *parts]
        else:
            parts.append(token)
    if parts:
        yield [*base, *parts]


_JVM = re.compile(r"^[ \t]*+import[ \t]++(?:static[ \t]++)?+([\w.]++)(?:(\*)|\{([^{}\n]*+)\})?+", re.MULTILINE)


def _jvm(text: str) -> Iterator[Import]:
    for found in _JVM.finditer(text):
        module = found[1].rstrip(".")
        if found[2] or module.endswith("._"):
            yield Import(module.removesuffix("._"), "*")
        elif found[3] is not None:
            yield from (Import(f"{module}.{name}") for name in _python_names(found[3]))
        else:
            yield Import(module)


_REQUIRE_RELATIVE = re.compile(r"""^[ \t]*+require_relative[ \t(]++(["'])([^"'\n]++)\1""", re.MULTILINE)


def _ruby(text: str) -> Iterator[Import]:
    return (Import(found[2]) for found in _REQUIRE_RELATIVE.finditer(text))


PYTHON = frozenset({"Python", "Cython", "Jupyter Notebook"})
SCRIPT = frozenset({"JavaScript", "TypeScript", "TSX", "Vue", "Svelte", "Astro"})
INCLUDING = frozenset({"C", "C++", "Objective-C", "Objective-C++", "Cuda", "OpenCL", "GLSL", "HLSL"})
JVM = frozenset({"Java", "Kotlin", "Scala", "Groovy"})
_READERS: tuple[tuple[Iterable[str], Callable[[str], Iterator[Import]]], ...] = (
    (PYTHON, _python),
    (SCRIPT, _script),
    (INCLUDING, _include),
    (JVM, _jvm),
    (("Go",), _go),
    (("Rust",), _rust),
    (("Ruby",), _ruby),
)
LANGUAGES = {language: read for languages, read in _READERS for language in languages}
_PACKAGES: dict[str | None, re.Pattern[str]] = {
    **dict.fromkeys(JVM, re.compile(r"^[ \t]*+package[ \t]++([\w.]++)", re.MULTILINE)),
    "Go Module": re.compile(r'^[ \t]*+module[ \t]++"?+([^\s"]++)', re.MULTILINE),
}
